"""The lines of a log that are held, and the rows that they make: filtered, cut or broken."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from modeldeck.domain.documents import LogLine
from modeldeck_tui.output import cell_width
from modeldeck_tui.present.logs import log_line

MAX_LINES = 20_000
"""Lines that are held; older ones leave at the front."""

LEVELS = ("", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
_LEAST_LEVELS = ("", "INFO", "WARN", "ERROR")


Search = Callable[[str], object]


def searcher(text: str) -> Search:
    """Return what finds a regular expression in a line, or a text that is none.

    >>> bool(searcher("err.*9")("ERROR 9")), bool(searcher("E(")("sizE(")), searcher("Err")("err")
    (True, True, None)
    """
    flags = re.IGNORECASE if text == text.lower() else re.NOFLAG
    try:
        return re.compile(text, flags).search
    except (re.error, OverflowError, RecursionError):
        return re.compile(re.escape(text), flags).search


class Held(NamedTuple):
    """A row; ``n_time`` is how much of its text is the time it begins with."""

    text: str
    n_time: int
    style: str
    level: str
    number: int


class LogLines:
    """What a log view holds.

    Attributes
    ----------
    rows : deque of Held
        What is shown.
    wanted : str
        Only lines that this regular expression is found in; with ``!`` before it, only others.
        Small letters find capitals too; what is no regular expression is looked for as it is.
    least_level : str
        Only lines of at least this level; lines that tell none count as INFO.
    is_wrapped, has_times : bool
        Whether long lines are broken, and whether times show.
    """

    def __init__(self) -> None:
        self._all: deque[Held] = deque(maxlen=MAX_LINES)
        self.rows: deque[Held] = deque()
        self._wanted = ""
        self._search: Search = re.compile("").search
        self.least_level = ""
        self.is_wrapped = False
        self.has_times = True
        self.width = 80
        self._number = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def wanted(self) -> str:
        """What lines are filtered by."""
        return self._wanted

    @wanted.setter
    def wanted(self, text: str) -> None:
        self._wanted = text
        self._search = searcher(text.removeprefix("!") if len(text) > 1 else text)

    @property
    def is_narrowed(self) -> bool:
        """Whether some lines may be hidden."""
        return bool(self._wanted or self.least_level)

    @property
    def n_shown(self) -> int:
        """How many lines are shown, each counted once although it may be broken."""
        if not self.is_wrapped:
            return len(self.rows)
        return len({one.number for one in self.rows})

    @property
    def n_held(self) -> int:
        """How many lines are held, with those that are filtered out."""
        return len(self._all)

    def add(self, lines: Sequence[LogLine]) -> tuple[int, int]:
        """Take new lines; return how many rows came at the end and left at the front."""
        before = len(self.rows)
        for one in lines:
            self._number += 1
            self._all.append(Held(*log_line(one), one["level"], self._number))
        first = self._all[0].number if self._all else 0
        left = 0
        while self.rows and self.rows[0].number < first:
            self.rows.popleft()
            left += 1
        for held in itertools.islice(self._all, max(0, len(self._all) - len(lines)), None):
            self.rows.extend(self._pieces(held))
        return len(self.rows) - before + left, left

    def build(self) -> None:
        """Make the rows anew: another filter, level or width."""
        self.rows = deque(piece for held in self._all for piece in self._pieces(held))

    def step_level(self, step: int) -> None:
        """Take the next higher (1) or lower (-1) least level."""
        at = _LEAST_LEVELS.index(self.least_level) + step
        self.least_level = _LEAST_LEVELS[max(0, min(at, len(_LEAST_LEVELS) - 1))]

    def _pieces(self, held: Held) -> Iterator[Held]:
        """Return the rows of a line: none when it is filtered out, several when it is broken."""
        if not self._fits(held):
            return
        if not self.has_times and held.n_time:
            held = held._replace(text=held.text[held.n_time :].lstrip(), n_time=0)
        width = max(20, self.width)
        if not self.is_wrapped or cell_width(held.text) <= width:
            yield held
            return
        step = width if held.text.isascii() else width // 2
        for at in range(0, len(held.text), step):
            n_time = held.n_time if not at else 0
            yield held._replace(text=held.text[at : at + step], n_time=min(n_time, step))

    def _fits(self, held: Held) -> bool:
        if self.least_level and LEVELS.index(_level(held)) < LEVELS.index(self.least_level):
            return False
        is_contrary = self._wanted.startswith("!") and len(self._wanted) > 1
        return (self._search(held.text) is None) == is_contrary


def _level(held: Held) -> str:
    return held.level if held.level in LEVELS else "INFO"
