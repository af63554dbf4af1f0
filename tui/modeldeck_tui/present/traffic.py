"""The traffic of an endpoint as series, and as charts or sparklines of a given size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from modeldeck.domain.documents import TrafficBucket
from modeldeck_tui.output import cell_width, cut, number
from modeldeck_tui.present.charts import LAST_MINUTES, Part, curves, points, sparkline

Values = Sequence[float | None]
Series = Mapping[str, Values]
Lines = list[list["Shade"]]

_NAME = 12
_VALUES = 26
_GAP = 2
_LEAST_HEIGHT = 5
_LEAST_WIDTH = 44
_CHARTS: Mapping[str, tuple[str, ...]] = {
    "requests a second": ("requests/s",),
    "latency in ms": ("p95 ms", "p50 ms"),
    "errors in %": ("errors %",),
}
"""Each chart, and the series that it shows."""


class Shade(NamedTuple):
    """A text with its style: a name of one, or the number of a curve."""

    text: str
    style: str | int = ""


def measured(buckets: Sequence[TrafficBucket]) -> dict[str, list[float | None]]:
    """Return the series of an endpoint's traffic: per second, milliseconds, percent."""
    return {
        "requests/s": [one["requests_per_s"] for one in buckets],
        "p50 ms": [None if one["p50_s"] is None else one["p50_s"] * 1e3 for one in buckets],
        "p95 ms": [None if one["p95_s"] is None else one["p95_s"] * 1e3 for one in buckets],
        "errors %": [one["errors_share"] * 100 for one in buckets],
    }


def drawn(endpoint: str, series: Series, *, width: int, height: int) -> Lines:
    """Return the last ten minutes of an endpoint: charts where they fit, else sparklines."""
    if not series:
        return []
    title = f" {endpoint}: the last 10 minutes"
    inside = height - 1
    across = min(len(_CHARTS), max(1, width // _LEAST_WIDTH))
    if len(_CHARTS) * _LEAST_HEIGHT <= inside:
        across = 1
    down = -(-len(_CHARTS) // across)
    if inside // down < _LEAST_HEIGHT or width < _LEAST_WIDTH // 2:
        head = [Shade(f"{title}, a column is 10 s", "dim")]
        return [head, *(_spark(name, values, width=width) for name, values in series.items())]
    room = (width - _GAP * (across - 1)) // across
    charts = [
        _chart(name, {one: series[one] for one in names}, width=room, height=inside // down)
        for name, names in _CHARTS.items()
    ]
    found: Lines = [[Shade(title, "dim")]]
    for at in range(0, len(charts), across):
        found += _beside(charts[at : at + across], room)
    return found


def _beside(charts: Sequence[Lines], room: int) -> Lines:
    """Return charts of the same height side by side, each padded to its room."""
    found: Lines = []
    for lines in zip(*charts, strict=True):
        whole: list[Shade] = []
        for line in lines:
            if whole:
                whole.append(Shade(" " * _GAP))
            used = sum(cell_width(part.text) for part in line)
            whole += [*line, Shade(" " * max(0, room - used))]
        found.append(whole)
    return found


def _chart(name: str, series: Series, *, width: int, height: int) -> Lines:
    """Return a title with the last and greatest value of each series, then the curves."""
    title = f" {name}"
    parts = [Shade(cut(title, width), "bold")]
    left = width - cell_width(title)
    for index, (one, values) in enumerate(series.items()):
        is_one_of_many = len(series) > 1
        sign = Shade(" ━ ", index) if is_one_of_many else Shade(" · ")
        said = f"{one.split()[0]} {_said(values)}" if is_one_of_many else _said(values)
        if cell_width(sign.text + said) <= left:
            parts += [sign, Shade(said)]
            left -= cell_width(sign.text + said)
    is_bad = "errors" in name and any(value for values in series.values() for value in values)
    body = curves(
        [points(values) for values in series.values()], width, height=height - 1, axes=LAST_MINUTES
    )
    lines = [parts, *([_shade(part, is_bad=is_bad) for part in line] for line in body)]
    lines += [[Shade(" nothing yet", "dim")]] * (not body)
    return [*lines[:height], *([Shade("")] for _ in range(height - len(lines)))]


def _shade(part: Part, *, is_bad: bool) -> Shade:
    if part.curve < 0:
        return Shade(part.text, "dim")
    return Shade(part.text, "bad" if is_bad else part.curve)


def _said(values: Values) -> str:
    known = [one for one in values if one is not None]
    last = next((one for one in reversed(values) if one is not None), None)
    return f"now {_short(last)}, most {_short(max(known, default=None))}"


def _spark(name: str, values: Values, *, width: int) -> list[Shade]:
    """Return a measure as one line: its name, a sparkline, its last and greatest value."""
    known = [one for one in values if one is not None]
    last = next((one for one in reversed(values) if one is not None), None)
    style = "bad" if name.startswith("errors") and any(known) else "accent"
    room = max(8, width - _NAME - _VALUES - 4)
    return [
        Shade(f" {name:<{_NAME}}"),
        Shade(f"{sparkline(values, room):<{min(room, len(values))}}", style),
        Shade(f"  now {_short(last):>7}  most {_short(max(known, default=None)):>7}"),
    ]


def _short(value: float | None) -> str:
    return "-" if value is None else number(round(value, 3))
