"""Reading logs for one question: what fits, with the lines around it, and what comes then."""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modeldeck.domain.logs.formats import Format
from modeldeck.domain.logs.query import EVERYTHING, Query
from modeldeck.errors import ModelDeckError, NotPermittedError
from modeldeck.services.logs.paths import STDIN, Target
from modeldeck.services.logs.stats import Counts
from modeldeck.store import places
from modeldeck.store.logs.following import Follower
from modeldeck.store.logs.generations import Change
from modeldeck.store.logs.histogram import minutes
from modeldeck.store.logs.lines import Line
from modeldeck.store.logs.log import Log
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.merged import Merged
from modeldeck.store.logs.opening import open_pipe
from modeldeck.store.logs.own import read_own
from modeldeck.store.logs.part import Passage

POLL_S = 0.1
"""How often files that are followed are looked at."""

LAST = 50
"""Lines that are shown where nothing is asked."""


class Block(NamedTuple):
    """Lines that stand together.

    Attributes
    ----------
    lines : list of Line
        In order.
    hits : frozenset of int
        The offsets of those that fit; the others are their surroundings.
    """

    lines: list[Line]
    hits: frozenset[int]


@dataclass(frozen=True)
class Asked:
    """What is wanted of logs.

    Attributes
    ----------
    query : Query
        Which lines.
    last : int or None
        Only so many of those that fit, the last ones; None is the last 50 when nothing is asked
        and all that fit otherwise.
    around : int
        So many lines before and after each.
    has_numbers : bool
        Whether lines are numbered.
    """

    query: Query = EVERYTHING
    last: int | None = None
    around: int = 0
    has_numbers: bool = False


def opened(targets: Sequence[Target], *, formats: Sequence[Format] | None = None) -> Merged:
    """Open logs; close what is returned.

    Parameters
    ----------
    targets : sequence of Target
        The files.
    formats : sequence of Format or None
        A person's own formats; None reads them from their settings.

    Raises
    ------
    ModelDeckError
        One is not there or may not be read, or the person's formats are wrong.
    """
    own = read_own() if formats is None else formats
    merged = Merged([_log(one, number, formats=own) for number, one in enumerate(targets)])
    problem = next((log.problem for log in merged.logs if log.problem is not None), None)
    if problem is not None:
        merged.close()
        raise problem
    return merged


def _log(target: Target, number: int, *, formats: Sequence[Format]) -> Log:
    pipe = None
    if str(target.path) == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            msg = "Standard input is the keyboard."
            raise NotPermittedError(msg, "Write `program | modeldeck logs -`.")
        pipe = open_pipe(sys.stdin.fileno(), name=target.name)
    return Log(
        target.path,
        name=target.name,
        source=number,
        formats=formats,
        follows_links=target.is_named,
        cache=places.user_log_indexes(),
        opened=pipe,
    )


class Reading:
    """Logs that are read for one question.

    Parameters
    ----------
    merged : Merged
        The logs.
    asked : Asked
        The question.

    Raises
    ------
    InvalidInputError
        A regular expression in it is none.
    """

    def __init__(self, merged: Merged, asked: Asked) -> None:
        self.merged = merged
        self.asked = asked
        self.matcher = Matcher(asked.query)
        self.problems: list[ModelDeckError] = []

    def unpack(self) -> None:
        """Unpack what is packed, to its end; what is damaged is read as far as it goes."""
        for log in self.merged.logs:
            try:
                while log.unpack():
                    pass
            except ModelDeckError as error:
                self.problems.append(error)

    def blocks(self) -> Iterator[Block]:
        """Yield what fits, as it is found."""
        self.unpack()
        last = self._last()
        if last is not None:
            yield from self._numbered(self._last_blocks(last))
        else:
            yield from self._numbered(self._around(self._all()))

    @property
    def has_passages(self) -> bool:
        """Whether what fits can be had as it lies in the file, see :meth:`passages`."""
        asked = self.asked
        return len(self.merged.logs) == 1 and not (asked.around or asked.has_numbers)

    def passages(self) -> Iterator[Passage]:
        """Yield what fits of one log, as it lies there: lines are not told apart.

        What is in it says :meth:`lines_of`.
        """
        self.unpack()
        log = self.merged.logs[0]
        last = self._last()
        if last is None:
            yield from log.passages(self.matcher)
        elif self.asked.query.is_empty:
            start = log.start_of_last(last)
            yield from log.passages(self.matcher, start=start)
        else:
            for block in self._last_blocks(last):
                for line in block.lines:
                    yield Passage(line.data, [(line.offset, line.offset + line.length)])

    def lines_of(self, passage: Passage) -> Iterator[Line]:
        """Yield the lines of a passage."""
        log = self.merged.logs[0]
        for start, stop in passage.spans:
            yield from log.within(start, max(start + 1, stop))

    def _last(self) -> int | None:
        if self.asked.last is None and self.asked.query.is_empty:
            return LAST
        return self.asked.last

    def _all(self) -> Iterator[Line]:
        for one in self.merged.search(self.asked.query):
            if one.line is not None:
                yield one.line

    def _last_blocks(self, n: int) -> Iterator[Block]:
        if self.asked.query.is_empty:
            yield from self._around(iter(self.merged.before(self.merged.end, n).lines))
            return
        found: list[Line] = []
        for one in self.merged.search(self.asked.query, backwards=True):
            if len(found) >= n:
                break
            if one.line is not None:
                found.append(one.line)
        yield from self._around(iter(found[::-1]))

    def _around(self, lines: Iterator[Line]) -> Iterator[Block]:
        """Yield lines with their surroundings; what touches becomes one block."""
        n = self.asked.around
        if not n:
            for line in lines:
                yield Block([line], frozenset((line.offset,)))
            return
        block: list[Line] = []
        hits: set[int] = set()
        for line in lines:
            log = self.merged.logs[line.source]
            before = log.before(line.offset, n)
            begin = before[0].offset if before else line.offset
            after = log.after(line.offset, n + 1)[1:]
            is_near = block and block[-1].source == line.source and begin <= _behind(block[-1])
            if not is_near and block:
                yield Block(block, frozenset(hits))
                block, hits = [], set()
            known = block[-1].offset if block else -1
            block += [one for one in (*before, line, *after) if one.offset > known]
            hits.add(line.offset)
        if block:
            yield Block(block, frozenset(hits))

    def _numbered(self, found: Iterator[Block]) -> Iterator[Block]:
        if not self.asked.has_numbers:
            yield from found
            return
        for log in self.merged.logs:
            while log.advance():
                pass
        for block in found:
            for line in block.lines:
                log = self.merged.logs[line.source]
                line.number = log.number_at(line.offset) + 1
            yield block

    def counts(self) -> Counts:
        """Count what fits by level, minute and source."""
        self.unpack()
        found = Counts()
        for log in self.merged.logs:
            for one in minutes(log, self.matcher):
                found.add(log.name, one)
        return found

    def raw(self, line: Line) -> bytes:
        """Return a line's bytes as they are, with its newline."""
        return self.merged.logs[line.source].raw(line)

    def follow(self, *, monotonic: Callable[[], float] = time.monotonic) -> Tracking:
        """Return the last lines that fit, and then what comes; see :class:`Tracking`."""
        return Tracking(self, monotonic=monotonic)


