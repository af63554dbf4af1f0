"""A part of a log as it lies on the screen: which rows show, and drawing those that changed."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from modeldeck.services.logs import Place
from modeldeck_tui.widgets.logs import drawing
from modeldeck_tui.widgets.logs.drawing import Look, Row
from modeldeck_tui.widgets.logs.window import Key, Window, key_of
from modeldeck_tui.widgets.styles import STYLES

_SIDEWAYS = 20
_MOST_CACHED = 2_000
_AHEAD = 3
"""Screens of lines that are read before they are needed."""


class Sheet(Widget):
    """Lines of a log, laid out in rows.

    Attributes
    ----------
    window : Window
        What is held.
    look : Look
        How lines are drawn.
    is_following : bool
        Whether the end is shown as it grows.
    unseen : int
        Lines that came while it was paused.
    cursor : int
        Which of the lines held is looked at.
    marks : set of Key
        Lines with a bookmark.
    empty : tuple of str
        What stands there instead of lines.
    """

    class Moved(Message):
        """Following began or ended, the cursor moved, or other lines are there."""

    class Wanted(Message):
        """More lines are wanted before a place, or behind it."""

        def __init__(self, place: Place, *, is_back: bool) -> None:
            self.place = place
            self.is_back = is_back
            super().__init__()

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.window = Window()
        self.look = Look()
        self.is_following = True
        self.unseen = 0
        self.cursor = 0
        self.marks: set[Key] = set()
        self.range_from: Key | None = None
        self.empty: tuple[str, ...] = ()
        self.top = (0, 0)
        self.scrolled = 0
        self._made: dict[tuple[int, int, int], list[Row]] = {}
        self.placed: list[tuple[int, int]] = []
        self._strips: list[Strip] = []
        self._theme = ""
        self.wanted: dict[bool, Place] = {}

    def shift_by(self, n: int) -> None:
        """Stay on the same lines when some came in front, or left."""
        self.top = (self.top[0] + n, self.top[1]) if self.top[0] + n >= 0 else (0, 0)
        self.cursor = max(0, self.cursor + n)

    def changed(self) -> None:
        """Draw everything anew: another look, remarks or names."""
        self._made.clear()
        self.settle()

    def notify_style_update(self) -> None:
        """Draw everything anew in another theme."""
        super().notify_style_update()
        if self.app.theme != self._theme:
            self._theme = self.app.theme
            self.changed()

    def on_resize(self) -> None:
        """Lay the lines out again."""
        self.changed()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.settle()

    def on_blur(self) -> None:
        """Show no cursor."""
        self.settle()

    def rows_at(self, at: int) -> list[Row]:
        """Return the rows of one of the lines."""
        line = self.window.lines[at]
        key = (line.source, line.offset, line.length)
        found = self._made.get(key)
        if found is None:
            if len(self._made) > _MOST_CACHED:
                self._made.clear()
            found = drawing.rows_of(line, self.look)
            self._made[key] = found
        return found

    def back_by(self, n: int) -> None:
        """Move the top of the screen up by some rows."""
        at, sub = self.top
        sub -= n
        while sub < 0 and at > 0:
            at -= 1
            sub += len(self.rows_at(at))
        self.top = (at, max(0, sub))

    def forth_by(self, n: int) -> None:
        """Move the top of the screen down by some rows."""
        at, sub = self.top
        sub += n
        while at < len(self.window) and sub >= len(self.rows_at(at)):
            sub -= len(self.rows_at(at))
            at += 1
        self.top = (at, sub) if at < len(self.window) else (max(0, len(self.window) - 1), 0)

    def lay_out(self, height: int) -> list[tuple[int, int]]:
        """Return which rows are on the screen, as lines and rows within them."""
        count = len(self.window)
        bottom = self._last_page(height) if count else (0, 0)
        if self.is_following or self.top > bottom:
            self.top = bottom
        found: list[tuple[int, int]] = []
        at, sub = self.top
        while at < count and len(found) < height:
            found += [(at, n) for n in range(sub, len(self.rows_at(at)))]
            at, sub = at + 1, 0
        return found[:height]

    def _last_page(self, height: int) -> tuple[int, int]:
        at, left = len(self.window), height
        while at > 0 and left > 0:
            at -= 1
            left -= len(self.rows_at(at))
        return (at, -left) if left < 0 else (at, 0)

    def settle(self) -> None:
        """Lay out, draw the rows that changed, and ask for what will be needed soon."""
        width, height = self.size
        if not width or not height:
            return
        self.look.width = width
        count = len(self.window)
        self.cursor = max(0, min(self.cursor, count - 1))
        self.placed = self.lay_out(height)
        strips = [self._strip(row) for row in self.placed]
        strips += self._rest(height - len(strips))
        before = self._strips
        self._strips = strips
        if len(before) != len(strips):
            self.refresh()
        else:
            changed = [y for y, one in enumerate(strips) if one != before[y]]
            if len(changed) == height:
                self.refresh()
            elif changed:
                self.refresh(*(Region(0, y, width, 1) for y in changed))
        self._want(height * _AHEAD)
        self.post_message(self.Moved())

    def _rest(self, n: int) -> list[Strip]:
        """Return what stands below the last line."""
        plain, width = self.rich_style, self.look.width
        texts = () if self.window.lines else self.empty
        found = [
            Strip([Segment(f"  {text}", plain + STYLES["dim"])]).adjust_cell_length(width, plain)
            for text in texts[: max(0, n)]
        ]
        return found + [Strip.blank(width, plain)] * (n - len(found))

    def _strip(self, where: tuple[int, int]) -> Strip:
        at, sub = where
        row = self.rows_at(at)[sub]
        plain = self.rich_style
        is_here = at == self.cursor and not self.is_following and row.is_text
        is_lit = is_here and self.has_focus
        base = plain + Style(reverse=True) if is_lit else plain
        sign = self._sign(at, is_here=is_here) if row.is_text else Segment("", STYLES["dim"])
        return drawing.drawn(row, self.look, sign=sign, left=self.scrolled, base=base, plain=plain)

    def _sign(self, at: int, *, is_here: bool) -> Segment:
        key = key_of(self.window.lines[at])
        start = self.window.find(self.range_from) if self.range_from is not None else -1
        if is_here:
            return Segment("›" if key not in self.marks else "◆", STYLES["bold"])
        if key in self.marks:
            return Segment("◆", STYLES["accent"])
        if start >= 0 and min(start, self.cursor) <= at <= max(start, self.cursor):
            return Segment("●", STYLES["accent"])
        return Segment(" ")

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _want(self, ahead: int) -> None:
        window, count = self.window, len(self.window)
        top = self.top[0]
        if not window.has_begin and min(top, self.cursor) < ahead:
            self._ask(window.first, is_back=True)
        if not window.has_end and max(top + self.size.height, self.cursor) > count - ahead:
            self._ask(window.last, is_back=False)

    def _ask(self, place: Place, *, is_back: bool) -> None:
        if place and self.wanted.get(is_back) != place:
            self.wanted[is_back] = place
            self.post_message(self.Wanted(place, is_back=is_back))

    def pause(self) -> None:
        """Follow no longer; the cursor is on the last line."""
        if self.is_following:
            self.is_following = False
            self.unseen = 0
            self.cursor = max(0, len(self.window) - 1)
