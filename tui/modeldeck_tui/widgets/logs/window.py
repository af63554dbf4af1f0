"""The lines of a log that are held: a part of it that stands together, growing at both ends."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.services.logs import Line, Place

MOST = 4_000
"""Lines that are held; what is farther away is read again when somebody scrolls there."""

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
        """Take lines at the end; return how many left in front."""
        self.drop_pending()
        self.lines += lines
        self.last = last
        self.has_end = is_last
        left = max(0, len(self.lines) - MOST)
        if left:
            self._cut_front(left)
        return left

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


def key_of(line: Line) -> Key:
    """Return what a line is known by."""
    return line.source, line.offset
