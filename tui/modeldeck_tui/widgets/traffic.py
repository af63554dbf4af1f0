"""The traffic of an endpoint: one sparkline a measure, with its last and greatest value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from modeldeck_tui.output import number
from modeldeck_tui.present.charts import sparkline
from modeldeck_tui.widgets.styles import STYLES

Series = Mapping[str, Sequence[float | None]]
_NAME = 12
_VALUES = 26


class TrafficView(Widget):
    """The last ten minutes of an endpoint."""

    DEFAULT_CSS = "TrafficView { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.endpoint = ""
        self.series: Series = {}

    def show(self, endpoint: str, series: Series) -> None:
        """Show series of equal spans; nothing is drawn if nothing changed."""
        if (endpoint, series) != (self.endpoint, self.series):
            self.endpoint, self.series = endpoint, series
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line: a title, then each measure."""
        width, base = self.content_size.width, self.rich_style
        if y == 0:
            text = f" {self.endpoint}: the last 10 minutes, a column is 10 s" if self.series else ""
            return Strip([Segment(text, base + STYLES["dim"])]).adjust_cell_length(width, base)
        if y > len(self.series):
            return Strip.blank(width, base)
        name, values = list(self.series.items())[y - 1]
        known = [one for one in values if one is not None]
        last = next((one for one in reversed(values) if one is not None), None)
        style = STYLES["bad"] if name.startswith("errors") and any(known) else STYLES["accent"]
        room = max(8, width - _NAME - _VALUES - 4)
        words = f"now {_short(last):>7}  most {_short(max(known, default=None)):>7}"
        parts = [
            Segment(f" {name:<{_NAME}}", base),
            Segment(f"{sparkline(values, room):<{min(room, len(values))}}", base + style),
            Segment(f"  {words}", base),
        ]
        return Strip(parts).adjust_cell_length(width, base)


def _short(value: float | None) -> str:
    return "-" if value is None else number(round(value, 3))
