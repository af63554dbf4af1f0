"""What the thread that reads logs tells their page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modeldeck.services.logs import Bar, Line, Place


@dataclass(frozen=True, slots=True)
class Opened:
    """Logs were opened: their names and paths, in the order of their numbers."""

    names: Sequence[str]
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """Other lines are to be shown.

    Attributes
    ----------
    generation : int
        The question that they answer; lines for an older one are out of date.
    lines : list of Line
        Lines that stand together.
    first, last : Place
        The places before and behind them.
    has_begin, has_end : bool
        Whether nothing is before them, or behind.
    cursor : int
        Which of them to look at; -1 is the end, which is followed.
    """

    generation: int
    lines: list[Line]
    first: Place
    last: Place
    has_begin: bool
    has_end: bool
    cursor: int


@dataclass(frozen=True, slots=True)
class More:
    """More lines before those that are shown, or behind them, from ``base`` to ``place``."""

    generation: int
    lines: list[Line]
    base: Place
    place: Place
    is_back: bool
    is_last: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class Came:
    """Lines came.

    Attributes
    ----------
    generation : int
        As in :class:`Shown`.
    lines : list of Line
        Those that fit, at most as many as are held.
    n : int
        How many came that fit.
    base, place : Place
        The ends before and after.
    rules : sequence of (source, offset, text)
        What became of files, and where.
    pending : Line or None
        The line at the end that is not finished.
    """

    generation: int
    lines: list[Line]
    n: int
    base: Place
    place: Place
    rules: Sequence[tuple[int, int, str]]
    pending: Line | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many lines fit: ``what`` is ``filter`` or ``find``; ``share`` is looked through."""

    generation: int
    what: str
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class Indexed:
    """How far the index is, how many bytes there are, and lines when they are counted."""

    share: float
    n_bytes: int
    n_lines: int


@dataclass(frozen=True, slots=True)
class Bars:
    """Levels over time."""

    bars: Sequence[Bar]
    is_done: bool


@dataclass(frozen=True, slots=True)
class Numbered:
    """The lines that are shown got their numbers."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Nothing of a kind is in that direction."""

    what: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Places:
    """Where remarks are: the offsets of their lines, by source and number."""

    offsets: dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A log cannot be read; ``is_lasting`` while there is nothing to show."""

    text: str
    is_lasting: bool = False
