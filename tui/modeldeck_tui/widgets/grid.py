"""Rows that are drawn line by line: nothing is measured or built for those that do not show.

The cursor and the marks stay on their rows' keys when others come; of what is on the screen only
rows that changed are drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from modeldeck_tui.output import cell_width, cut
from modeldeck_tui.present.rows import Document, Line, Rows, titled
from modeldeck_tui.widgets.columns import GAP, Measured, measured, narrowed, placed
from modeldeck_tui.widgets.styles import STYLES

CURSOR, MARK = "›", "●"
_SAMPLE = 200
_NOTHING = Rows.of(())


class Order(NamedTuple):
    """What a table is sorted by: a column's title, and whether downwards."""

    title: str
    is_down: bool


class Grid(ScrollView, can_focus=True):
    """Rows under a line of titles, with a cursor and marks.

    Parameters
    ----------
    title : str
        Stands in the border.
    empty : sequence of str
        Lines that are shown when there are no rows.
    elastic : int
        The column that gives way first, or several; -1 the last one, None all of them.
    is_sideways : bool
        Whether columns keep their widths and the table scrolls sideways.
    is_feed : bool
        Whether the newest row comes first and stays in sight until somebody moves in the pane.
    has : str
        What the pane offers to actions, as of: filterable markable sortable wideable.
    """

    DEFAULT_CSS = """
    Grid { border: round $faint; border-title-color: $foreground;
            background: transparent; overflow-x: hidden; scrollbar-size-vertical: 1; }
    Grid:focus { border: round $accent; border-title-color: $accent; border-title-style: bold; }
    """

    cursor = reactive(0, repaint=False)
    """Number of the row under the cursor."""

    class Moved(Message, namespace="table"):
        """The cursor went to another row, or marks changed."""

        def __init__(self, table: Grid) -> None:
            self.table = table
            super().__init__()

        @property
        def control(self) -> Grid:
            """The table."""
            return self.table

    class Ordered(Message, namespace="table"):
        """Another order was asked for."""

        def __init__(self, table: Grid) -> None:
            self.table = table
            super().__init__()

    def __init__(
        self,
        title: str,
        *,
        titles: Sequence[str] = (),
        empty: Sequence[str] = (),
        elastic: int | tuple[int, ...] | None = -1,
        is_sideways: bool = False,
        is_feed: bool = False,
        has: str = "",
        id: str | None = None,  # noqa: A002 -- Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self.title = title
        self.titles = titles
        self.empty = empty
        self.elastic = elastic
        self.is_sideways = is_sideways
        self.is_feed = is_feed
        self.has = frozenset(has.split())
        self.rows = _NOTHING
        self.marks: set[str] = set()
        self.order: Order | None = None
        self.picked = -1
        self._anchor = ""
        self._range = ""
        self._left = 0
        self._columns: list[Measured] = []
        self._widths: list[int] = []
        self._measured_for = -1
        self._shown_title = ""
        self._painted: dict[int, Line] = {}

    # What is shown

    @property
    def key(self) -> str:
        """The key of the row under the cursor; empty without rows."""
        return self.rows.key(self.cursor) if 0 <= self.cursor < len(self.rows) else ""

    @property
    def document(self) -> Document:
        """What the row under the cursor shows; None without rows."""
        at = self.cursor
        return self.rows.documents[at] if 0 <= at < len(self.rows) else None

    @property
    def detail(self) -> str:
        """The longer text about the row under the cursor."""
        return self.rows[self.cursor].detail if 0 <= self.cursor < len(self.rows) else ""

    @property
    def has_titles(self) -> bool:
        """Whether there is a line of titles."""
        return bool(self.titles) or any(one.title for one in self.rows.columns)

    def say_when_empty(self, lines: Sequence[str]) -> None:
        """Say something else while there are no rows."""
        if tuple(lines) != tuple(self.empty):
            self.empty = lines
            if not self.rows:
                self.refresh()

    def show_lines(self, lines: Sequence[Line], *, title: str = "") -> None:
        """Show a few rows that are built already."""
        is_same = list(lines) == self.rows.documents and len(self.rows.columns) == len(self.titles)
        rows = self.rows if is_same else Rows.of(lines, titled(*self.titles))
        self.show(rows, title=title)

    def show(self, rows: Rows, *, title: str = "") -> None:
        """Show rows; the cursor stays on its row. Nothing is drawn if nothing changed."""
        shown = title or self.title
        if shown != self._shown_title:  # assigning it draws the whole border, changed or not
            self._shown_title = shown
            self.border_title = Content(shown)
        if rows is self.rows:
            return
        before = (len(self.rows), self.scroll_offset.y, self._columns, self.has_titles)
        key, cursor = self.key, self.cursor
        self.rows = rows
        sought = "" if self.is_feed and not cursor and not self.has_focus else key
        at = cursor if cursor < len(rows) and sought and rows.key(cursor) == sought else -1
        if at < 0 and sought:
            at = rows.position(sought)
        at = at if at >= 0 else max(0, min(cursor, len(rows) - 1))
        if at != cursor:
            self.set_reactive(Grid.cursor, at)
            self._keep_in_sight()
        self.virtual_size = Size(0, len(rows) + self.has_titles)
        self._measured_for = -1
        self._measure(self.scrollable_content_region.width)
        after = (len(rows), self.scroll_offset.y, self._columns, self.has_titles)
        self._redraw(is_same_place=before == after and at == cursor)
        if self.key != key:
            self.post_message(self.Moved(self))

    def _redraw(self, *, is_same_place: bool) -> None:
        """Draw everything, or, where all rows stand where they stood, those that changed."""
        if not is_same_place or not self._painted or not self.rows:
            self.refresh()
            return
        width = self.size.width
        for y, line in list(self._painted.items()):
            number = y - self.has_titles + self.scroll_offset.y
            if not 0 <= number < len(self.rows) or self.rows[number].cells != line.cells:
                self.refresh(Region(0, y, width, 1))

    def on_mount(self) -> None:
        """Take the title into the border."""
        self.border_title = Content(self.title)

    def on_resize(self) -> None:
        """Lay the columns out again."""
        self.virtual_size = Size(0, len(self.rows) + self.has_titles)
        self._measured_for = -1
        self._painted.clear()
        self._keep_in_sight()

    # Drawing

    def _measure(self, width: int) -> None:
        """Find the columns' widths from the first rows."""
        if width == self._measured_for:
            return
        self._measured_for = width
        sample = [self.rows[at].cells for at in range(min(_SAMPLE, len(self.rows)))]
        self._columns = measured(self.rows.columns, sample, has_titles=self.has_titles)
        natural = [one.width for one in self._columns]
        room = max(1, width - self._gutter)
        fits = self.is_sideways
        self._widths = natural if fits else narrowed(natural, room, elastic=self.elastic)

    @property
    def _gutter(self) -> int:
        return 3 if "markable" in self.has else 2

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        width = self.scrollable_content_region.width
        self._measure(width)
        if not self.rows:
            text = self.empty[y] if y < len(self.empty) else ""
            return self._strip([Segment(f"  {text}", STYLES["dim"])], width)
        if self.has_titles and y == 0:
            return self._titles(width)
        number = y - self.has_titles + self.scroll_offset.y
        if not 0 <= number < len(self.rows):
            self._painted.pop(y, None)
            return self._strip([], width)
        line = self._painted[y] = self.rows[number]
        return self._row(line, width, is_here=number == self.cursor)

    def _titles(self, width: int) -> Strip:
        segments = [Segment(" " * self._gutter)]
        for at, room in enumerate(self._widths[: len(self.rows.columns)]):
            if not room:
                continue
            column = self.rows.columns[at]
            title = column.title
            if self.order is not None and self.order.title == title and title:
                title += "↓" if self.order.is_down else "↑"
            style = STYLES["dim"] + (Style(reverse=True) if at == self.picked else Style.null())
            align = "right" if column.align == "point" else column.align
            room_here = room + (1 if cell_width(title) > room else 0)
            segments.append(
                Segment(placed(title, Measured(room), align=align, width=room_here), style)
            )
            segments.append(Segment(" " * (GAP - (room_here - room))))
        return self._strip(segments, width)

    def _row(self, line: Line, width: int, *, is_here: bool) -> Strip:
        base = Style(reverse=True) if is_here and self.has_focus else Style.null()
        mark = (MARK if line.key in self.marks else " ") if "markable" in self.has else ""
        segments = [Segment(f"{CURSOR if is_here else ' '}{mark} ", base)]
        left = width - self._gutter
        last = max((at for at, room in enumerate(self._widths) if room), default=0)
        for at, (cell, room) in enumerate(zip(line.cells, self._widths, strict=False)):
            if not room:
                continue
            is_last = at >= min(last, len(line.cells) - 1)
            style = STYLES[cell.style]
            if base.reverse:  # colours would stand in patches on a row that is reversed
                style = Style(bold=style.bold)
            align = self.rows.columns[at].align if at < len(self.rows.columns) else "left"
            if is_last and align == "left":
                text = cell.text if self.is_sideways else cut(cell.text, max(0, left))
            else:
                text = placed(cell.text, self._columns[at], align=align, width=room)
            segments.append(Segment(text, style + base))
            if is_last:
                break
            segments.append(Segment(" " * GAP, base))
            left -= room + GAP
        return self._strip(segments, width, base=base)

    def _strip(self, segments: list[Segment], width: int, *, base: Style | None = None) -> Strip:
        strip = Strip(segments)
        if self._left and strip.cell_length > self._gutter:
            gutter, rest = strip.divide([self._gutter, max(self._gutter, strip.cell_length)])
            strip = Strip.join([gutter, rest.crop(self._left)])
        strip = strip.adjust_cell_length(width, base or Style.null())
        return strip.apply_style(self.rich_style).simplify()  # fewer bytes on the line

    def watch_cursor(self, before: int, after: int) -> None:
        """Redraw the two rows that changed, and keep the cursor in sight."""
        width = self.size.width
        for number in (before, after):
            y = number + self.has_titles - self.scroll_offset.y
            self.refresh(Region(0, y, width, 1))
        self._keep_in_sight()
        self.post_message(self.Moved(self))

    def _keep_in_sight(self) -> None:
        at, top = self.cursor, self.scroll_offset.y
        height = self.scrollable_content_region.height - self.has_titles
        if at < top:
            self.scroll_to(y=at, animate=False, immediate=True, force=True)
        elif at >= top + height > top:
            self.scroll_to(y=at - height + 1, animate=False, immediate=True, force=True)
