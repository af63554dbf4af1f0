"""Dialogs: voting on a release, and writing a remark.

The key that opened a dialog cannot confirm it: for 300 ms nothing has the focus and keys are
ignored, then Cancel has it, and what changes the last environment wants a word typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from modeldeck.domain.documents import DiffRow, ReleaseDocument
from modeldeck_tui.clean import clean, clean_lines
from modeldeck_tui.widgets.bindings import STYLES

DEAF_S = 0.3
MAX_REASON = 1000
N_EVIDENCE = 5
_INSIDE = 72

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """A dialog that is deaf for its first moment, and closes on escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="dialog.cancel")
    ]
    AUTO_FOCUS = ""
    SCOPED_CSS = False
    CSS = """
    Dialog { align: center middle; }
    #dialog { width: 78; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
              border: round $accent; background: $surface; }
    #dialog Static { height: auto; }
    #dialog Input { border: round ansi_bright_black; height: 3; }
    #dialog Input:focus { border: round $accent; }
    #buttons { height: 3; align-horizontal: right; }
    #buttons Button { margin-left: 2; }
    """

    FIRST: ClassVar[str] = "#cancel"
    """What gets the focus when the dialog begins to listen."""

    def __init__(self) -> None:
        super().__init__()
        self._is_deaf = True

    def on_mount(self) -> None:
        """Begin to listen after a moment."""
        for field in self.query(Input):
            field.cursor_blink = False
        self.set_timer(DEAF_S, self._listen)

    def _listen(self) -> None:
        self._is_deaf = False
        self.query_one(self.FIRST).focus()

    async def on_event(self, event: events.Event) -> None:
        """Ignore keys of the first moment, which were meant for the page below.

        They come here because nothing has the focus yet; a field that had it would write them.
        """
        if self._is_deaf and isinstance(event, events.Key | events.Paste):
            event.stop()
            event.prevent_default()
            return
        await super().on_event(event)

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)


def titled(field: Input, title: str) -> Input:
    """Return a field with a title in its border, which stays while somebody writes."""
    field.border_title = Content(title)
    return field


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
            yield Static(self._evidence(), id="evidence")
            yield Static(self._statement(), id="statement")
            needed = "kept in the ledger" if is_yes else "needed, kept in the ledger"
            yield titled(Input(id="reason", max_length=MAX_REASON), f"Reason ({needed})")
            if self.word:
                yield titled(Input(id="word"), f"Type {clean(self.word)} to confirm")
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel")
                if is_yes:
                    yield Button("Approve", id="confirm", variant="success")
                else:
                    yield Button("Reject", id="confirm", variant="error")

    def on_mount(self) -> None:
        """Begin with a vote that cannot be cast yet."""
        super().on_mount()
        self.query_one("#confirm", Button).disabled = not self._is_complete()

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
            text.append("Your vote completes the approvals: the servers load it at once.")
        else:
            lacks = clean(", ".join(release["missing"]))
            text.append(f"Others have to approve too: without your vote it lacks {lacks}.")
        return text

    def _evidence(self) -> Text:
        """Return what speaks against it first, then what changes; as much as fits."""
        lines = [*self._failed_checks(), *self._changes()]
        lines = lines or [Text("Every check passed, and no metric is better or worse.")]
        shown = lines[:N_EVIDENCE]
        for line in shown:
            line.truncate(_INSIDE, overflow="ellipsis")
        if len(lines) > N_EVIDENCE:
            more = len(lines) - N_EVIDENCE
            shown.append(Text(f"… and {more} more: see the review", STYLES["dim"]))
        return Text("\n").join(shown)

    def _failed_checks(self) -> list[Text]:
        gate = self.release["gate"]
        return [
            Text(f"⚠ {clean(one['name'])}: {clean(one['reason'])}", STYLES["warn"])
            for one in (gate["checks"] if gate else ())
            if not one["passed"]
        ]

    def _changes(self) -> list[Text]:
        rows = [row for row in self.diff if row["better"] is not None]
        rows.sort(key=lambda row: bool(row["better"]))
        return [
            Text(
                f"{'▲' if row['better'] else '▼'} {clean(row['name'])} {clean(row['before'])} → "
                f"{clean(row['after'])} {'better' if row['better'] else 'worse'}",
                STYLES["good" if row["better"] else "bad"],
            )
            for row in rows
        ]

    def _statement(self) -> Text:
        """Return what is recorded, and what it is bound to."""
        release = self.release
        said = (
            f"You state: {self.verdict} {release['version']} ({release['manifest'][:12]}) for "
            f"{release['environment']}, on this gate report and policy.\n"
            f"Bound to {release['basis'][:16]}; trust there: {release['trust']}."
        )
        return Text(clean_lines(said), STYLES["dim"])

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

    FIRST = "#text"

    def __init__(self, entity: str) -> None:
        super().__init__()
        self.entity = entity

    def compose(self) -> ComposeResult:
        """Ask for the text."""
        with Vertical(id="dialog"):
            yield Static(Text(f"Annotate {clean(self.entity)}", "bold"))
            yield titled(Input(id="text"), "Your remark: enter keeps it, esc does not")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep a text that is not empty."""
        if event.value.strip():
            self.dismiss((self.entity, event.value.strip()))
