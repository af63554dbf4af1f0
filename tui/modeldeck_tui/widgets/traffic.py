"""The traffic of an endpoint: charts where there is room, else one sparkline a measure."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from modeldeck_tui.present.traffic import Lines, Series, drawn
from modeldeck_tui.widgets.styles import CURVES, STYLES


class TrafficView(Widget):
    """The last ten minutes of an endpoint."""

    DEFAULT_CSS = "TrafficView { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.endpoint = ""
        self.series: Series = {}
        self._lines: Lines = []
        self._drawn_for: object = None

    def show(self, endpoint: str, series: Series) -> None:
        """Show series of equal spans; nothing is drawn if nothing changed."""
        if (endpoint, series) != (self.endpoint, self.series):
            self.endpoint, self.series = endpoint, series
            self._drawn_for = None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        (width, height), base = self.content_size, self.rich_style
        if self._drawn_for != (width, height):
            self._drawn_for = (width, height)
            self._lines = drawn(self.endpoint, self.series, width=width, height=height)
        if y >= len(self._lines):
            return Strip.blank(width, base)
        parts = [Segment(one.text, base + _style(one.style)) for one in self._lines[y]]
        return Strip(parts).adjust_cell_length(width, base)


def _style(style: str | int) -> Style:
    return STYLES[style] if isinstance(style, str) else CURVES[style % len(CURVES)]
