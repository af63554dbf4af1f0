"""Time as text and back: aware UTC, microseconds, always the same width."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

from modeldeck.errors import InvalidInputError

Clock = Callable[[], datetime]
"""A function that tells the time as an aware datetime in UTC; handed in where time matters."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII)


def utc_now() -> datetime:
    """Return the system's time as an aware datetime in UTC."""
    return datetime.now(UTC)


def to_text(instant: datetime) -> str:
    """Write an aware datetime as ``2026-11-23T07:10:11.123456Z``: such texts sort by time.

    Examples
    --------
    >>> to_text(datetime(2026, 11, 23, 7, 10, 11, tzinfo=UTC))
    '2026-11-23T07:10:11.000000Z'
    """
    naive = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{naive.isoformat(timespec='microseconds')}Z"


def from_text(text: str) -> datetime:
    """Read what :func:`to_text` wrote.

    Raises
    ------
    InvalidInputError
        The text has another form.
    """
    if not is_instant(text):
        msg = f"{text[:40]!r} is not a time like 2026-11-23T07:10:11.123456Z."
        raise InvalidInputError(msg)
    return datetime.fromisoformat(text)


def is_instant(text: str) -> bool:
    """Say whether a text has exactly the form that :func:`to_text` writes and names a real time."""
    if _INSTANT.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
