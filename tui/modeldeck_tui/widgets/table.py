"""A table: rows with a cursor that moves, marks, and an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message

from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.columns import GAP
from modeldeck_tui.widgets.grid import Grid, Order


class Table(Grid):
    """Rows that can be gone through, opened, marked and sorted; see :class:`Grid`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    class Opened(Message):
        """Enter was pressed on a row."""

        def __init__(self, table: Table, key: str) -> None:
            self.table = table
            self.key = key
            super().__init__()

        @property
        def control(self) -> Table:
            """The table."""
            return self.table

    # Moving

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
        last = len(self.rows) - 1
        to = {
            "up": self.cursor - 1,
            "down": self.cursor + 1,
            "first": 0,
            "last": last,
            "page_up": self.cursor - half,
            "page_down": self.cursor + half,
        }[where]
        self.cursor = max(0, min(to, last))

    def go_to(self, key: str) -> bool:
        """Put the cursor on the row of an entity; say whether there is one."""
        at = self.rows.position(key)
        if at >= 0:
            self.cursor = at
        return at >= 0

    def action_sideways(self, direction: int) -> None:
        """Scroll by half a pane to the left, or to the right as far as the columns reach."""
        whole = sum(self._widths) + GAP * len(self._widths) + self._gutter
        if direction < 0 or self._left + self.size.width < whole:
            half = max(1, self.size.width // 2)
            self._left = max(0, self._left + direction * half)
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row that was clicked; a double click opens it."""
        inside = event.get_content_offset(self)
        number = -1 if inside is None else inside.y - self.has_titles + self.scroll_offset.y
        if 0 <= number < len(self.rows):
            self.cursor = number
            if event.chain == 2:
                self.action_open()

    def action_open(self) -> None:
        """Say that the row under the cursor was opened."""
        if self.rows:
            self.post_message(self.Opened(self, self.key))

    # Marks

    def mark(self, keys: Sequence[str], *, is_on: bool = True) -> None:
        """Mark rows, or take their marks away."""
        if is_on:
            self.marks.update(keys)
        else:
            self.marks.difference_update(keys)
        self.refresh()
        self.post_message(self.Moved(self))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away; go one down."""
        self._anchor = self.key
        self.mark([self.key], is_on=self.key not in self.marks)
        self.action_move("down")

    def action_mark_range(self) -> None:
        """Begin a range at the cursor; the second time, mark it to here."""
        if self._range and self.rows.position(self._range) >= 0:
            self._mark_from(self._range)
            self._range = ""
        else:
            self._range = self.key
            self.mark([self.key])

    def action_mark_to(self) -> None:
        """Mark from the last mark to the cursor."""
        self._mark_from(self._anchor)

    def _mark_from(self, key: str) -> None:
        start = self.rows.position(key) if key else self.cursor
        low, high = sorted((max(0, start), self.cursor))
        self.mark([self.rows.key(at) for at in range(low, high + 1)])

    def action_mark_all(self) -> None:
        """Mark every row that is shown."""
        self.mark(list(self.rows.keys()))

    def action_unmark(self) -> None:
        """Take all marks away."""
        self._anchor = self._range = ""
        self.mark(list(self.marks), is_on=False)

    # Order

    def action_column_left(self) -> None:
        """Pick the column before."""
        self._pick(-1)

    def action_column_right(self) -> None:
        """Pick the next column."""
        self._pick(1)

    def _pick(self, step: int) -> None:
        able = [at for at, one in enumerate(self.rows.columns) if one.value is not None]
        if able:
            first = 0 if step > 0 else len(able) - 1
            at = able.index(self.picked) + step if self.picked in able else first
            self.picked = able[at % len(able)]
            self.refresh(Region(0, 0, self.size.width, 1))

    def action_sort(self) -> None:
        """Ask for the rows in the order of the picked column; again: backwards."""
        if self.picked < 0:
            self._pick(1)
        if 0 <= self.picked < len(self.rows.columns):
            title = self.rows.columns[self.picked].title
            is_again = self.order is not None and self.order.title == title
            is_down = not self.order.is_down if self.order is not None and is_again else True
            self.order = Order(title, is_down)
            self.refresh()
            self.post_message(self.Ordered(self))
