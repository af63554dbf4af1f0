"""Pages that show more about a row once the cursor rests on it."""

from __future__ import annotations

from textual.timer import Timer

from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.widgets.table import Table

RESTS_S = 0.08
"""How long the cursor rests before more is shown: a held key draws rows alone."""


class Settling(Page):
    """A page with a detail that follows the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._resting: Timer | None = None

    def settle(self) -> None:
        """Show more about the row under the cursor as soon as the cursor rests."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(RESTS_S, self._settled)

    def _settled(self) -> None:
        self._resting = None
        if self.is_whole and self.snapshot is not None:
            self.show_more(self.snapshot)

    def show_more(self, snapshot: Snapshot) -> None:
        """Show more about the row under the cursor; each page says what."""


class SettlingListing(ListingPage, Settling):
    """A page around one table that shows more about its row."""

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read, and more about the row under the cursor."""
        super().show(snapshot)
        self.show_more(snapshot)

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show more about the row that the cursor went to."""
        if event.table is self.main:
            self.settle()
