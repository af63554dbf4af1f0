"""What people say about what is under the cursor: remarks and tags."""

from __future__ import annotations

from collections.abc import Mapping

from modeldeck_tui.clean import clean
from modeldeck_tui.present.rows import Document
from modeldeck_tui.screens.editing import edited
from modeldeck_tui.screens.framed import Fetching
from modeldeck_tui.screens.overlays.asking import AskScreen
from modeldeck_tui.screens.overlays.dialogs import AnnotateDialog


class Saying(Fetching):
    """A page about things that can be remarked on and tagged."""

    def entity(self) -> str:
        """Return what is under the cursor, as ``kind:id``; empty when nothing is."""
        return ""

    def document(self) -> Document:
        """Return the document of what is under the cursor."""
        return None

    def action_annotate(self) -> None:
        """Write a remark on what is under the cursor."""
        self.app.push_screen(AnnotateDialog(self.entity()), self._annotated)

    def _annotated(self, answer: tuple[str, str] | None) -> None:
        if answer is not None:
            self.annotate(*answer)

    def annotate(self, entity: str, text: str) -> None:
        """Keep a remark."""
        annotations = self.workspace.annotations
        self.host.perform(
            lambda: annotations.add(entity, text),
            f"Noted on {entity}.",
            command=f"modeldeck annotate {entity} {text!r}",
            undo=lambda made: annotations.withdraw(made["id"]),
        )

    def action_edit(self) -> None:
        """Write a remark in the person's own editor."""
        entity = self.entity()
        text = edited(self.app, about=entity)
        if text is None:
            self.host.tell("There is no terminal that an editor could take.", severity="warning")
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
