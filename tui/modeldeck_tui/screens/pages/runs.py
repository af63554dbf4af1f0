"""Runs: filtered, sorted, marked; a preview of the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck.domain.documents import RunDocument
from modeldeck.domain.filters.fields import RUNS
from modeldeck_tui.present import runs
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.running import RunActions
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs

NOTHING = (
    "No runs yet, or none that fits the filter (esc takes it away).",
    "n trains a pipeline; from Python:",
    "",
    "    with modeldeck.start_run('experiment') as run:",
    "        run.log({'loss': 0.5}, step=1)",
)


class RunsScreen(ListingPage, RunActions):
    """The table of runs."""

    NAME = "runs"
    PLACE = "runs"
    TITLE = "Runs"
    TABLE = "#runs"
    HAS_RUNS = True
    FIELDS = RUNS
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")
    CSS = """
    #split { height: 1fr; layout: vertical; }
    .-wide.-tall #split { layout: vertical; }
    #runs { height: 2fr; }
    #preview { height: 1fr; min-height: 6; }
    .-flat #preview { display: none; }
    """

    def body(self) -> ComposeResult:
        """Make the table and the preview."""
        from textual.containers import Container

        with Container(id="split"):
            yield Table(
                "Runs",
                empty=NOTHING,
                is_sideways=True,
                has="filterable markable sortable wideable",
                id="runs",
            )
            yield Tabs(
                [
                    ("Metrics", Table("", titles=runs.METRIC_COLUMNS, id="preview-metrics")),
                    ("Parameters", Table("", id="preview-parameters")),
                    ("About", Table("", id="preview-about")),
                    ("Remarks", Table("", empty=("c writes one.",), id="preview-remarks")),
                ],
                id="preview",
            )
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[RunDocument]:
        """Return all runs."""
        return snapshot.runs

    def make(self, found: Sequence[RunDocument], snapshot: Snapshot) -> Rows:
        """Return runs as rows."""
        return runs.table(found, snapshot.at, is_wide=self.is_wide_table)

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        super().show(snapshot)
        self._show_preview()

    def entity(self) -> str:
        """Return the run under the cursor of the main table."""
        return self.main.key

    def document(self) -> RunDocument | None:
        """Return the run under the cursor."""
        found: RunDocument | None = self.main.document
        return found

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show the run under the cursor."""
        if event.table is self.main:
            self._show_preview()

    def _show_preview(self) -> None:
        from modeldeck_tui.present.releases import said

        run, snapshot = self.document(), self.snapshot
        if run is None or snapshot is None:
            return
        self.query_one("#preview-metrics", Table).show_lines(runs.metrics(run))
        self.query_one("#preview-parameters", Table).show_lines(runs.parameters(run))
        self.query_one("#preview-about", Table).show_lines(runs.about(run))
        remarks = said(snapshot.remarks_on(f"run:{run['id']}"), snapshot.at)
        self.query_one("#preview-remarks", Table).show_lines(remarks)

    def action_compare(self) -> None:
        """Compare the marked runs, in the order of the table."""
        from modeldeck_tui.screens.pages.compare import CompareScreen

        marked = [key for key in self.main.rows.keys() if key in self.main.marks]  # noqa: SIM118 -- no dict
        self.app.push_screen(CompareScreen(tuple(key.partition(":")[2] for key in marked)))