class Tracking:
    """Gives what comes to logs and fits, in order of time within each look."""

    def __init__(self, reading: Reading, *, monotonic: Callable[[], float]) -> None:
        self._reading = reading
        self._logs = reading.merged.logs
        asked = reading.asked
        self._is_begun = asked.last == 0 or self.is_pipe
        if not self._is_begun:
            reading.unpack()
        self.followers = [
            Follower(log, numbers=asked.has_numbers, monotonic=monotonic) for log in self._logs
        ]
        self._before: list[deque[Line]] = [deque(maxlen=asked.around) for _log in self._logs]
        self._left = [0] * len(self._logs)
        self.changes: list[tuple[Log, Change]] = []

    def _begin(self) -> list[Line]:
        if self._is_begun:
            return []
        self._is_begun = True
        return [line for block in self._reading.blocks() for line in block.lines]

    @property
    def is_pipe(self) -> bool:
        """Whether all of it comes through a pipe, of which there are no last lines."""
        return all(part.opened.is_pipe for log in self._logs for part in log.parts[:1])

    @property
    def is_over(self) -> bool:
        """Whether nothing can come any more: a pipe was closed, and all of it was given."""
        return all(
            log.parts[-1].opened.is_over and follower.pending is None
            for log, follower in zip(self._logs, self.followers, strict=True)
            if log.parts
        )

    def poll(self) -> list[Line]:
        """Return what fits of what came since the last call."""
        found = self._begin()
        self.changes = []
        new: list[list[Line]] = []
        for at, follower in enumerate(self.followers):
            self._feed(self._logs[at])
            news = follower.poll()
            self.changes += [(self._logs[at], change) for change in news.changes]
            new.append(self._fitting(at, news.lines))
        if len(new) == 1:
            return found + new[0]
        timed = sorted(
            itertools.chain.from_iterable(_timed(lines) for lines in new), key=lambda one: one[0]
        )
        return found + [line for _time, line in timed]

    def passages(self) -> Iterator[Passage]:
        """Return what :meth:`poll` does, of one log as it lies there; see `Reading.passages`."""
        if not self._is_begun:
            self._is_begun = True
            return self._reading.passages()
        follower, log = self.followers[0], self._logs[0]
        self._feed(log)
        spans, changes = follower.came()
        self.changes = [(log, change) for change in changes]
        matcher = self._reading.matcher
        return itertools.chain.from_iterable(
            log.passages(matcher, start=start, end=stop, is_timed=False) for start, stop in spans
        )

    def wait(self, seconds: float) -> None:
        """Wait until something may have come: through a pipe at once, to a file by looking."""
        if self.is_pipe and len(self._logs) == 1:
            self._logs[0].parts[-1].opened.wait(seconds)
        else:
            time.sleep(seconds)

    def _feed(self, log: Log) -> None:
        for _step in range(64):
            try:
                if not log.unpack():
                    return
            except ModelDeckError as error:
                self._reading.problems.append(error)

    def _fitting(self, at: int, lines: list[Line]) -> list[Line]:
        asked = self._reading.asked
        if asked.query.is_empty:
            return lines
        fits = self._reading.matcher.fits
        if not asked.around:
            return [one for one in lines if fits(one.data, one.head)]
        found = []
        before = self._before[at]
        for line in lines:
            if fits(line.data, line.head):
                found += [*before, line]
                before.clear()
                self._left[at] = asked.around
            elif self._left[at] > 0:
                self._left[at] -= 1
                found.append(line)
            else:
                before.append(line)
        return found


def _timed(lines: list[Line]) -> Iterator[tuple[int, Line]]:
    known = next((one.time for one in lines if one.time is not None), 0)
    for line in lines:
        known = known if line.time is None else line.time
        yield known, line


def _behind(line: Line) -> int:
    return line.offset + line.length + 1
