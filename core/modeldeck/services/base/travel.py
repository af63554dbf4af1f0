"""Looking back: which entry was the last one at a time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from modeldeck import clock
from modeldeck.errors import DamageError, InvalidInputError, NotFoundError
from modeldeck.store import ledger

_AGE = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HINT = "As in 42, 2026-11-23, 2026-11-23T14:03, 14:03 or 2h; a time without zone is local."


class Moment(NamedTuple):
    """The last entry that counts, and the time that is looked at."""

    n: int
    at: str


def last_entry(root: Path, as_of: str, *, now: datetime) -> Moment:
    """Return the last entry of a workspace at a time, or the entry of a number.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    as_of : str
        An entry's number, a date, a time of today, both, or an age such as ``2h``.
    now : datetime
        What ages and times of today count from.

    Raises
    ------
    InvalidInputError
        That is no number and no time.
    NotFoundError
        There is no such entry, or none that early.
    """
    known = ledger.numbers(root)
    text = as_of.strip()
    if text.isascii() and text.isdigit():
        n = int(text)
        if n not in known:
            msg = f"There is no entry {text[:20]}."
            raise NotFoundError(msg, f"Entries go from 1 to {known[-1] if known else 0}.")
        return Moment(n, _at(root, n))
    wanted = clock.to_text(_instant(text, now))
    found = 0
    for n in known:  # times may run back a little where clocks differ: no bisection
        if _at(root, n) <= wanted:
            found = n
    if not found:
        msg = f"The workspace did not exist at {wanted[:19]}Z."
        raise NotFoundError(msg, "Take a later time.")
    return Moment(found, wanted)


def _at(root: Path, n: int) -> str:
    try:
        at = json.loads(ledger.read_file(root, n)[0])["at"]
    except (DamageError, NotFoundError, ValueError, KeyError, TypeError):
        return "9"
    return at if isinstance(at, str) else "9"


def _instant(text: str, now: datetime) -> datetime:
    age = _AGE.fullmatch(text.lower())
    try:
        if age is not None:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", text):
            text = f"{now.astimezone():%Y-%m-%d}T{text.zfill(5)}"
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = f"{text[:40]!r} is no time and no entry's number."
        raise InvalidInputError(msg, _HINT) from None
