"""The first page: what needs me, what is live, what runs, what happened last."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck_tui.present import overview
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.table import Table

NOTHING = (
    "Nothing needs you.",
    "Try: n on the runs' page (2) trains a pipeline, p makes a version of a run",
    "     p on the models' page (3) asks for a release",
    "     : runs a command, ? shows every key",
)


NO_RUNS = ("No runs yet.", "2 n trains a pipeline.")
WIDE = 140
"""Columns from which on the traffic of ten minutes fits."""


class OverviewScreen(VotingPage):
    """The overview."""

    NAME = "overview"
    PLACE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = bindings("overview")
    CSS = """
    #body { height: 1fr; }
    #inbox { height: 1fr; }
    #middle { height: 1fr; }
    #deployed { width: 54; }
    #running { width: 1fr; }
    .-tiny #deployed { width: 1fr; }
    .-tiny #running { display: none; }
    .-wide #deployed { width: 3fr; }
    .-wide #running { width: 2fr; }
    #latest { height: 1fr; }
    .-tall #inbox { height: 10; }
    .-tall #middle { height: 14; }
    """

    def body(self) -> ComposeResult:
        """Make the four lists."""
        with Vertical(id="body"):
            yield Table("Needs you", empty=NOTHING, elastic=2, id="inbox")
            with Horizontal(id="middle"):
                yield Table(
                    "Deployed",
                    titles=overview.DEPLOYED,
                    empty=("Nothing is deployed yet.", "A release goes live by approval."),
                    elastic=4,
                    id="deployed",
                )
                yield Table(
                    "Runs",
                    empty=NO_RUNS,
                    elastic=3,
                    is_feed=True,
                    id="running",
                )
            yield Table(
                "Latest activity", empty=("Nothing was decided yet.",), is_feed=True, id="latest"
            )

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        inbox = overview.inbox(snapshot)
        self.query_one("#inbox", Table).show_lines(inbox, title=f"Needs you · {len(inbox)}")
        deployed, is_wide = self.query_one("#deployed", Table), self.size.width >= WIDE
        deployed.titles = (*overview.DEPLOYED, *([overview.WIDE] * is_wide))
        deployed.show_lines(overview.deployed(snapshot, is_wide=is_wide))
        self.query_one("#running", Table).say_when_empty(
            NO_RUNS if snapshot.is_whole else ("reading …",)
        )
        running = f"Running · {len(snapshot.running)}" if snapshot.running else "Last runs"
        self.query_one("#running", Table).show_lines(overview.running(snapshot), title=running)
        self.query_one("#latest", Table).show_lines(overview.activity(snapshot))
        self.crumb("Overview")
