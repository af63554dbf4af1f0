"""A question about lines: which are kept, which are hidden. Command and screen share it.

A line is kept when everything holds: each of ``keep`` is found in it, none of ``hide`` is, its
level is one of ``levels``, each of ``fields`` holds, and its time lies in ``since`` to ``until``.
Texts and fields are looked for in the line alone; level and time are those of the record that the
line belongs to, so that a traceback goes with its line.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modeldeck.domain.logs.fields import field_of
from modeldeck.domain.logs.heads import Head
from modeldeck.domain.logs.levels import LEVELS, RANKS, UNKNOWN_RANK, level_of
from modeldeck.errors import InvalidInputError

MAX_WORDS = 1000
"""Characters of a text or regular expression that is looked for."""

_SIGNS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_FIELD = re.compile(r"\s*([\w.@/-]+)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*", re.DOTALL)
_AGE = re.compile(
    r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w|(?:sec|min|second|minute|hour|day|week)s?)(?:\s+ago)?"
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAYS_AGO = {"today": 0, "yesterday": 1}
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Words:
    """What is looked for in a line.

    Attributes
    ----------
    text : str
        A text, or a regular expression in RE2's syntax.
    is_regex : bool
        Whether it is a regular expression.
    has_case : bool
        Whether capitals and small letters differ; else they do where ``text`` has a capital.
    """

    text: str
    is_regex: bool = True
    has_case: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether capitals and small letters differ."""
        plain = re.sub(r"\\.", "", self.text) if self.is_regex else self.text
        return self.has_case or plain != plain.lower()


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A comparison of a field; one that a line does not have never holds, but for ``!=``."""

    name: str
    sign: str
    value: str

    def holds(self, fields: Mapping[str, object]) -> bool:
        """Say whether a line's fields pass.

        >>> slow = field_test("latency_s>0.5")
        >>> slow.holds({"latency_s": 0.7}), slow.holds({"latency_s": "0.2"}), slow.holds({})
        (True, False, False)
        """
        found = field_of(fields, self.name)
        compare = _SIGNS[self.sign]
        if found is None:
            return self.sign == "!="
        number, wanted = _number(found), _number(self.value)
        if number is not None and wanted is not None:
            return bool(compare(number, wanted))
        return bool(compare(_text(found), self.value))


@dataclass(frozen=True, slots=True)
class Query:
    """A question; the empty one keeps every line.

    Attributes
    ----------
    keep, hide : tuple of Words
        What must be found in a line, each of it; what must not.
    levels : frozenset of str or None
        The levels that are kept, ``""`` for a line that tells none; None keeps all.
    fields : tuple of FieldTest
        Comparisons that hold.
    since, until : int or None
        The first moment, and the first one after, in microseconds since 1970. Lines whose record
        tells no time are then left out.
    """

    keep: tuple[Words, ...] = ()
    hide: tuple[Words, ...] = ()
    levels: frozenset[str] | None = None
    fields: tuple[FieldTest, ...] = ()
    since: int | None = None
    until: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every line is kept."""
        return self == EVERYTHING

    @property
    def needs_heads(self) -> bool:
        """Whether level or time decide."""
        return not (self.levels is None and self.since is None and self.until is None)

    def fits(self, head: Head) -> bool:
        """Say whether level and time of a line's record pass."""
        if self.levels is not None and head.level not in self.levels:
            return False
        if self.since is None and self.until is None:
            return True
        if head.time is None:
            return False
        is_late = self.since is None or head.time >= self.since
        return is_late and (self.until is None or head.time < self.until)


EVERYTHING = Query()
"""The question that every line fits."""


