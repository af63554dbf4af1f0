"""Rows of tables: columns that know how to show and to sort a document, and rows built on demand.

Nothing is built for rows that do not show, so that a table of 100,000 costs what a screen costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, duration

Document = Any
"""One of :mod:`modeldeck.domain.documents`."""


class Line(NamedTuple):
    """A row: the key of what it shows, its cells, and a longer text about it."""

    key: str
    cells: tuple[Cell, ...]
    detail: str = ""


class Column(NamedTuple):
    """A column: its title, how it shows a document, and what it sorts by.

    ``align`` is left, right, or point: numbers under one another at their decimal points.
    """

    title: str
    cell: Callable[[Document], Cell]
    value: Callable[[Document], object] | None = None
    align: str = "left"


class Rows:
    """The rows of a table.

    Parameters
    ----------
    columns : sequence of Column
        The columns; without titles the table has no line of titles.
    documents : sequence
        What the rows show, one each.
    key : callable
        Returns the entity of a document, as ``run:…``.
    detail : callable
        Returns a longer text about a document.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        documents: Sequence[Document],
        *,
        key: Callable[[Document], str],
        detail: Callable[[Document], str] | None = None,
    ) -> None:
        self.columns = columns
        self.documents = documents
        self._key = key
        self._detail = detail
        self._built: dict[int, Line] = {}

    @classmethod
    def of(cls, lines: Iterable[Line], columns: Sequence[Column] = ()) -> Rows:
        """Return rows that are built already."""
        known = list(lines)
        rows = cls(columns, known, key=lambda line: line.key)
        rows._built = dict(enumerate(known))
        return rows

    def key(self, index: int) -> str:
        """Return the entity of a row."""
        return self._key(self.documents[index])

    def keys(self) -> Iterator[str]:
        """Return the entities of all rows."""
        return map(self._key, self.documents)

    def position(self, key: str) -> int:
        """Return the number of the row of an entity; -1 when there is none."""
        for number, one in enumerate(self.keys()):
            if one == key:
                return number
        return -1

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, index: int) -> Line:
        line = self._built.get(index)
        if line is None:
            one = self.documents[index]
            cells = tuple(column.cell(one) for column in self.columns)
            detail = self._detail(one) if self._detail else ""
            line = self._built[index] = Line(self._key(one), cells, detail)
        return line


def titled(*titles: str) -> list[Column]:
    """Return columns that only have titles, for rows that are built already.

    A title that begins with ``.`` is of numbers at their decimal points, with ``>`` of texts to
    the right.
    """
    aligns = {".": "point", ">": "right"}
    return [
        Column(one.lstrip(".>"), lambda row: Cell(str(row)), align=aligns.get(one[:1], "left"))
        for one in titles
    ]


def cell(text: object, style: str = "") -> Cell:
    """Return a clean cell."""
    return Cell(clean(str(text)), style)


def ago(at: str, now: str) -> str:
    """Return how long ago something was, short.

    >>> ago("2026-11-23T07:10:11.000000Z", "2026-11-23T09:20:11.000000Z")
    '2h'
    """
    seconds = age_s(at, now)
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return "now"


def age_s(at: str, now: str) -> float | None:
    """Return how long ago something was, in seconds; None where a time is none."""
    try:
        return (_moment(now) - _moment(at)).total_seconds()
    except ValueError:
        return None


def since(age: str) -> str:
    """Return an age of :func:`ago` as part of a sentence.

    >>> since("2h"), since("now")
    ('2h ago', 'just now')
    """
    return "just now" if age == "now" else f"{age} ago"


def took(seconds: float) -> str:
    """Return how long something took; less than a second in milliseconds.

    >>> took(0.0123), took(75.0)
    ('12 ms', '1 min 15 s')
    """
    return f"{seconds * 1000:.0f} ms" if 0 < seconds < 1 else duration(seconds)


def milliseconds(seconds: float) -> str:
    """Return a short time in milliseconds, with a digit behind the point below ten.

    >>> milliseconds(0.0045), milliseconds(0.0728)
    ('4.5 ms', '73 ms')
    """
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 9.95 else f"{value:.0f} ms"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def clock(at: str) -> str:
    """Return the time of day of a moment, in this computer's zone."""
    try:
        return _moment(at).astimezone().strftime("%H:%M")
    except ValueError:
        return ""


def exact(at: str) -> str:
    """Return a moment to the second with its zone, in this computer's zone; empty without one."""
    try:
        return _moment(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return ""
