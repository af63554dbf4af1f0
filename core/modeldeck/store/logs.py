"""Reading text logs: their last lines at once, and what comes after, whatever happens to the file.

Files are read with ``pread``, never mapped: another program may shorten them at any time. The last
lines are found backwards from the end, so that the size of a file does not matter. A follower goes
on after a rename (it reads the old file to its end first), after truncation, and when a file is
replaced or appears later.

A line's time and level are recognised at its beginning (ISO 8601 or ``HH:MM:SS``, with a level
word behind it), or in the fields of a line that is a JSON object; nowhere else, so that a number
in a message is not taken for a time.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from modeldeck.domain.documents import LogLine
from modeldeck.errors import ModelDeckError
from modeldeck.store import files

MAX_LINE = 16 * 1024
"""Bytes of one line that are kept; the rest is counted."""

_BLOCK = 1 << 16
_COUNTED = 1 << 20
_FAR = 64 << 20  # how far back to look for the last lines
_PER_POLL = 4 << 20
_HEAD = 256
_QUIET_S = 1.0

_LEVELS = {
    "TRACE": "DEBUG",
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "NOTICE": "INFO",
    "WARN": "WARN",
    "WARNING": "WARN",
    "ERROR": "ERROR",
    "ERR": "ERROR",
    "FATAL": "CRITICAL",
    "CRITICAL": "CRITICAL",
    "PANIC": "CRITICAL",
}
_TIME = re.compile(
    r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)\]?[ \t:]*"
)
_LEVEL = re.compile(rf"[\[<(]?({'|'.join(_LEVELS)})\b", re.IGNORECASE)
_TIME_FIELDS = ("at", "time", "timestamp", "ts", "asctime", "@timestamp")
_LEVEL_FIELDS = ("level", "levelname", "severity", "lvl")


def parse_line(data: bytes, source: str, *, number: int) -> LogLine:
    """Return a line with what can be told from it.

    Parameters
    ----------
    data : bytes
        Without its newline; bytes that are no UTF-8 become U+FFFD.
    source : str
        The file's name.
    number : int
        The line's number from 1; 0 when it was not counted.

    Examples
    --------
    >>> line = parse_line(b"2026-11-23 07:10:11,123 [WARN] slow", "a.log", number=7)
    >>> line["at"], line["level"]
    ('2026-11-23 07:10:11,123', 'WARN')
    """
    cut = len(data) - MAX_LINE
    text = data[:MAX_LINE].decode(errors="replace").removesuffix("\r")
    if cut > 0:
        text += f"… {cut:,} more bytes"
    at, level = _from_json(text) if text.startswith("{") else _from_start(text)
    return LogLine(source=source, line=number, at=at, level=level, text=text)


def _from_start(text: str) -> tuple[str, str]:
    found = _TIME.match(text)
    level = _LEVEL.match(text, found.end() if found else 0)
    return (found[1] if found else ""), (_LEVELS[level[1].upper()] if level else "")


def _from_json(text: str) -> tuple[str, str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    at = next((value[key] for key in _TIME_FIELDS if isinstance(value.get(key), str)), "")
    level = next((value[key] for key in _LEVEL_FIELDS if isinstance(value.get(key), str)), "")
    return at, _LEVELS.get(level.upper(), "")


def tail(path: Path, n: int, *, numbers: bool = False) -> list[LogLine]:
    """Return the last lines of a file; a last one without a newline counts.

    Parameters
    ----------
    path : Path
        The file.
    n : int
        At most so many lines.
    numbers : bool
        Also number them, which reads the whole file once.

    Raises
    ------
    ModelDeckError
        It is not there, not a plain file, or may not be read.
    """
    descriptor = files.open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        start = start_of_last(descriptor, n, size=size)
        first = 1 + count_lines(descriptor, start) if numbers else 0
        data = _read(descriptor, start, end=size)
    finally:
        os.close(descriptor)
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return [
        parse_line(line, path.name, number=first + at if numbers else 0)
        for at, line in enumerate(lines[-n:] if n else [])
    ]


def start_of_last(descriptor: int, n: int, *, size: int) -> int:
    """Return where the last ``n`` lines of an open file begin, looking backwards from its end."""
    if n <= 0:
        return size
    wanted = n
    at = size
    if size and os.pread(descriptor, 1, size - 1) == b"\n":
        at = size - 1
    end = at
    while at > 0 and end - at < _FAR:
        step = min(_BLOCK, at)
        block = os.pread(descriptor, step, at - step)
        count = block.count(b"\n")
        if count >= wanted:
            position = len(block)
            for _ in range(wanted):
                position = block.rfind(b"\n", 0, position)
            return at - step + position + 1
        wanted -= count
        at -= step
    return at


def count_lines(descriptor: int, end: int) -> int:
    """Return how many newlines an open file has before an offset."""
    total = at = 0
    while at < end and (block := os.pread(descriptor, min(_COUNTED, end - at), at)):
        total += block.count(b"\n")
        at += len(block)
    return total


def _read(descriptor: int, start: int, *, end: int) -> bytes:
    parts = []
    while start < end and (part := os.pread(descriptor, min(_COUNTED, end - start), start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


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
        self.path = path
        self._last = last
        self._numbers = numbers
        self._monotonic = monotonic
        self._descriptor = -1
        self._identity = (0, 0)
        self._offset = 0
        self._line = 0
        self._head = b""
        self._rest = b""
        self._grew_at = monotonic()
        self._is_first = True
        self._open()

    def poll(self) -> list[LogLine]:
        """Return the lines that came since the last call."""
        found: list[LogLine] = []
        if self._descriptor < 0:
            self._open()
        if self._descriptor >= 0:
            self._check_truncation()
            found += self._drain()
            if self._is_replaced():
                while more := self._drain():
                    found += more
                found += self._flush()
                self.close()
                self._open()
                found += self._drain()
        return found

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        try:
            self._descriptor = files.open_regular(self.path)
        except ModelDeckError:
            return
        status = os.fstat(self._descriptor)
        self._identity = (status.st_dev, status.st_ino)
        self._begin(0)
        if self._is_first:
            start = start_of_last(self._descriptor, self._last, size=status.st_size)
            self._begin(start)
        self._is_first = False

    def _begin(self, offset: int) -> None:
        self._offset = offset
        self._rest = b""
        self._head = os.pread(self._descriptor, min(_HEAD, offset), 0)
        self._line = count_lines(self._descriptor, offset) if self._numbers else 0

    def _is_replaced(self) -> bool:
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) != self._identity

    def _check_truncation(self) -> None:
        """Begin anew when the file became shorter, or begins with other bytes than before."""
        size = os.fstat(self._descriptor).st_size
        is_other = os.pread(self._descriptor, len(self._head), 0) != self._head
        if size < self._offset + len(self._rest) or is_other:
            self._begin(0)

    def _drain(self) -> list[LogLine]:
        data = os.pread(self._descriptor, _PER_POLL, self._offset + len(self._rest))
        if not data:
            is_quiet = self._monotonic() - self._grew_at > _QUIET_S
            return self._flush() if is_quiet and self._rest else []
        self._grew_at = self._monotonic()
        *lines, rest = (self._rest + data).split(b"\n")
        self._offset += sum(len(line) + 1 for line in lines)
        self._rest = rest
        if len(self._head) < _HEAD:
            self._head = os.pread(self._descriptor, min(_HEAD, self._offset), 0)
        found = [self._line_of(line) for line in lines]
        if len(rest) > _PER_POLL:
            found += self._flush()
        return found

    def _flush(self) -> list[LogLine]:
        """Give the line that has no end yet."""
        if not self._rest:
            return []
        self._offset += len(self._rest)
        line = self._line_of(self._rest)
        self._rest = b""
        return [line]

    def _line_of(self, data: bytes) -> LogLine:
        self._line += 1
        return parse_line(data, self.path.name, number=self._line if self._numbers else 0)
