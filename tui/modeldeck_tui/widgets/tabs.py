"""Tabs: several panes at one place, named in its border; ``[`` and ``]`` turn them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget


class Tabs(Vertical):
    """Panes of which one shows.

    Parameters
    ----------
    panes : sequence of (title, widget)
        The panes; each has an id.
    """

    DEFAULT_CSS = """
    Tabs { border: round $faint; border-title-color: $foreground; }
    Tabs:focus-within { border: round $accent; border-title-color: $accent; }
    Tabs > Table, Tabs > Table:focus, Tabs > TextView, Tabs > Chart { border: none; height: 1fr; }
    """

    class Turned(Message):
        """Another tab shows."""

        def __init__(self, tabs: Tabs) -> None:
            self.tabs = tabs
            super().__init__()

    def __init__(
        self,
        panes: Sequence[tuple[str, Widget]],
        *,
        id: str | None = None,  # noqa: A002 -- Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self.panes = list(panes)
        self.at = 0

    def compose(self) -> ComposeResult:
        """Make the panes."""
        for at, (_title, pane) in enumerate(self.panes):
            pane.display = at == self.at
            yield pane

    def on_mount(self) -> None:
        """Name the tabs."""
        self._entitle()

    @property
    def current(self) -> Widget:
        """The pane that shows."""
        return self.panes[self.at][1]

    @property
    def title(self) -> str:
        """The title of the pane that shows."""
        return self.panes[self.at][0]

    def entitle(self, at: int, title: str) -> None:
        """Give a tab another title."""
        if self.panes[at][0] != title:
            self.panes[at] = (title, self.panes[at][1])
            self._entitle()

    def turn(self, step: int) -> None:
        """Show the next tab, or the one before; the focus goes along."""
        self.show((self.at + step) % len(self.panes))

    def show(self, number: int) -> None:
        """Show a tab; the focus goes along."""
        had_focus = self.has_focus_within
        self.at = number
        for at, (_title, pane) in enumerate(self.panes):
            pane.display = at == self.at
        self._entitle()
        if had_focus and self.current.focusable:
            self.current.focus()
        self.post_message(self.Turned(self))

    def _entitle(self) -> None:
        parts: list[str | tuple[str, str]] = []
        for at, (title, _pane) in enumerate(self.panes):
            parts.append((f" {title} ", "reverse" if at == self.at else ""))
        self.border_title = Content.assemble(*parts)


def reveal(pane: Widget) -> None:
    """Show the tab that a pane is, if it is one."""
    tabs = pane.parent
    if isinstance(tabs, Tabs):
        tabs.show(next(at for at, (_title, one) in enumerate(tabs.panes) if one is pane))
