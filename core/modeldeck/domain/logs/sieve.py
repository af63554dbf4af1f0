r"""One regular expression for the lines of all formats that may tell one of some levels.

Telling the head of every line of 1 GB takes half a minute. Where errors are looked for, few lines
may be some: this finds them in a block of lines, and their heads decide. It begins with a newline,
so that what matches it runs from one line to the next without looking at what is between: of a
line of another level it reads the time and a word. It may find a line in vain, and misses none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from modeldeck.domain.logs.formats import BETWEEN, FORMATS, FREE, HEADINGS, Format
from modeldeck.domain.logs.levels import SEVERITIES, WORDS
from modeldeck.domain.logs.skipping import closing

_BLANK = rb"[ \t\r\f\v]"
_LEVEL = b"(?P<level>"
_SEVERITY = b"(?P<severity>"
_OF_FREE = rb"(?:(?:%b)(?:[^\w=.'\n-]|(?m:$))|(?i:%b)(?:[\]>):|\t]|  ))"
_WIDER = rb"(?:[ \t|:,-]*(?:\[[^\]\n]*\]|\(\d+\)|<[^>\n]*>|\d+[ \t]|[\w.$/][\w.$/-]* - )){0,3}"
_UNSEEN = (b"$", b"\\A", b"\\z", b"\\Z", b"\\b", b"\\B", b"\\C", b"\\Q", b"\\G")
"""What stands for a place in a line means another one among many lines."""


def sieve(own: Sequence[Format], wanted: frozenset[str]) -> bytes | None:
    r"""Return an expression in RE2's syntax for the beginnings of lines that may be wanted.

    Parameters
    ----------
    own : sequence of Format
        A person's own formats.
    wanted : frozenset of str
        The levels that are asked for.

    Returns
    -------
    bytes or None
        It matches the newline before each line that may itself tell a wanted level, and of that
        line at most all; a person's own format may match more. None where no line can be passed
        over so: lines that tell none are wanted, or a person's format cannot be looked for among
        many lines.

    Examples
    --------
    >>> found = sieve((), frozenset({"ERROR"}))
    >>> found[:4], sieve((), frozenset({"ERROR", ""}))
    (b'\n(?:', None)
    """
    if "" in wanted or not all(map(_is_seen, own)):
        return None
    found = [_of_format(each, wanted) for each in own]
    rest = _built_in(wanted)
    return b"\n(?:" + b"|".join([one for one in (*found, rest) if one]) + b")" if rest else None


@lru_cache(maxsize=64)
def _built_in(wanted: frozenset[str]) -> bytes:
    """Return what finds lines of the built-in formats, of JSON and logfmt."""
    words = _words(WORDS, wanted)
    if not words:
        return b""
    found = [
        *(_of_format(each, wanted) for each in FORMATS),
        rb'\{(?:[^\n]*(?:"(?i:%b)"|\\u00[0-7])|\x00)' % words,
        rb'[A-Za-z_][\w.-]*=(?:[^\n]*=)?"?(?i:%b)' % words,
        rb"Traceback \(most recent call last\):" if "ERROR" in wanted else b"",
    ]
    return b"|".join([one for one in found if one])


def _is_seen(own: Format) -> bool:
    data = own.expression()
    levels = "".join(own.levels)
    return data.isascii() and levels.isascii() and not any(one in data for one in _UNSEEN)


def _of_format(one: Format, wanted: frozenset[str]) -> bytes:
    """Return what a line of a format and a wanted level begins with; empty where it has none."""
    expression = one.expression()
    if not one.is_own:
        expression = expression.replace(BETWEEN.encode(), _WIDER)
    severities = b"|".join(
        b"%d" % n for n in range(192) if SEVERITIES[n % len(SEVERITIES)] in wanted
    )
    words = {} if one.levels and not one.is_own else WORDS
    found = _words({**words, **one.levels}, wanted)
    level = b"(?i:%b)" % found
    if FREE.encode() in expression:
        found = _words({word: of for word, of in WORDS.items() if word not in HEADINGS}, wanted)
        level = _OF_FREE % (found, found)
    is_told = False
    for group, values, others in (
        (_LEVEL, found, level),
        (_SEVERITY, severities, b"0*(?:%b)" % severities),
    ):
        start = expression.find(group)
        if start >= 0 and values:
            expression = expression[:start] + others + expression[closing(expression, start) :]
            is_told = True
    return _wider(expression, one) if is_told else b""


def _wider(expression: bytes, one: Format) -> bytes:
    """Return an expression that matches more, without what RE2 has not."""
    if one.is_own:
        expression = b"(?m:" + expression + b")"
    else:
        expression = expression.removesuffix(b"?") if expression.endswith(b")?") else expression
        expression = re.sub(rb"\{0,\d\d+\}", b"*", expression)
        expression = re.sub(rb"\{1,\d\d+\}", b"+", expression)
        expression = expression.replace(rb"\s+", _BLANK + b"+").replace(rb"\s*", _BLANK + b"*")
        for ahead in (b"(?=", b"(?!"):
            while (start := expression.find(ahead)) >= 0:
                expression = expression[:start] + expression[closing(expression, start) :]
    return b"(?:" + re.sub(rb"\(\?P<\w+>", b"(?:", expression) + b")"


def _words(levels: Mapping[str, str], wanted: frozenset[str]) -> bytes:
    """Return the words of wanted levels as alternatives."""
    found: Sequence[str] = sorted(word for word, level in levels.items() if level in wanted)
    return b"|".join(re.escape(word.encode()) for word in found)
