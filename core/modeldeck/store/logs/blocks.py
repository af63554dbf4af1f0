"""Reading an open file by ``pread``: lines forwards and backwards, newlines counted.

Files are never mapped: another program may shorten them at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from modeldeck.store.logs.lines import MAX_LAST, MAX_LINE

BLOCK = 1 << 18
"""Bytes that are read at once where few lines are wanted."""

LARGE = 1 << 20
"""Bytes that are read at once where a whole file is looked through."""

_FAR = 64 << 20  # how far back to look for the last lines, once there is any


def pieces(descriptor: int, start: int, *, end: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the lines between two offsets: where each begins, its length, its first bytes."""
    at = start
    while at < end:
        block = os.pread(descriptor, min(BLOCK, end - at), at)
        last = block.rfind(b"\n")
        if last < 0:
            if not block:
                return
            stop = find_newline(descriptor, at + len(block), end=end)
            yield at, stop - at, block[:MAX_LINE]
            at = stop + 1
            continue
        offset = at
        for line in block[:last].split(b"\n"):
            length = len(line)
            yield offset, length, line if length <= MAX_LINE else line[:MAX_LINE]
            offset += length + 1
        at += last + 1


def find_newline(descriptor: int, at: int, *, end: int) -> int:
    """Return where the next newline is; ``end`` when there is none before it."""
    while at < end and (block := os.pread(descriptor, min(LARGE, end - at), at)):
        found = block.find(b"\n")
        if found >= 0:
            return at + found
        at += len(block)
    return min(at, end)


def line_start(descriptor: int, at: int) -> int:
    """Return where the line begins that an offset lies in."""
    while at > 0:
        step = min(BLOCK, at)
        found = os.pread(descriptor, step, at - step).rfind(b"\n")
        if found >= 0:
            return at - step + found + 1
        at -= step
    return 0


def last_bytes(descriptor: int, offset: int, *, length: int) -> bytes:
    """Return the end of a line that was cut, if it holds a carriage return."""
    found = os.pread(descriptor, MAX_LAST, offset + length - MAX_LAST)
    return found if b"\r" in found.rstrip(b"\r") else b""


def start_of_last(descriptor: int, n: int, *, size: int, is_bounded: bool = True) -> int:
    """Return where the last ``n`` lines of an open file begin, looking backwards from its end.

    Bounded, it gives fewer lines where these would be very long.
    """
    if n <= 0:
        return size
    wanted = n
    at = size
    if size and os.pread(descriptor, 1, size - 1) == b"\n":
        at = size - 1
    end = at
    step = 1 << 16
    while at > 0 and (not is_bounded or end - at < _FAR or wanted == n):
        step = min(step, at)
        block = os.pread(descriptor, step, at - step)
        count = block.count(b"\n")
        if count >= wanted:
            position = len(block)
            for _ in range(wanted):
                position = block.rfind(b"\n", 0, position)
            return at - step + position + 1
        wanted -= count
        at -= step
        step = min(step * 2, LARGE)
    return at


def count_lines(descriptor: int, end: int, *, start: int = 0) -> int:
    """Return how many newlines an open file has between two offsets."""
    total = 0
    at = start
    buffer = bytearray(min(LARGE, max(0, end - start)))
    while at < end and (got := os.preadv(descriptor, [buffer], at)):
        total += buffer.count(b"\n", 0, min(got, end - at))
        at += got
    return total


def read(descriptor: int, start: int, *, end: int) -> bytes:
    """Return the bytes between two offsets; fewer where the file ends before."""
    parts = []
    while start < end and (part := os.pread(descriptor, min(LARGE, end - start), start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)
