"""Giving the focused pane half of the screen, or all of it."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widget import Widget

from modeldeck_tui.widgets.frame import LEAST, Crumb, Header, Hints, Pages


class Zoomable(Screen[Any]):
    """A page that can be zoomed.

    Attributes
    ----------
    zoomed : int
        How much room the focused pane has: 0 its own, 1 more, 2 all.
    turning_to : Widget or None
        The pane that gets the focus as soon as it has room.
    """

    zoomed = 0
    turning_to: Widget | None = None


_FRAME = (Header, Pages, Crumb, Hints)
MOST = 2


def by(screen: Zoomable, step: int) -> None:
    """Give the focused pane of a page more room, or less; ``zoomed`` is 0 to 2."""
    screen.zoomed = max(0, min(MOST, screen.zoomed + step))
    fit(screen)


def panes(screen: Screen[Any]) -> list[Widget]:
    """Return the panes of a page in order, also those that make room for another one just now."""
    found = screen.query("*").results(Widget)
    return [one for one in found if one.can_focus and not one.disabled and _is_open(one)]


def _is_open(pane: Widget) -> bool:
    """Say whether a pane shows, or would if no other one had the room."""
    nodes = [node for node in pane.ancestors_with_self if isinstance(node, Widget)]
    return all(node.display or node.has_class("-aside") for node in nodes)


def turn(screen: Zoomable, step: int) -> None:
    """Give the next pane (1) or the one before (-1) the focus, and the room of this one."""
    found = panes(screen)
    if not found:
        return
    here = screen.turning_to or screen.focused
    at = found.index(here) if here in found else -step
    target = found[(at + step) % len(found)]
    if screen.query(".-aside"):

        def arrive() -> None:
            screen.turning_to = None
            screen.set_focus(target)

        screen.turning_to = target
        fit(screen, target)
        screen.call_after_refresh(arrive)
    else:
        screen.set_focus(target)
        fit(screen, target)


def fit(screen: Zoomable, pane: Widget | None = None) -> None:
    """Lay a page out for its zoom; a terminal that is too small shows one pane alone."""
    width, height = screen.app.size
    is_small = width < LEAST[0] or height < LEAST[1]
    level = MOST if is_small else screen.zoomed
    _clear(screen)
    pane = pane or screen.focused
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
