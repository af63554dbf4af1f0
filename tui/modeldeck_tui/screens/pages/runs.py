"""Runs: filtered, sorted, marked; what is known of the one under the cursor, with its curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical

from modeldeck.domain.documents import RunDocument
from modeldeck.domain.filters.fields import RUNS, RunNames, shown
from modeldeck.domain.filters.query import asked
from modeldeck_tui.clean import clean
from modeldeck_tui.present import runs
from modeldeck_tui.present.charts import Curves, curves_of
from modeldeck_tui.present.releases import said
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.pages.settling import SettlingListing
from modeldeck_tui.screens.running import RunActions
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.chart import Chart
from modeldeck_tui.widgets.frame import WIDE
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs

NOTHING = (
    "No runs yet. n trains a pipeline of pipelines/; from Python:",
    "",
    "    with modeldeck.start_run('experiment') as run:",
    "        run.log({'loss': 0.5}, step=1)",
)


_Shown = tuple[tuple[Sequence[RunDocument], frozenset[str]], Sequence[RunDocument]]
"""Runs, the values that a filter asks ``is`` for, and which runs that leaves."""


class RunsScreen(SettlingListing, RunActions):
    """The table of runs."""

    NAME = "runs"
    PLACE = "runs"
    TITLE = "Runs"
    TABLE = "#runs"
    HAS_RUNS = True
    FIELDS = RUNS
    NAMES = RunNames
    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")
    CSS = """
    #split { height: 1fr; layout: vertical; }
    #runs { height: 2fr; }
    #beside { height: 1fr; min-height: 6; }
    #curve { height: 1fr; display: none; }
    #preview { height: 1fr; }
    .-flat #beside { display: none; }
    .-wide #split { layout: horizontal; }
    .-wide #runs { width: 3fr; height: 100%; }
    .-wide #beside { width: 2fr; height: 100%; display: block; }
    .-wide #curve { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._curves: tuple[str, Curves] = ("", {})
        self._shown: _Shown | None = None

    def body(self) -> ComposeResult:
        """Make the table and the preview."""
        with Container(id="split"):
            yield Table(
                "Runs",
                empty=NOTHING,
                is_sideways=True,
                has="filterable markable sortable wideable",
                id="runs",
            )
            with Vertical(id="beside"):
                yield Chart("No curve: a curve needs two values.", id="curve")
                yield Tabs(
                    [
                        (
                            "Metrics",
                            Table("", titles=runs.METRIC_COLUMNS, elastic=0, id="preview-metrics"),
                        ),
                        ("Parameters", Table("", id="preview-parameters")),
                        ("About", Table("", id="preview-about")),
                        ("Annotations", Table("", empty=("c writes one.",), id="preview-said")),
                    ],
                    id="preview",
                )
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[RunDocument]:
        """Return all runs; archived and deleted ones where the filter asks for them."""
        key = (snapshot.runs, asked(self.query_text, "is"))
        if self._shown is None or self._shown[0][0] is not key[0] or self._shown[0][1] != key[1]:
            self._shown = (key, shown(snapshot.runs, self.query_text))
        return self._shown[1]

    def make(self, found: Sequence[RunDocument], snapshot: Snapshot) -> Rows:
        """Return runs as rows."""
        return runs.table(found, snapshot.at, is_wide=self.is_wide_table)

    def entity(self) -> str:
        """Return the run under the cursor of the main table."""
        return self.main.key

    def document(self) -> RunDocument | None:
        """Return the run under the cursor."""
        found: RunDocument | None = self.main.document
        return found

    def show_more(self, snapshot: Snapshot) -> None:
        """Show metrics, parameters and annotations of a run; its curve where there is room."""
        run = self.document()
        if run is None:
            return
        self.query_one("#preview-metrics", Table).show_lines(runs.metrics(run))
        self.query_one("#preview-parameters", Table).show_lines(runs.parameters(run))
        self.query_one("#preview-about", Table).show_lines(runs.about(run, snapshot.datasets))
        remarks = said(snapshot.remarks_on(f"run:{run['id']}"), snapshot.at)
        self.query_one("#preview-said", Table).show_lines(remarks)
        if self.size.width >= WIDE:
            self._show_curve(run)

    def _show_curve(self, run: RunDocument) -> None:
        name = run["id"]
        if self._curves[0] != name or run["status"] == "running":
            read = self.workspace.runs.metrics
            self.fetch("curve", lambda: (name, curves_of(read(name))))
        self._show_known(run)

    def _show_known(self, run: RunDocument) -> None:
        known, curves = self._curves
        if known == run["id"]:
            shown, points = runs.longest(curves)
            title = f"{shown} · {runs.short(run)}" if shown else runs.short(run)
            self.query_one("#curve", Chart).show(
                [clean(shown)] if shown else [], [points] if shown else [], title=clean(title)
            )

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show the curve of the run under the cursor."""
        if tag != "curve":
            super().take(tag, value)
            return
        is_new = value != self._curves
        self._curves = value
        run = self.document()
        if is_new and run is not None:
            self._show_known(run)

    def chosen(self) -> list[str]:
        """Return the marked runs in the order of the table, else the one under the cursor."""
        marked = [key for key in self.main.rows.keys() if key in self.main.marks]  # noqa: SIM118 -- no dict
        return [key.partition(":")[2] for key in marked or [self.entity()] if key]

    def action_compare(self) -> None:
        """Compare the marked runs, in the order of the table."""
        from modeldeck_tui.screens.pages.compare import CompareScreen

        self.app.push_screen(CompareScreen(tuple(self.chosen())))
