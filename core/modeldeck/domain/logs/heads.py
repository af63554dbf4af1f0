r"""What the beginning of a line tells: its level, its time, and whether it belongs to another.

Each line is tried with the format that the line before had, then with the others in the table's
order. JSON objects and logfmt are read by their fields. Nothing is taken from the middle of a
message: what cannot be told is left open.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from modeldeck.domain.logs.fields import level_of_fields, of_json, of_logfmt, time_of_fields
from modeldeck.domain.logs.formats import FORMATS, Compile, Format, compile_own
from modeldeck.domain.logs.levels import SEVERITIES, WORDS
from modeldeck.domain.logs.sieve import sieve
from modeldeck.domain.logs.skipping import minutes, readable, run
from modeldeck.domain.logs.stamps import MINUTE, REST, Group, stamped

Minute = tuple[int | None, str]
"""A minute since 1970, where it is known, and a level."""

NO_MINUTE: Minute = (None, "")
MINUTE_US = 60_000_000

HEAD_BYTES = 512
"""As much of a line is looked at for its time and level."""

_CONTINUED = re.compile(
    rb"[ \t](?![\s\[(<]?\d{4}-\d\d-\d\d[T ]\d\d:)"
    rb"(?! {19}(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) )"  # of Rich, which tells each time once
    rb"|[})\]]+[;,]?\s*$|\s*$"
    rb"|Traceback \(most recent call last\):|Caused by: |\.\.\. \d+ more|Suppressed: "
    rb"|During handling of the above exception|The above exception was the direct cause"
)
_ENDS_TRACEBACK = re.compile(
    rb"(?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt|Warning|Fault)(?::|\s*$)"
)
_TRACEBACK = b"Traceback (most recent call last):"
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")
_NOTHING = "nothing"  # a group that never is there
_LOGFMT = re.compile(rb"[A-Za-z_][\w.-]*=(?:\"|\S)")


class Head(NamedTuple):
    """What a line tells of itself; empty or None where it does not.

    Attributes
    ----------
    level : str
        One of :data:`modeldeck.domain.logs.levels.LEVELS`.
    at : str
        The time as it is written.
    time : int or None
        The same in microseconds since 1970 (UTC).
    is_exact : bool
        Whether the line tells year and zone itself.
    format : str
        The format's name.
    """

    level: str = ""
    at: str = ""
    time: int | None = None
    is_exact: bool = False
    format: str = ""


NOTHING = Head()


class _Known(NamedTuple):
    name: str
    match: Callable[[bytes], Any]
    levels: Mapping[bytes, str]
    is_general: bool
    expression: bytes
    minute: tuple[int, ...]
    """The numbers of the groups that tell a minute; of those a format has not, one of nothing."""
    told: tuple[int, ...]
    """Those of level, severity, the whole time, and the rest of a moment."""


class Catalogue:
    """Tells heads of lines; keep one for each source, for it remembers the last format.

    Parameters
    ----------
    own : sequence of Format
        A person's own formats, tried first.
    compile_theirs : callable
        Compiles the own ones; built-in ones are compiled by ``re``.
    latest : int
        When the source was last written, in microseconds since 1970; for lines without a year.

    Attributes
    ----------
    own : sequence of Format
        As given.
    """

    def __init__(
        self,
        own: Sequence[Format] = (),
        *,
        compile_theirs: Compile = compile_own,
        latest: int = 0,
    ) -> None:
        self.latest = latest
        self.own = own
        self._sieves: dict[frozenset[str], bytes | None] = {}
        self._first = [_known(one, compile_theirs) for one in own]
        self._by_start = _built_in()
        self._last: _Known | None = None

    def head(self, data: bytes) -> Head:
        """Return what a line tells.

        Parameters
        ----------
        data : bytes
            The line, or its first :data:`HEAD_BYTES`; JSON objects whole.

        Examples
        --------
        >>> found = Catalogue().head(b"2026-11-23T07:10:11.5Z INFO  ok")
        >>> found.level, found.at, found.format
        ('INFO', '2026-11-23T07:10:11.5Z', 'java')
        >>> Catalogue().head(b"at 07:10:11 the number 12:30:00 was seen").at
        ''
        """
        if not data:
            return NOTHING
        if data[0] == 123:  # {
            return self._of_fields(of_json(data), "json")
        start = data[:HEAD_BYTES]
        if b"\x1b" in start and not self._is_own(start):
            start = _COLOUR.sub(b"", start) or b" "
        last = self._last
        found = self._try(last, start) if last is not None else None
        if last is not None and found and (not last.is_general or (found.level and found.at)):
            return found
        for known in (*self._first, *self._by_start[start[0]]):
            if found := self._try(known, start):
                self._last = known
                return found
        if _LOGFMT.match(start):
            return self._of_fields(of_logfmt(data), "logfmt")
        return Head("ERROR") if start.startswith(_TRACEBACK) else NOTHING

    def run(self, among: frozenset[str]) -> bytes | None:
        """Return what matches lines that have some levels, in a block of lines.

        They have the format of the line that was looked at last, see
        :func:`modeldeck.domain.logs.skipping.run`. None when that format says too little.
        """
        last = self._last
        if last is None or not last.expression:
            return None
        return run(last.expression, readable(last.levels), among)

    def minutes(self, data: bytes) -> tuple[Counter[Minute], list[tuple[bytes, Minute]]]:
        r"""Return how many lines there are of each minute and level, in a text of many lines.

        Also the lines that have not the format of the line that was looked at last, each with the
        minute and level of the line before.

        Examples
        --------
        >>> catalogue = Catalogue()
        >>> lines = b"2026-11-23T07:10:11Z INFO a\n2026-11-23T07:10:12Z INFO b\n  more"
        >>> _head = catalogue.head(lines)
        >>> catalogue.minutes(lines)
        (Counter({(29923630, 'INFO'): 2}), [(b'  more', (29923630, 'INFO'))])
        """
        last = self._last
        telling = minutes(last.expression, readable(last.levels)) if last is not None else None
        if last is None or telling is None:
            return Counter(), [(one, NO_MINUTE) for one in data.split(b"\n")]
        rows = telling.lines.findall(data)
        known: dict[tuple[bytes, ...], Minute] = {}
        found: Counter[Minute] = Counter()
        for row, n in Counter(rows).items():
            if row[0]:
                match = telling.minute.match(row[0])
                known[row] = self._minute(match, row[1], level=_level_of(last, row[2]))
                found[known[row]] += n
        if found.total() < len(rows):
            before = itertools.chain([()], rows)
            pairs = zip(before, rows, strict=False)
            return found, [(row[3], known.get(one, NO_MINUTE)) for one, row in pairs if not row[0]]
        return found, []

    def _minute(self, found: Any, zone: bytes, *, level: str) -> Minute:  # noqa: ANN401 -- a match
        groups = found.groupdict()
        month = groups.get("month") or groups.get("mon")
        names = [month if name == "month" else groups.get(name) for name in MINUTE[:-1]]
        moment = stamped((*names, zone or None), (None,) * len(REST), latest=self.latest)
        time = None if moment is None else moment[0]
        return (None if time is None else time // MINUTE_US), level

    def sieve(self, wanted: frozenset[str]) -> bytes | None:
        """Return what finds lines of some levels, see :func:`modeldeck.domain.logs.sieve.sieve`."""
        if wanted not in self._sieves:
            self._sieves[wanted] = sieve(self.own, wanted)
        return self._sieves[wanted]

    def _try(self, known: _Known, start: bytes) -> Head | None:
        found = known.match(start)
        if found is None:
            return None
        word, severity, at, *rest = found.group(*known.told)
        level = _level_of(known, word) if word else _of_severity(severity)
        if at is None:
            return Head(level, format=known.name) if level else None
        moment = stamped(found.group(*known.minute), rest, latest=self.latest)
        if moment is None:
            return None
        text = at.decode() if at.isascii() else at.decode("ascii", "replace")
        return Head(level, text, *moment, known.name)

    def _is_own(self, start: bytes) -> bool:
        """Say whether a person's own format fits a line as it is, with its colours."""
        return any(known.match(start) is not None for known in self._first)

    def _of_fields(self, fields: Mapping[str, Any], name: str) -> Head:
        if not fields:
            return NOTHING
        at, moment = time_of_fields(fields, self.latest)
        level = level_of_fields(fields)
        if not at and not level and name == "logfmt":
            return NOTHING
        return Head(level, at, *moment, name)


