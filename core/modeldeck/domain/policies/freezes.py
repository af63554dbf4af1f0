"""Freezes: windows in which nothing new goes live, by a wall clock of a named time zone.

Two forms, both from the first moment to just before the second one::

    "Fri 16:00 - Mon 08:00"                   every week; a day alone is the whole day
    "2026-12-23 18:00 - 2027-01-04 08:00"     once; a date alone is the whole day

Where clocks are put forward or back and a time exists twice or not at all, the window is the longer
one: it begins at the earlier reading of its first moment and ends at the later one of its last.

The rules of the ledger never look at a window: which zones there are, and when their clocks change,
differs between computers. People's programs look before they sign, servers before they swap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from modeldeck.errors import InvalidInputError, UnavailableError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
YEARS = range(2000, 2200)
MOST = 100
"""Windows that one environment may have, and steps from one to the next that are followed."""

_CLOCK = r"(?: (?P<h>[01][0-9]|2[0-3]):(?P<m>[0-5][0-9]))?"
_WEEKLY = re.compile(rf"(?P<day>{'|'.join(DAYS)}){_CLOCK}", re.ASCII)
_DATED = re.compile(rf"(?P<date>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){_CLOCK}", re.ASCII)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+){0,2}", re.ASCII)
EXPECTED = "expected a window such as 'Fri 16:00 - Mon 08:00' or '2026-12-23 - 2027-01-02'"


@dataclass(frozen=True, slots=True)
class Weekly:
    """A window of each week, in minutes since Monday 0:00; ``end`` may lie in the week after."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dated:
    """A window that is there once, by the wall clock."""

    start: datetime
    end: datetime


Window = Weekly | Dated


def window_of(text: str) -> Window:
    """Read a window.

    Parameters
    ----------
    text : str
        As ``Fri 16:00 - Mon 08:00`` or ``2026-12-23 - 2027-01-02``.

    Raises
    ------
    InvalidInputError
        It is none, or has no length.

    Examples
    --------
    >>> window_of("Sat - Sun")
    Weekly(start=7200, end=10080)
    """
    first, dash, last = text.partition(" - ")
    found = _weekly(first, last) or _dated(first, last) if dash else None
    if found is None:
        msg = f"{text[:60]!r} is no window: {EXPECTED}."
        raise InvalidInputError(msg)
    if isinstance(found, Dated) and found.end <= found.start:
        msg = f"The window {text!r} ends before it begins."
        raise InvalidInputError(msg)
    if isinstance(found, Weekly) and found.end == found.start:
        msg = f"The window {text!r} has no length."
        raise InvalidInputError(msg, "Name two moments of the week that differ.")
    return found


def _weekly(first: str, last: str) -> Weekly | None:
    begin, stop = _WEEKLY.fullmatch(first), _WEEKLY.fullmatch(last)
    if begin is None or stop is None:
        return None
    start, end = _minute(begin, is_end=False), _minute(stop, is_end=True)
    return Weekly(start, end if end >= start else end + WEEK_MINUTES)


def _minute(found: re.Match[str], *, is_end: bool) -> int:
    day = DAYS.index(found["day"]) * DAY_MINUTES
    if found["h"] is None:
        return day + (DAY_MINUTES if is_end else 0)
    return day + int(found["h"]) * 60 + int(found["m"])


def _dated(first: str, last: str) -> Dated | None:
    begin, stop = _DATED.fullmatch(first), _DATED.fullmatch(last)
    if begin is None or stop is None:
        return None
    try:
        return Dated(_moment(begin, is_end=False), _moment(stop, is_end=True))
    except ValueError:  # no such day, or far from now
        return None


def _moment(found: re.Match[str], *, is_end: bool) -> datetime:
    day = datetime.combine(date.fromisoformat(found["date"]), time())
    if day.year not in YEARS:
        raise ValueError(found["date"])
    if found["h"] is None:
        return day + timedelta(days=1 if is_end else 0)
    return day + timedelta(hours=int(found["h"]), minutes=int(found["m"]))


def is_zone_name(text: str) -> bool:
    """Say whether a text has the form of a time zone's name, as ``Europe/Berlin``.

    Whether this computer knows that zone is another question: see :func:`zone_of`.
    """
    return len(text) <= 64 and _ZONE.fullmatch(text) is not None


def zone_of(name: str) -> tzinfo:
    """Return a time zone as this computer knows it; UTC needs no knowledge.

    Raises
    ------
    UnavailableError
        This computer does not know it.
    """
    if name == "UTC":
        return UTC
    import zoneinfo  # few policies name a zone, and it takes a while

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"This computer does not know the time zone {name[:64]!r}."
        hint = "Correct the name, as in Europe/Berlin, or install the system's package tzdata."
        raise UnavailableError(msg, hint) from None


def frozen_until(windows: Iterable[str], zone: str, *, now: datetime) -> datetime | None:
    """Return when the freeze ends that it is now; None outside of one.

    Windows that touch are one freeze.

    Parameters
    ----------
    windows : iterable of str
        As :func:`window_of` reads them.
    zone : str
        The time zone whose wall clock they go by.
    now : datetime
        Aware, in UTC.

    Returns
    -------
    datetime or None
        Aware, in UTC. A freeze that never ends gives a moment some years from now.

    Raises
    ------
    InvalidInputError, UnavailableError
        A window is none; this computer does not know the zone.
    """
    known = [window_of(one) for one in windows]
    if not known:
        return None
    where = zone_of(zone)
    until = None
    for _step in range(MOST):
        at = until or now
        ends = [end for one in known for end in _ends(one, where, at=at)]
        if not ends:
            break
        until = max(ends)
    return until


def _ends(window: Window, zone: tzinfo, *, at: datetime) -> Iterator[datetime]:
    """Yield the ends of those occurrences of a window that a moment lies in."""
    for start, end in _occurrences(window, around=at.astimezone(zone).replace(tzinfo=None)):
        first = min(_instants(start, zone))
        last = max(_instants(end, zone))
        if first <= at < last:
            yield last


def _instants(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return both readings of a wall clock's time: they differ where clocks are changed."""
    return (
        wall.replace(tzinfo=zone, fold=0).astimezone(UTC),
        wall.replace(tzinfo=zone, fold=1).astimezone(UTC),
    )


def _occurrences(window: Window, *, around: datetime) -> Iterator[tuple[datetime, datetime]]:
    if isinstance(window, Dated):
        yield window.start, window.end
        return
    monday = datetime.combine(around.date() - timedelta(days=around.weekday()), time())
    for weeks in (-1, 0, 1):
        begin = monday + timedelta(weeks=weeks)
        yield begin + timedelta(minutes=window.start), begin + timedelta(minutes=window.end)


def never_ends(windows: Iterable[str]) -> bool:
    """Say whether the windows of each week together leave no minute of it free."""
    free = bytearray(b"\x01") * WEEK_MINUTES
    for one in map(window_of, windows):
        if isinstance(one, Weekly):
            for minute in range(one.start, one.end):
                free[minute % WEEK_MINUTES] = 0
    return not any(free)
