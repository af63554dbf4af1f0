"""A chart of curves that is drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from modeldeck_tui.output import cut
from modeldeck_tui.present.charts import Axes, Part, Point, curves
from modeldeck_tui.widgets.styles import CURVES, STYLES

TOO_SMALL = "too small here; + gives it room"


class Chart(Widget):
    """Curves with axes, and a line that says which is which.

    Parameters
    ----------
    empty : str
        What stands there when there is nothing to draw.
    """

    DEFAULT_CSS = """
    Chart { border: round $faint; background: transparent; border-title-color: $foreground; }
    """

    def __init__(self, empty: str, *, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id)
        self.empty = empty
        self.names: Sequence[str] = ()
        self.series: Sequence[Sequence[Point]] = ()
        self.is_log = False
        self.axes = Axes()
        self._title = ""
        self._drawn: list[list[Part]] = []
        self._drawn_for: object = None

    def show(
        self,
        names: Sequence[str],
        series: Sequence[Sequence[Point]],
        *,
        title: str,
        is_log: bool = False,
        axes: Axes = Axes(),  # noqa: B008 -- frozen
    ) -> None:
        """Show curves under their names; nothing is drawn if nothing changed."""
        if title != self._title:  # assigning it draws the whole border, changed or not
            self._title = title
            self.border_title = Content(title)
        shown = (names, series, is_log, axes)
        if shown == (self.names, self.series, self.is_log, self.axes):
            return
        self.names, self.series, self.is_log, self.axes = shown
        self._drawn_for = None
        self.refresh()

    def _draw(self, width: int, height: int) -> None:
        if self._drawn_for != (width, height):
            self._drawn_for = (width, height)
            has_names = len(self.names) > 1
            self._drawn = curves(
                self.series,
                width,
                height=height - has_names,
                is_log=self.is_log,
                axes=self.axes,
            )
            if self._drawn and has_names:
                self._drawn.append(
                    [Part(cut(f"  ━ {name}", width // len(self.names)), at)
                     for at, name in enumerate(self.names)]
                )  # fmt: skip

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width, height = self.content_size
        self._draw(width, height)
        base = self.rich_style
        if not self._drawn:
            text = TOO_SMALL if any(self.series) else self.empty
            text = text if y == 0 else ""
            return Strip([Segment(f" {text}", base + STYLES["dim"])]).adjust_cell_length(
                width, base
            )
        if y >= len(self._drawn):
            return Strip.blank(width, base)
        parts = [
            Segment(part.text, base + (STYLES["dim"] if part.curve < 0 else _curve(part.curve)))
            for part in self._drawn[y]
        ]
        return Strip(parts).adjust_cell_length(width, base)


def _curve(index: int) -> Style:
    return CURVES[index % len(CURVES)]