def _level_of(known: _Known, word: bytes) -> str:
    return known.levels.get(word) or known.levels.get(word.upper(), "")


def _of_severity(severity: Group) -> str:
    if severity and severity.isdigit() and int(severity) < 192:
        return SEVERITIES[int(severity) % 8]
    return ""


def _known(one: Format, compiled: Compile) -> _Known:
    words = {} if one.levels and not one.is_own else WORDS
    levels = {word.encode(): level for word, level in {**words, **one.levels}.items()}
    expression = one.expression()
    made = compiled(b"(?:" + expression + b")(?P<" + _NOTHING.encode() + b">x){0}")
    numbers = made.groupindex
    nothing = numbers[_NOTHING]
    month = "month" if "month" in numbers else "mon"
    return _Known(
        one.name,
        made.match,
        levels,
        one.is_general and not one.is_own,
        b"" if one.is_own else expression,
        tuple(numbers.get(month if name == "month" else name, nothing) for name in MINUTE),
        tuple(numbers.get(name, nothing) for name in ("level", "severity", "at", *REST)),
    )


_TABLE: list[tuple[_Known, ...]] = []


def _built_in() -> Sequence[Sequence[_Known]]:
    """Return the built-in formats by the first byte of a line; made once."""
    if not _TABLE:
        known = [(_known(one, compile_own), set(one.starts.encode())) for one in FORMATS]
        _TABLE.extend(
            tuple(one for one, starts in known if not starts or byte in starts)
            for byte in range(256)
        )
    return _TABLE


