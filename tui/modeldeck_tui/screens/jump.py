"""Letters on every pane: press one to go there."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen, Screen
from textual.widgets import Label

_LETTERS = "asdfghjklqwertzuiop"


class JumpScreen(ModalScreen[None]):
    """A letter over each pane of the page below.

    Parameters
    ----------
    page : Screen
        The page.
    """

    SCOPED_CSS = False
    CSS = """
    JumpScreen { background: transparent; }
    JumpScreen Label { position: absolute; text-style: bold reverse; width: 3; height: 1; }
    """

    def __init__(self, page: Screen[Any]) -> None:
        super().__init__()
        panes = [one for one in page.focus_chain if one.region.area]
        self.panes = dict(zip(_LETTERS, panes, strict=False))

    def compose(self) -> ComposeResult:
        """Put the letters there."""
        for letter, pane in self.panes.items():
            label = Label(Text(f" {letter} "))
            label.styles.offset = (pane.region.x + 1, pane.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go to the pane of a letter; any other key only closes."""
        event.stop()
        pane = self.panes.get(event.key)
        self.app.pop_screen()
        if pane is not None:
            pane.focus()
