"""Pages with a chart of runs' curves: which metric, logarithmic or not, smoothed or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from modeldeck_tui.clean import clean
from modeldeck_tui.output import counted
from modeldeck_tui.present import runs
from modeldeck_tui.present.charts import Curves, smoothed
from modeldeck_tui.screens.running import RunActions
from modeldeck_tui.widgets.chart import Chart

SMOOTH = (0.0, 0.6, 0.9)


class Charting(RunActions):
    """A page with a chart.

    Attributes
    ----------
    CHART : str
        The selector of the chart.
    metric : str
        What it shows.
    """

    CHART: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.metric = ""
        self.is_log = False
        self.weight = SMOOTH[0]

    def curves(self) -> Mapping[str, Curves]:
        """Return the curves of each run that is shown, by the run's short name."""
        return {}

    def _names(self) -> list[str]:
        """Return the metrics that have a curve, cross-validated ones last."""
        found = {name for one in self.curves().values() for name in one}
        return sorted(found, key=runs.plain_first)

    def show_chart(self) -> None:
        """Draw the metric of every run that has it."""
        found, names = self.curves(), self._names()
        if not names:
            return
        if self.metric not in names:
            longest = {
                name: max(len(one.get(name, ())) for one in found.values()) for name in names
            }
            own = [name for name in names if not name.startswith(runs.OF_THE_MACHINE)]
            self.metric = max(own or names, key=lambda name: longest[name])
        shown = {run: one[self.metric] for run, one in found.items() if self.metric in one}
        marks = [counted(max(map(len, shown.values())), "value")]
        marks += ["log"] if self.is_log else []
        marks += [f"smoothed {self.weight}"] if self.weight else []
        title = f"{clean(self.metric)} · {', '.join(marks)} (m next metric)"
        series = [smoothed(one, self.weight) if self.weight else one for one in shown.values()]
        chart = self.query_one(self.CHART, Chart)
        chart.show([clean(one) for one in shown], series, title=title, is_log=self.is_log)

    def action_metric(self) -> None:
        """Chart the next metric."""
        names = self._names()
        if names:
            at = names.index(self.metric) + 1 if self.metric in names else 0
            self.metric = names[at % len(names)]
            self.show_chart()

    def action_log_scale(self) -> None:
        """Draw logarithmic or linear values."""
        self.is_log = not self.is_log
        self.show_chart()

    def action_smooth(self) -> None:
        """Smooth more, or not at all."""
        self.weight = SMOOTH[(SMOOTH.index(self.weight) + 1) % len(SMOOTH)]
        self.show_chart()
