r"""A sparse index of lines: how many newlines there are before each block, made bit by bit.

For 1 GB it takes 32 KB. It is kept in the user's cache for files of more than 16 MiB::

    modeldeck log index 1\n
    {"size": …, "head": "<sha256>", "tail": "<sha256>", "counts": n}\n
    n unsigned integers of 8 bytes, little-endian: newlines before the end of each block

``head`` is the digest of the file's first 4 KiB, ``tail`` that of the last 4 KiB before ``size``:
a file that was written anew since then has others, and the index is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from array import array
from bisect import bisect_left
from pathlib import Path

from modeldeck.errors import ModelDeckError
from modeldeck.store import files
from modeldeck.store.logs.blocks import LARGE, count_lines

STEP = 1 << 18
"""Bytes between two places whose line numbers are known."""

KEPT_FROM = 16 << 20
"""Indexes of smaller files are made faster than they are found."""

MOST_KEPT = 200
"""Indexes in the cache; the oldest give way."""

_MAGIC = b"modeldeck log index 1"
_ENDS = 4096
_MAX_BYTES = 64 << 20


class Index:
    """Numbers of lines of one open file, which may be growing.

    Parameters
    ----------
    descriptor : int
        The file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._counts = array("Q")
        self._buffer = bytearray(LARGE)

    @property
    def covered(self) -> int:
        """Bytes whose lines are counted."""
        return len(self._counts) * STEP

    @property
    def n_lines(self) -> int:
        """Newlines in the bytes that are covered."""
        return self._counts[-1] if self._counts else 0

    def advance(self, size: int) -> bool:
        """Count the next MiB; say whether more is left. One thread calls this.

        Parameters
        ----------
        size : int
            The file's size. Only whole blocks are counted.
        """
        at = self.covered
        if at + STEP > size:
            return False
        buffer = self._buffer
        got = os.preadv(self._descriptor, [buffer], at)
        got = min(got, size - at)
        total = self.n_lines
        found = []
        for start in range(0, got - STEP + 1, STEP):
            total += buffer.count(b"\n", start, start + STEP)
            found.append(total)
        self._counts.extend(found)
        return bool(found) and self.covered + STEP <= size

    def number_at(self, offset: int) -> int:
        """Return how many newlines are before an offset, counting what is not covered."""
        block = min(offset // STEP, len(self._counts))
        before = self._counts[block - 1] if block else 0
        return before + count_lines(self._descriptor, offset, start=block * STEP)

    def offset_of(self, number: int, *, size: int) -> int:
        """Return where the line begins that has ``number`` lines before it; ``size`` for none."""
        if number <= 0:
            return 0
        block = bisect_left(self._counts, number)
        left = number - (self._counts[block - 1] if block else 0)
        at = block * STEP
        while at < size and (data := os.pread(self._descriptor, min(STEP, size - at), at)):
            count = data.count(b"\n")
            if count >= left:
                position = -1
                for _ in range(left):
                    position = data.find(b"\n", position + 1)
                return at + position + 1
            left -= count
            at += len(data)
        return size

    def save(self, path: Path) -> None:
        """Write it into the cache; that it cannot be is no error."""
        covered = self.covered
        if covered < KEPT_FROM:
            return
        counts = array("Q", self._counts)
        if sys.byteorder == "big":
            counts.byteswap()
        head = {"size": covered, "counts": len(counts), **_ends(self._descriptor, covered)}
        data = b"%b\n%b\n%b" % (_MAGIC, json.dumps(head).encode(), counts.tobytes())
        with contextlib.suppress(ModelDeckError, OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.replace(path, data, mode=0o600, durable=False)
            _make_room(path.parent)

    def load(self, path: Path, *, size: int) -> bool:
        """Take what the cache has, if it is about this file; say whether it was."""
        try:
            data = files.read_bytes(path, limit=_MAX_BYTES)
        except ModelDeckError:
            return False
        magic, _, rest = data.partition(b"\n")
        text, _, counted = rest.partition(b"\n")
        try:
            head = json.loads(text)
            n, covered = int(head["counts"]), int(head["size"])
            ends = {"head": head["head"], "tail": head["tail"]}
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        is_whole = magic == _MAGIC and len(counted) == n * 8 and covered == n * STEP
        if not is_whole or covered > size or _ends(self._descriptor, covered) != ends:
            return False
        counts = array("Q", counted)
        if sys.byteorder == "big":
            counts.byteswap()
        self._counts = counts
        return True


def _ends(descriptor: int, size: int) -> dict[str, str]:
    head = os.pread(descriptor, min(_ENDS, size), 0)
    tail = os.pread(descriptor, min(_ENDS, size), max(0, size - _ENDS))
    return {
        "head": hashlib.sha256(head).hexdigest(),
        "tail": hashlib.sha256(tail).hexdigest(),
    }


def _make_room(folder: Path) -> None:
    with os.scandir(folder) as listing:
        found = sorted((one.stat().st_mtime, one.path) for one in listing)
    for _time, path in found[:-MOST_KEPT]:
        Path(path).unlink(missing_ok=True)
