"""Comparing runs: only what differs, against a baseline; their curves in one chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck.domain.documents import ComparisonDocument, RunDocument
from modeldeck.errors import ModelDeckError
from modeldeck_tui.clean import clean
from modeldeck_tui.present.charts import Curves, curves_of
from modeldeck_tui.present.runs import compared
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.charting import Charting
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.chart import Chart
from modeldeck_tui.widgets.table import Table

MOST_CURVES = 6
"""Runs whose curves are drawn."""


class Compared(NamedTuple):
    """What was read of the runs: how they differ, and their curves."""

    found: ComparisonDocument | None
    curves: Mapping[str, Curves]
    problem: str = ""


class CompareScreen(Charting):
    """Two or more runs side by side.

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
        self._read_of: tuple[RunDocument, ...] | None = None
        self._compared = Compared(None, {})

    def body(self) -> ComposeResult:
        """Make the table and the chart."""
        yield Table("Comparison", is_sideways=True, id="compared")
        yield Chart("No run has a curve.", id="compared-chart")

    def show(self, snapshot: Snapshot) -> None:
        """Show what differs; read it anew when one of the runs is another than before."""
        wanted = frozenset(self.ids)
        by_id = {one["id"]: one for one in snapshot.runs if one["id"] in wanted}
        known = tuple(by_id[one] for one in self.ids if one in by_id)
        if not known:
            self.crumb("Runs › compare", "the runs are gone", style="bad")
            return
        if known != self._read_of:
            self._read_of = known
            self.fetch("compared", lambda: self._read([one["id"] for one in known]))
        self._show_known()

    def _read(self, ids: Sequence[str]) -> Compared:
        try:
            found = self.workspace.reading.compare(ids)
        except ModelDeckError as error:
            return Compared(None, {}, problem=error.message)
        metrics = self.workspace.runs.metrics
        curves = {one[-6:]: curves_of(metrics(one)) for one in ids[:MOST_CURVES]}
        return Compared(found, curves)

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401, ARG002 -- as the base has it
        """Show what was read."""
        self._compared = value
        self._show_known()
        self.show_chart()

    def _show_known(self) -> None:
        found = self._compared.found
        if found is None:
            problem = self._compared.problem
            self.crumb("Runs › compare", clean(problem or "reading …"), style="bad" * bool(problem))
            return
        runs = found["runs"]
        self.baseline %= len(runs)
        table = self.query_one("#compared", Table)
        names = [one[-6:] for one in runs]
        names[self.baseline] += " (base)"
        table.titles = ("", *names)
        lines = compared(found, baseline=self.baseline, has_equal=self.has_equal)
        table.show_lines(lines, title=f"Comparison of {len(runs)} runs")
        shown = "everything" if self.has_equal else "what differs"
        self.crumb("Runs › compare", f"{shown}, against {runs[self.baseline][-6:]}")

    def curves(self) -> Mapping[str, Curves]:
        """Return the curves of the runs."""
        return self._compared.curves

    def entity(self) -> str:
        """Return the baseline."""
        found = self._compared.found
        runs = found["runs"] if found is not None else self.ids
        return f"run:{runs[self.baseline % len(runs)]}" if runs else ""

    def action_baseline(self) -> None:
        """Compare with the next run."""
        self.baseline += 1
        self.show_frame()

    def action_equal(self) -> None:
        """Show what is equal too, or hide it."""
        self.has_equal = not self.has_equal
        self.show_frame()
