"""A list of rows, drawn line by line: nothing is measured or built for rows that do not show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from modeldeck_tui.output import Cell, cell_width, cut, fit
from modeldeck_tui.present import Line
from modeldeck_tui.widgets.bindings import STYLES, bindings

CURSOR = "› "
_GAP = 2
_MEASURED = 200
_MOST = 120
_LEAST = 1


class RowList(ScrollView, can_focus=True):
    """Rows under a line of titles, with a cursor that stays on its row when others come.

    Parameters
    ----------
    title : str
        Stands in the border.
    headers : sequence of str
        Titles of the columns; empty for none.
    empty : sequence of str
        Lines that are shown when there are no rows.
    elastic : int
        The column that is narrowed first, and left out when there is no room for it.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    DEFAULT_CSS = """
    RowList { border: round ansi_bright_black; border-title-color: ansi_default;
              background: transparent; overflow-x: hidden; scrollbar-size-vertical: 1; }
    RowList:focus { border: round $accent; border-title-color: $accent;
                    border-title-style: bold; }
    """

    cursor = reactive(0, repaint=False)
    """Number of the row under the cursor."""

    class Opened(Message):
        """Enter was pressed on a row."""

        def __init__(self, rows: RowList, key: str) -> None:
            self.rows = rows
            self.key = key
            super().__init__()

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    class Moved(Message):
        """The cursor went to another row."""

        def __init__(self, rows: RowList) -> None:
            self.rows = rows
            super().__init__()

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    def __init__(
        self,
        title: str,
        *,
        headers: Sequence[str] = (),
        empty: Sequence[str] = (),
        elastic: int = -1,
        id: str | None = None,  # noqa: A002 -- Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self.title = title
        self.headers = headers
        self.empty = empty
        self.elastic = elastic
        self.lines: list[Line] = []
        self._widths: list[int] = []
        self._measured_for = -1
        self._shown_title = ""

    @property
    def key(self) -> str:
        """The key of the row under the cursor; empty without rows."""
        return self.lines[self.cursor].key if self.lines else ""

    @property
    def detail(self) -> str:
        """The longer text about the row under the cursor."""
        return self.lines[self.cursor].detail if self.lines else ""

    def show(self, lines: Sequence[Line], *, title: str = "") -> None:
        """Show rows; the cursor stays on its row. Nothing is drawn if nothing changed."""
        shown = title or self.title
        if shown != self._shown_title:  # assigning it draws the whole border, changed or not
            self._shown_title = shown
            self.border_title = Content(shown)
        if list(lines) == self.lines and self._widths:
            return
        key, cursor = self.key, self.cursor
        self.lines = list(lines)
        keys = [line.key for line in self.lines]
        self.cursor = keys.index(key) if key in keys else max(0, min(cursor, len(keys) - 1))
        self._measured_for = -1
        self._resize()
        self.refresh()

    def on_mount(self) -> None:
        """Take the title into the border."""
        self.show(self.lines)

    def on_resize(self) -> None:
        """Lay the columns out again."""
        self._resize()

    def _resize(self) -> None:
        height = len(self.lines) + bool(self.headers)
        self.virtual_size = Size(0, height)
        self._measured_for = -1

    def _measure(self, width: int) -> None:
        """Find the columns' widths from the first rows."""
        if width == self._measured_for:
            return
        self._measured_for = width
        rows = [line.cells for line in self.lines[:_MEASURED]]
        if self.headers:
            rows.append(tuple(Cell(one) for one in self.headers))
        count = max((len(row) for row in rows), default=0)
        natural = [
            max((min(cell_width(row[at].text), _MOST) for row in rows if at < len(row)), default=0)
            for at in range(count)
        ]
        self._widths = narrowed(natural, max(1, width - 2), elastic=self.elastic)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        width = self.scrollable_content_region.width
        self._measure(width)
        if not self.lines:
            text = self.empty[y] if y < len(self.empty) else ""
            return self._strip([Segment(f"  {text}", STYLES["dim"])], width)
        if self.headers and y == 0:
            return self._row(tuple(Cell(one, "dim") for one in self.headers), width, mark="  ")
        number = y - bool(self.headers) + self.scroll_offset.y
        if not 0 <= number < len(self.lines):
            return self._strip([], width)
        is_here = number == self.cursor
        base = Style(reverse=True) if is_here and self.has_focus else Style.null()
        mark = CURSOR if is_here else "  "
        return self._row(self.lines[number].cells, width, mark=mark, base=base)

    def _row(
        self, cells: Sequence[Cell], width: int, *, mark: str, base: Style | None = None
    ) -> Strip:
        base = base or Style.null()
        segments = [Segment(mark, base)]
        left = width - 2
        last = max((at for at, room in enumerate(self._widths) if room), default=0)
        for at, (cell, room) in enumerate(zip(cells, self._widths, strict=False)):
            if not room:
                continue
            is_last = at >= min(last, len(cells) - 1)
            text = cut(cell.text, max(0, left) if is_last else room)
            style = STYLES[cell.style]
            if base.reverse:  # colours would stand in patches on a row that is reversed
                style = Style(bold=style.bold)
            segments.append(Segment(text, style + base))
            if is_last:
                break
            segments.append(Segment(" " * (room - cell_width(text) + _GAP), base))
            left -= room + _GAP
        return self._strip(segments, width, base=base)

    def _strip(self, segments: list[Segment], width: int, *, base: Style | None = None) -> Strip:
        strip = Strip(segments).adjust_cell_length(width, base or Style.null())
        return strip.apply_style(self.rich_style.without_color)

    def watch_cursor(self, before: int, after: int) -> None:
        """Redraw the two rows that changed, and keep the cursor in sight."""
        first = bool(self.headers)
        width = self.size.width
        for number in (before, after):
            y = number + first - self.scroll_offset.y
            self.refresh(Region(0, y, width, 1))
        height = self.scrollable_content_region.height - first
        top = self.scroll_offset.y
        if after < top:
            self.scroll_to(y=after, animate=False, immediate=True, force=True)
        elif after >= top + height > top:
            self.scroll_to(y=after - height + 1, animate=False, immediate=True, force=True)
        self.post_message(self.Moved(self))

    def on_focus(self) -> None:
        """Redraw, because the cursor shows differently."""
        self.refresh()
        self.post_message(self.Moved(self))

    def on_blur(self) -> None:
        """Redraw, because the cursor shows differently."""
        self.refresh()

    def action_move(self, where: str) -> None:
        """Put the cursor elsewhere: up, down, first, last, page_up or page_down."""
        half = max(1, self.size.height // 2)
        last = len(self.lines) - 1
        to = {
            "up": self.cursor - 1,
            "down": self.cursor + 1,
            "first": 0,
            "last": last,
            "page_up": self.cursor - half,
            "page_down": self.cursor + half,
        }[where]
        self.cursor = max(0, min(to, last))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that was clicked; a double click opens it."""
        inside = event.get_content_offset(self)
        number = -1 if inside is None else inside.y - bool(self.headers) + self.scroll_offset.y
        if 0 <= number < len(self.lines):
            self.cursor = number
            if event.chain == 2:
                self.action_open()

    def action_open(self) -> None:
        """Say that the row under the cursor was opened."""
        if self.lines:
            self.post_message(self.Opened(self, self.key))


def narrowed(widths: Sequence[int], room: int, *, elastic: int) -> list[int]:
    """Return widths that fit into so many columns: first the elastic one gives, then the widest.

    >>> narrowed([6, 10, 20], 30, elastic=2), narrowed([6, 10, 20], 20, elastic=2)
    ([6, 10, 10], [6, 10, 0])
    """
    found = list(widths)
    if not found:
        return found
    excess = sum(found) + _GAP * (len(found) - 1) - room
    if excess <= 0:
        return found
    kept = found[elastic] - excess
    found[elastic] = kept if kept >= _LEAST else 0
    others = [width for width in found if width]
    fitted = iter(fit(others, room))
    return [next(fitted) if width else 0 for width in found]
