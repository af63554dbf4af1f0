"""One line above the hints that asks for a text."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input


class AskScreen(ModalScreen[str]):
    """Asks for a text in the line above the hints; answers with it, empty after escape.

    Parameters
    ----------
    placeholder : str
        What the text is for.
    value : str
        What stands there first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", "close", show=False, id="ask.close")
    ]
    SCOPED_CSS = False
    CSS = """
    AskScreen { align: left bottom; background: transparent; }
    AskScreen Input { width: 100%; height: 1; border: none; padding: 0 1; margin-bottom: 1;
                      background: $surface; }
    AskScreen Input:focus { border: none; }
    """

    def __init__(self, placeholder: str, value: str = "") -> None:
        super().__init__()
        self.placeholder = placeholder
        self.value = value

    def compose(self) -> ComposeResult:
        """Make the field."""
        yield Input(self.value, placeholder=self.placeholder)

    def on_mount(self) -> None:
        """Let the person type at once."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the text."""
        self.dismiss(event.value)
