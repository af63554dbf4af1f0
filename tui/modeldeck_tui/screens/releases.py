"""All releases, newest first."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck_tui import present
from modeldeck_tui.present import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.review import ReviewScreen
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Crumb
from modeldeck_tui.widgets.row_list import RowList


class ReleasesScreen(Page):
    """The list of releases."""

    NAME = "releases"
    PLACE = "releases"
    BINDINGS: ClassVar[list[BindingType]] = bindings("releases")
    CSS = "#releases { height: 1fr; }"

    def body(self) -> ComposeResult:
        """Make the list."""
        yield RowList(
            "Releases",
            headers=("STATUS", "RELEASE", "CHANGE", "ENV", "GATE", "", "BY"),
            empty=(
                "No release was asked for yet.",
                "Try: modeldeck release request MODEL@N -e ENV",
            ),
            elastic=5,
            id="releases",
        )

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        rows = present.releases(snapshot)
        self.query_one(RowList).show(rows)
        n_open = sum(1 for one in snapshot.releases if one["is_open"])
        self.query_one(Crumb).show("Releases", f"{n_open} open of {len(rows)}")

    def entity(self) -> str:
        """Return the release under the cursor."""
        return self.query_one(RowList).key

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Open a release."""
        self.app.push_screen(ReviewScreen(event.key.removeprefix("release:")))
