"""Pages with one main table that can be filtered, sorted and widened; big ones in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input

from modeldeck.domain.filters import query
from modeldeck.domain.filters.fields import RunNames
from modeldeck.domain.filters.query import Fields
from modeldeck.domain.reading.columns import in_order
from modeldeck.errors import InvalidInputError
from modeldeck_tui.clean import clean
from modeldeck_tui.present.conditions import Situation
from modeldeck_tui.present.rows import Document, Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens import filters
from modeldeck_tui.screens.base import Page
from modeldeck_tui.widgets.grid import Order
from modeldeck_tui.widgets.table import Table

MANY = 2_000
"""From so many documents on they are filtered and sorted in a thread."""


class FilterField(Input):
    """The filter's line above the hints: what fits shows while somebody types."""

    DEFAULT_CSS = """
    FilterField { dock: bottom; height: 1; border: none; display: none; padding: 0 1;
                  margin-bottom: 1; }
    FilterField:focus { border: none; }
    """

    def on_mount(self) -> None:
        """Blink not, and complete nothing."""
        self.cursor_blink = False


class ListingPage(Page):
    """A page around one main table.

    Attributes
    ----------
    TABLE : str
        The selector of the main table.
    FIELDS : Fields
        What its documents can be asked for in a filter.
    NAMES : type or None
        Returns what documents can be asked for beyond the fields; None for whatever is typed.
    TITLE : str
        The page in the third line.
    HAS_RUNS : bool
        Whether the page shows runs, which are read after everything else.
    """

    TABLE: ClassVar[str] = ""
    FIELDS: ClassVar[Fields]
    NAMES: ClassVar[type[RunNames] | None] = None
    TITLE: ClassVar[str] = ""
    HAS_RUNS: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.query_text = ""
        self.is_wide_table = False
        self._problem = ""
        self._is_asked = True
        self._nothing: Sequence[str] | None = None
        self._made_for: object = None
        self._n_all = 0

    def filter_field(self) -> ComposeResult:
        """Make the field for the filter; part of each listing's body."""
        yield FilterField(
            placeholder="Filter: status:failed acc>0.9 !word since:7d re:a.*b", id="filter"
        )

    def documents(self, snapshot: Snapshot) -> Sequence[Document]:  # noqa: ARG002 -- pages use it
        """Return what the table shows, before the filter; each listing says it."""
        return ()

    def make(self, found: Sequence[Document], snapshot: Snapshot) -> Rows:  # noqa: ARG002 -- as above
        """Return rows for documents; each listing has its own columns."""
        return Rows((), found, key=str)

    def situation(self) -> Situation:
        """Return what actions are judged by: the filter works wherever the focus is."""
        now = super().situation()
        return replace(now, has=now.has | (self.main.has & {"filterable", "wideable"}))

    @property
    def is_filled(self) -> bool:
        """Whether the rows are those that were asked for last."""
        if isinstance(self.focused, Input):
            return True
        is_read = self.snapshot is not None and (self.snapshot.is_whole or not self.HAS_RUNS)
        return is_read and not self._is_asked

    @property
    def main(self) -> Table:
        """The main table."""
        return self.query_one(self.TABLE, Table)

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read, filtered and sorted."""
        field = self.query_one(FilterField)
        if field.value != self.query_text and not field.has_focus:
            field.value = self.query_text
        documents = self.documents(snapshot)
        self._n_all = len(documents)
        made_for = (id(documents), self.query_text, self.main.order, self.is_wide_table)
        if (made_for, snapshot.at[:16]) == self._made_for and len(documents) > MANY:
            self._show_crumb()
            return
        self._made_for = (made_for, snapshot.at[:16])
        text, order = self.query_text, self.main.order
        if len(documents) > MANY:
            self.fetch(
                "rows", lambda: computed(self, documents, snapshot=snapshot, text=text, order=order)
            )
        else:
            self._show_rows(computed(self, documents, snapshot=snapshot, text=text, order=order))

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as above
        """Show rows that were computed in a thread."""
        if tag == "rows":
            self._show_rows(value)

    def _show_rows(self, computed: tuple[Rows | None, str]) -> None:
        rows, self._problem = computed
        self._is_asked = False
        if rows is not None:
            self._nothing = self._nothing or self.main.empty
            self.main.say_when_empty(nothing(self, self._nothing))
            self.main.show(rows)
            if self.wanted and self.main.go_to(self.wanted):
                self.wanted = ""
        self._show_crumb()

    def _show_crumb(self) -> None:
        if self._problem:
            self.crumb(f"{self.TITLE}   {clean(self._problem)}", style="bad")
            return
        path = self.TITLE
        if self.query_text:
            path += f"   /{clean(self.query_text)}"
        shown, marked = len(self.main.rows), len(self.main.marks)
        if self.snapshot is not None and not self.snapshot.is_whole:
            self.crumb(path, "◌ reading …", style="dim")
            return
        note = f"{shown:,} of {self._n_all:,}" if self.query_text else f"{self._n_all:,}"
        if marked:
            note = f"● {marked} marked   {note}"
        self.crumb(path, note)

    def on_table_moved(self, event: Table.Moved) -> None:  # noqa: ARG002 -- pages use it
        """Show what the row offers, and how many are marked."""
        self._show_crumb()

    def on_table_ordered(self) -> None:
        """Sort."""
        self._is_asked = True
        self.show_frame()

    def set_filter(self, text: str) -> None:
        """Show what fits a filter; ``@name`` is one that was kept."""
        self.query_text = filters.meant(self.NAME, text)
        self._is_asked = True
        self.show_frame()

    def action_filter(self) -> None:
        """Ask for a filter."""
        field = self.query_one(FilterField)
        field.display = True
        self.set_focus(field)

    def action_wide(self) -> None:
        """Show all columns, or those that fit."""
        self.is_wide_table = not self.is_wide_table
        self.show_frame()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while somebody types."""
        is_typed = isinstance(event.input, FilterField) and event.input.has_focus
        if is_typed and event.value != self.query_text:
            self.query_text = event.value
            self._is_asked = True
            self.show_frame()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, and go back to the table."""
        if isinstance(event.input, FilterField):
            event.input.display = False
            self.main.focus()
            if event.value.startswith("@"):
                self.set_filter(event.value)

    def on_key(self, event: events.Key) -> None:
        """Go from the filter into the table with the arrow keys."""
        if event.key in {"down", "up"} and isinstance(self.focused, FilterField):
            event.stop()
            self.main.focus()

    def step_back(self) -> bool:
        """Leave the filter's field, then take the filter away, then marks."""
        field = self.query_one(FilterField)
        if field.has_focus or field.display:
            field.display = False
            self.main.focus()
            return True
        if self.query_text and not self.main.marks:
            self.set_filter("")
            return True
        return super().step_back()


