"""The reader of every log: one page on how it is used.

**Opening.** ``Log(path)`` is one log, ``Merged([log, …])`` several as one in order of time (also
one alone, so that a screen needs to know just this); ``services.logs.opened(targets)`` makes it of
what ``services.logs.paths_of`` or ``workspace.logs.targets`` find for what a person typed. Opening
reads nothing but the file's two ends. ``log.problem`` says why there is nothing to read.

**Places.** In a log a place is an offset in bytes, in merged ones a tuple of them, one a log. They
hold through rotations. ``merged.begin`` and ``merged.end`` are the outermost; ``after(place, n)``
and ``before(place, n)`` give a page: ``lines`` and the places ``first`` and ``last`` to go on from.
``at_time(µs)``, ``at_share(0…1)``, ``at_line(source, offset)`` give places; of one log also
``at_number(n)`` and ``number_at(offset)``, at once where the index has come, else by counting.
None of them takes longer with a larger file; no index is needed but for numbers.

**Lines.** A ``Line`` has ``source`` (its log's place among the merged), ``name``, ``offset`` (with
``log.path`` what bookmarks and remarks are kept by), ``level``, ``time``, ``head.at``, ``belongs``
(it goes on with the record before: a traceback), ``fields``, ``text`` (all of it, decoded), and
``shown`` (progress bars as their last state). ``text`` and ``shown`` may hold any character: they
go through the screen's ``clean`` like all that is foreign. ``log.raw(line)`` are its bytes.

**In the background.** A thread calls ``advance()`` until it is False: each call unpacks or indexes
for about a millisecond and lets other threads run; ``progress`` is 0 to 1. It raises once where an
archive is damaged; call it again. ``refresh()`` looks at the files: lines that came are there
after it, what it returns are ``Change``: ``rotated``, ``missed``, ``shortened``, ``gone``,
``appeared``, with the offset of the rule to draw. One thread does both; others read meanwhile.

**Following.** ``Follower(log, last=n).poll()`` gives ``News``: whole lines that came, and changes;
``pending`` is the unfinished line at the end, such as a progress bar. ``services.logs.Reading``
with ``follow()`` does it for several logs and a query.

**Asking.** ``domain.logs.query.Query`` is the one question that command and screen share.
``search(query, start=…, end=…, backwards=…)`` yields ``Found``: a line, or None with how far it is,
after each MiB; to cancel, stop asking (``close()`` the generator). ``Matcher(query)`` asks of lines
that are there (``fits``) and says what to highlight (``marks``, offsets in ``line.data``). RE2
matches: no expression takes long, and others run meanwhile. ``next_of_level("ERROR", offset)`` is
the next record of a level, ``backwards=True`` the one before. ``histogram(log)`` counts levels over
the time of a log, a step at a time, for the bars beside the text.
"""

from __future__ import annotations

from pathlib import Path

from modeldeck.domain.documents import LogLine
from modeldeck.domain.logs.heads import Catalogue
from modeldeck.store.logs.following import Follower, LogFollower, News
from modeldeck.store.logs.generations import Change
from modeldeck.store.logs.histogram import Bar, histogram
from modeldeck.store.logs.lines import MAX_LINE, Line
from modeldeck.store.logs.log import Found, Log

__all__ = [
    "MAX_LINE",
    "Bar",
    "Change",
    "Follower",
    "Found",
    "Line",
    "Log",
    "LogFollower",
    "News",
    "histogram",
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
