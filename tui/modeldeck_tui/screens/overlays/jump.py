"""Letters on every pane and on the counters of the header: press one to go there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Label

from modeldeck_tui.widgets.frame import Header

_LETTERS = "asdfghjklqwertzuiop"


class Target(NamedTuple):
    """Where a letter stands, and what pressing it does."""

    x: int
    y: int
    go: Callable[[], object]


class JumpScreen(ModalScreen[str]):
    """A letter over each pane and counter of the page below; answers with a counter's action.

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
        panes = [
            Target(one.region.x + 1, one.region.y, self._focusing(one))
            for one in page.focus_chain
            if one.region.area
        ]
        header = page.query_one(Header)
        counters = [
            Target(one.start, header.region.y, partial(self.dismiss, one.action))
            for one in header.places
        ]
        self.targets = dict(zip(_LETTERS, [*panes, *counters], strict=False))

    @property
    def is_ready(self) -> bool:
        """Whether the letters are there."""
        return self.is_mounted

    def _focusing(self, pane: Widget) -> Callable[[], object]:
        def go() -> None:
            self.dismiss("")
            pane.focus()

        return go

    def compose(self) -> ComposeResult:
        """Put the letters there."""
        for letter, target in self.targets.items():
            label = Label(Text(f" {letter} "))
            label.styles.offset = (target.x, target.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go where a letter leads; any other key only closes."""
        event.stop()
        target = self.targets.get(event.key)
        if target is None:
            self.dismiss("")
        else:
            target.go()
