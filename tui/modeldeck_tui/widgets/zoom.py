"""Giving the focused pane half of the screen, or all of it."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widget import Widget

from modeldeck_tui.widgets.frame import LEAST, Crumb, Header, Hints, Pages


class Zoomable(Screen[Any]):
    """A page that can be zoomed."""

    zoomed = 0


_FRAME = (Header, Pages, Crumb, Hints)
MOST = 2


def by(screen: Zoomable, step: int) -> None:
    """Give the focused pane of a page more room, or less; ``zoomed`` is 0 to 2."""
    screen.zoomed = max(0, min(MOST, screen.zoomed + step))
    fit(screen)


def fit(screen: Zoomable) -> None:
    """Lay a page out for its zoom; a terminal that is too small shows the focused pane alone."""
    width, height = screen.app.size
    is_small = width < LEAST[0] or height < LEAST[1]
    level = MOST if is_small else screen.zoomed
    _clear(screen)
    pane = screen.focused
    if not level or pane is None:
        return
    node: Widget | None = pane
    while node is not None and isinstance(node.parent, Widget):
        parent = node.parent
        others = (one for one in parent.children if one is not node and one.display)
        for other in others if level == MOST else ():
            if not isinstance(other, _FRAME):
                other.add_class("-aside")
        node.add_class("-all" if level == MOST else "-more")
        node = None if isinstance(parent, Screen) else parent


def _clear(screen: Screen[Any]) -> None:
    for name in ("-aside", "-all", "-more"):
        for one in screen.query(f".{name}"):
            one.remove_class(name)


CSS = """
.-aside { display: none !important; }
.-all { width: 1fr !important; height: 1fr !important; }
.-more { min-width: 60%; min-height: 60%; }
"""
