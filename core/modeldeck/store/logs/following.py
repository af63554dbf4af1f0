"""Following logs: the last lines, then each new one, whatever happens to the file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from modeldeck.domain.documents import LogLine
from modeldeck.domain.logs.heads import Grouping
from modeldeck.store.logs import blocks
from modeldeck.store.logs.generations import Change
from modeldeck.store.logs.lines import Line
from modeldeck.store.logs.log import Log
from modeldeck.store.logs.part import Part

QUIET_S = 1.0
"""A line without an end is given when nothing came for so long."""

_PER_POLL = 4 << 20


class News(NamedTuple):
    """What came since the last look.

    Attributes
    ----------
    lines : list of Line
        New lines, in order.
    changes : list of Change
        What became of the file meanwhile.
    """

    lines: list[Line]
    changes: list[Change]


class Follower:
    """Gives what comes to a log.

    Parameters
    ----------
    log : Log
        The log; it is looked at again by each poll.
    last : int
        How many of its present lines to begin with.
    numbers : bool
        Also number lines.
    monotonic : callable
        A clock in seconds.
    """

    def __init__(
        self,
        log: Log,
        *,
        last: int = 0,
        numbers: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.log = log
        self._numbers = numbers
        self._monotonic = monotonic
        self._grew_at = monotonic()
        self._seen = log.end
        start = log.before(log.end, last)
        self._offset = start[0].offset if start else log.end
        self._line = log.number_at(self._offset) if numbers else 0
        self._grouping: Grouping | None = None

    @property
    def place(self) -> int:
        """The offset up to which lines were given."""
        return self._offset

    @property
    def pending(self) -> Line | None:
        """The line at the end that has no end yet, such as a progress bar."""
        found = self.log.after(self._offset, 1)
        return found[0] if found else None

    def poll(self) -> News:
        """Return what came since the last call, at most some MiB at once."""
        changes = self._look()
        return News(self._drain(), changes)

    def came(self) -> tuple[list[tuple[int, int]], list[Change]]:
        """Return from where to where whole lines came since the last call, and changes.

        A quicker way than :meth:`poll` where no line is asked for; use one of them.
        """
        changes = self._look()
        found: list[tuple[int, int]] = []
        parts = self.log.parts
        for part in parts:
            if part.end <= self._offset:
                continue
            start = max(0, self._offset - part.base)
            stop = self._whole(part, start, is_last=part is parts[-1])
            if stop > start:
                found.append((part.base + start, part.base + stop))
                self._offset = part.base + stop
            if self._offset < part.end:
                break
        return found, changes

    def _whole(self, part: Part, start: int, *, is_last: bool) -> int:
        """Return up to where lines are whole, at most some MiB on or one line."""
        stop = min(part.size, start + _PER_POLL)
        whole = blocks.line_start(part.descriptor, stop)
        if stop == part.size and not (is_last and not self._is_quiet):
            return stop
        if whole > start:
            return whole
        if stop < start + _PER_POLL:
            return start
        return min(blocks.find_newline(part.descriptor, stop, end=part.size) + 1, part.size)

    @property
    def _is_quiet(self) -> bool:
        return self._monotonic() - self._grew_at > QUIET_S

    def _look(self) -> list[Change]:
        """Look at the file again."""
        changes = self.log.refresh()
        for change in changes:
            if change.kind == "shortened" or (change.kind == "appeared" and not self._offset):
                self._offset = change.offset
                self._line = 0
                self._grouping = None
        if self.log.end != self._seen:
            self._seen = self.log.end
            self._grew_at = self._monotonic()
        return changes

    def _drain(self) -> list[Line]:
        found: list[Line] = []
        parts = self.log.parts
        for part in parts:
            if part.end <= self._offset:
                continue
            if self._offset <= part.base and part is not parts[0]:
                self._grouping = None
                self._line = 0
            start = max(0, self._offset - part.base)
            stop = min(part.size, start + _PER_POLL)
            found += self._of(part, start, stop=stop, is_last=part is parts[-1])
            if self._offset < part.end:
                break
        return found

    def _of(self, part: Part, start: int, *, stop: int, is_last: bool) -> list[Line]:
        if self._grouping is None:
            self._grouping = part.grouping_at(start)
        found: list[Line] = []
        is_quiet = self._is_quiet
        grouping, line_of = self._grouping, part.line
        at = start
        for offset, length, data in blocks.pieces(part.descriptor, start, end=stop):
            has_end = offset + length < stop
            is_whole = has_end or length > _PER_POLL
            if not is_whole and (stop < part.size or (is_last and not is_quiet)):
                if offset == start and length >= _PER_POLL:  # longer than what is read at once
                    return self._long(part, start)
                break
            found.append(line_of(offset, length, data=data, grouping=grouping))
            at = offset + length + has_end
        if found:
            self._offset = part.base + at
            self._count(found)
        return found

    def _count(self, found: list[Line]) -> None:
        if self._numbers:
            for number, line in enumerate(found, self._line + 1):
                line.number = number
        self._line += len(found)

    def _long(self, part: Part, start: int) -> list[Line]:
        """Give a line of many MiB, as far as it is there."""
        stop = blocks.find_newline(part.descriptor, start, end=part.size)
        return self._of(part, start, stop=min(stop + 1, part.size), is_last=True)

    def close(self) -> None:
        """Close the log."""
        self.log.close()


class LogFollower:
    """Gives the last lines of a file, then each new one, through renames and truncation.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    last : int
        How many of its present lines to begin with.
    numbers : bool
        Also number lines.
    monotonic : callable
        A clock in seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        last: int = 0,
        numbers: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = Follower(Log(path), last=last, numbers=numbers, monotonic=monotonic)

    def poll(self) -> list[LogLine]:
        """Return the lines that came since the last call."""
        return [one.document() for one in self._inner.poll().lines]

    def close(self) -> None:
        """Close the file."""
        self._inner.close()
