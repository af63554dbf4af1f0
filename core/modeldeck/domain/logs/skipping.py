"""Passing over lines whose level is not asked for, a block at a time.

Telling the head of every line of 1 GB takes half a minute. Most lines are of one format, and many
that follow each other are all asked for, or none of them is: one regular expression matches them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from modeldeck.domain.logs.formats import BETWEEN

_GROUP = b"(?P<level>"
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
    words = [word for word, level in levels if level in among]
    if start < 0 or not words or b"(?P<at>" not in expression:  # another format may fit better
        return None
    stop = closing(expression, start)
    # The words' own ends are checked, so that INFO is not taken for a part of another word.
    is_one = re.compile(expression[start:stop]).fullmatch
    cases = [one for one in _cases(words) if is_one(one)]
    if not cases:
        return None
    known = b"|".join(re.escape(one) for one in sorted(cases, key=len, reverse=True))
    before, behind = expression[:start].replace(BETWEEN.encode(), b""), expression[stop:]
    if behind.endswith(b")?"):  # what tells the level has to be there
        behind = behind.removesuffix(b"?")
    if not behind.strip(b")"):
        behind += b"(?:[^\\w=.'\\n-][^\\n]*)?(?m:$)"
    else:
        behind += b"[^\\n]*"
    pattern = _sure(before + b"(?:" + known + b")" + behind)
    if _NUMBERS.search(pattern) or b"(?=" in pattern or b"(?!" in pattern:
        return None
    pattern = pattern.replace(rb"[^\s", rb"[^ \t\r\f\v\n")
    pattern = pattern.replace(rb"\s", rb"[ \t\r\f\v]")
    return b"(?:\n" + re.sub(rb"\(\?P<\w+>", b"(?:", pattern) + b")*"


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