class Grouping:
    """Joins lines to records, line by line: what belongs to a line has its level and time."""

    MAX_LINES = 500
    """A record has no more lines; later ones stand alone."""

    def __init__(self) -> None:
        self.head = NOTHING
        self.is_traceback = False
        self._n = 0

    def belongs(self, data: bytes, head: Head) -> bool:
        """Say whether a line belongs to the one before; it becomes the head when not.

        Parameters
        ----------
        data : bytes
            The line.
        head : Head
            What it tells of itself.
        """
        if (head.at or head.format) and not _continues_anyway(data):
            self._begin(head, is_traceback=False)
            return False
        is_end = self.is_traceback and _ENDS_TRACEBACK.match(data) is not None
        is_more = is_end or _CONTINUED.match(data) is not None
        is_begin = data.startswith(_TRACEBACK)
        self._n += 1
        if not is_more or self._n > self.MAX_LINES or (is_begin and self.head is NOTHING):
            self._begin(head, is_traceback=is_begin)
            return False
        self.is_traceback = not is_end and (self.is_traceback or is_begin)
        return self.head is not NOTHING

    def _begin(self, head: Head, *, is_traceback: bool) -> None:
        self.head = head
        self._n = 0
        self.is_traceback = is_traceback


def _continues_anyway(data: bytes) -> bool:
    return data[:1] in {b" ", b"\t"} and _CONTINUED.match(data) is not None


def may_continue(data: bytes) -> bool:
    """Say whether a line may belong to the one before, without knowing that one."""
    return bool(_CONTINUED.match(data) or _ENDS_TRACEBACK.match(data))


def heads(lines: Iterable[bytes], catalogue: Catalogue) -> list[Head]:
    """Return the heads of lines that follow each other; what belongs has its record's level.

    >>> [
    ...     one.level
    ...     for one in heads(
    ...         [
    ...             b"ERROR: it broke",
    ...             b"Traceback (most recent call last):",
    ...             b"  File x",
    ...             b"ValueError: 3",
    ...             b"and on",
    ...         ],
    ...         Catalogue(),
    ...     )
    ... ]
    ['ERROR', 'ERROR', 'ERROR', 'ERROR', '']
    """
    grouping = Grouping()
    found = []
    for line in lines:
        head = catalogue.head(line)
        found.append(grouping.head if grouping.belongs(line, head) else head)
    return found
