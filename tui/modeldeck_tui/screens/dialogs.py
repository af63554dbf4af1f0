"""Dialogs: voting on a release, and writing a remark.

The key that opened a dialog cannot confirm it: keys are ignored for 300 ms, the focus is on
Cancel, and what changes the last environment wants a word typed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from modeldeck.domain.documents import DiffRow, ReleaseDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.widgets.bindings import STYLES

DEAF_S = 0.3
MAX_REASON = 1000

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """A dialog that is deaf for its first moment, and closes on escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="dialog.cancel")
    ]
    SCOPED_CSS = False
    CSS = """
    Dialog { align: center middle; }
    #dialog { width: 78; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
              border: thick $accent; background: $surface; }
    #dialog Static { height: auto; }
    #dialog Input { border: tall $panel-lighten-2; height: 3; }
    #dialog Input:focus { border: tall $accent; }
    #buttons { height: 3; align-horizontal: right; }
    #buttons Button { margin-left: 2; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._opened = time.monotonic()

    async def on_event(self, event: events.Event) -> None:
        """Ignore keys of the first moment, which were meant for the page below."""
        if isinstance(event, events.Key) and time.monotonic() - self._opened < DEAF_S:
            event.stop()
            event.prevent_default()
            return
        await super().on_event(event)

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)


class Vote(NamedTuple):
    """What a person decided: on which release, how, why, and what it rested on then."""

    release: str
    verdict: str
    reason: str
    expect: str


class VoteDialog(Dialog[Vote]):
    """Asks whether to approve or reject a release.

    Parameters
    ----------
    release : ReleaseDocument
        As it was read last; the vote binds to its basis.
    verdict : str
        approve or reject.
    diff : sequence of DiffRow
        What changes.
    is_last_environment : bool
        Whether approving wants a word typed.
    """

    def __init__(
        self,
        release: ReleaseDocument,
        verdict: str,
        *,
        diff: Sequence[DiffRow],
        is_last_environment: bool,
    ) -> None:
        super().__init__()
        self.release = release
        self.verdict = verdict
        self.diff = diff
        is_yes = verdict == "approve"
        needs_word = is_yes and (is_last_environment or release["completes_quorum"])
        self.word = release["version"].replace("@", "-v") if needs_word else ""

    def compose(self) -> ComposeResult:
        """Say what would happen, and ask."""
        is_yes = self.verdict == "approve"
        with Vertical(id="dialog"):
            yield Static(self._heading(), id="heading")
            yield Static(self._warnings(), id="warnings")
            yield Static(self._signed(), id="signed")
            needed = "kept in the ledger" if is_yes else "needed, kept in the ledger"
            yield Input(placeholder=f"Reason ({needed})", id="reason", max_length=MAX_REASON)
            if self.word:
                yield Input(placeholder=f"Type {self.word} to confirm", id="word")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel")
                if is_yes:
                    yield Button("Approve", id="confirm", variant="success")
                else:
                    yield Button("Reject", id="confirm", variant="error")

    def on_mount(self) -> None:
        """Put the focus where nothing can happen."""
        self.query_one("#cancel", Button).focus()
        self.query_one("#confirm", Button).disabled = not self._is_complete()
        for field in self.query(Input):
            field.cursor_blink = False

    def _heading(self) -> Text:
        release = self.release
        before = release["replaces_version"] or "nothing"
        text = Text()
        text.append(self.verdict.upper(), STYLES["good" if self.verdict == "approve" else "bad"])
        text.append(f"  {clean(release['id'])}   {clean(before)} → {clean(release['version'])}")
        text.append(f"   {clean(release['environment'])}\n", "bold")
        if self.verdict != "approve":
            text.append("One rejection ends this release; a new one has to be asked for.")
        elif release["completes_quorum"]:
            text.append("Your vote completes the approvals: the new version goes live at once.")
        else:
            lacks = clean(", ".join(release["missing"]))
            text.append(f"Others have to approve too: without your vote it lacks {lacks}.")
        return text

    def _warnings(self) -> Text:
        text = Text()
        gate = self.release["gate"]
        for one in gate["checks"] if gate else ():
            if not one["passed"]:
                text.append(f"⚠ {clean(one['name'])}: {clean(one['reason'])}\n", STYLES["warn"])
        for row in self.diff:
            if row["better"] is False:
                text.append(
                    f"⚠ {clean(row['name'])} {clean(row['before'])} → {clean(row['after'])}\n",
                    STYLES["warn"],
                )
        text.append("" if text else "Every check passed and no metric is worse.")
        text.rstrip()
        return text

    def _signed(self) -> Text:
        release = self.release
        text = f"Bound to content {release['manifest'][:12]}, report and policy: basis "
        return Text(f"{text}{release['basis'][:12]}", STYLES["dim"])

    def _is_complete(self) -> bool:
        has_reason = bool(self.query_one("#reason", Input).value.strip())
        has_word = not self.word or self.query_one("#word", Input).value == self.word
        return has_word and (has_reason or self.verdict == "approve")

    def on_input_changed(self) -> None:
        """Offer the vote as soon as everything is there."""
        self.query_one("#confirm", Button).disabled = not self._is_complete()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next field, then to the button; Enter in a field decides nothing."""
        fields = list(self.query(Input))
        later = fields[fields.index(event.input) + 1 :]
        if later:
            later[0].focus()
        elif self._is_complete():
            self.query_one("#confirm", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Cancel, or decide."""
        if event.button.id == "cancel":
            self.dismiss(None)
        elif self._is_complete():
            reason = self.query_one("#reason", Input).value.strip()
            release = self.release
            self.dismiss(Vote(release["id"], self.verdict, reason, release["basis"]))


class AnnotateDialog(Dialog[tuple[str, str]]):
    """Asks for a remark.

    Parameters
    ----------
    entity : str
        What it is about, as ``kind:id``.
    """

    def __init__(self, entity: str) -> None:
        super().__init__()
        self.entity = entity

    def compose(self) -> ComposeResult:
        """Ask for the text."""
        with Vertical(id="dialog"):
            yield Static(Text(f"Annotate {clean(self.entity)}", "bold"))
            yield Input(placeholder="Your remark; Enter keeps it, esc does not", id="text")

    def on_mount(self) -> None:
        """Begin to write."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep a text that is not empty."""
        if event.value.strip():
            self.dismiss((self.entity, event.value.strip()))
