"""Drawing numbers with characters: braille curves with axes, and sparklines.

A braille character holds 2 × 4 dots (Unicode block U+2800). Many points are first brought down to
the least and greatest of each column of dots, so that no peak is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from modeldeck_tui.output import cell_width, number

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLOCKS = "▁▂▃▄▅▆▇█"
_LABEL = 9
MOST_POINTS = 2_000

Point = tuple[float, float]
Curves = Mapping[str, Sequence[Point]]
"""A run's metrics over its steps, by name."""


class Part(NamedTuple):
    """A piece of a line of a chart: its text, and which curve it belongs to; -1 for axes."""

    text: str
    curve: int


class Axes(NamedTuple):
    """What the axes of a chart show beyond the values: a y that is always in, words for the ends.

    ``floor`` is None for none; ``left`` and ``right`` are empty for the numbers themselves.
    """

    floor: float | None = None
    left: str = ""
    right: str = ""


LAST_MINUTES = Axes(0.0, "-10 min", "now")
"""The axes of what was measured over the last ten minutes."""


def points(values: Sequence[float | None]) -> list[Point]:
    """Return values at equal distances; a gap is NaN, where the curve breaks off."""
    return [(float(at), math.nan if one is None else one) for at, one in enumerate(values)]


def curves_of(records: Iterable[Mapping[str, object]]) -> dict[str, Sequence[Point]]:
    """Return the curves in a run's metric records; a record without step stands at its number."""
    found: dict[str, list[Point]] = {}
    for at, one in enumerate(records):
        step = one.get("step")
        x = float(step) if isinstance(step, int | float) else float(at)
        values = one.get("metrics")
        for name, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(str(name), []).append((x, float(value)))
    return {name: reduced(points) for name, points in found.items()}


def reduced(points: Sequence[Point], buckets: int = MOST_POINTS // 2) -> list[Point]:
    """Return at most two points a bucket, its least and greatest value; non-finite ones left out.

    >>> reduced([(0, 1.0), (1, 9.0), (2, 2.0), (3, 0.0), (4, 3.0), (5, float("nan"))], buckets=2)
    [(0, 1.0), (1, 9.0), (3, 0.0), (4, 3.0)]
    """
    finite = [one for one in points if math.isfinite(one[1]) and math.isfinite(one[0])]
    if len(finite) <= 2 * buckets:
        return finite
    size = math.ceil(len(finite) / buckets)
    found: list[Point] = []
    for at in range(0, len(finite), size):
        part = finite[at : at + size]
        low, high = min(part, key=_y), max(part, key=_y)
        found += [low, high] if low[0] <= high[0] else [high, low]
    return found


def _y(point: Point) -> float:
    return point[1]


def smoothed(points: Sequence[Point], weight: float) -> list[Point]:
    """Return an exponential moving average, corrected for its start (as in Adam, 2014).

    Parameters
    ----------
    points : sequence of (x, y)
        Finite values in order.
    weight : float
        0 (no smoothing) to below 1.
    """
    found, mean, share = [], 0.0, 1.0
    for x, y in points:
        mean = weight * mean + (1 - weight) * y
        share *= weight
        found.append((x, mean / (1 - share) if share < 1 else y))
    return found


def curves(
    series: Sequence[Sequence[Point]],
    width: int,
    *,
    height: int,
    is_log: bool = False,
    axes: Axes = Axes(),  # noqa: B008 -- frozen
) -> list[list[Part]]:
    """Return curves as lines of parts, with labelled axes.

    Parameters
    ----------
    series : sequence of sequences of (x, y)
        The curves, each in order of x; they break off where y is NaN.
    width, height : int
        In characters, axes included.
    is_log : bool
        Whether y is drawn by its logarithm; values not above 0 are left out then.
    axes : Axes
        What the axes show beyond the values.
    """
    if is_log:
        series = [[(x, math.log10(y)) for x, y in one if y > 0] for one in series]
    every = [point for one in series for point in one if math.isfinite(point[1])]
    columns, rows = width - _LABEL - 2, height - 1
    if not every or columns < 4 or rows < 2:
        return []
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = _range([y for _, y in every], None if is_log else axes.floor)
    grid = _Grid(columns, rows)
    bounds = (left, right, low, high)
    for index, one in enumerate(series):
        places = [_place(grid, p, bounds=bounds) if math.isfinite(p[1]) else None for p in one]
        _draw(grid, index, places=places)
    shown = [10**low, 10**high] if is_log else [low, high]
    middle = 10 ** ((low + high) / 2) if is_log else (low + high) / 2
    labels = {0: shown[1], rows // 2: middle, rows - 1: shown[0]}
    lines = []
    for row in range(rows):
        label = _label(labels[row]) if row in labels else ""
        lines.append([Part(f"{label:>{_LABEL}}┤", -1), *grid.parts(row)])
    first = axes.left or number(float(left))
    last = axes.right or number(float(right))
    gap = " " * max(1, columns - cell_width(first) - cell_width(last))
    lines.append([Part(f"{'':>{_LABEL}} {first}{gap}{last}", -1)])
    return lines


def _range(values: Sequence[float], floor: float | None) -> tuple[float, float]:
    """Return the least and the greatest y that a chart shows."""
    low, high = min(values), max(values)
    if floor is not None:
        low = min(low, floor)
    if low == high:
        return (low, high + 1) if floor is not None else (low - 0.5, high + 0.5)
    return low, high


def _label(value: float) -> str:
    return f"{value:.4g}"[:_LABEL]


class _Grid:
    """Dots, and which curve drew the last one of each character."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[0] * columns for _ in range(rows)]
        self._owner = [[-1] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, *, curve: int) -> None:
        column, row = x // 2, y // 4
        self._cells[row][column] |= _DOTS[y % 4][x % 2]
        self._owner[row][column] = curve

    def parts(self, row: int) -> list[Part]:
        found: list[Part] = []
        for dots, owner in zip(self._cells[row], self._owner[row], strict=True):
            letter = chr(0x2800 + dots) if dots else " "
            if found and found[-1].curve == owner:
                found[-1] = Part(found[-1].text + letter, owner)
            else:
                found.append(Part(letter, owner))
        return found


def _place(
    grid: _Grid, point: Point, *, bounds: tuple[float, float, float, float]
) -> tuple[int, int]:
    left, right, low, high = bounds
    across = (point[0] - left) / (right - left) if right > left else 0.5
    up = (point[1] - low) / (high - low)
    return round(across * (2 * grid.columns - 1)), round((1 - up) * (4 * grid.rows - 1))


def _draw(grid: _Grid, curve: int, *, places: Sequence[tuple[int, int] | None]) -> None:
    before: tuple[int, int] | None = None
    for place in places:
        if place is None:
            pass
        elif before is None:
            grid.dot(*place, curve=curve)
        else:
            (x0, y0), (x1, y1) = before, place
            steps = max(abs(x1 - x0), abs(y1 - y0), 1)
            for step in range(1, steps + 1):
                x = x0 + (x1 - x0) * step // steps
                y = y0 + round((y1 - y0) * step / steps)
                grid.dot(x, y, curve=curve)
        before = place


def sparkline(values: Sequence[float | None], width: int) -> str:
    """Return the last values as blocks of eight heights; a gap where there was none.

    >>> sparkline([0, 1, None, 4, 8], 5)
    '▁▁ ▄█'
    """
    last = values[-width:]
    known = [one for one in last if one is not None]
    high = max(known, default=0.0)
    return "".join(
        " " if one is None else _BLOCKS[min(7, int(one / high * 7.999))] if high > 0 else _BLOCKS[0]
        for one in last
    )
