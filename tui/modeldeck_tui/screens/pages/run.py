"""One run: metrics, a live chart, parameters, output, annotations, files, where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical

from modeldeck.domain.documents import LineageRow
from modeldeck.errors import ModelDeckError
from modeldeck_tui.clean import clean
from modeldeck_tui.present import models, runs
from modeldeck_tui.present.charts import Curves, curves_of
from modeldeck_tui.present.logs import log_line
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import run_status
from modeldeck_tui.screens.charting import Charting
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.chart import Chart
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs
from modeldeck_tui.widgets.text_view import TextView

N_OUTPUT = 500
LOW = 20
"""Lines below which the metrics and the tabs take the chart's place."""


class RunDetail(NamedTuple):
    """What a run's folder says beyond its document."""

    curves: Curves
    about: Mapping[str, Any]
    files: Sequence[tuple[str, int]]
    output: Sequence[tuple[str, str]]
    system: Sequence[Mapping[str, Any]]
    code: str
    n_damaged: int
    lineage: Sequence[LineageRow]


class RunScreen(Charting):
    """The page of one run.

    Parameters
    ----------
    run : str
        Its id.
    """

    NAME = "run"
    PLACE = "runs"
    CHART = "#run-chart"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")
    CSS = """
    #run-top { height: 3fr; layout: vertical; }
    #run-metrics { height: auto; min-height: 4; max-height: 50%; }
    #run-metrics.-all, #run-metrics.-more { max-height: 100%; }
    #run-chart { height: 1fr; }
    .-tiny #run-chart, .-low #run-chart { display: none; }
    .-low #run-metrics { height: 1fr; max-height: 100%; }
    #run-more { height: 2fr; }
    .-tall #run-more { height: 3fr; }
    .-wide #run-top { layout: horizontal; }
    .-wide #run-metrics { width: 82; height: 100%; max-height: 100%; max-width: 60%; }
    .-wide #run-chart { width: 1fr; height: 100%; }
    .-flat #run-more { display: none; }
    """

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run_id = run
        self._detail: RunDetail | None = None

    def body(self) -> ComposeResult:
        """Make the panes."""
        with Vertical(id="run-body"):
            with Container(id="run-top"):
                yield Table(
                    "Metrics",
                    titles=runs.METRIC_COLUMNS,
                    empty=("None yet.",),
                    elastic=0,
                    id="run-metrics",
                )
                yield Chart("No values yet.", id="run-chart")
            yield Tabs(
                [
                    ("About", Table("", id="run-about")),
                    ("Parameters", Table("", empty=("None.",), id="run-parameters")),
                    ("Output", TextView(id="run-output")),
                    ("Discussion", Table("", empty=("c writes the first word.",), id="run-said")),
                    ("Files", Table("", empty=("No artifacts.",), id="run-files")),
                    ("Code", TextView(id="run-code")),
                    ("Machine", Table("", id="run-environment")),
                    ("Lineage", Table("", id="run-lineage")),
                ],
                id="run-more",
            )

    def on_resize(self) -> None:
        """Leave the chart out where nothing of it would show."""
        self.set_class(self.size.height < LOW, "-low")

    def entity(self) -> str:
        """Return this run, or the thing under the cursor of its lineage."""
        focused = self.focused
        if isinstance(focused, Table) and focused.id == "run-lineage" and ":" in focused.key:
            return focused.key
        return f"run:{self.run_id}"

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read, and read the rest."""
        run = snapshot.run(self.run_id)
        if run is None:
            self.crumb(f"Runs › {clean(self.run_id)}", "is not there", style="bad")
            return
        status = run_status(run["status"])
        title = f"{runs.short(run)}  {run['experiment']} {run['name']}".strip()
        progress = run["progress"].get("text", "") if run["progress"] else ""
        self.crumb(
            f"Runs › {clean(title)}", f"{clean(progress)}  {status.text}", style=status.style
        )
        self.query_one("#run-metrics", Table).show_lines(runs.metrics(run))
        children = [one for one in snapshot.runs if one["parent"] == self.run_id]
        about = runs.about(run, snapshot.datasets, children=children)
        self.query_one("#run-about", Table).show_lines(about)
        self.query_one("#run-parameters", Table).show_lines(runs.parameters(run))
        self.query_one("#run-said", Table).show_lines(self.talk_lines(snapshot))
        self.fetch_talk(snapshot)
        if self._detail is None or run["status"] == "running":
            self.fetch("detail", self._read)
        self.show_chart()

    def _read(self) -> RunDetail:
        workspace = self.workspace
        try:
            lines = [log_line(one) for one in workspace.logs.tail(f"run:{self.run_id}", N_OUTPUT)]
            output = [(text, style) for text, _n_time, style in lines]
        except ModelDeckError as error:
            output = [(clean(str(error)), "dim")]
        system = workspace.runs.system(self.run_id)
        return RunDetail(
            curves={
                **curves_of(workspace.runs.metrics(self.run_id)),
                **runs.system_curves(system),
            },
            system=system,
            n_damaged=workspace.runs.n_damaged(self.run_id),
            code=workspace.runs.code_diff(self.run_id),
            about=workspace.runs.about(self.run_id),
            files=workspace.runs.files(self.run_id),
            output=output,
            lineage=workspace.lineage.of(f"run:{self.run_id}"),
        )

    def talk_about(self) -> Sequence[str]:
        """Return this run."""
        return [f"run:{self.run_id}"]

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401 -- as the base has it
        """Show what the folder says, and the threads."""
        if tag == "talk":
            self.take_talk(value, "#run-said")
            return
        detail: RunDetail = value
        self._detail = detail
        self.query_one("#run-output", TextView).show(detail.output)
        self.query_one("#run-files", Table).show_lines(runs.files(detail.files))
        self.query_one("#run-code", TextView).show(runs.code(detail.code))
        machine = runs.system(detail.system, detail.n_damaged)
        environment = [*machine, *runs.environment(detail.about)]
        self.query_one("#run-environment", Table).show_lines(environment)
        self.query_one("#run-lineage", Table).show_lines(models.lineage(detail.lineage))
        self.show_chart()

    def curves(self) -> Mapping[str, Curves]:
        """Return the run's curves."""
        return {} if self._detail is None else {self.run_id: self._detail.curves}
