"""What people type about logs: a filter on one line, and where to go.

A filter is what follows each other on a line; a line of the log passes when all of it holds::

    connection.*lost            a regular expression; several words are one, with their spaces
    "a (plain) text"            a text as it is
    !healthz  !"GET /health"    what hides a line
    latency_s>0.5  status=503   a comparison of a field
    level:error  level:=warn,info  level:!debug       levels
    since:15m  until:14:00      times

Where to go is a time (``14:03``, ``2026-11-23 14:03``), a line (``:1234``) or a share (``50%``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from modeldeck.domain.logs.heads import Head
from modeldeck.domain.logs.query import (
    FieldTest,
    Query,
    Words,
    all_of,
    field_test,
    levels_from,
    moment_from,
    words,
)
from modeldeck.errors import InvalidInputError

_TOKEN = re.compile(r'!?"(?:[^"\\]|\\.)*"|\S+')
_TEST = re.compile(r"[A-Za-z_@][\w.@/-]*(?:>=|<=|!=|==|=|>|<)[^\s\\*+?\[\](){}|^$]+")
_CLOCK = re.compile(r"(?<!\d)(\d\d):(\d\d)(?::(\d\d))?")
_NUMBER = re.compile(r":\s*(\d[\d,_]*)|(\d{1,3}(?:,\d{3})+)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_QUARTER_S = 900
_DAY_S = 86_400
_MOST_EAST_S = 14 * 3600


def query_of(text: str, now: datetime) -> Query:
    r"""Return the question that a filter asks.

    Parameters
    ----------
    text : str
        What somebody typed; empty keeps every line.
    now : datetime
        The present, with the zone that times without one are in.

    Raises
    ------
    InvalidInputError
        A part of it is none of what the module's page lists.

    Examples
    --------
    >>> at = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    >>> found = query_of("failed to load !healthz latency_s>0.5 level:error", at)
    >>> [one.text for one in found.keep], [one.text for one in found.hide], found.fields[0].name
    (['failed to load'], ['healthz'], 'latency_s')
    >>> sorted(found.levels)
    ['CRITICAL', 'ERROR']
    >>> query_of('"a=b (c)"', at).keep[0].is_regex
    False
    """
    return all_of([*_parts(text, now)])


def _parts(text: str, now: datetime) -> Iterator[Query]:
    plain: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        part = _part(token, now)
        if part is None:
            gap = text[end : found.start()] if plain else ""
            plain.append((gap if gap.isspace() else " " * bool(plain)) + token)
        else:
            yield part
        end = found.end()
    if plain:
        yield Query(keep=(words("".join(plain)),))


def _part(token: str, now: datetime) -> Query | None:
    """Return what a token asks; None for a piece of the regular expression."""
    name, colon, value = token.partition(":")
    if colon and name in {"level", "since", "until"}:
        return _named(name, value, now=now)
    is_hidden = token.startswith("!") and len(token) > 1
    body = token[1:] if is_hidden else token
    if len(body) > 2 and body[0] == body[-1] == '"':
        found: Words = words(re.sub(r'\\(["\\])', r"\1", body[1:-1]), is_regex=False)
    elif is_hidden:
        found = words(body)
    elif _TEST.fullmatch(token):
        test: FieldTest = field_test(token)
        return Query(fields=(test,))
    else:
        return None
    return Query(hide=(found,)) if is_hidden else Query(keep=(found,))


def _named(name: str, value: str, *, now: datetime) -> Query:
    if not value:
        msg = f"{name}: names nothing."
        raise InvalidInputError(msg, "As in level:error, since:15m or until:14:00.")
    if name == "level":
        return Query(levels=levels_from(value))
    moment = moment_from(value.replace("_", " "), now)
    return Query(since=moment) if name == "since" else Query(until=moment)


class Goto(NamedTuple):
    """Where to go.

    Attributes
    ----------
    kind : str
        ``time``: ``value`` is in microseconds since 1970. ``line``: a line's number from 1.
        ``share``: 0 to 1 of the log. ``offset``: where a line begins, in bytes.
    value : float
        Which.
    """

    kind: str
    value: float


def goto_of(text: str, now: datetime) -> Goto:
    """Return where somebody wants to go.

    Parameters
    ----------
    text : str
        A time, ``:`` and a line's number, or a share with ``%``.
    now : datetime
        A time of day is one of this day and zone: those of the line that the person looks at.

    Raises
    ------
    InvalidInputError
        It is none of these.

    Examples
    --------
    >>> at = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    >>> goto_of(":1,234", at), goto_of("50%", at)
    (Goto(kind='line', value=1234), Goto(kind='share', value=0.5))
    >>> datetime.fromtimestamp(goto_of("14:03", at).value / 1e6, UTC).isoformat()
    '2026-11-23T14:03:00+00:00'
    """
    text = text.strip()
    if (number := _NUMBER.fullmatch(text)) is not None:
        return Goto("line", int(re.sub("[,_]", "", number[1] or number[2])))
    if (share := _SHARE.fullmatch(text)) is not None:
        return Goto("share", min(1.0, float(share[1]) / 100))
    try:
        return Goto("time", moment_from(text, now))
    except InvalidInputError:
        msg = f"{text[:40]!r} is no place in a log."
        hint = "Write a time (14:03, 15m ago), a line (:1234) or a share (50%)."
        raise InvalidInputError(msg, hint) from None


def zone_of(head: Head) -> tzinfo | None:
    """Return the zone that a line's time is written in; None where that cannot be told.

    >>> noon = 1795435811000000  # 12:10:11 UTC
    >>> str(zone_of(Head(at="2026-11-23 14:10:11", time=noon)))
    'UTC+02:00'
    """
    found = _CLOCK.search(head.at)
    if found is None or head.time is None:
        return None
    hour, minute, second = (int(one or 0) for one in found.groups())
    away = (hour * 3600 + minute * 60 + second - head.time // 1_000_000) % _DAY_S
    away = math.floor(away / _QUARTER_S + 0.5) * _QUARTER_S
    away = away - _DAY_S if away > _MOST_EAST_S else away
    return timezone(timedelta(seconds=away)) if away else UTC
