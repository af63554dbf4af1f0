"""Dialogs in which somebody states something: what will be recorded is shown field by field.

The statement is made in a thread when the dialog opens, and shown out of the very bytes that a
signature covers; until it is there nothing can be confirmed. The key and the level that the entry
will have stand above it. Page up and page down scroll it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Input, Static

from modeldeck.domain.documents import ReleaseDocument
from modeldeck.services.governing.statements import Statement
from modeldeck_tui.clean import clean
from modeldeck_tui.present.governing import statement as present
from modeldeck_tui.screens.overlays.dialogs import ConfirmDialog
from modeldeck_tui.screens.reading import explained
from modeldeck_tui.widgets.styles import STYLES

N_EVIDENCE = 5
_N_EVIDENCE_FLAT = 3
_INSIDE = 76
_ROOMY = 36
_LEAST_ROWS = 4


def broken(line: Text, room: int) -> list[Text]:
    """Return a line broken at words where it is longer than there is room."""
    if line.cell_len <= room:
        return [line]
    found, start = [], 0
    for end in (at for at, letter in enumerate(line.plain) if letter == " "):
        if line[start:end].cell_len <= room:
            continue
        at = line.plain.rfind(" ", start, end)
        if at > start:
            found.append(line[start:at])
            start = at + 1
    at = line.plain.rfind(" ", start)
    if line[start:].cell_len > room and at > start:
        found.append(line[start:at])
        start = at + 1
    found.append(line[start:])
    for one in found:
        one.truncate(room, overflow="ellipsis")
    return found


class Signed(NamedTuple):
    """A statement that somebody confirmed, and the reason that they gave."""

    statement: Statement
    reason: str


class StatementDialog(ConfirmDialog):
    """Asks whether to record a statement, which it shows whole.

    Parameters
    ----------
    heading : str
        What would be done, in capitals, and to what.
    lines : sequence of str
        What will change.
    prepare : callable
        Returns the statement; called in a thread.
    verb, reason, word
        As :class:`ConfirmDialog` takes them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "read(-1)", "read", show=False, id="dialog.read_back"),
        Binding("pagedown", "read(1)", "read", show=False, id="dialog.read_on"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (_ROOMY, "-roomy")]  # noqa: RUF012 -- Textual's type
    ROOMY = _ROOMY
    CSS = f"""
    {ConfirmDialog.CSS}
    #dialog {{ width: 80; }}
    #signed {{ height: auto; scrollbar-size-vertical: 1; }}
    .-roomy #signed {{ border-top: solid $faint; }}
    .-flat #what {{ max-height: 12; }}
    """

    class Prepared(Message):
        """The statement is there, or why it cannot be made."""

        def __init__(self, statement: Statement | None, problem: str) -> None:
            self.statement = statement
            self.problem = problem
            super().__init__()

    def __init__(
        self,
        heading: str,
        lines: Sequence[str],
        *,
        prepare: Callable[[], Statement],
        verb: str,
        reason: str = "",
        word: str = "",
    ) -> None:
        super().__init__(heading, lines, verb=verb, reason=reason, word=word)
        self.prepare = prepare
        self.statement: Statement | None = None
        self.problem = ""

    def more(self) -> ComposeResult:
        """Put the statement between what would happen and what is asked."""
        with VerticalScroll(id="signed", can_focus=False):
            yield Static(self.signed(), id="statement")

    def on_mount(self) -> None:
        """Make the statement, in a thread: an agent is asked for its keys."""
        super().on_mount()
        self._fit()
        self.make_statement()

    def make_statement(self) -> None:
        """Make the statement; the one before is shown until it is there."""
        self.run_worker(self._prepare, thread=True, exit_on_error=False)

    def _prepare(self) -> None:
        try:
            self.post_message(self.Prepared(self.prepare(), ""))
        except Exception as error:  # noqa: BLE001 -- the person is told, in the dialog
            self.post_message(self.Prepared(None, explained(error)))

    def on_statement_dialog_prepared(self, event: Prepared) -> None:
        """Show it."""
        self.statement, self.problem = event.statement, event.problem
        self.show_statement()

    def show_statement(self) -> None:
        """Show what would be recorded as things are now."""
        self.query_one("#what", Static).update(self.text())
        self.query_one("#statement", Static).update(self.signed())
        self._fit()
        self._offer()

    def on_input_changed(self) -> None:
        """Put the reason into what is shown: it is signed too."""
        super().on_input_changed()
        self.query_one("#statement", Static).update(self.signed())

    def on_resize(self) -> None:
        """Lay it out anew."""
        super().on_resize()
        if self.is_mounted:
            self.query_one("#statement", Static).update(self.signed())
            self._fit()

    @property
    def is_flat(self) -> bool:
        """Whether there is little room."""
        return self.app.size.height < self.ROOMY

    @property
    def room(self) -> int:
        """Columns inside the dialog, without those of a scrollbar."""
        return min(_INSIDE, self.app.size.width - 4) - 1

    def _fit(self) -> None:
        """Give the statement the rows that the rest leaves: what is asked stays in sight."""
        asked = len(self.query(Input)) + 1
        rest = (asked if self.is_flat else 3 * asked + 1) + 2
        rest += str(self.text()).count("\n") + 1
        rows = max(_LEAST_ROWS, self.app.size.height - rest)
        self.query_one("#signed").styles.max_height = rows

    def action_read(self, direction: int) -> None:
        """Scroll the statement by half of what shows of it."""
        pane = self.query_one("#signed", VerticalScroll)
        pane.scroll_relative(y=direction * max(1, pane.size.height // 2), animate=False)

    # What it says

    def text(self) -> Text:
        """Return what would be done, what will change, and who signs."""
        lines = [Text(clean(self.heading), "bold"), *map(Text, self.clean_lines()), self.sure()]
        return Text("\n").join(each for line in lines for each in broken(line, self.room))

    def sure(self) -> Text:
        """Return the key that signs, and the level that the entry will have."""
        if self.problem:
            return Text(clean(self.problem), STYLES["bad"])
        known = self.statement
        if known is None:
            return Text("Making the statement …", STYLES["dim"])
        asked = f"{known.needed} is asked for"
        if not self.is_sure:
            hint = "ssh-add your key, or start with --key FILE"
            return Text(f"✖ It would only be {known.level}; {asked}: {hint}.", STYLES["bad"])
        if known.key:
            return Text(f"✔ {known.level} with {known.key}", STYLES["good"])
        return Text(f"Level {known.level}: no key signs it; {asked}.", STYLES["warn"])

    @property
    def is_sure(self) -> bool:
        """Whether the statement would have the level that is asked for."""
        return self.statement is not None and self.statement.is_enough

    def signed(self) -> Text:
        """Return every field of what would be recorded."""
        found = Text()
        fields = self.statement.fields(self._value("reason").strip()) if self.statement else ()
        for number, row in enumerate(present.rows(fields, self.room)):
            found.append("\n" if number else "")
            for at, (name, value) in enumerate(row):
                found.append(present.GAP if at else "")
                found.append(f"{name} ", STYLES["dim"])
                found.append(value)
        return found

    # Deciding

    def action_yes(self) -> None:
        """Do it, unless the statement is not there yet, or would not be sure enough."""
        if self.is_sure:
            super().action_yes()

    def is_complete(self) -> bool:
        """Say whether everything is there, the statement too."""
        return self.is_sure and super().is_complete()

    def answer(self) -> None:
        """Close with the statement and its reason."""
        if self.statement is not None:
            self.dismiss(Signed(self.statement, self._value("reason").strip()))


class Vote(NamedTuple):
    """What a person decided: on which release, how, why, what it rested on then, what was shown."""

    release: str
    verdict: str
    reason: str
    expect: str
    statement: Statement | None = None


_VERBS = {
    "approve": "Approve",
    "reject": "Reject",
    "request-changes": "Ask for changes",
    "abstain": "Take back",
}
_NEEDS_REASON = ("reject", "request-changes")


class VoteDialog(StatementDialog):
    """Asks whether to vote so on a release.

    Parameters
    ----------
    release : ReleaseDocument
        As it was read last; the vote binds to its basis.
    verdict : str
        approve, reject, request-changes or abstain.
    prepare : callable
        Returns the statement; called in a thread.
    evidence : sequence of (text, style)
        What is better and what is worse.
    is_last_environment : bool
        Whether the vote wants a reason and the version typed, whatever the verdict.
    """

    def __init__(
        self,
        release: ReleaseDocument,
        verdict: str,
        *,
        prepare: Callable[[], Statement],
        evidence: Sequence[tuple[str, str]],
        is_last_environment: bool,
    ) -> None:
        needs = is_last_environment or verdict in _NEEDS_REASON
        self.release = release
        self.verdict = verdict
        self.findings = evidence
        self.is_outdated = False
        self.moved = ""
        super().__init__(
            verdict,
            (),
            prepare=prepare,
            verb=_VERBS[verdict],
            reason="needed" if needs else "optional",
            word=release["version"].replace("@", "-v") if is_last_environment else "",
        )

    def text(self) -> Text:
        """Return what the vote does, what speaks against it, and who signs."""
        lines = [*self._heading(), *self._evidence(), *self._outdated()]
        lines = lines or [Text("")]
        if not self.is_outdated:
            lines.append(self.sure())
        return Text("\n").join(each for line in lines for each in broken(line, self.room))

    def _heading(self) -> list[Text]:
        release = self.release
        before = release["replaces_version"] or "nothing"
        title = Text()
        title.append(
            self.verdict.replace("abstain", "take back").replace("-", " ").upper(),
            STYLES["good" if self.verdict == "approve" else "bad"],
        )
        title.append(f"  {clean(release['id'])}   {clean(before)} → {clean(release['version'])}")
        title.append(f"   {clean(release['environment'])}", "bold")
        return [title, Text(self.effect())]

    def effect(self) -> str:
        """Return what the vote would do, by what the policy makes of it."""
        release = self.release
        if self.verdict == "reject":
            if release.get("reject_blocks", True):
                return "One rejection ends this release; a new one has to be asked for."
            return "It does not end this release: the policy counts approvals alone."
        if self.verdict == "request-changes":
            return "It waits until you approve, reject, or take this back."
        if self.verdict == "abstain":
            return "Your vote counts no more; you can vote again while it is undecided."
        if release["completes_quorum"]:
            if release.get("deploy") == "manual":
                return "Your vote completes the approvals: somebody may start it then."
            return "Your vote completes the approvals: the servers load it at once."
        lacks = clean(", ".join(release["missing"]))
        without = f": without your vote it lacks {lacks}" if lacks else ""
        return f"Others have to approve too{without}."

    def _evidence(self) -> list[Text]:
        """Return what speaks against it first, then what changes; as much as fits."""
        if self.verdict == "abstain":
            return []
        most = _N_EVIDENCE_FLAT if self.is_flat else N_EVIDENCE
        changes = (Text(text, STYLES[style]) for text, style in self.findings)
        lines = [*self._failed_checks(), *changes]
        lines = lines or [Text("Every check passed, and no metric is better or worse.")]
        if len(lines) > most:
            left = len(lines) - most + 1
            lines = [*lines[: most - 1], Text(f"… and {left} more: see the review", STYLES["dim"])]
        return lines

    def _failed_checks(self) -> list[Text]:
        gate = self.release["gate"]
        return [
            Text(f"⚠ {clean(one['name'])}: {clean(one['reason'])}", STYLES["warn"])
            for one in (gate["checks"] if gate else ())
            if not one["passed"]
        ]

    def _outdated(self) -> list[Text]:
        if not self.is_outdated:
            return []
        release = self.release
        because = clean(self.moved or release["outdated_because"] or "what it rests on changed")
        state = (
            "is other than you saw" if release["is_open"] else f"is {release['status']} meanwhile"
        )
        return [
            Text(f"✖ It {state}: {because}.", STYLES["bad"]),
            Text("esc goes back; what you wrote is not recorded.", STYLES["bad"]),
        ]

    def follow(self, release: ReleaseDocument | None) -> None:
        """Show the release as it was read again; one that rests on something else takes no vote."""
        if release is None or release == self.release or self.is_outdated:
            return
        is_same = release["basis"] == self.release["basis"] and release["is_open"]
        self.is_outdated = not (is_same and (release["can_approve"] or release["can_reject"]))
        has_voted = release["approvals"] != self.release["approvals"]
        self.release = release
        self.show_statement()
        if has_voted and not self.is_outdated:
            self.make_statement()  # times of statements do not run backwards

    def say_moved(self, text: str) -> None:
        """Show which part of what the release rests on is another one by now."""
        if text and text != self.moved:
            self.moved = text
            self.is_outdated = True
            self.show_statement()

    def is_complete(self) -> bool:
        """Say whether everything is there, and the release still is what was shown."""
        return not self.is_outdated and super().is_complete()

    def answer(self) -> None:
        """Close with the vote; its statement is the one that was shown."""
        reason = self._value("reason").strip()
        release = self.release
        vote = Vote(release["id"], self.verdict, reason, release["basis"], self.statement)
        self.dismiss(vote)
