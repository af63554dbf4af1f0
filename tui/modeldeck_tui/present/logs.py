"""Logs: what has one, and one line of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modeldeck.domain.documents import LogLine
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
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
    text = clean(line["text"])
    at = line["at"]
    style = _LOG_STYLES.get(line["level"], "")
    if not at or not text.startswith(at):
        return text, 0, style
    shown = at[11:23] if at[4:5] == "-" else at
    return shown + text[len(at) :], len(shown), style
