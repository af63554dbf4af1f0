"""A line of tabs over one list, each with how much is in it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.styles import STYLES


class TabLine(Quiet):
    """Names of tabs, of which one is on.

    Parameters
    ----------
    names : sequence of str
        The tabs.
    """

    DEFAULT_CSS = "TabLine { height: 1; }"

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.names = names
        self.at = 0

    @property
    def current(self) -> str:
        """The tab that is on."""
        return self.names[self.at]

    def turn(self, step: int) -> None:
        """Turn to the next tab, or the one before."""
        self.at = (self.at + step) % len(self.names)

    def show(self, counts: Sequence[int]) -> None:
        """Show the tabs."""
        line = Text(" ")
        for at, (name, count) in enumerate(zip(self.names, counts, strict=True)):
            line.append(f" {name} {count} ", "reverse" if at == self.at else STYLES["dim"])
            line.append(" ")
        self.put(line)
