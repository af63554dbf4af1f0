"""A log as it grows: follows its end, pauses when somebody looks up, filters what it holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from modeldeck.domain.documents import LogLine
from modeldeck_tui.output import cell_width
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.log_lines import Held, LogLines
from modeldeck_tui.widgets.styles import STYLES, marked

_SIDEWAYS = 20
_NOTHING = ("  None of the lines held fits.", "  esc takes the filter away, < shows lower levels.")
_SEVERE = {"error": {"ERROR", "CRITICAL"}, "warning": {"WARN", "ERROR", "CRITICAL"}}


class LogView(ScrollView, can_focus=True):
    """The lines of a log.

    Attributes
    ----------
    is_following : bool
        Whether the end is shown.
    unseen : int
        Lines that came while it was paused.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("logs") if not str(getattr(one, "action", "")).startswith("app.do")
    ]
    DEFAULT_CSS = """
    LogView { background: transparent; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    HAS: ClassVar[frozenset[str]] = frozenset({"shown"})

    class Paused(Message):
        """Following began or ended, lines came meanwhile, or others are shown."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.held = LogLines()
        self.is_following = True
        self.unseen = 0
        self.pattern = ""
        self.found = -1
        self._left = 0

    @property
    def plain(self) -> str:
        """The lines that are shown, as text."""
        return "\n".join(one.text for one in self.held.rows)

    def add(self, lines: Sequence[LogLine]) -> None:
        """Take new lines."""
        came, left = self.held.add(lines)
        self.virtual_size = Size(0, len(self.held))
        if self.is_following:
            self._to(len(self.held))
        else:
            self.unseen += came
            if left:
                self.found = max(-1, self.found - left)
                self._to(self.scroll_offset.y - left)
        self.refresh()
        self.post_message(self.Paused())

    def show_again(self) -> None:
        """Make the rows anew: another filter, level or width; the place stays."""
        at, rows = self.scroll_offset.y, self.held.rows
        number = rows[at].number if at < len(rows) else -1
        self.held.width = self.scrollable_content_region.width
        self.held.build()
        self.found = -1
        self.virtual_size = Size(0, len(self.held))
        to = len(self.held)
        if not self.is_following and number >= 0:
            to = next((n for n, one in enumerate(self.held.rows) if one.number >= number), to)
        self._to(to)
        self.refresh()
        self.post_message(self.Paused())

    def on_resize(self) -> None:
        """Keep the end in sight while following."""
        if self.held.is_wrapped:
            self.show_again()
            return
        self.virtual_size = Size(0, len(self.held.rows))
        if self.is_following:
            self._to(len(self.held.rows))

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        width, plain = self.scrollable_content_region.width, self.rich_style
        number = y + self.scroll_offset.y
        if not 0 <= number < len(self.held.rows):
            if not self.held.rows and self.held.is_narrowed and y < len(_NOTHING):
                return Strip([Segment(_NOTHING[y], plain + STYLES["dim"])]).adjust_cell_length(
                    width
                )
            return Strip.blank(width, plain)
        text, n_time, style, _severity, _number = self.held.rows[number]
        base = plain + Style(reverse=True) if number == self.found else plain
        rest = Segment(text[n_time:], base + STYLES[style])
        parts = [Segment(text[:n_time], base + STYLES["dim"]), *marked(rest, self.pattern)]
        return Strip(parts).crop_extend(self._left, self._left + width, plain)

    def _to(self, y: int) -> None:
        self.scroll_to(y=max(0, y), animate=False, immediate=True, force=True)

    def _pause(self) -> None:
        if self.is_following:
            self.is_following = False
            self.unseen = 0
            self.post_message(self.Paused())

    def _move(self, lines: int) -> None:
        last = max(0, len(self.held.rows) - self.scrollable_content_region.height)
        to = max(0, min(self.scroll_offset.y + lines, last))
        if lines < 0:
            self._pause()
        self._to(to)
        self.refresh()

    def action_move(self, where: str) -> None:
        """Look elsewhere: up, down, page_up, page_down or first."""
        page = max(1, self.scrollable_content_region.height - 1)
        by = {"up": -1, "down": 1, "page_up": -page, "page_down": page, "first": -len(self.held)}
        self._move(by[where])

    def action_sideways(self, direction: int) -> None:
        """Scroll to the left, or to the right as far as the lines in sight reach."""
        top = self.scroll_offset.y
        shown = itertools.islice(self.held.rows, top, top + self.size.height)
        longest = max((cell_width(one.text) for one in shown), default=0)
        if direction < 0 or self._left + self.size.width < longest:
            self._left = max(0, self._left + direction * _SIDEWAYS)
        self.refresh()

    def action_follow(self) -> None:
        """Go to the end and follow."""
        self.is_following = True
        self.unseen = 0
        self.found = -1
        self._to(len(self.held.rows))
        self.refresh()
        self.post_message(self.Paused())

    def action_level(self, step: int) -> None:
        """Show only higher levels (1), or lower ones too (-1)."""
        self.held.step_level(step)
        self.show_again()

    def action_show_or_hide(self, what: str) -> None:
        """Break long lines or let them be scrolled (wrap); show or hide the times (times)."""
        if what == "wrap":
            self.held.is_wrapped = not self.held.is_wrapped
            self._left = 0
        else:
            self.held.has_times = not self.held.has_times
        self.show_again()

    def on_mouse_scroll_up(self) -> None:
        """Pause when the wheel goes up."""
        self._move(-3)

    def on_mouse_scroll_down(self) -> None:
        """Go on when the wheel goes down."""
        self._move(3)

    def search(self, pattern: str) -> bool:
        """Find a text upwards from the end of what is shown; say whether there is one."""
        self.pattern = pattern.lower()
        self.found = -1
        return self._find(self._wanted("match"), is_forward=False)

    def action_seek(self, what: str, direction: int) -> None:
        """Go to the next match, error or warning, forwards (1) or backwards (-1)."""
        if not self._find(self._wanted(what), is_forward=direction > 0):
            name = repr(self.pattern) if what == "match" else what
            where = "below" if direction > 0 else "above"
            self.notify(f"No {name} {where} among the lines held.", timeout=2, markup=False)

    def _wanted(self, what: str) -> Callable[[Held], bool]:
        if what == "match":
            pattern = self.pattern
            return lambda line: bool(pattern) and pattern in line.text.lower()
        return lambda line: line.level in _SEVERE[what]

    def _find(self, wanted: Callable[[Held], bool], *, is_forward: bool) -> bool:
        """Put the line that is wanted in sight; the search begins at the last find."""
        count = len(self.held.rows)
        start = self.found
        if start < 0:
            height = self.scrollable_content_region.height
            start = self.scroll_offset.y - 1 if is_forward else self.scroll_offset.y + height
        numbers: Iterable[int] = (
            range(start + 1, count) if is_forward else range(min(start, count) - 1, -1, -1)
        )
        lines = list(self.held.rows)
        for number in numbers:
            if wanted(lines[number]):
                self._pause()
                self.found = number
                self._to(number - self.scrollable_content_region.height // 2)
                self.refresh()
                return True
        return False
