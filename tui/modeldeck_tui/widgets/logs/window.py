"""The lines of a log that are held: a part of it that stands together, growing at both ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from modeldeck.services.logs import Line, Place

MOST = 4_000
"""Lines that are held; what is farther away is read again when somebody scrolls there."""

LATE_US = 2_000_000
"""Lines of one source that come so much later than others by their time still stand before them."""

Key = tuple[int, int]
"""What a line is known by: its source and offset."""


class Window:
    """A part of a log.

    Attributes
    ----------
    lines : list of Line
        Its lines; the last one may be unfinished (``has_pending``).
    first, last : Place
        The places before and behind them.
    has_begin, has_end : bool
        Whether nothing is before them, or behind.
    """

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.first: Place = ()
        self.last: Place = ()
        self.has_begin = True
        self.has_end = True
        self.has_pending = False

    def __len__(self) -> int:
        return len(self.lines)

    def clear(self) -> None:
        """Hold nothing."""
        self.lines, self.has_pending = [], False

    def put(
        self, lines: list[Line], first: Place, *, last: Place, has_begin: bool, has_end: bool
    ) -> None:
        """Hold other lines."""
        self.lines, self.first, self.last = lines, first, last
        self.has_begin, self.has_end = has_begin, has_end
        self.has_pending = False

    def before(self, lines: Sequence[Line], first: Place, *, is_last: bool) -> int:
        """Take lines in front; return how many left at the end."""
        self.lines[:0] = lines
        self.first = first
        self.has_begin = is_last
        left = max(0, len(self.lines) - MOST)
        if left:
            self.drop_pending()
            left = max(0, len(self.lines) - MOST)
            self._cut_end(left)
        return left

    def behind(self, lines: Sequence[Line], last: Place, *, is_last: bool) -> int:
        """Take lines at the end; return how many left in front.

        Of several sources they stand by time among those of the last two seconds.
        """
        self.drop_pending()
        at = self._late_from(lines) if len(last) > 1 else len(self.lines)
        if at < len(self.lines):
            lines = in_order([self.lines[at:], lines])
            del self.lines[at:]
        self.lines += lines
        self.last = last
        self.has_end = is_last
        left = max(0, len(self.lines) - MOST)
        if left:
            self._cut_front(left)
        return left

    def _late_from(self, lines: Sequence[Line]) -> int:
        """Return from which of the lines that are held on some are later than new ones."""
        earliest = min((one.time for one in lines if one.time is not None), default=None)
        newest = max((one.time for one in self.lines[-1:] if one.time is not None), default=None)
        at = len(self.lines)
        if earliest is None or newest is None:
            return at
        while at:
            time = self.lines[at - 1].time
            if time is None or time <= max(earliest, newest - LATE_US):
                break
            at -= 1
        return at

    def pend(self, line: Line | None) -> None:
        """Take the line that is not finished, or none."""
        self.drop_pending()
        if line is not None:
            self.lines.append(line)
            self.has_pending = True

    def drop_pending(self) -> None:
        """Leave the unfinished line out."""
        if self.has_pending:
            self.lines.pop()
            self.has_pending = False

    def find(self, key: Key) -> int:
        """Return where a line is; -1 when it is not here."""
        return next((n for n, one in enumerate(self.lines) if key_of(one) == key), -1)

    def place_of(self, at: int) -> Place:
        """Return the place before one of the lines."""
        place = list(self.last)
        known: set[int] = set()
        for line in self.lines[at:]:
            if line.source not in known:
                known.add(line.source)
                place[line.source] = line.offset
                if len(known) == len(place):
                    break
        return tuple(place)

    def place_behind(self, at: int) -> Place:
        """Return the place behind one of the lines."""
        place = list(self.first)
        known: set[int] = set()
        for line in reversed(self.lines[: at + 1]):
            if line.source not in known:
                known.add(line.source)
                place[line.source] = line.offset + line.length + 1
                if len(known) == len(place):
                    break
        return tuple(min(one, end) for one, end in zip(place, self.last, strict=True))

    def _cut_front(self, n: int) -> None:
        self.first = self.place_of(n)
        del self.lines[:n]
        self.has_begin = False

    def _cut_end(self, n: int) -> None:
        keep = len(self.lines) - n
        self.last = self.place_behind(keep - 1)
        del self.lines[keep:]
        self.has_end = False


def in_order(batches: Iterable[Sequence[Line]]) -> list[Line]:
    """Return lines of several sources by time, those of each source as they stand in it."""
    sources: dict[int, list[Line]] = {}
    for line in itertools.chain.from_iterable(batches):
        sources.setdefault(line.source, []).append(line)
    if len(sources) == 1:
        return next(iter(sources.values()))
    timed = itertools.chain.from_iterable(map(_timed, sources.values()))
    return [line for _time, line in sorted(timed, key=lambda one: one[0])]


def _timed(lines: Sequence[Line]) -> Iterator[tuple[int, Line]]:
    """Give lines of a source with times that never go back; one without has that before it."""
    known = next((one.time for one in lines if one.time is not None), 0)
    for line in lines:
        known = known if line.time is None else max(known, line.time)
        yield known, line


def key_of(line: Line) -> Key:
    """Return what a line is known by."""
    return line.source, line.offset
