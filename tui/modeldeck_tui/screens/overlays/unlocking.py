"""Asking what a key wants to know before it signs: its passphrase, its PIN, a touch."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from modeldeck.domain.membership.questions import Question
from modeldeck_tui.clean import clean
from modeldeck_tui.screens.overlays.dialogs import Dialog, titled
from modeldeck_tui.widgets.styles import STYLES

MAX_SECRET = 1024


class UnlockDialog(Dialog[str]):
    """Asks for the answer to a key's question; the answer, or None when it was cancelled.

    Parameters
    ----------
    question : Question
        What the key wants to know.
    """

    FIRST = "#secret"

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """Name the key, and ask."""
        with Vertical(id="dialog"):
            yield Static(self.text(), id="what")
            if self.question.has_answer:
                title = "Not shown, kept for this alone: enter takes it"
                yield titled(Input(id="secret", password=True, max_length=MAX_SECRET), title)
            with Horizontal(id="buttons"):
                yield Button("  Cancel (esc)", id="cancel")

    def text(self) -> Text:
        """Return which key asks, and what."""
        question = self.question
        text = Text()
        text.append("SIGN", STYLES["good"])
        text.append(f"  with {clean(question.fingerprint)}\n", "bold")
        if question.path:
            text.append(f"{clean(question.path)}\n", STYLES["dim"])
        if question.attempt > 1:
            text.append("That was wrong. Once more, or esc: nothing is written then.\n", "bold")
        asked = clean(question.prompt).strip() or "The key asks for its passphrase."
        text.append(asked if question.has_answer else f"Touch the key. {asked}")
        return text

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed, also nothing: the key says whether that is right."""
        self.dismiss(event.value)

    def on_button_pressed(self) -> None:
        """Cancel."""
        self.dismiss(None)

    def withdraw(self) -> None:
        """Go away: nobody waits for the answer any more."""
        if self.is_current:
            self.dismiss("")


class TouchDialog(UnlockDialog):
    """Says that the key wants to be touched; it goes away by itself, or is cancelled."""

    FIRST = "#cancel"
