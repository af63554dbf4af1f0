"""Releases: what waits for me, what is open, rolling out, done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck.domain.documents import ReleaseDocument
from modeldeck.domain.filters.fields import RELEASES
from modeldeck_tui.present import releases
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.styles import styled
from modeldeck_tui.widgets.tab_line import TabLine
from modeldeck_tui.widgets.table import Table

NOTHING = (
    "Nothing here. [ and ] turn to the other tabs.",
    "p on a version (3) asks for a release.",
)


class ReleasesScreen(ListingPage, VotingPage):
    """The queue of releases."""

    NAME = "releases"
    PLACE = "releases"
    TITLE = "Releases"
    TABLE = "#releases"
    FIELDS = RELEASES
    BINDINGS: ClassVar[list[BindingType]] = bindings("releases")
    CSS = """
    #releases { height: 1fr; }
    #release-detail { height: 2; padding: 0 1; }
    .-flat #release-detail { display: none; }
    """

    def body(self) -> ComposeResult:
        """Make the tabs, the list, and the line about one."""
        yield TabLine(releases.TABS, id="release-tabs")
        yield Table("Releases", empty=NOTHING, elastic=5, has="filterable sortable", id="releases")
        yield Quiet(id="release-detail", markup=False)
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[ReleaseDocument]:
        """Return the releases of the tab."""
        return releases.in_tab(snapshot.releases, self.query_one(TabLine).current)

    def make(self, found: Sequence[ReleaseDocument], snapshot: Snapshot) -> Rows:
        """Return releases as rows."""
        return releases.table(found, snapshot.at)

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read, and how many are in each tab."""
        tabs = self.query_one(TabLine)
        tabs.show([len(releases.in_tab(snapshot.releases, tab)) for tab in releases.TABS])
        super().show(snapshot)
        self._show_detail()

    def on_table_moved(self, event: Table.Moved) -> None:  # noqa: ARG002 -- pages use it
        """Show more about the row under the cursor."""
        self._show_detail()

    def _show_detail(self) -> None:
        snapshot, release = self.snapshot, self.main.document
        if snapshot is None or release is None:
            self.query_one("#release-detail", Quiet).put(styled(()))
            return
        parts = releases.verdict(release, snapshot, more=self.main.detail)
        self.query_one("#release-detail", Quiet).put(styled(parts))

    def action_next_tab(self) -> None:
        """Show the next tab."""
        self.query_one(TabLine).turn(1)
        self.show_frame()

    def action_previous_tab(self) -> None:
        """Show the tab before."""
        self.query_one(TabLine).turn(-1)
        self.show_frame()
