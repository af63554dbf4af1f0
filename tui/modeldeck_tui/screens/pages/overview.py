"""The first page: what needs me, what is live, what runs, what happened last."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck_tui.present import overview
from modeldeck_tui.present.charts import LAST_MINUTES
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.chart import Chart
from modeldeck_tui.widgets.table import Table

NOTHING = (
    "Nothing needs you.",
    "p on a run (2) makes a version, p on a version (3) asks for its release.",
    ": runs a command, ? shows every key.",
)
BEGIN = (
    "Nothing needs you, and no run is here yet. Runs come from your Python:",
    "    with modeldeck.start_run('churn') as run: run.log({'loss': 0.5})",
    "from any program: modeldeck exec --experiment churn -- python train.py",
    "and from files of pipelines/: n on the runs' page (2). ? shows every key.",
)

READING = ("reading …",)
NO_RUNS = ("No runs yet.",)
SLIM = 76
"""Columns below which what is deployed takes the width of the last runs too."""


class OverviewScreen(VotingPage):
    """The overview."""

    NAME = "overview"
    PLACE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = bindings("overview")
    CSS = """
    #body { height: 1fr; }
    #inbox { height: auto; min-height: 3; max-height: 50%; }
    #inbox.-empty { min-height: 5; }
    #inbox.-begin { min-height: 6; }
    #inbox.-all, #inbox.-more { max-height: 100%; }
    #middle { height: 1fr; min-height: 4; }
    #live { width: 54; }
    #deployed { height: 1fr; }
    #rates { height: 2fr; display: none; }
    #running { width: 1fr; }
    .-tiny #live, .-slim #live { width: 1fr; }
    .-tiny #running, .-slim #running { display: none; }
    .-wide #live { width: 1fr; }
    .-wide.-tall #rates { display: block; }
    .-wide.-tall #rates.-idle { display: none; }
    #latest { height: 1fr; }
    """

    def body(self) -> ComposeResult:
        """Make the four lists."""
        with Vertical(id="body"):
            yield Table("Needs you", empty=READING, elastic=2, id="inbox")
            with Horizontal(id="middle"):
                with Vertical(id="live"):
                    yield Table(
                        "Deployed",
                        titles=overview.DEPLOYED,
                        empty=("Nothing is deployed yet.", "A release goes live by approval."),
                        elastic=4,
                        id="deployed",
                    )
                    yield Chart("No requests in the last 10 minutes.", id="rates")
                yield Table("Runs", empty=NO_RUNS, elastic=1, is_feed=True, id="running")
            yield Table(
                "Latest activity", empty=("Nothing was decided yet.",), is_feed=True, id="latest"
            )

    def on_resize(self) -> None:
        """Give what is deployed the whole width on narrow terminals."""
        self.set_class(self.size.width < SLIM, "-slim")

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        width = self.size.width
        lines = overview.inbox([*snapshot.inbox, *snapshot.expiring], snapshot.at)
        inbox = self.query_one("#inbox", Table)
        inbox.set_class(not lines, "-empty")
        inbox.show_lines(lines, title=f"Needs you · {len(lines)}")
        deployed, is_wide = self.query_one("#deployed", Table), width >= overview.BROAD
        deployed.titles = (*overview.DEPLOYED, *([overview.WIDE] * is_wide))
        deployed.show_lines(overview.deployed(snapshot, is_wide=is_wide))
        self._show_rates(snapshot)
        runs = self.query_one("#running", Table)
        runs.say_when_empty(NO_RUNS if snapshot.is_whole else READING)
        has_runs = bool(snapshot.running or snapshot.recent)
        inbox.set_class(not lines and not has_runs, "-begin")
        inbox.say_when_empty((NOTHING if has_runs else BEGIN) if snapshot.is_whole else READING)
        title = f"Running · {len(snapshot.running)}" if snapshot.running else "Last runs"
        runs.show_lines(overview.running(snapshot, width=width), title=title)
        self.query_one("#latest", Table).show_lines(overview.activity(snapshot))
        self.crumb("Overview")

    def _show_rates(self, snapshot: Snapshot) -> None:
        names, series = overview.rates(snapshot)
        chart = self.query_one("#rates", Chart)
        chart.set_class(not names, "-idle")
        title = f"Requests a second, last 10 minutes{f' · {names[0]}' if len(names) == 1 else ''}"
        chart.show(names, series, title=title, axes=LAST_MINUTES)
