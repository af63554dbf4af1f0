"""A log as it is read: by place, number, time or share, filtered and searched, while it grows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from modeldeck.domain.logs.levels import RANKS
from modeldeck.domain.logs.query import Query
from modeldeck.store.logs.blocks import line_start, read
from modeldeck.store.logs.generations import Files
from modeldeck.store.logs.lines import Line
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.part import Part, Passage

_SLACK = 60_000_000  # a minute: by so much lines may be out of order


class Found(NamedTuple):
    """How far a search is.

    Attributes
    ----------
    line : Line or None
        A line that was found; None for mere progress.
    at : int
        The offset up to which was looked.
    """

    line: Line | None
    at: int


class Log(Files):
    """One log; opened and closed as :class:`modeldeck.store.logs.generations.Files` says."""

    @property
    def n_lines(self) -> int:
        """How many lines there are; counts what is not indexed yet, which may take a while."""
        return self.number_at(self.end)

    def number_at(self, offset: int) -> int:
        """Return how many lines are before an offset; a line's number is one more."""
        total = 0
        for part in self._parts:
            if offset <= part.base:
                break
            total += part.index.number_at(min(offset - part.base, part.size))
            if offset >= part.end and _is_torn(part):
                total += 1
        return total

    def at_number(self, number: int) -> int:
        """Return where the line of a number begins, from 1; the end where there is none."""
        left = max(0, number - 1)
        for part in self._parts:
            count = part.index.number_at(part.size) if part is not self._parts[-1] else left
            if left <= count:
                return part.base + part.index.offset_of(left, size=part.size)
            left -= count + _is_torn(part)
        return self.end

    def at_share(self, share: float) -> int:
        """Return where the line begins that is at a share of the log, 0 to 1."""
        wanted = self.begin + int((self.end - self.begin) * min(1.0, max(0.0, share)))
        return self.start_of_line(wanted)

    def start_of_line(self, offset: int) -> int:
        """Return where the line begins that an offset lies in."""
        part = self._part_at(offset)
        return (
            offset if part is None else part.base + line_start(part.descriptor, offset - part.base)
        )

    def at_time(self, time: int) -> int:
        """Return where the first line of a time or later is, if lines are in order of time.

        Parameters
        ----------
        time : int
            Microseconds since 1970.
        """
        for part in self._parts:
            offset = part.offset_at_time(time)
            if offset < part.size:
                return part.base + offset
        return self.end

    def _part_at(self, offset: int) -> Part | None:
        for part in reversed(self._parts):
            if part.base <= offset:
                return part
        return None

    def lines(self, first: int, n: int) -> list[Line]:
        """Return at most ``n`` lines from the one numbered ``first`` on, numbered."""
        found = self.after(self.at_number(first), n)
        for number, line in enumerate(found, max(1, first)):
            line.number = number
        return found

    def tail(self, n: int) -> list[Line]:
        """Return the last ``n`` lines."""
        return self.before(self.end, n)

    def after(self, offset: int, n: int) -> list[Line]:
        """Return at most ``n`` lines from an offset on, where a line begins."""
        found: list[Line] = []
        for line in self.between(offset, self.end):
            if len(found) >= n:
                break
            found.append(line)
        return found

    def before(self, offset: int, n: int) -> list[Line]:
        """Return at most ``n`` lines that end before an offset."""
        found: list[Line] = []
        for part in reversed(self._parts):
            if part.base < offset and len(found) < n:
                stop = min(offset - part.base, part.size)
                start = part.start_of_last(n - len(found), stop)
                found = [*part.lines(start, stop), *found]
        return found

    def start_of_last(self, n: int) -> int:
        """Return where the last ``n`` lines begin, however far back that is."""
        for part in reversed(self._parts):
            start = part.start_of_last(n, part.size, is_bounded=False)
            if start:
                return part.base + start
            n -= part.index.number_at(part.size) + _is_torn(part)
            if n <= 0:
                return part.base
        return self.begin

    def between(self, start: int, end: int) -> Iterator[Line]:
        """Yield the lines that begin between two offsets."""
        for part in self._parts:
            if start < part.end and end > part.base:
                yield from part.lines(max(0, start - part.base), end - part.base)

    def within(self, start: int, end: int) -> Iterator[Line]:
        """Yield the lines between two offsets; the first one may have begun before."""
        for part in self._parts:
            if start < part.end and end > part.base:
                yield from part.lines(max(0, start - part.base), end - part.base, is_within=True)

    def raw(self, line: Line) -> bytes:
        """Return a line's bytes as they are, with its newline where it has one."""
        part = self._part_at(line.offset)
        if part is None:
            return line.data
        start = line.offset - part.base
        return read(part.descriptor, start, end=min(part.size, start + line.length + 1))

    def search(
        self,
        query: Query,
        *,
        start: int | None = None,
        end: int | None = None,
        backwards: bool = False,
    ) -> Iterator[Found]:
        """Yield what fits a query as it is found, and after each MiB how far the search is.

        To end it, stop asking. Between two results lies at most the work on one MiB.

        Parameters
        ----------
        query : Query
            What is asked.
        start, end : int or None
            Where to look; None is the whole log. With a time in the query only that time's part
            of the log is looked through, if lines are in order of time (up to a minute).
        backwards : bool
            Whether the last ones come first.

        Raises
        ------
        InvalidInputError
            A regular expression in the query is none.
        """
        matcher = Matcher(query)
        low, high = self.range_of(query)
        low = max(low, self.begin if start is None else start)
        high = min(high, self.end if end is None else end)
        for part in reversed(self._parts) if backwards else self._parts:
            first, last = max(0, low - part.base), min(part.size, high - part.base)
            if first >= last:
                continue
            matching = part.matching_back if backwards else part.matching
            for one in matching(matcher, part.next_start(first), end=part.next_start(last)):
                if isinstance(one, Line):
                    yield Found(one, one.offset)
                else:
                    yield Found(None, one)

    def passages(
        self,
        matcher: Matcher,
        *,
        start: int | None = None,
        end: int | None = None,
        is_timed: bool = True,
    ) -> Iterator[Passage]:
        """Yield what fits a query as it lies in the files, after each MiB; quicker than lines.

        Parameters
        ----------
        matcher : Matcher
            The query.
        start, end : int or None
            Where to look, as by :meth:`search`.
        is_timed : bool
            Whether only the part of the log is looked through that has the query's times; else
            what lies between start and end, even where a line goes on there.
        """
        low, high = self.range_of(matcher.query) if is_timed else (self.begin, self.end)
        low = low if start is None else max(low, start)
        high = high if end is None else min(high, end)
        for part in self._parts:
            first, last = max(0, low - part.base), min(part.size, high - part.base)
            if first < last:
                if is_timed:  # else the rest of a line may come first
                    first, last = part.next_start(first), part.next_start(last)
                for one in part.passages(matcher, first, end=last):
                    yield one if not part.base else one.moved(part.base)

    def range_of(self, query: Query) -> tuple[int, int]:
        """Return between which offsets the times of a query lie, a minute more on each side."""
        low, high = self.begin, self.end
        if query.since is not None:
            low = self.at_time(query.since - _SLACK)
        if query.until is not None:
            high = self.at_time(query.until + _SLACK)
            if high > low and high < self.end:
                high = max(high, low)
        return low, max(low, high)

    def next_of_level(self, least: str, offset: int, *, backwards: bool = False) -> Line | None:
        """Return the next record of at least a level after an offset, or the last one before."""
        rank = RANKS[least]
        levels = frozenset(name for name, one in RANKS.items() if one >= rank)
        start, end = (None, offset) if backwards else (offset, None)
        query = Query(levels=levels)
        found = self.search(query, start=start, end=end, backwards=backwards)
        return next((one.line for one in found if one.line and not one.line.belongs), None)


def _is_torn(part: Part) -> bool:
    """Say whether the last line has no newline."""
    return part.size > 0 and os.pread(part.descriptor, 1, part.size - 1) != b"\n"
