"""The reader of every log."""

from __future__ import annotations

from pathlib import Path

from modeldeck.domain.documents import LogLine
from modeldeck.domain.logs.heads import Catalogue
from modeldeck.store.logs.following import Follower, LogFollower, News
from modeldeck.store.logs.lines import MAX_LINE, Line
from modeldeck.store.logs.log import Change, Found, Log

__all__ = [
    "MAX_LINE",
    "Change",
    "Follower",
    "Found",
    "Line",
    "Log",
    "LogFollower",
    "News",
    "parse_line",
    "tail",
]


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
    head = Catalogue().head(data)
    return Line(data[:MAX_LINE], len(data), 0, head, number=number, name=source).document()


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
    with Log(path) as log:
        if log.problem is not None:
            raise log.problem
        while log.unpack():
            pass
        found = log.tail(n)
        if numbers and found:
            first = 1 + log.number_at(found[0].offset)
            for number, line in enumerate(found, first):
                line.number = number
        return [one.document() for one in found]
