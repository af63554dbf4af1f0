"""Levels over time beside a log: a bar for each row, where one is, and a way to go there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from modeldeck.services.logs import Bar
from modeldeck_tui.present.logs import bar_time
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.styles import STYLES

_MOVES = {"list.up", "list.down", "list.first", "list.last", "list.open"}
_ERRORS = ("ERROR", "CRITICAL")
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_TIME = 6


class Bars(Widget, can_focus=True):
    """The histogram: errors, then warnings, as shares of the highest bar.

    Attributes
    ----------
    span : tuple of float
        Which shares of the log are on the screen, from and to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("list") if isinstance(one, Binding) and one.id in _MOVES
    ]
    DEFAULT_CSS = """
    Bars { width: 18; height: 1fr; background: transparent; display: none; }
    .-narrow Bars, .-tiny Bars { width: 12; }
    Bars.-on { display: block; }
    """

    class Chosen(Message):
        """Somebody wants to go to a share of the log."""

        def __init__(self, share: float) -> None:
            self.share = share
            super().__init__()

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.bars: Sequence[Bar] = ()
        self.zone: tzinfo | None = None
        self.span = (0.0, 1.0)
        self._cursor = -1
        self._strips: list[Strip] = []

    def show(self, bars: Sequence[Bar]) -> None:
        """Show bars."""
        self.bars = bars
        self.settle()

    def at(self, first: float, last: float) -> None:
        """Show which part of the log is on the screen."""
        if (first, last) != self.span:
            self.span = (first, last)
            self.settle()

    def on_resize(self) -> None:
        """Draw again."""
        self.settle()

    def on_focus(self) -> None:
        """Begin where the text is."""
        self._cursor = min(len(self.bars) - 1, int(self.span[0] * len(self.bars)))
        self.settle()

    def on_blur(self) -> None:
        """Show no cursor."""
        self._cursor = -1
        self.settle()

    def settle(self) -> None:
        """Draw what changed."""
        width, height = self.size
        most = max((_bad(one) for one in self.bars), default=0.0)
        strips = [self._strip(y, width, most=most) for y in range(height)]
        before, self._strips = self._strips, strips
        if len(before) != len(strips):
            self.refresh()
            return
        changed = [y for y, one in enumerate(strips) if one != before[y]]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _strip(self, y: int, width: int, *, most: float) -> Strip:
        plain = self.rich_style
        if y >= len(self.bars):
            return Strip.blank(width, plain)
        n = len(self.bars)
        is_here = y / n <= self.span[1] and (y + 1) / n > self.span[0]
        bar = self.bars[y]
        base = plain + Style(reverse=True) if y == self._cursor and self.has_focus else plain
        edge = Segment("┃" if is_here else "│", plain + STYLES["bold" if is_here else "dim"])
        time = bar_time(bar, self.bars[y - 1] if y else None, zone=self.zone)
        label = Segment(f"{time:<{_TIME}}", base + (Style() if base.reverse else STYLES["dim"]))
        room = width - _TIME - 1
        errors = sum(bar.levels[one] for one in _ERRORS) / max(bar.seen_share, 1e-9)
        warns = bar.levels["WARN"] / max(bar.seen_share, 1e-9)
        red, n_red = _bar(errors, most, room=room)
        yellow, n_yellow = _bar(warns, most, room=room - n_red)
        parts = [edge, label, Segment(red, base + STYLES["bad"])]
        parts += [Segment(yellow, base + STYLES["warn"])]
        parts += [Segment(" " * max(0, room - n_red - n_yellow), base)]
        return Strip(parts).adjust_cell_length(width, plain)

    def render_line(self, y: int) -> Strip:
        """Draw one bar."""
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def action_move(self, where: str) -> None:
        """Go to another bar."""
        last = len(self.bars) - 1
        to = {"up": self._cursor - 1, "down": self._cursor + 1, "first": 0, "last": last}
        self._cursor = max(0, min(to.get(where, self._cursor), last))
        self.settle()

    def action_open(self) -> None:
        """Go to the part of the log that the bar stands for."""
        if self.bars and self._cursor >= 0:
            self.post_message(self.Chosen(self._cursor / len(self.bars)))

    def on_click(self, event: events.Click) -> None:
        """Go there."""
        if event.y < len(self.bars):
            self.post_message(self.Chosen(event.y / len(self.bars)))


def _bad(bar: Bar) -> float:
    n = sum(bar.levels[one] for one in (*_ERRORS, "WARN"))
    return float(n / max(bar.seen_share, 1e-9))


def _bar(value: float, most: float, *, room: int) -> tuple[str, int]:
    """Return a bar and its columns; what is there at all shows."""
    if not value or not most or room < 1:
        return "", 0
    eighths = max(1, min(room * 8, round(value / most * room * 8)))
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return text, len(text)