def computed(
    page: ListingPage,
    documents: Sequence[Document],
    *,
    snapshot: Snapshot,
    text: str,
    order: Order | None,
) -> tuple[Rows | None, str]:
    """Return the rows that fit, in order, or what is wrong with the filter."""
    found = documents
    if text.strip():
        try:
            known = page.NAMES(documents) if page.NAMES is not None else ()
            test = query.parse(text, page.FIELDS, now=snapshot.at, me=snapshot.actor, known=known)
        except InvalidInputError as error:
            return None, error.message.removeprefix("The filter is not understood. ")
        found = [one for one in documents if test(one)]
    rows = page.make(found, snapshot)
    if order is not None:
        column = next((one for one in rows.columns if one.title == order.title), None)
        if column is not None and column.value is not None:
            found = in_order(found, column.value, is_down=order.is_down)
            rows = page.make(found, snapshot)
    return rows, ""


def nothing(page: ListingPage, otherwise: Sequence[str]) -> Sequence[str]:
    """Return what a table without rows says: what to do next, whatever the reason."""
    if page.query_text:
        return (f"Nothing fits /{clean(page.query_text)}", "esc takes the filter away.")
    if page.HAS_RUNS and page.snapshot is not None and not page.snapshot.is_whole:
        return ("reading …",)
    return otherwise
