"""Logs: what has one, and one line of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from modeldeck.domain.documents import LogLine
from modeldeck.services.logs import Bar, Line
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, cell_width, cut, to_json
from modeldeck_tui.present.activity import pretty
from modeldeck_tui.present.rows import Column, Rows, ago, cell
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import endpoint_status, run_status

N_SOURCES = 500
"""Runs that are offered, the newest first; others are opened from the runs' page."""

Source = Any
"""An EndpointDocument or a RunDocument."""


def sources(snapshot: Snapshot) -> list[Source]:
    """Return what has a log: endpoints, then runs, those that run first."""
    ended = [one for one in snapshot.runs[:N_SOURCES] if one["status"] != "running"]
    return [*(one for one, _traffic in snapshot.live), *snapshot.running, *ended]


def table(documents: Sequence[Source], now: str) -> Rows:
    """Return them as rows."""
    columns = [
        Column("KIND", lambda o: Cell(_kind(o), "dim")),
        Column("NAME", _name),
        Column("STATUS", _status),
        Column("AGE", lambda o: cell(ago(_since(o), now), "dim"), align="right"),
    ]
    return Rows(columns, documents, key=lambda o: f"{_kind(o)}:{o['id']}")


def _kind(one: Source) -> str:
    return "run" if "experiment" in one else "endpoint"


def _name(one: Source) -> Cell:
    if "experiment" in one:
        short = one["id"].rsplit("-", 1)[-1]
        return cell(f"{short} {one['experiment']} {one['name']}".strip())
    return cell(one["id"], "bold")


def _status(one: Source) -> Cell:
    return run_status(one["status"]) if "experiment" in one else endpoint_status(one["status"])


def _since(one: Source) -> str:
    return str(one["started_at"] if "experiment" in one else one["since"])


_LOG_STYLES = {"ERROR": "bad", "CRITICAL": "bad", "WARN": "warn", "DEBUG": "dim"}


def log_line(line: LogLine) -> tuple[str, int, str]:
    """Return a log line's clean text, how much of it is its time, and its style.

    A date in front of the time of day is left out, so that more of the line shows.
    """
    return _shown(line["text"], line["at"], level=line["level"])


def shown_line(line: Line) -> tuple[str, int, str]:
    """Return what :func:`log_line` does, of a line as the reader has it; JSON as people read it."""
    if line.head.format == "json" and (found := _of_json(line)) is not None:
        return found
    return _shown(line.shown, "" if line.belongs else line.head.at, level=line.level)


def _shown(text: str, at: str, *, level: str) -> tuple[str, int, str]:
    text = clean(text)
    style = _LOG_STYLES.get(level, "")
    if not at or not text.startswith(at):
        return text, 0, style
    shown = at[11:23] if at[4:5] == "-" else at
    return shown + text[len(at) :], len(shown), style


_SAID = ("msg", "message", "event", "text")
_LEVELS = ("level", "levelname", "severity", "lvl")


def _of_json(line: Line) -> tuple[str, int, str] | None:
    """Return a JSON record as its time, level, message and ``name=value``; None when it is none."""
    try:
        fields = json.loads(line.data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    at = line.head.at
    left = {name: value for name, value in fields.items() if name not in _LEVELS}
    time = next((one for one in left if str(left[one]) == at), "") if at else ""
    left.pop(time, None)
    said = next((one for one in _SAID if isinstance(left.get(one), str)), "")
    clock = at[11:23] if at[4:5] == "-" else at
    parts = [clock, line.level, str(left.pop(said, "")), *_pairs(left)]
    text = clean(" ".join(one for one in parts if one))
    return text, len(clock), _LOG_STYLES.get(line.level, "")


def _pairs(fields: Mapping[str, Any], lead: str = "") -> list[str]:
    found: list[str] = []
    for name, value in fields.items():
        if isinstance(value, dict) and value and len(lead) < _DEEPEST:
            found += _pairs(value, f"{lead}{name}.")
        else:
            text = value if isinstance(value, str) else to_json(value)
            found.append(f"{lead}{name}={text}")
    return found


_DEEPEST = 120
"""Characters of the names of members within members that are written out."""


def short_names(names: Sequence[str]) -> list[str]:
    """Return what tells names apart, at most eight columns, all as wide.

    >>> short_names(["server-gpu1-81.log", "server-gpu2-7.log"])
    ['gpu1-81', 'gpu2-7 ']
    """
    if len(names) < 2:
        return []
    stems = [clean(one).rsplit("/", 1)[-1] for one in names]
    if len(set(stems)) < len(stems):
        stems = [clean(one) for one in names]
    begin = _n_alike(stems)
    begin = max((stems[0].rfind(sign, 0, begin) + 1 for sign in "-_./"), default=0)
    end = stems[0][len(stems[0]) - _n_alike([one[::-1] for one in stems]) :]
    end = end[end.find(".") :] if "." in end else ""
    kept = [cut(one[begin:].removesuffix(end) or one, MOST_NAME) for one in stems]
    width = max(cell_width(one) for one in kept)
    return [one + " " * (width - cell_width(one)) for one in kept]


def _n_alike(texts: Sequence[str]) -> int:
    """Return with how many characters all texts begin alike."""
    pairs = zip(min(texts), max(texts), strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), len(min(texts)))


