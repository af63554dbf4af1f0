"""Passing over lines whose level is not asked for, a block at a time.

Telling the head of every line of 1 GB takes half a minute. Most lines are of one format, and many
that follow each other are all asked for, or none of them is: one regular expression matches them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from modeldeck.domain.logs.formats import BETWEEN

_GROUP = b"(?P<level>"
_AT = b"(?P<at>"
_DATED = re.compile(rb"\(\?P<(?:year|mon|month|day|hour)>")
_DAYS = rb"(?:0[1-9]|1\d|2[0-8])"
_NUMBERS = re.compile(rb"\(\?P<(?:year|month|day|hour|minute|second)>")
_SURE = (
    (rb"(?P<year>\d{4})", rb"(?:19[7-9]\d|20\d\d)"),
    (rb"(?P<year>\d\d)", rb"\d\d"),
    (rb"(?P<day>\d\d)", _DAYS),
    (rb"(?P<hour>\d\d)", rb"(?:[01]\d|2[0-3])"),
    (rb"(?P<minute>\d\d)", rb"[0-5]\d"),
    (rb"(?P<second>\d\d)", rb"[0-5]\d"),
    (rb"[+-]\d\d:?\d\d", rb"[+-](?:[01]\d|2[0-3]):?[0-5]\d"),
)
_DATE = re.compile(rb"\(\?P<month>\\d\\d\)(\W?)\(\?P<day>\\d\\d\)")
"""A month and its day in an expression, with what is between."""


@lru_cache(maxsize=256)
def run(
    expression: bytes, levels: tuple[tuple[bytes, str], ...], among: frozenset[str]
) -> bytes | None:
    r"""Return an expression in RE2's syntax for lines that follow each other and have some levels.

    Parameters
    ----------
    expression : bytes
        A format's expression, in which the level has a place of its own.
    levels : tuple of (bytes, str)
        What its words mean.
    among : frozenset of str
        The levels.

    Returns
    -------
    bytes or None
        From the newline before a line on it matches as many lines as follow each other and surely
        have this format, a time that there is, and one of the levels; also none. None when that
        cannot be told.

    Examples
    --------
    >>> known = ((b"INFO", "INFO"), (b"BAD", "ERROR"))
    >>> found = run(b"(?P<at>\\d) (?P<level>[A-Z]+)", known, frozenset({"INFO"}))
    >>> re.match(found, b"\n1 INFO a\n2 INFO b\n3 BAD c\n").end()
    18
    """
    start = expression.find(_GROUP)
    known = _known_words(expression, [word for word, level in levels if level in among])
    if not known or _AT not in expression:  # without a time, another format may fit better
        return None
    stop = closing(expression, start)
    before = expression[:start].replace(BETWEEN.encode(), b"")
    behind = _mandatory(expression[stop:])
    if not behind.strip(b")"):
        behind += b"(?:[^\\w=.'\\n-][^\\n]*)?(?m:$)"
    else:
        behind += b"[^\\n]*"
    pattern = _sure(before + b"(?:" + known + b")" + behind)
    if _NUMBERS.search(pattern) or b"(?=" in pattern or b"(?!" in pattern:
        return None
    pattern = pattern.replace(rb"[^\s", rb"[^ \t\r\f\v\n")
    pattern = pattern.replace(rb"\s", rb"[ \t\r\f\v]")
    return b"(?:\n" + _unnamed(pattern) + b")*"


class Minutes(NamedTuple):
    """What tells minute and level of many lines at once.

    Attributes
    ----------
    lines : Pattern
        Finds each line of a text: all up to its minute, its zone and its level's word; or empty
        ones, and the line.
    minute : Pattern
        Matches what the first of them found, with the groups of a format.
    """

    lines: re.Pattern[bytes]
    minute: re.Pattern[bytes]


@lru_cache(maxsize=64)
def minutes(expression: bytes, levels: tuple[tuple[bytes, str], ...]) -> Minutes | None:
    r"""Return what tells minutes and levels of lines of a format; None where that cannot be.

    Examples
    --------
    >>> from modeldeck.domain.logs.formats import FORMATS
    >>> python = next(one for one in FORMATS if one.name == "python")
    >>> found = minutes(python.expression(), ((b"INFO", "INFO"),))
    >>> found.lines.findall(b"2026-11-23 07:10:11,5 - app - INFO - ok\nmore")
    [(b'2026-11-23 07:10', b'', b'INFO', b''), (b'', b'', b'', b'more')]
    """
    at, known = expression.find(_AT), _known_words(expression, [word for word, _of in levels])
    if at < 0 or not known:
        return None
    end = closing(expression, at)
    expression = expression[:at] + expression[at + len(_AT) : end - 1] + expression[end:]
    minute = expression.find(b"(?P<minute>")
    level = expression.find(_GROUP)
    if not 0 <= minute < level:
        return None
    stop = closing(expression, minute)
    before, rest = expression[:stop], expression[stop:level]
    behind = _mandatory(expression[closing(expression, level) :])
    rest = rest.replace(BETWEEN.encode(), b"")
    has_zone = b"(?P<zone>" in rest
    zone = rest.replace(b"(?P<zone>", b"(") if has_zone else b"()" + rest
    ahead = b"(?![\\w=.'-])" if not behind.strip(b")") else b""
    told = b"(" + _unnamed(_sure(before)) + b")" + _unnamed(_sure(zone))
    pattern = told + b"(" + known + b")" + ahead + behind
    if _NUMBERS.search(_sure(before + rest)) or _DATED.search(rest) or b"(?P<" in pattern:
        return None
    pattern = pattern.replace(rb"[^\s", rb"[^ \t\r\f\v\n").replace(rb"\s", rb"[ \t\r\f\v]")
    lines = b"(?m)^(?:" + pattern + b"[^\n]*|([^\n]*))$"
    return Minutes(re.compile(lines), re.compile(before))


def _known_words(expression: bytes, words: list[bytes]) -> bytes:
    """Return alternatives for words in the group of the level; empty where none of them fits."""
    start = expression.find(_GROUP)
    if start < 0 or not words:
        return b""
    # The words' own ends are checked, so that INFO is not taken for a part of another word.
    is_one = re.compile(expression[start : closing(expression, start)]).fullmatch
    cases = [one for one in _cases(words) if is_one(one)]
    return b"|".join(re.escape(one) for one in sorted(cases, key=len, reverse=True))


def _mandatory(behind: bytes) -> bytes:
    """Return the end of an expression so that what tells the level has to be there."""
    return behind.removesuffix(b"?") if behind.endswith(b")?") else behind


def _unnamed(expression: bytes) -> bytes:
    return re.sub(rb"\(\?P<\w+>", b"(?:", expression)


def _sure(expression: bytes) -> bytes:
    """Return an expression for times that surely are some: no 30 February, no 25 o'clock."""
    expression = _DATE.sub(
        lambda found: (
            rb"(?:(?:0[1-9]|1[0-2])%b%b|(?:0[13-9]|1[0-2])%b(?:29|30)|(?:0[13578]|1[02])%b31)"
            % (found[1], _DAYS, found[1], found[1])
        ),
        expression,
    )
    for numbers, sure in _SURE:
        expression = expression.replace(numbers, sure)
    return expression


def _cases(words: list[bytes]) -> set[bytes]:
    return {
        form for one in words for form in (one, one.lower(), one.capitalize()) if len(one) > 1
    } | {one for one in words if len(one) == 1}


def closing(expression: bytes, start: int) -> int:
    """Return where the group ends that begins at an offset."""
    depth = 0
    at = start
    is_class = False
    while at < len(expression):
        sign = expression[at : at + 1]
        if sign == b"\\":
            at += 1
        elif is_class:
            is_class = sign != b"]"
        elif sign == b"[":
            is_class = True
            at += expression[at + 1 : at + 2] in {b"]", b"^"}
        elif sign == b"(":
            depth += 1
        elif sign == b")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return at


def readable(levels: Mapping[bytes, str]) -> tuple[tuple[bytes, str], ...]:
    """Return a format's words in the form that :func:`run` remembers by."""
    return tuple(sorted(levels.items()))
