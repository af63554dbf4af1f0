"""A log as it is read: by place, number, time or share, filtered, searched, while it grows.

A log is a path, and behind it one file after the other as it is rotated::

    offsets   0 ─────────────── 7,000 ───────────── 9,500
    parts     │ renamed, kept open │ the file there now │ … grows
    numbers   1 …               81  82 …

Offsets count on through rotations by renaming, so that a place stays a place: what is on the
screen can be scrolled back beyond a rotation, and a bookmark holds. A file that is shortened or
written anew (``copytruncate``) is gone; what comes is a new part, and ``begin`` is where it begins.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from modeldeck.domain.logs.formats import Format
from modeldeck.domain.logs.heads import Catalogue
from modeldeck.domain.logs.levels import RANKS
from modeldeck.domain.logs.query import Query
from modeldeck.errors import ModelDeckError
from modeldeck.store.logs.blocks import line_start, read
from modeldeck.store.logs.lines import Line
from modeldeck.store.logs.matching import Matcher, Pattern
from modeldeck.store.logs.opening import Opened, Plain, open_log
from modeldeck.store.logs.part import Part

MOST_PARTS = 4
"""Files that were renamed and are kept open, so that one can scroll back into them."""

MOST_OF_PIPE = 256 << 20
"""Bytes of a pipe that one file takes; so many times :data:`MOST_PARTS` can be scrolled back."""


class Change(NamedTuple):
    """What became of a log's file.

    Attributes
    ----------
    kind : str
        ``rotated``: renamed, another one has its name, nothing is lost. ``shortened``: cut or
        written anew in place, what was not read before is lost. ``gone``: there is no file of
        that name; what was open is still read. ``appeared``: now there is one.
    offset : int
        Where the new file begins; for ``gone`` the end.
    """

    kind: str
    offset: int


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


class Log:
    """One log.

    One thread may call :meth:`refresh` and :meth:`advance` while others read.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    name : str
        The name of its lines; empty takes the file's.
    source : int
        The number of its lines' source.
    formats : sequence of Format
        A person's own formats.
    follows_links : bool
        Whether links are followed and pipes read, as for paths that a person names.
    cache : Path or None
        A folder for indexes; None keeps none.
    opened : Opened or None
        What to read instead of the path: standard input, see
        :func:`modeldeck.store.logs.opening.open_pipe`.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "",
        source: int = 0,
        formats: Sequence[Format] = (),
        follows_links: bool = False,
        cache: Path | None = None,
        opened: Opened | None = None,
    ) -> None:
        self.path = path
        self.name = name or path.name
        self.source = source
        self.problem: ModelDeckError | None = None
        self._formats = formats
        self._follows_links = follows_links
        self._cache = cache
        self._is_fixed = opened is not None
        self._is_there = True
        self._parts: tuple[Part, ...] = ()
        self._lock = threading.Lock()
        self._has_saved = False
        self.begin = 0
        if opened is not None:
            self._add(opened, 0)
        else:
            self._open(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            parts, self._parts = self._parts, ()
        for part in parts:
            part.close()

    @property
    def end(self) -> int:
        """Where the log ends, as far as :meth:`refresh` saw."""
        return self._parts[-1].end if self._parts else self.begin

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return bool(self._parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The files it consists of, the present one last."""
        return self._parts

    # ── what becomes of the file ────────────────────────────────────────────────────────────────

    def refresh(self) -> list[Change]:
        """Look at the file again; return what became of it. New lines are no change."""
        if not self._parts:
            return self._appear()
        part = self._parts[-1]
        if not part.grow():
            return self._shortened(part)
        return [] if self._is_fixed else self._check_name(part)

    def _appear(self) -> list[Change]:
        if self._is_fixed or not self._open(self.begin):
            return []
        return [Change("appeared", self.begin)]

    def _shortened(self, part: Part) -> list[Change]:
        begin = part.end
        is_plain = isinstance(part.opened, Plain)  # it may have been renamed since, too
        opened = part.opened if is_plain else self._try_open()
        with self._lock:
            parts, self._parts = self._parts, ()
        for one in parts:
            if one is not part or not is_plain:
                one.close()
        self.begin = begin
        if opened is None:
            return [Change("shortened", begin)]
        part = self._add(opened, begin)
        return [Change("shortened", begin), *([] if self._is_fixed else self._check_name(part))]

    def _check_name(self, part: Part) -> list[Change]:
        try:
            status = self.path.stat(follow_symlinks=self._follows_links)
        except OSError:
            was_there, self._is_there = self._is_there, False
            return [Change("gone", self.end)] if was_there else []
        is_back = not self._is_there
        self._is_there = True
        if (status.st_dev, status.st_ino) == part.opened.identity:
            return [Change("appeared", self.end)] if is_back else []
        if not status.st_size:  # who writes to the old file has not opened the new one yet
            return []
        opened = self._try_open()
        if opened is None:
            return []
        part.grow()
        begin = part.end
        self._add(opened, begin)
        return [Change("rotated", begin)]

    def _try_open(self) -> Opened | None:
        try:
            opened = open_log(self.path, follows_links=self._follows_links)
        except ModelDeckError as error:
            self.problem = error
            return None
        self.problem = None
        return opened

    def _open(self, base: int) -> bool:
        opened = self._try_open()
        if opened is not None:
            self._add(opened, base)
        return opened is not None

    def _add(self, opened: Opened, base: int) -> Part:
        catalogue = Catalogue(self._formats, compile_theirs=Pattern)
        part = Part(opened, base=base, catalogue=catalogue, name=self.name, source=self.source)
        if (path := self._cache_path(part)) is not None:
            part.index.load(path, size=part.size)
        with self._lock:
            parts = (*self._parts, part)
            old, self._parts = parts[:-MOST_PARTS], parts[-MOST_PARTS:]
        for one in old:
            one.close()
        self.begin = self._parts[0].base
        self._has_saved = False
        return part

    def _cache_path(self, part: Part) -> Path | None:
        if self._cache is None or self._is_fixed:
            return None
        device, inode = part.opened.identity
        name = hashlib.sha256(f"{device} {inode} {self.name}".encode(errors="replace")).hexdigest()
        return self._cache / f"{name[:32]}.index"

    # ── work in the background ──────────────────────────────────────────────────────────────────

    def unpack(self) -> bool:
        """Unpack a little more; say whether more is left. What is no archive needs none.

        Raises
        ------
        DamageError, UnavailableError
            As :meth:`advance`.
        """
        if not self._parts:
            return False
        part = self._parts[-1]
        has_more = part.opened.feed()
        part.grow()
        if part.size > MOST_OF_PIPE and (more := part.opened.after(part.whole_lines())) is not None:
            part.size = part.whole_lines()
            self._add(more, part.end)
        return has_more

    def advance(self) -> bool:
        """Unpack or index a little more, for about a millisecond; say whether more is left.

        Raises
        ------
        DamageError, UnavailableError
            What is packed cannot be unpacked further; the next call goes on with the rest.
        """
        if not self._parts:
            return False
        part = self._parts[-1]
        if self.unpack():
            return True
        for one in self._parts:
            if one.index.advance(one.size):
                return True
        if not self._has_saved and (path := self._cache_path(part)) is not None:
            part.index.save(path)
        self._has_saved = True
        return False

    @property
    def progress(self) -> float:
        """How much is unpacked and indexed, 0 to 1."""
        whole = max(1, self.end - self.begin)
        done = sum(min(one.index.covered + (1 << 18), one.size) for one in self._parts)
        unpacked = self._parts[-1].opened.share() if self._parts else 1.0
        return min(1.0, done / whole) * unpacked if self.end > self.begin else unpacked

    @property
    def n_lines(self) -> int:
        """How many lines there are; counts what is not indexed yet, which may take a while."""
        return self.number_at(self.end)

    # ── places ──────────────────────────────────────────────────────────────────────────────────

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

    # ── lines ───────────────────────────────────────────────────────────────────────────────────

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

    def between(self, start: int, end: int) -> Iterator[Line]:
        """Yield the lines that begin between two offsets."""
        for part in self._parts:
            if start < part.end and end > part.base:
                yield from part.lines(max(0, start - part.base), end - part.base)

    def raw(self, line: Line) -> bytes:
        """Return a line's bytes as they are, with its newline where it has one."""
        part = self._part_at(line.offset)
        if part is None:
            return line.data
        start = line.offset - part.base
        return read(part.descriptor, start, end=min(part.size, start + line.length + 1))

    # ── questions ───────────────────────────────────────────────────────────────────────────────

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


_SLACK = 60_000_000


def _is_torn(part: Part) -> bool:
    """Say whether the last line has no newline."""
    return part.size > 0 and os.pread(part.descriptor, 1, part.size - 1) != b"\n"
