"""One file that a log is or was: while it stays open, its bytes stay what they are.

::

    witness                                        witness
    |first 256 bytes|            …            |last 64 bytes|   what came since
    0                                                    size                  size now

A file that becomes shorter, or whose witnesses change, was written anew by somebody
(``copytruncate``, an editor): what was known of it holds no more.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from modeldeck.domain.logs.heads import HEAD_BYTES, NOTHING, Catalogue, Grouping, Head, may_continue
from modeldeck.store.logs import blocks
from modeldeck.store.logs.index import Index
from modeldeck.store.logs.lines import MAX_LINE, Line
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.opening import Opened
from modeldeck.store.logs.sieved import grouping_of, passed

_HEAD = 256
_TAIL = 64
_LOOKBACK = 1 << 16
_MOST_PROBED = 200


class Passage(NamedTuple):
    """Lines that pass, as they lie in a file.

    Attributes
    ----------
    data : bytes
        The lines, joined by newlines; of one of more than a MiB the beginning.
    spans : list of (int, int)
        From which offset to which they stand.
    """

    data: bytes
    spans: list[tuple[int, int]]

    def moved(self, base: int) -> Passage:
        """Return it with offsets that count from elsewhere."""
        return Passage(self.data, [(base + start, base + stop) for start, stop in self.spans])


class Part:
    """An open file, from its beginning to what is known of it.

    Parameters
    ----------
    opened : Opened
        The file.
    base : int
        Where it begins in its log.
    catalogue : Catalogue
        Tells heads of its lines.
    name, source
        Of its lines, see :class:`modeldeck.store.logs.lines.Line`.
    """

    def __init__(
        self, opened: Opened, *, base: int, catalogue: Catalogue, name: str = "", source: int = 0
    ) -> None:
        self.opened = opened
        self.base = base
        self.catalogue = catalogue
        self.name = name
        self.source = source
        self.descriptor = opened.descriptor
        self.index = Index(self.descriptor)
        self.size = 0
        self._head = b""
        self._tail = b""
        self.grow()

    @property
    def end(self) -> int:
        """Where it ends in its log, as far as is known."""
        return self.base + self.size

    def grow(self) -> bool:
        """Look whether it grew; say whether it is still the same file."""
        size = self.opened.size()
        if not self._is_same(size):
            return False
        if size > self.size:
            self.size = size
            self.catalogue.latest = self.opened.written_at()
            self._head = os.pread(self.descriptor, min(_HEAD, size), 0)
            self._tail = os.pread(self.descriptor, min(_TAIL, size), max(0, size - _TAIL))
        return True

    def _is_same(self, size: int) -> bool:
        if size < self.size:
            return False
        head = os.pread(self.descriptor, len(self._head), 0)
        tail = os.pread(self.descriptor, len(self._tail), max(0, self.size - _TAIL))
        return head == self._head and tail == self._tail

    def whole_lines(self) -> int:
        """Return where the last line begins, which may have no end yet."""
        return blocks.line_start(self.descriptor, self.size)

    def close(self) -> None:
        """Close it."""
        self.opened.close()

    # Offsets below count from the part's own beginning.

    def lines(
        self, start: int, end: int | None = None, *, is_within: bool = False
    ) -> Iterator[Line]:
        """Yield the lines that begin between two offsets, each with its record's head."""
        start = start if is_within else self.next_start(start)
        stop = self.size if end is None else self.next_start(min(end, self.size))
        grouping = self.grouping_at(start)
        for offset, length, data in blocks.pieces(self.descriptor, start, end=stop):
            yield self.line(offset, length, data=data, grouping=grouping)

    def next_start(self, offset: int) -> int:
        """Return where the first line at or after an offset begins."""
        if offset <= 0 or os.pread(self.descriptor, 1, offset - 1) == b"\n":
            return max(0, offset)
        return min(self.size, blocks.find_newline(self.descriptor, offset, end=self.size) + 1)

    def line(self, offset: int, length: int, *, data: bytes, grouping: Grouping) -> Line:
        """Return a line from its bytes and what came before it."""
        head = self.catalogue.head(data)
        belongs = grouping.belongs(data, head)
        if belongs:
            head = grouping.head
        found = Line(data, length, self.base + offset, head, 0, self.name, self.source, belongs)
        if length > MAX_LINE:
            found.last = blocks.last_bytes(self.descriptor, offset, length=length)
        return found

    def grouping_at(self, offset: int) -> Grouping:
        """Return what a line at an offset may belong to."""
        grouping = Grouping()
        if not offset:
            return grouping
        data = os.pread(self.descriptor, HEAD_BYTES, offset)
        if not may_continue(data.partition(b"\n")[0]):
            return grouping
        before = max(0, offset - _LOOKBACK)
        start = blocks.find_newline(self.descriptor, before, end=offset) + 1 if before else 0
        found = [one for _at, _length, one in blocks.pieces(self.descriptor, start, end=offset)]
        begin = len(found) - 1
        while begin > 0 and may_continue(found[begin][:HEAD_BYTES]):
            begin -= 1
        for one in found[max(0, begin) :]:
            grouping.belongs(one, self.catalogue.head(one))
        return grouping

    def start_of_last(self, n: int, end: int, *, is_bounded: bool = True) -> int:
        """Return where the last ``n`` lines before an offset begin."""
        return blocks.start_of_last(self.descriptor, n, size=end, is_bounded=is_bounded)

    def matching(self, matcher: Matcher, start: int, *, end: int) -> Iterator[Line | int]:
        """Yield the lines between two offsets that pass, and after each block how far it came."""
        at = start
        while at < end:
            block, next_at = self.block(at, end)
            if not block:
                return
            yield from self._of_block(matcher, block, base=at, end=next_at)
            at = next_at
            yield self.base + at

    def matching_back(self, matcher: Matcher, start: int, *, end: int) -> Iterator[Line | int]:
        """Yield the lines that pass from the last to the first, and how far it came."""
        at = end
        while at > start:
            begin = max(start, at - blocks.LARGE)
            if begin > start:
                begin = blocks.find_newline(self.descriptor, begin - 1, end=at) + 1
                if begin >= at:
                    begin = max(start, blocks.line_start(self.descriptor, at - 1))
            block = blocks.read(self.descriptor, begin, end=min(at, begin + blocks.LARGE))
            yield from reversed([*self._of_block(matcher, block, base=begin, end=at)])
            at = begin
            yield self.base + at

    def passages(self, matcher: Matcher, start: int, *, end: int) -> Iterator[Passage]:
        """Yield what passes between two offsets as it lies there, after each block."""
        at = start
        while at < end:
            block, next_at = self.block(at, end)
            if not block:
                return
            spans = [(one[0], one[1]) for one in passed(self, matcher, block=block, base=at)]
            data = b"\n".join([block[begin:stop] for begin, stop in spans])
            if spans and next_at - at > len(block):  # one line, of which this is the beginning
                spans = [(0, next_at - at)]
            yield Passage(data, [(at + begin, at + stop) for begin, stop in spans])
            at = next_at

    def block(self, at: int, end: int) -> tuple[bytes, int]:
        """Return whole lines from an offset on, and where the next block begins.

        Of a line that is longer than a block the first MiB is looked at.
        """
        block = os.pread(self.descriptor, min(blocks.LARGE, end - at), at)
        if at + len(block) >= end:
            return block, end
        last = block.rfind(b"\n")
        if last >= 0:
            return block[: last + 1], at + last + 1
        stop = blocks.find_newline(self.descriptor, at + len(block), end=end)
        return block, min(end, stop + 1)

    def _of_block(self, matcher: Matcher, block: bytes, *, base: int, end: int) -> Iterator[Line]:
        """Yield the lines of a block that pass; it may be the beginning of a longer one."""
        is_cut = base + len(block) < end
        for start, stop, head, belongs in passed(self, matcher, block=block, base=base):
            found: Iterable[Line]
            if head is None:
                found = self._of_run(block[start:stop], base + start)
            else:
                found = (self.made(base + start, block[start:stop], head=head, belongs=belongs),)
            for line in found:
                if is_cut:
                    line.length = end - base - (os.pread(self.descriptor, 1, end - 1) == b"\n")
                    line.last = blocks.last_bytes(self.descriptor, base, length=line.length)
                yield line

    def _of_run(self, data: bytes, offset: int) -> Iterator[Line]:
        """Yield lines that follow each other."""
        tell = self.catalogue.head
        grouping = grouping_of(self, offset, data=data)
        for one in data.split(b"\n"):
            head = tell(one[:MAX_LINE])
            belongs = grouping.belongs(one, head)
            yield self.made(offset, one, head=grouping.head if belongs else head, belongs=belongs)
            offset += len(one) + 1

    def made(self, offset: int, data: bytes, *, head: Head, belongs: bool) -> Line:
        """Return a line whose head is known from all of its bytes."""
        length = len(data)
        line = Line(data, length, self.base + offset, head, 0, self.name, self.source, belongs)
        if length > MAX_LINE:
            line.data = data[:MAX_LINE]
            line.last = blocks.last_bytes(self.descriptor, offset, length=length)
        return line

    def head_near(self, offset: int) -> tuple[int, Head]:
        """Return the first line at or after an offset that tells a time, and its head."""
        start = offset
        if offset:
            start = blocks.find_newline(self.descriptor, offset - 1, end=self.size) + 1
        probed = blocks.pieces(self.descriptor, start, end=self.size)
        for at, _length, data in itertools.islice(probed, _MOST_PROBED):
            head = self.catalogue.head(data)
            if head.time is not None:
                return at, head
        return self.size, NOTHING

    def offset_at_time(self, time: int) -> int:
        """Return where the first line of at least a time is, if the lines are in order of time.

        By bisection: about thirty places of a file of 1 GB are looked at.
        """
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            at, head = self.head_near(middle)
            if at >= high or head.time is None:
                high = middle
            elif head.time < time:
                low = at + 1
            else:
                high = middle
        at, head = self.head_near(low)
        return self.size if head.time is None or head.time < time else at
