"""Times as logs write them, to microseconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

_MONTHS = {
    name: number
    for number, name in enumerate(
        (
            b"Jan",
            b"Feb",
            b"Mar",
            b"Apr",
            b"May",
            b"Jun",
            b"Jul",
            b"Aug",
            b"Sep",
            b"Oct",
            b"Nov",
            b"Dec",
        ),
        1,
    )
}
_DAY_S = 86_400
_SECOND = 1_000_000
_SECONDS = {b"%0*d" % (width, n): n * _SECOND for n in range(61) for width in (1, 2)}
Group = bytes | None

MINUTE = ("year", "month", "day", "hour", "minute", "zone")
"""The groups that tell a minute; ``mon`` stands for ``month`` where that is a name."""

REST = ("second", "fraction", "millis", "epoch")
"""The groups that tell the rest of a moment."""


class Stamp(NamedTuple):
    """A moment.

    Attributes
    ----------
    time : int or None
        Microseconds since 1970 in UTC; None where only the time of day is told.
    is_exact : bool
        Whether the line itself tells year and zone. Else the year is the latest one that lies not
        in the future, and the zone that of this computer.
    """

    time: int | None
    is_exact: bool


def stamp(groups: Mapping[str, Group], latest: int) -> Stamp | None:
    """Return the moment that the groups of a format tell; None when there is no such moment.

    Parameters
    ----------
    groups : Mapping
        See :mod:`modeldeck.domain.logs.formats`.
    latest : int
        When the file was last written, in microseconds since 1970: a line without a year is no
        later than a day after.

    Examples
    --------
    >>> stamp(
    ...     {
    ...         "year": b"1970",
    ...         "month": b"01",
    ...         "day": b"02",
    ...         "hour": b"00",
    ...         "minute": b"00",
    ...         "second": b"01",
    ...         "fraction": b"5",
    ...         "zone": b"Z",
    ...     },
    ...     0,
    ... )
    Stamp(time=86401500000, is_exact=True)
    """
    get = groups.get
    minute = tuple(
        [get("month") or get("mon") if name == "month" else get(name) for name in MINUTE]
    )
    found = stamped(minute, [get(name) for name in REST], latest=latest)
    return None if found is None else Stamp(found[0], is_exact=found[1])


def stamped(
    minute: tuple[Group, ...], rest: Sequence[Group], *, latest: int
) -> tuple[int | None, bool] | None:
    """Return what :func:`stamp` does, of the groups named by :data:`MINUTE` and :data:`REST`."""
    second, fraction, millis, epoch = rest
    try:
        if epoch:
            return _of_epoch(epoch), True
        seconds = 0 if second is None else _SECONDS.get(second)
        if seconds is None:
            return None
        year, day, zone = minute[0], minute[2], minute[5]
        start = _minute(minute, 0 if year is not None else latest // (_DAY_S * _SECOND))
        if start is None:
            return None
        if start < 0 and day is None:
            return None, False
        if fraction:
            seconds += int(fraction) if len(fraction) == 6 else int((fraction + b"000000")[:6])
        elif millis:
            seconds += int(millis) * 1000
    except ValueError:  # of a person's own format, which calls other things digits
        return None
    return start + seconds, year is not None and zone is not None


def _of_epoch(text: bytes) -> int:
    whole, _point, rest = text.partition(b".")
    return int(whole) * _SECOND + int((rest + b"000000")[:6])


@lru_cache(maxsize=4096)
def _minute(key: tuple[Group, ...], latest: int) -> int | None:
    """Return when a minute begins; None when there is none, -1 for a time of day alone."""
    year, month, day, hour, minute, zone = key
    if not hour or not minute or int(hour) > 23 or int(minute) > 59:
        return None
    if day is None or month is None:
        return -1
    number = _MONTHS.get(month) or _number(month)
    tz = _zone(zone)
    try:
        if year is not None:
            found = datetime(_year(year), number, int(day), int(hour), int(minute), tzinfo=tz)
        else:
            found = _in_latest_year(
                number, int(day), hour=int(hour), minute=int(minute), tz=tz, latest=latest
            )
        return round(found.timestamp()) * _SECOND
    except (ValueError, OverflowError, OSError):
        return None


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0


def _year(text: bytes) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (1900 if year >= 70 else 2000)


def _in_latest_year(
    month: int, day: int, *, hour: int, minute: int, tz: timezone | None, latest: int
) -> datetime:
    limit = datetime.fromtimestamp((latest + 2) * _DAY_S, UTC)
    for year in range(limit.year, limit.year - 9, -1):  # 29 February: at most eight years ago
        try:
            found = datetime(year, month, day, hour, minute, tzinfo=tz)
        except ValueError:
            continue
        if found.timestamp() <= limit.timestamp():
            return found
    raise ValueError


def _zone(text: Group) -> timezone | None:
    if text is None:
        return None
    if text in {b"Z", b"UTC", b"GMT"}:
        return UTC
    digits = text[1:].replace(b":", b"")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or b"0"))
    return timezone(-offset if text.startswith(b"-") else offset)


def to_text(time: int) -> str:
    """Return a time of :func:`stamp` as ``2026-11-23T07:10:11.123456Z``.

    >>> to_text(86401500000)
    '1970-01-02T00:00:01.500000Z'
    """
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
