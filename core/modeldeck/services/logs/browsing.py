"""Looking around in logs: pages of what fits from any place, in both directions, step by step.

Each step is at most the work on one MiB, so that whoever asks can turn to something else between
two of them, or give up.
"""

from __future__ import annotations

from collections.abc import Iterator

from modeldeck.domain.logs.query import Query
from modeldeck.store.logs.lines import Line
from modeldeck.store.logs.log import Found
from modeldeck.store.logs.merged import Merged, Place

_AT_ONCE = 100


class Strand:
    """Lines that fit, from a place on in one direction; it goes on where it stopped.

    Parameters
    ----------
    merged : Merged
        The logs.
    query : Query
        What must hold.
    start : Place
        Where to begin.
    stop : Place
        Where to end: behind the last line, or before the first one when going back.
    is_back : bool
        Whether to go back.

    Attributes
    ----------
    place : Place
        Up to where it looked.
    is_done : bool
        Whether nothing more fits.
    """

    def __init__(
        self, merged: Merged, query: Query, *, start: Place, stop: Place, is_back: bool = False
    ) -> None:
        self.place = start
        self.is_done = False
        self.is_back = is_back
        self._merged = merged
        self._query = query
        self._stop = stop
        self._lines: list[Line] = []
        self._found: Iterator[Found] | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def step(self) -> None:
        """Look a little further."""
        if self.is_done:
            return
        if self._query.is_empty and self._found is None and self._page():
            return
        if self._found is None:
            start, end = (self._stop, self.place) if self.is_back else (self.place, self._stop)
            self._found = self._merged.search(
                self._query, start=start, end=end, backwards=self.is_back
            )
        found = next(self._found, None)
        if found is None:
            self.place, self.is_done = self._stop, True
        elif found.line is not None:
            self._take(found.line)

    def _page(self) -> bool:
        """Take the next page as it is; False where some of it lies beyond the end."""
        look = self._merged.before if self.is_back else self._merged.after
        lines = look(self.place, _AT_ONCE).lines
        if not all(map(self._is_inside, lines)):
            return False
        for line in reversed(lines) if self.is_back else lines:
            self._take(line)
        if len(lines) < _AT_ONCE:
            self.place, self.is_done = self._stop, True
        return True

    def _is_inside(self, line: Line) -> bool:
        limit = self._stop[line.source]
        return line.offset >= limit if self.is_back else line.offset < limit

    def _take(self, line: Line) -> None:
        self._lines.append(line)
        at = line.offset if self.is_back else behind(line, self._stop[line.source])
        self.place = (*self.place[: line.source], at, *self.place[line.source + 1 :])

    def take(self) -> list[Line]:
        """Return what was found since the last call, in the order in which it stands in the log."""
        lines, self._lines = self._lines, []
        return lines[::-1] if self.is_back else lines


def behind(line: Line, end: int) -> int:
    """Return where the line after one begins, in a log that ends somewhere."""
    return min(end, line.offset + line.length + 1)


def place_of(line: Line, merged: Merged) -> Place:
    """Return the place of a line among merged logs."""
    if len(merged.logs) == 1:
        return (line.offset,)
    return merged.at_line(line.source, line.offset)