def levels_from(text: str) -> frozenset[str]:
    """Return the levels that a person means.

    Parameters
    ----------
    text : str
        ``warn``: that and graver ones; ``=warn,error``: just these; ``!debug,info``: all others.
        ``unknown`` is the level of lines that tell none, which count as INFO for the first form.

    Raises
    ------
    InvalidInputError
        It names no level.

    Examples
    --------
    >>> sorted(levels_from("error")), sorted(levels_from("!debug,unknown"))
    (['CRITICAL', 'ERROR'], ['CRITICAL', 'ERROR', 'INFO', 'WARN'])
    """
    text = text.strip()
    names = [_level(one) for one in text.lstrip("!=").split(",")]
    if text.startswith("!"):
        return frozenset(("", *LEVELS)) - set(names)
    if text.startswith("=") or len(names) > 1:
        return frozenset(names)
    least = RANKS.get(names[0], UNKNOWN_RANK)
    found = {one for one in LEVELS if RANKS[one] >= least}
    return frozenset(found | {""} if least <= UNKNOWN_RANK else found)


def _level(text: str) -> str:
    text = text.strip()
    if text.lower() == _UNKNOWN:
        return ""
    found = level_of(text)
    if not found:
        msg = f"{text[:40]!r} is no level."
        hint = f"Levels are {', '.join(one.lower() for one in LEVELS)} and unknown."
        raise InvalidInputError(msg, hint)
    return found


def field_test(text: str) -> FieldTest:
    """Read a comparison such as ``latency_s>0.5`` or ``http.status=200``.

    Raises
    ------
    InvalidInputError
        It has another form.
    """
    found = _FIELD.fullmatch(text)
    if found is None:
        msg = f"{text[:80]!r} compares no field."
        raise InvalidInputError(msg, "Write for example latency_s>0.5, status!=200 or user=alice.")
    name, sign, value = found.groups()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if sign in {">", ">=", "<", "<="} and _number(value) is None:
        msg = f"{value[:40]!r} in {text[:80]!r} is no number."
        raise InvalidInputError(msg, "Compare by = or != with a text.")
    return FieldTest(name, sign, value)


def words(text: str, *, is_regex: bool = True, has_case: bool = False) -> Words:
    """Return what to look for.

    Raises
    ------
    InvalidInputError
        It is empty or too long.
    """
    if not text or len(text) > MAX_WORDS or "\n" in text:
        msg = f"What is looked for has 1 to {MAX_WORDS} characters on one line."
        raise InvalidInputError(msg)
    return Words(text, is_regex=is_regex, has_case=has_case)


def moment_from(text: str, now: datetime) -> int:
    """Return the moment that a person means, in microseconds since 1970.

    Parameters
    ----------
    text : str
        ``15m``, ``2 hours``, ``1d`` ago; ``today``, ``yesterday``, ``now``; ``13:00`` or
        ``13:00:05`` today; ``2026-11-23``, ``2026-11-23 07:10`` with or without a zone. What has no
        zone is in that of ``now``.
    now : datetime
        The present, with a zone.

    Raises
    ------
    InvalidInputError
        It is no time.
    """
    text = text.strip()
    age = _AGE.fullmatch(text)
    clock = _CLOCK.fullmatch(text)
    try:
        if age is not None:
            found = now - timedelta(seconds=float(age[1]) * _UNITS[age[2][0]])
        elif text in _DAYS_AGO:
            found = now - timedelta(days=_DAYS_AGO[text])
            found = found.replace(hour=0, minute=0, second=0, microsecond=0)
        elif text == "now":
            found = now
        elif clock is not None:
            hour, minute, second = (int(one or 0) for one in clock.groups())
            found = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
        else:
            found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
        return round(found.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        msg = f"{text[:40]!r} is no time."
        hint = "Write for example 15m, 2h, yesterday, 13:00, 2026-11-23 or 2026-11-23T07:10:11Z."
        raise InvalidInputError(msg, hint) from None


def all_of(queries: Sequence[Query]) -> Query:
    """Return the question whether a line passes every one of several."""
    levels = [one.levels for one in queries if one.levels is not None]
    since = [one.since for one in queries if one.since is not None]
    until = [one.until for one in queries if one.until is not None]
    return Query(
        keep=tuple(words for one in queries for words in one.keep),
        hide=tuple(words for one in queries for words in one.hide),
        levels=frozenset.intersection(*levels) if levels else None,
        fields=tuple(test for one in queries for test in one.fields),
        since=max(since, default=None),
        until=min(until, default=None),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str) and len(value) <= 40:
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
