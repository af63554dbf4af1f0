"""Releases: what waits for me, what is open, rolling out, done; the gate and votes of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from modeldeck.domain.documents import DiffRow, ReleaseDocument
from modeldeck.domain.filters.fields import RELEASES
from modeldeck_tui.clean import clean
from modeldeck_tui.present import releases
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.pages.settling import SettlingListing
from modeldeck_tui.screens.reading import diff
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
_BY = 6
"""The column that gives way first: the line below tells it too."""


class ReleasesScreen(SettlingListing, VotingPage):
    """The queue of releases."""

    NAME = "releases"
    PLACE = "releases"
    TITLE = "Releases"
    TABLE = "#releases"
    FIELDS = RELEASES
    BINDINGS: ClassVar[list[BindingType]] = bindings("releases")
    CSS = """
    #releases { height: 1fr; }
    #release-panes { height: 2fr; display: none; }
    #release-gate { width: 4fr; }
    #release-changes { width: 5fr; }
    #release-votes { width: 4fr; }
    .-wide.-tall #release-panes { display: block; }
    #release-detail { height: auto; min-height: 2; max-height: 3; padding: 0 1; }
    .-flat #release-detail { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._of = ""
        self._diff: Sequence[DiffRow] = ()
        self._is_new = True

    def body(self) -> ComposeResult:
        """Make the tabs, the list, and the panes about one."""
        yield TabLine(releases.TABS, id="release-tabs")
        yield Table(
            "Releases", empty=NOTHING, elastic=_BY, has="filterable sortable", id="releases"
        )
        with Horizontal(id="release-panes"):
            yield Table("Gate", empty=("The gate has not run yet.",), id="release-gate")
            yield Table("Changes", empty=("Nothing differs.",), elastic=None, id="release-changes")
            yield Table("Votes", empty=("Nobody has voted yet.",), id="release-votes")
        yield Quiet(id="release-detail", markup=False)
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[ReleaseDocument]:
        """Return the releases of the tab."""
        return releases.in_tab(snapshot.releases, self.query_one(TabLine).current)

    def make(self, found: Sequence[ReleaseDocument], snapshot: Snapshot) -> Rows:
        """Return releases as rows."""
        return releases.table(found, snapshot.at)

    def entity(self) -> str:
        """Return the release under the cursor, wherever the focus is."""
        return self.main.key

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read, and how many are in each tab; the first that has any comes up."""
        tabs = self.query_one(TabLine)
        counts = [len(releases.in_tab(snapshot.releases, tab)) for tab in releases.TABS]
        if self._is_new and any(counts):
            tabs.at = next(at for at, count in enumerate(counts) if count)
            self._is_new = False
        tabs.show(counts)
        super().show(snapshot)

    def show_more(self, snapshot: Snapshot) -> None:
        """Show the verdict on the release under the cursor, and its gate, changes and votes."""
        release: ReleaseDocument | None = self.main.document
        parts = releases.verdict(release, snapshot, more=self.main.detail) if release else []
        self.query_one("#release-detail", Quiet).put(styled(parts))
        panes = self.query_one("#release-panes")
        panes.visible = release is not None
        if release is None or not panes.display:
            return
        self.query_one("#release-gate", Table).show_lines(releases.checks(release))
        votes = [*releases.votes(release, snapshot.at), *releases.remarks(release, snapshot)]
        title = releases.votes_title(release)
        self.query_one("#release-votes", Table).show_lines(votes, title=title)
        name = release["id"]
        if name in snapshot.diffs:
            self._show_changes(release, snapshot.diffs[name])
        elif name != self._of:
            self.fetch("diff", lambda: (name, diff(self.workspace, name)))
        else:
            self._show_changes(release, self._diff)

    def _show_changes(self, release: ReleaseDocument, rows: Sequence[DiffRow]) -> None:
        changes = self.query_one("#release-changes", Table)
        changes.titles = releases.changed(release)
        before = release["replaces_version"] or "nothing"
        title = clean(f"Changes · {before} → {release['version']}")
        changes.show_lines(releases.changes(rows), title=title)

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what changes with the release under the cursor."""
        if tag != "diff":
            super().take(tag, value)
            return
        self._of, self._diff = value
        release: ReleaseDocument | None = self.main.document
        if release is not None and release["id"] == self._of:
            self._show_changes(release, self._diff)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Show the whole evidence of a check, the whole text of a vote."""
        if event.table is not self.main:
            event.prevent_default()
            if event.table.detail:
                self.host.tell(event.table.detail)

    def action_next_tab(self) -> None:
        """Show the next tab."""
        self.query_one(TabLine).turn(1)
        self.show_frame()

    def action_previous_tab(self) -> None:
        """Show the tab before."""
        self.query_one(TabLine).turn(-1)
        self.show_frame()
