"""A log on the screen: follows its end, pauses when somebody looks up, holds what is around."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from modeldeck.services.logs import Line, Place
from modeldeck_tui.output import cell_width
from modeldeck_tui.present.logs import shown_line
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.logs.sheet import Sheet
from modeldeck_tui.widgets.logs.window import MOST, key_of

_SIDEWAYS = 20


class LogView(Sheet, can_focus=True):
    """The lines of a log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("logs") if not str(getattr(one, "action", "")).startswith("app.do")
    ]
    DEFAULT_CSS = "LogView { background: transparent; width: 1fr; height: 1fr; }"
    HAS: ClassVar[frozenset[str]] = frozenset({"shown"})

    def put(
        self, lines: list[Line], first: Place, *, last: Place, ends: tuple[bool, bool], cursor: int
    ) -> None:
        """Hold other lines, and look at one of them; -1 follows the end."""
        self.window.put(lines, first, last=last, has_begin=ends[0], has_end=ends[1])
        self.wanted.clear()
        self.is_following = cursor < 0
        self.cursor = max(0, len(lines) - 1 if cursor < 0 else cursor)
        if self.is_following:
            self.unseen = 0
        height = max(1, self.size.height)
        self.top = (max(0, self.cursor), 0)
        self.back_by(height // 3)
        self.settle()

    def more(self, lines: list[Line], place: Place, *, is_back: bool, is_last: bool) -> None:
        """Hold more lines."""
        if is_back:
            self.window.before(lines, place, is_last=is_last)
            self.shift_by(len(lines))
        else:
            pending = self.window.has_pending
            self.shift_by(-self.window.behind(lines, place, is_last=is_last))
            if pending:
                self.cursor = min(self.cursor, len(self.window) - 1)
        self.settle()

    def more_is_there(self, *, is_back: bool) -> None:
        """Let more be asked for in a direction again."""
        self.wanted.pop(is_back, None)
        self.settle()

    def came(self, lines: list[Line], base: Place, *, place: Place, n: int) -> None:
        """Take lines that came at the end."""
        window = self.window
        is_next = window.has_end and (window.last == base or not window.last)
        if not self.is_following:
            self.unseen += n
            if is_next and len(window) + len(lines) <= MOST:
                window.behind(lines, place, is_last=True)
            elif n:
                window.drop_pending()
                window.has_end = False
            elif is_next:
                window.last = place
        elif n > len(lines) or not is_next:
            window.put(lines, (), last=place, has_begin=False, has_end=True)
            window.first = window.place_of(0) if lines else place
            self.cursor = max(0, len(lines) - 1)
        else:
            self.shift_by(-window.behind(lines, place, is_last=True))

    def pend(self, line: Line | None) -> None:
        """Take the line at the end that is not finished."""
        if self.window.has_end:
            self.window.pend(line)
            self.cursor = min(self.cursor, max(0, len(self.window) - 1))

    @property
    def line(self) -> Line | None:
        """The line that is looked at: under the cursor, or the last one."""
        lines = self.window.lines
        if not lines:
            return None
        return lines[-1] if self.is_following else lines[min(self.cursor, len(lines) - 1)]

    @property
    def selected(self) -> list[Line]:
        """The lines of a range that was begun; none when there is none."""
        at = self.window.find(self.range_from) if self.range_from is not None else -1
        if at < 0:
            return []
        low, high = sorted((at, self.cursor))
        return self.window.lines[low : high + 1]

    @property
    def in_sight(self) -> list[Line]:
        """The lines that are on the screen."""
        return [self.window.lines[at] for at in dict.fromkeys(at for at, _sub in self.placed)]

    @property
    def shows_all(self) -> bool:
        """Whether the whole log is on the screen, from its first line to its last."""
        window, height = self.window, self.size.height
        if not (window.has_begin and window.has_end) or len(window) > height:
            return False
        return sum(len(self.rows_at(at)) for at in range(len(window))) <= height

    @property
    def plain(self) -> str:
        """The lines that are on the screen, as text."""
        return "\n".join(shown_line(one)[0] for one in self.in_sight)

    def action_move(self, where: str) -> None:
        """Look elsewhere: up, down, page_up or page_down."""
        if where in {"up", "page_up"}:
            self.pause()
        if self.is_following or not self.window.lines:
            return
        page = max(1, self.size.height - 1)
        if where in {"up", "down"}:
            self.cursor += 1 if where == "down" else -1
            self._follow_cursor(1 if where == "down" else -1)
        else:
            self.scroll_rows(page if where == "page_down" else -page)
        self.settle()

    def look_at(self, at: int) -> None:
        """Put the cursor on a line, in the middle of the screen where it is not in sight."""
        self.pause()
        self.cursor = at
        if not any(one[0] == at for one in self.placed):
            self.top = (at, 0)
            self.back_by(self.size.height // 3)
        self.settle()

    def _follow_cursor(self, step: int) -> None:
        """Keep the cursor on the screen; a line higher than the screen is scrolled row by row."""
        count, height = len(self.window), self.size.height
        wanted = self.cursor
        self.cursor = max(0, min(wanted, count - 1))
        rows = [one for one in self.placed if one[0] == self.cursor]
        all_rows = len(self.rows_at(self.cursor))
        if len(rows) == all_rows:
            return
        if step < 0:
            self.top = (self.cursor, 0) if all_rows <= height else self.top
            if all_rows > height:
                self.back_by(1)
            return
        self.top = (self.cursor, 0)
        self.back_by(max(0, height - all_rows))

    def scroll_rows(self, n: int) -> None:
        """Scroll by some rows; the cursor stays where it is on the screen."""
        y = next((y for y, one in enumerate(self.placed) if one[0] == self.cursor), 0)
        before = self.top
        if n < 0:
            self.back_by(-n)
        else:
            self.forth_by(n)
        layout = self.lay_out(self.size.height)
        if self.top == before:  # the end is in sight already
            self.cursor = 0 if n < 0 and self.window.has_begin else self.cursor
            self.cursor = len(self.window) - 1 if n > 0 else self.cursor
        elif layout:
            self.cursor = layout[min(y, len(layout) - 1)][0]

    def action_sideways(self, direction: int) -> None:
        """Scroll to the left, or to the right as far as the lines in sight reach."""
        longest = max((cell_width(shown_line(one)[0]) for one in self.in_sight), default=0)
        if direction < 0 or self.scrolled + self.look.room < longest:
            self.scrolled = max(0, self.scrolled + direction * _SIDEWAYS)
        self.settle()

    def action_show_or_hide(self, what: str) -> None:
        """Break long lines or let them be scrolled (wrap); times; numbers."""
        look = self.look
        if what == "wrap":
            look.is_wrapped, self.scrolled = not look.is_wrapped, 0
        elif what == "numbers":
            look.has_numbers = not look.has_numbers
        else:
            look.has_times = not look.has_times
        self.top = (self.top[0], 0)
        self.changed()

    def action_range(self) -> None:
        """Begin a range of lines at the cursor, or end it."""
        line = self.line
        self.pause()
        self.range_from = key_of(line) if self.range_from is None and line is not None else None
        self.settle()

    def on_mouse_scroll_up(self) -> None:
        """Pause when the wheel goes up."""
        self.pause()
        self.scroll_rows(-3)
        self.settle()

    def on_mouse_scroll_down(self) -> None:
        """Go on when the wheel goes down."""
        if not self.is_following:
            self.scroll_rows(3)
            self.settle()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a line."""
        if 0 <= event.y < len(self.placed):
            self.pause()
            self.cursor = self.placed[event.y][0]
            self.settle()
