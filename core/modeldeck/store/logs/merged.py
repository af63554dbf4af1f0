"""Several logs as one, in order of time.

A place in it is where each of the logs is: a tuple of offsets, one for each. A line that tells no
time keeps to the line before it in its own log. Where a log is out of order within itself, its
lines stay in their order, and none is lost or shown twice while one moves on from place to place.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from modeldeck.domain.logs.query import Query
from modeldeck.store.logs.generations import Change
from modeldeck.store.logs.lines import Line
from modeldeck.store.logs.log import Found, Log

Place = tuple[int, ...]

_CHUNK = 200
_LOOKED_BACK = 50


class Page(NamedTuple):
    """Some lines, and the places before the first and behind the last of them."""

    lines: list[Line]
    first: Place
    last: Place


class _Timed(NamedTuple):
    time: int
    source: int
    line: Line


class Merged:
    """Several logs, or one, read as one.

    Parameters
    ----------
    logs : sequence of Log
        Each with its place among them as its ``source``.
    """

    def __init__(self, logs: Sequence[Log]) -> None:
        self.logs = tuple(logs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all of them."""
        for log in self.logs:
            log.close()

    @property
    def begin(self) -> Place:
        """The place before every line."""
        return tuple(log.begin for log in self.logs)

    @property
    def end(self) -> Place:
        """The place behind every line."""
        return tuple(log.end for log in self.logs)

    @property
    def size(self) -> int:
        """Bytes of all logs."""
        return sum(log.end - log.begin for log in self.logs)

    @property
    def progress(self) -> float:
        """How much is unpacked and indexed, 0 to 1."""
        size = max(1, self.size)
        return sum(log.progress * (log.end - log.begin) for log in self.logs) / size

    def refresh(self) -> list[tuple[Log, Change]]:
        """Look at all files again; return what became of them."""
        return [(log, change) for log in self.logs for change in log.refresh()]

    def advance(self) -> bool:
        """Unpack or index a little more; say whether more is left. See :meth:`Log.advance`."""
        return any(log.advance() for log in self.logs)

    def after(self, place: Place, n: int) -> Page:
        """Return at most ``n`` lines from a place on."""
        at = list(place)
        found: list[Line] = []
        for one in heapq.merge(*(_forwards(log, start) for log, start in self._pairs(place))):
            if len(found) >= n:
                break
            found.append(one.line)
            at[one.source] = _behind(one.line, self.logs[one.source].end)
        return Page(found, place, tuple(at))

    def before(self, place: Place, n: int) -> Page:
        """Return at most ``n`` lines before a place."""
        at = list(place)
        found: list[Line] = []
        streams = [_backwards(log, start) for log, start in self._pairs(place)]
        for one in heapq.merge(*streams, key=_reversed_order):
            if len(found) >= n:
                break
            found.append(one.line)
            at[one.source] = one.line.offset
        return Page(found[::-1], tuple(at), place)

    def at_time(self, time: int) -> Place:
        """Return the place of the first lines of a time (microseconds since 1970) or later."""
        return tuple(log.at_time(time) for log in self.logs)

    def at_share(self, share: float) -> Place:
        """Return the place at a share of the largest log, 0 to 1."""
        largest = max(self.logs, key=lambda log: log.end - log.begin)
        offset = largest.at_share(share)
        return self.at_line(largest.source, offset)

    def at_line(self, source: int, offset: int) -> Place:
        """Return the place of a line: the others are where they are at its time."""
        log = self.logs[source]
        time = _time_before(log, offset, is_inclusive=True)
        return tuple(
            offset if other is log else (other.at_time(time) if time is not None else other.begin)
            for other in self.logs
        )

    def search(
        self,
        query: Query,
        *,
        start: Place | None = None,
        end: Place | None = None,
        backwards: bool = False,
    ) -> Iterator[Found]:
        """Yield what fits a query in order of time, as it is found; see :meth:`Log.search`.

        The progress of all logs together is ``at`` of a result without a line: bytes looked at.
        """
        streams = [
            _Stream(
                log.search(
                    query,
                    start=None if start is None else start[at],
                    end=None if end is None else end[at],
                    backwards=backwards,
                ),
                is_backwards=backwards,
            )
            for at, log in enumerate(self.logs)
        ]
        if len(streams) == 1:
            yield from streams[0].found
            return
        yield from _merged(streams, is_backwards=backwards)

    def _pairs(self, place: Place) -> Iterator[tuple[Log, int]]:
        return zip(self.logs, place, strict=True)


def _behind(line: Line, end: int) -> int:
    return min(end, line.offset + line.length + 1)


def _reversed_order(one: _Timed) -> tuple[int, int]:
    return -one.time, -one.source


def _forwards(log: Log, start: int) -> Iterator[_Timed]:
    time = -1
    for line in log.between(start, log.end):
        if line.time is not None:
            time = line.time
        elif time < 0:
            time = _time_before(log, line.offset) or 0
        yield _Timed(time, log.source, line)


def _backwards(log: Log, end: int) -> Iterator[_Timed]:
    at = end
    while lines := log.before(at, _CHUNK):
        at = lines[0].offset
        time = lines[0].time
        if time is None:
            time = _time_before(log, at) or 0
        timed = []
        for line in lines:
            time = time if line.time is None else line.time
            timed.append(_Timed(time, log.source, line))
        yield from reversed(timed)


def _time_before(log: Log, offset: int, *, is_inclusive: bool = False) -> int | None:
    """Return the time of the last line before an offset that tells one."""
    lines = log.before(offset, _LOOKED_BACK)
    if is_inclusive:
        lines += log.after(offset, 1)
    return next((one.time for one in reversed(lines) if one.time is not None), None)


class _Stream:
    """A search of one log, of which the next line is known."""

    def __init__(self, found: Iterator[Found], *, is_backwards: bool) -> None:
        self.found = found
        self.sign = -1 if is_backwards else 1
        self.key = 0
        self.line: Line | None = None

    def step(self) -> Iterator[None]:
        """Go on to the next line, yielding at each progress."""
        self.line = None
        for one in self.found:
            if one.line is not None:
                self.line = one.line
                if one.line.time is not None:
                    self.key = one.line.time * self.sign
                return
            yield


def _merged(streams: Sequence[_Stream], *, is_backwards: bool) -> Iterator[Found]:
    steps = 0
    for one in streams:
        for _progress in one.step():
            steps += 1
            yield Found(None, steps << 20)
    order = -1 if is_backwards else 1
    waiting = [one for one in streams if one.line is not None]
    while waiting:
        first = min(
            waiting, key=lambda one: (one.key, order * (one.line.source if one.line else 0))
        )
        if first.line is not None:
            yield Found(first.line, first.line.offset)
        for _progress in first.step():
            steps += 1
            yield Found(None, steps << 20)
        if first.line is None:
            waiting.remove(first)
