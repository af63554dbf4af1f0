"""How wide columns are, and where numbers stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modeldeck_tui.output import Cell, cell_width, cut, fit
from modeldeck_tui.present.rows import Column

GAP = 2
_MOST = 120
_LEAST = 1


class Measured(NamedTuple):
    """A column's width, and of that the part behind the decimal point."""

    width: int
    behind: int = 0


def measured(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, has_titles: bool
) -> list[Measured]:
    """Return how wide columns would like to be, from some of their rows."""
    count = max((len(row) for row in rows), default=len(columns) if has_titles else 0)
    found = []
    for at in range(count):
        texts = [row[at].text for row in rows if at < len(row)]
        title = columns[at].title if has_titles and at < len(columns) else ""
        is_point = at < len(columns) and columns[at].align == "point"
        found.append(_measured(texts, title, is_point=is_point))
    return found


def _measured(texts: Sequence[str], title: str, *, is_point: bool) -> Measured:
    least = cell_width(title) + (1 if title else 0)  # room for the arrow of the order
    if not is_point:
        widths = (min(cell_width(text), _MOST) for text in texts)
        return Measured(max(widths, default=0) if not title else max(least - 1, *widths, 0))
    before = max((len(text.partition(".")[0]) for text in texts), default=0)
    behind = max((len(text) - len(text.partition(".")[0]) for text in texts), default=0)
    return Measured(max(before + behind, least - 1), behind)


def placed(text: str, column: Measured, *, align: str, width: int) -> str:
    """Return a text padded to a width: to the left, the right, or at its decimal point.

    >>> (
    ...     placed("1.5", Measured(6, 3), align="point", width=6),
    ...     placed("12", Measured(6, 3), align="point", width=6),
    ... )
    ('  1.5 ', ' 12   ')
    >>> placed("abcdef", Measured(6), align="left", width=4)
    'abc…'
    """
    if align == "point":
        behind = len(text) - len(text.partition(".")[0])
        text = text + " " * max(0, column.behind - behind)
        text = text.rjust(column.width)
    text = cut(text, width)
    padding = " " * (width - cell_width(text))
    return padding + text if align in {"right", "point"} else text + padding


def narrowed(
    widths: Sequence[int], room: int, *, elastic: int | tuple[int, ...] | None
) -> list[int]:
    """Return widths that fit into so many columns: the elastic ones give first, then the widest.

    >>> narrowed([6, 10, 20], 30, elastic=2), narrowed([6, 10, 20], 20, elastic=2)
    ([6, 10, 10], [6, 10, 0])
    >>> narrowed([6, 10, 20, 9], 41, elastic=(1, 2))
    [6, 10, 10, 9]
    """
    found = list(widths)
    if not found:
        return found
    excess = sum(found) + GAP * (len(found) - 1) - room
    if excess <= 0:
        return found
    if isinstance(elastic, tuple):
        giving = [at for at in elastic if at < len(found)]
        wide = [found[at] for at in giving]
        spare = sum(wide) + GAP * (len(wide) - 1) - excess
        for at, width in zip(giving, fit(wide, spare) if wide else (), strict=False):
            found[at] = width
    elif elastic is not None:
        kept = found[elastic] - excess
        found[elastic] = kept if kept >= _LEAST else 0
    others = [width for width in found if width]
    fitted = iter(fit(others, room))
    return [next(fitted) if width else 0 for width in found]
