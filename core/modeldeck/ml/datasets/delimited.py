"""CSV: its first line, its records in pieces of whole ones, and what is wrong with it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from modeldeck.errors import InvalidInputError

MAX_HEADER = 1 << 20
MAX_RECORD = 64 << 20
BLOCK = 8 << 20

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]
"""What stands for a missing value."""

_BOM = b"\xef\xbb\xbf"


def header(line: bytes, name: str, *, most: int) -> list[str]:
    """Return the names in a first line, without its end.

    Raises
    ------
    InvalidInputError
        It is empty, too long, names too many columns, or one twice.
    """
    if not line.strip():
        msg = f"{name} is empty, or its first line is."
        raise InvalidInputError(msg, "The first line must name the columns.", file=name)
    if len(line) > MAX_HEADER:
        msg = f"{name} has a first line of more than {MAX_HEADER:,} bytes."
        raise InvalidInputError(msg, "The first line must name the columns.", file=name)
    text = line.decode(errors="replace").strip("\r\n")
    try:
        names = next(csv.reader([text]), [])
    except csv.Error as error:
        msg = f"{name}, line 1 is no CSV: {error}."
        raise InvalidInputError(msg, "The first line must name the columns.", file=name) from None
    check_count(len(names), name, most=most)
    counted = Counter(names)
    twice = sorted(one for one, count in counted.items() if count > 1 or not one.strip())
    if twice:
        is_named = twice[0].strip()
        what = f"two columns are called {twice[0][:80]!r}" if is_named else "a column has no name"
        msg = f"{name}, line 1: {what}."
        raise InvalidInputError(msg, "Give each column a name of its own.", file=name)
    return names


def check_count(count: int, name: str, *, most: int) -> None:
    """Refuse a table of too many columns.

    Raises
    ------
    InvalidInputError
        It has more than ``most``.
    """
    if count > most:
        msg = f"{name} has {count:,} columns; at most {most:,} can be used."
        raise InvalidInputError(msg, "Keep the columns that matter.", file=name)


def problem(content: bytes, width: int, *, before: int = 0) -> str:
    """Find the first line that is not UTF-8 or has more fields than the header; empty for none.

    Parameters
    ----------
    content : bytes
        Whole records.
    width : int
        The number of columns.
    before : int
        Lines of the file before the content.
    """
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1 + before
        return f", line {line} is not UTF-8"
    reader = csv.reader(lines)
    try:
        for row in reader:
            if len(row) > width:
                where = reader.line_num + before
                return f", line {where} has {len(row)} fields; the header has {width}"
    except csv.Error as error:
        return f", line {reader.line_num + before}: {error}"
    return ""


def first_line(stream: BinaryIO) -> bytes:
    """Read the first line, and one byte more than may be at the most."""
    return stream.readline(MAX_HEADER + 2).removeprefix(_BOM).rstrip(b"\r\n")


def blocks(stream: BinaryIO, name: str, *, has_quotes: bool = True) -> Iterator[bytes]:
    """Yield the rest of a stream in pieces that end where a record does.

    A line's end within quotes ends no record: a newline counts when the number of quotes before it
    is even (RFC 4180 doubles a quote within quotes, which keeps that so); without ``has_quotes``
    every newline does.

    Raises
    ------
    InvalidInputError
        A record is larger than 64 MiB; most often a quote is not closed.
    """
    rest = b""
    while data := stream.read(BLOCK):
        buffer = rest + data
        end = _end_of_records(buffer) if has_quotes else buffer.rfind(b"\n") + 1
        if not end and len(buffer) > MAX_RECORD:
            msg = f"{name} has a record of more than {MAX_RECORD >> 20} MiB."
            hint = "Look for a quote that is not closed." if has_quotes else "Break it into lines."
            raise InvalidInputError(msg, hint, file=name)
        if end:
            yield buffer[:end]
        rest = buffer[end:]
    if rest:
        yield rest


def _end_of_records(buffer: bytes) -> int:
    if b'"' not in buffer:
        return buffer.rfind(b"\n") + 1
    letters = np.frombuffer(buffer, dtype=np.uint8)
    newlines = np.flatnonzero(letters == ord("\n"))
    quotes = np.flatnonzero(letters == ord('"'))
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
    return int(ends[-1]) + 1 if ends.size else 0
