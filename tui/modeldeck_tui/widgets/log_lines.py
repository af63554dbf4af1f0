"""The lines of a log that are held, and the rows that they make: filtered, cut or broken."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from modeldeck.domain.documents import LogLine
from modeldeck_tui.output import cell_width
from modeldeck_tui.present.logs import log_line

MAX_LINES = 20_000
"""Lines that are held; older ones leave at the front."""

LEVELS = ("", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL")
_LEAST_LEVELS = ("", "INFO", "WARN", "ERROR")


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
    filter : str
        Only lines with this text; with ``!`` before it, only those without.
    least_level : str
        Only lines of at least this level; lines that tell none count as INFO.
    is_wrapped, has_times : bool
        Whether long lines are broken, and whether times show.
    """

    def __init__(self) -> None:
        self._all: deque[Held] = deque(maxlen=MAX_LINES)
        self.rows: deque[Held] = deque()
        self.filter = ""
        self.least_level = ""
        self.is_wrapped = False
        self.has_times = True
        self.width = 80
        self._number = 0

    def __len__(self) -> int:
        return len(self.rows)

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
        wanted = self.filter.lower()
        if wanted.startswith("!") and len(wanted) > 1:
            return wanted[1:] not in held.text.lower()
        return wanted in held.text.lower()


def _level(held: Held) -> str:
    return held.level if held.level in LEVELS else "INFO"
