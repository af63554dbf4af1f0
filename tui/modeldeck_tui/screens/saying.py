"""What people say about what is under the cursor: remarks, threads and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modeldeck.domain.talking.documents import ThreadDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.present.governing import talking
from modeldeck_tui.present.governing.talking import Spoken, spoken
from modeldeck_tui.present.rows import Document, Line
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.editing import edited
from modeldeck_tui.screens.framed import Fetching
from modeldeck_tui.screens.overlays.asking import AskScreen
from modeldeck_tui.screens.overlays.dialogs import Remark, RemarkDialog
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import reveal

Talk = tuple[tuple[str, ...], Sequence[ThreadDocument]]
"""The threads about some entities."""


class Discussing(Fetching):
    """A page that may show the discussion of what it is about.

    Attributes
    ----------
    wanted_talk : str
        The thread or remark that the cursor shall go to as soon as it is there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._talk: Talk = ((), ())
        self._talk_for: object = None
        self.wanted_talk = ""

    def talk_about(self) -> Sequence[str]:
        """Return the entities whose discussion the page shows, each named in full."""
        return ()

    def fetch_talk(self, snapshot: Snapshot) -> None:
        """Read the threads about what the page shows, anew when the ledger grew."""
        newest = snapshot.latest[0]["n"] if snapshot.latest else 0
        about = tuple(self.talk_about())
        if (newest, about) != self._talk_for:
            self._talk_for = (newest, about)
            read = self.workspace.threads.about
            self.fetch("talk", lambda: (about, [one for name in about for one in read(name)]))

    def talk_lines(self, snapshot: Snapshot) -> list[Line]:
        """Return the discussion of what the page shows, as it was read last."""
        about = tuple(self.talk_about())
        self._talk = self._talk if self._talk[0] == about else (about, ())
        remarks = snapshot.remarks_on(*about)
        own = about[0] if about else ""
        actor = snapshot.actor
        return talking.lines(self._talk[1], remarks, now=snapshot.at, actor=actor, own=own)

    def take_talk(self, value: Talk, *tables: str) -> None:
        """Show the threads that were read, and go to the one that somebody wants to see."""
        self._talk = value
        snapshot = self.snapshot
        if snapshot is None or tuple(self.talk_about()) != value[0]:
            return
        lines = self.talk_lines(snapshot)
        for name in tables:
            self.query_one(name, Table).show_lines(lines)
        if self.wanted_talk:
            self._go_to_talk(lines, self.query_one(tables[-1], Table))

    def _go_to_talk(self, lines: Sequence[Line], table: Table) -> None:
        wanted = self.wanted_talk
        for line in lines:
            known = spoken(line.key)
            if known is not None and wanted in known:
                self.wanted_talk = ""
                reveal(table)
                table.focus()
                table.go_to(line.key)
                return