MOST_NAME = 8
"""Columns of a source's name beside its lines."""


def record(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Return a record in full as lines and styles: its fields, JSON with its members indented."""
    first = lines[0]
    level = first.level or "no level"
    at = first.instant or first.head.at or "no time"
    found = [(f"{clean(first.name)}  {at}  {level}", "dim"), ("", "")]
    if len(lines) == 1 and first.data[:1] in {b"{", b"["}:
        try:
            value = json.loads(first.data)
        except (ValueError, RecursionError):
            pass
        else:
            return found + [(one, "") for one in pretty(to_json(value, indent=2))]
    style = _LOG_STYLES.get(first.level, "")
    for line in lines:
        found += [(one, style) for one in _wrapped(clean(line.shown))]
    fields = {} if len(lines) > 1 else first.fields
    if fields:
        found += [("", ""), ("Fields", "bold")]
        width = max(cell_width(clean(str(name))) for name in fields)
        found += [
            (f"  {clean(str(name)):<{width}}  {clean(str(value))}", "")
            for name, value in fields.items()
        ]
    return found


_WRAPPED = 160


def _wrapped(text: str) -> list[str]:
    """Return a long text in lines that can be read."""
    return [text[at : at + _WRAPPED] for at in range(0, len(text), _WRAPPED)] or [""]


def references(line: Line, snapshot: Snapshot | None, *, about: str) -> list[tuple[str, str]]:
    """Return what a line names that has a page or a log: its name, and where it leads.

    Parameters
    ----------
    line : Line
        The line.
    snapshot : Snapshot or None
        What is known.
    about : str
        What the log is of, as ``endpoint:churn@production``; empty for other files.

    Returns
    -------
    list of (str, str)
        An entity as ``kind:id``, or ``find:SOURCE TEXT`` for what a log of predictions holds.
    """
    if snapshot is None:
        return []
    text = line.text
    found: dict[str, str] = {}
    runs = {one["id"] for one in snapshot.runs}
    endings = {one.rsplit("-", 1)[-1]: one for one in runs}
    for name in _RUN.findall(text):
        run = name if name in runs else endings.get(name, "")
        if run:
            found.setdefault(f"run:{run}", f"run {run}")
    versions = {one["id"] for one in snapshot.versions}
    releases = {one["id"] for one in snapshot.releases}
    for name in _NAMED.findall(text):
        if name in versions:
            found.setdefault(f"version:{name}", f"version {name}")
        elif name in releases:
            found.setdefault(f"release:{name}", f"release {name}")
        elif snapshot.endpoint(name) is not None:
            found.setdefault(f"endpoint:{name}", f"endpoint {name}")
    _of_fields(line, about, found=found, versions=versions)
    return list(found.items())


_RUN = re.compile(r"(?<![\w-])(?:\d{8}-\d{6}-)?[a-z0-9]{6}(?![\w])")
_NAMED = re.compile(r"[A-Za-z0-9_.]+(?:[@-][A-Za-z0-9_.]+)+")
_VERSION = re.compile(r"\bversion[ =:]+\"?(\d{1,6})\b")
_REQUESTS = ("request_id", "request", "prediction_id", "prediction", "id", "trace_id")


def _of_fields(line: Line, about: str, *, found: dict[str, str], versions: set[str]) -> None:
    """Add the version and the request that a line of an endpoint's server names."""
    endpoint = about.removeprefix("endpoint:").removeprefix("predictions:")
    fields = line.fields
    model = str(fields.get("model") or endpoint.partition("@")[0])
    version = str(fields.get("version") or "")
    if not version and (told := _VERSION.search(line.text)) is not None:
        version = told[1]
    name = f"{model}@{version}"
    if version and name in versions:
        found.setdefault(f"version:{name}", f"version {name}")
    if "@" not in endpoint:
        return
    for key in _REQUESTS:
        value = fields.get(key)
        if isinstance(value, str) and 4 <= len(value) <= 80 and not value.isspace():
            is_log = about.startswith("endpoint:")
            source = f"predictions:{endpoint}" if is_log else f"endpoint:{endpoint}"
            where = "predictions" if is_log else "the server's log"
            found.setdefault(f"find:{source} {value}", f"{key} {value} in {where}")


def bar_time(bar: Bar, before: Bar | None, *, zone: tzinfo | None) -> str:
    """Return when a bar begins, empty where that is as for the one before: a day, or a minute."""
    if bar.time is None:
        return ""
    text, day = _clock(bar.time, zone)
    if before is None or before.time is None:
        return text
    earlier, last_day = _clock(before.time, zone)
    if day != last_day:
        return day
    return "" if text == earlier else text


def _clock(time: int, zone: tzinfo | None) -> tuple[str, str]:
    try:
        at = datetime.fromtimestamp(time / 1_000_000, zone)
    except (OverflowError, OSError, ValueError):
        return "", ""
    return f"{at:%H:%M}", f"{at:%m-%d}"
