"""Comparing runs: only what differs, against a baseline; their curves in one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck.domain.documents import RunDocument
from modeldeck_tui.present import runs
from modeldeck_tui.present.charts import Curves, curves_of
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.charting import Charting
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.chart import Chart
from modeldeck_tui.widgets.table import Table


class CompareScreen(Charting):
    """Two to six runs side by side.

    Parameters
    ----------
    ids : tuple of str
        The runs.
    """

    NAME = "compare"
    PLACE = "runs"
    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")
    CHART = "#compared-chart"
    CSS = """
    #compared { height: 3fr; }
    #compared-chart { height: 2fr; min-height: 8; }
    .-flat #compared-chart { display: none; }
    """

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__()
        self.ids = ids
        self.baseline = 0
        self.has_equal = False
        self._curves: dict[str, Curves] = {}

    def body(self) -> ComposeResult:
        """Make the table and the chart."""
        yield Table("Comparison", is_sideways=True, id="compared")
        yield Chart("No run has a curve.", id="compared-chart")

    def show(self, snapshot: Snapshot) -> None:
        """Show what differs."""
        found = [run for one in self.ids if (run := snapshot.run(one)) is not None]
        if not found:
            self.crumb("Runs › compare", "the runs are gone", style="bad")
            return
        self.baseline %= len(found)
        table = self.query_one("#compared", Table)
        names = [runs.short(one) for one in found]
        names[self.baseline] += " (base)"
        table.titles = ("", *names)
        lines = runs.compared(found, baseline=self.baseline, has_equal=self.has_equal)
        table.show_lines(lines, title=f"Comparison of {len(found)} runs")
        shown = "everything" if self.has_equal else "what differs"
        self.crumb("Runs › compare", f"{shown}, against {runs.short(found[self.baseline])}")
        if not self._curves or any(one["status"] == "running" for one in found):
            self.fetch("curves", lambda: self._read(found))

    def _read(self, found: Sequence[RunDocument]) -> dict[str, Curves]:
        metrics = self.workspace.runs.metrics
        return {runs.short(one): curves_of(metrics(one["id"])) for one in found}

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401, ARG002 -- as the base has it
        """Show the curves."""
        self._curves = value
        self.show_chart()

    def curves(self) -> Mapping[str, Curves]:
        """Return the curves of the runs."""
        return self._curves

    def entity(self) -> str:
        """Return the baseline."""
        return f"run:{self.ids[self.baseline]}" if self.ids else ""

    def action_baseline(self) -> None:
        """Compare with the next run."""
        self.baseline += 1
        self.show_frame()

    def action_equal(self) -> None:
        """Show what is equal too, or hide it."""
        self.has_equal = not self.has_equal
        self.show_frame()