class Saying(Discussing):
    """A page about things that can be remarked on and tagged."""

    def entity(self) -> str:
        """Return what is under the cursor, as ``kind:id``; empty when nothing is."""
        return ""

    def document(self) -> Document:
        """Return the document of what is under the cursor."""
        return None

    def key(self) -> str:
        """Return the key of the row under the cursor of the focused pane."""
        return self.focused.key if isinstance(self.focused, Table) else ""

    def spoken(self) -> Spoken | None:
        """Return the remark under the cursor, or the thread that is."""
        return spoken(self.key()) or spoken(self.entity())

    def action_annotate(self) -> None:
        """Write a remark on what is under the cursor; a reply, where that is a remark."""
        known = self.spoken()
        if known is not None:
            dialog = RemarkDialog(f"Reply in the thread {known.typed[:8]}")
            self.app.push_screen(dialog, lambda made: self._reply(known.typed, made))
            return
        entity = self.entity()
        dialog = RemarkDialog(f"Annotate {entity}", can_begin=True)
        self.app.push_screen(dialog, lambda made: self._annotated(entity, made))

    def _annotated(self, entity: str, made: Remark | None) -> None:
        if made is None:
            return
        if not made.is_thread:
            self.annotate(entity, made.text)
            return
        threads = self.workspace.threads
        self.host.perform(
            lambda: threads.start(entity, made.text),
            f"Began a thread on {entity}.",
            command=f"modeldeck thread start {entity} {made.text!r}",
            tell=_unknown,
        )

    def _reply(self, thread: str, made: Remark | None) -> None:
        if made is not None:
            threads = self.workspace.threads
            self.host.perform(
                lambda: threads.reply(thread, made.text),
                "Replied.",
                command=f"modeldeck thread reply {thread[:8]} {made.text!r}",
                tell=_unknown,
            )

    def annotate(self, entity: str, text: str) -> None:
        """Keep a remark."""
        annotations = self.workspace.annotations
        self.host.perform(
            lambda: annotations.add(entity, text),
            f"Noted on {entity}.",
            command=f"modeldeck annotate {entity} {text!r}",
            undo=lambda made: annotations.withdraw(made["id"]),
        )

    def action_reword(self) -> None:
        """Give the own remark under the cursor another text; the earlier one stays readable."""
        known = self.spoken()
        if known is None or not known.remark:
            return
        annotations, name = self.workspace.annotations, known.remark
        before = next((one for one in annotations.list() if one["id"] == name), None)
        text = before["text"] if before is not None else ""
        dialog = RemarkDialog(f"Edit the remark {name[:8]}", text)

        def done(made: Remark | None) -> None:
            if made is not None:
                self.host.perform(
                    lambda: annotations.edit(name, made.text),
                    "Edited; the text before stays readable.",
                    command=f"modeldeck annotation edit {name[:8]} {made.text!r}",
                    undo=lambda _done: annotations.edit(name, text),
                )

        self.app.push_screen(dialog, done)

    def action_resolve(self) -> None:
        """Resolve the thread under the cursor, or open it again; z takes that back."""
        known = self.spoken()
        if known is None or not known.thread:
            return
        threads, name = self.workspace.threads, known.thread
        is_open = threads.show(name)["status"] == "open"
        do, back = (
            (threads.resolve, threads.reopen) if is_open else (threads.reopen, threads.resolve)
        )
        self.host.perform(
            lambda: do(name),
            "The thread is resolved." if is_open else "The thread is open again.",
            command=f"modeldeck thread {'resolve' if is_open else 'reopen'} {name[:8]}",
            undo=lambda _done: back(name),
        )

    def action_edit(self) -> None:
        """Write a remark, or a reply, in the person's own editor."""
        entity, known = self.entity(), self.spoken()
        text = edited(self.app, about=known.typed[:8] if known else entity)
        if text is None:
            self.host.tell("There is no terminal that an editor could take.", severity="warning")
        elif text and known is not None:
            self._reply(known.typed, Remark(text))
        elif text:
            self.annotate(entity, text)
        else:
            self.host.tell("Nothing was written, so nothing was noted.")

    def action_tag(self) -> None:
        """Ask for a tag to put on what is under the cursor, or to take away."""
        entity, found = self.entity(), self.document()
        before = dict(found.get("tags") or {}) if isinstance(found, dict) else {}
        now = f" (now {clean(' '.join(before))})" if before else ""

        def done(text: str | None) -> None:
            name, _sign, value = (text or "").strip().partition("=")
            if name:
                self._tag(entity, name, value=value, before=before)

        self.app.push_screen(AskScreen(f"Tag {entity}{now}: NAME, NAME=VALUE or -NAME"), done)

    def _tag(self, entity: str, name: str, *, value: str, before: Mapping[str, str]) -> None:
        annotations = self.workspace.annotations
        is_away = name.startswith("-")
        name = name.removeprefix("-")

        def put(given: str) -> object:
            return annotations.tag(entity, name, value=given)

        def take() -> object:
            return annotations.untag(entity, name)

        self.host.perform(
            take if is_away else lambda: put(value),
            f"Took the tag {name} from {entity}." if is_away else f"Tagged {entity} {name}.",
            command=f"modeldeck tag {entity} {name}{f'={value}' if value else ''}"
            f"{' --remove' if is_away else ''}",
            undo=lambda _done: put(before[name]) if name in before else take(),
        )


def _unknown(made: object) -> str:
    """Return the names that a remark mentions and nobody has, each with the nearest one."""
    strange = made["strange"] if isinstance(made, dict) else {}
    told = [f"@{name} is nobody{f', @{near} is' if near else ''}" for name, near in strange.items()]
    return clean(f"{'; '.join(told)}.") if told else ""
