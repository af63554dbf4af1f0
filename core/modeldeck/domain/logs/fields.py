r"""Fields of lines: JSON objects, logfmt, and ``name=value`` within a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from modeldeck.domain.logs.levels import level_of
from modeldeck.domain.logs.stamps import Stamp, stamp

MAX_JSON = 1 << 20
"""A longer line is not read as JSON."""

_TIMES = ("at", "time", "timestamp", "ts", "asctime", "@timestamp", "datetime", "created_at", "t")
_LEVELS = ("level", "levelname", "severity", "lvl", "log.level", "loglevel")
_PAIR = re.compile(rb'(?<![\w.-])([A-Za-z_][\w.-]*)=("(?:[^"\\\n]|\\.)*"|[^\s,;"\])]*)')
_MOMENT = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d):"
    r"(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?(?: ?(?P<zone>Z|[+-]\d\d:?\d\d|UTC|GMT))?$",
    re.ASCII,
)
_UNTOLD = Stamp(None, is_exact=False)
_YEARS_2000_TO_2100 = (946_684_800, 4_102_444_800)


def of_json(data: bytes) -> Mapping[str, Any]:
    """Return the members of a line that is a JSON object; none when it is no such thing.

    >>> of_json(b'{"level": "warn", "n": 3}')["n"], of_json(b"{'n': 3}")
    (3, {})
    """
    if len(data) > MAX_JSON or data.count(b"[") + data.count(b"{") > 10_000:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def of_logfmt(data: bytes) -> Mapping[str, str]:
    r"""Return every ``name=value`` of a line; values in quotation marks without them.

    >>> of_logfmt(b'level=info msg="it \\"works\\"" took=0.5s')["msg"]
    'it "works"'
    """
    return {name.decode(): _unquoted(value) for name, value in _PAIR.findall(data[:MAX_JSON])}


def _unquoted(value: bytes) -> str:
    text = value.decode(errors="replace")
    if text[:1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return text


def of_line(data: bytes) -> Mapping[str, Any]:
    """Return the fields of any line.

    >>> of_line(b"INFO request_id=1e2f latency_ms=44.59 ok")["latency_ms"]
    '44.59'
    """
    if data[:1] == b"{" and (found := of_json(data)):
        return found
    return of_logfmt(data)


def field_of(fields: Mapping[str, Any], name: str) -> object:
    """Return a field by its name; dots lead into objects. None when it is not there.

    >>> field_of({"http": {"status": 200}, "a.b": 1}, "http.status"), field_of({"a.b": 1}, "a.b")
    (200, 1)
    """
    if name in fields:
        return fields[name]
    value: object = fields
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def level_of_fields(fields: Mapping[str, Any]) -> str:
    """Return the level that fields tell; numbers mean different things and are not taken."""
    for name in _LEVELS:
        value = field_of(fields, name) if "." in name else fields.get(name)
        if isinstance(value, str) and (found := level_of(value)):
            return found
    return ""


def time_of_fields(fields: Mapping[str, Any], latest: int) -> tuple[str, Stamp]:
    """Return the time that fields tell, as it is written and as a moment."""
    for name in _TIMES:
        value = fields.get(name)
        if isinstance(value, str):
            if found := _of_text(value, latest):
                return value, found
        elif isinstance(value, int | float) and not isinstance(value, bool):
            time = _of_number(value)
            if time is not None:
                return str(value), Stamp(time, is_exact=True)
    return "", _UNTOLD


def _of_text(text: str, latest: int) -> Stamp | None:
    found = _MOMENT.match(text)
    if found:
        groups = {
            name: None if part is None else part.encode()
            for name, part in found.groupdict().items()
        }
        return stamp(groups, latest)
    try:
        number = float(text)
    except ValueError:
        return None
    time = _of_number(number)
    return None if time is None else Stamp(time, is_exact=True)


def _of_number(value: float) -> int | None:
    """Return the moment of a number of seconds, or of thousandths, millionths, billionths."""
    low, high = _YEARS_2000_TO_2100
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        if low * unit <= value < high * unit:
            return int(value * (1_000_000 // unit)) if unit <= 1_000_000 else int(value // 1000)
    return None


def moment(text: str, *, is_utc: bool = False) -> int | None:
    """Return a time that a person wrote in full, in microseconds since 1970; None when it is none.

    >>> moment("2026-11-23T07:10:11Z")
    1795417811000000
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None and is_utc:
        found = found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1_000_000)
