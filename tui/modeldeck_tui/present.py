"""From documents to rows of text: the one place where foreign text enters the screen, cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from modeldeck.domain.documents import (
    ActivityDocument,
    AnnotationDocument,
    CheckDocument,
    DiffRow,
    EndpointDocument,
    InboxItem,
    LogLine,
    ReleaseDocument,
    RunDocument,
    TrafficDocument,
    VoteDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, duration, number


class Line(NamedTuple):
    """A row of a list: the key of what it shows, its cells, and a longer text about it."""

    key: str
    cells: tuple[Cell, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The workspace as it was read at one moment."""

    workspace: str
    actor: str
    host: str
    read_only_because: str
    at: str
    last_environment: str
    inbox: Sequence[InboxItem] = ()
    live: Sequence[tuple[EndpointDocument, TrafficDocument]] = ()
    running: Sequence[RunDocument] = ()
    recent: Sequence[RunDocument] = ()
    latest: Sequence[ActivityDocument] = ()
    releases: Sequence[ReleaseDocument] = ()
    remarks: Sequence[AnnotationDocument] = ()
    diffs: dict[str, Sequence[DiffRow]] = field(default_factory=dict)

    def release(self, identifier: str) -> ReleaseDocument | None:
        """Return one release."""
        return next((one for one in self.releases if one["id"] == identifier), None)


_KINDS = {
    "approve": Cell("APPROVE", "bold"),
    "start": Cell("START", "bold"),
    "changes": Cell("CHANGES", "warn"),
    "blocked": Cell("BLOCKED", "bad"),
    "failed": Cell("✖ FAILED", "bad"),
    "lost": Cell("○ LOST", "warn"),
    "run": Cell("✖ RUN", "bad"),
}
_ENDPOINTS = {
    "live": Cell("● live", "good"),
    "deploying": Cell("◌ deploying", "warn"),
    "failed": Cell("✖ failed", "bad"),
    "stopped": Cell("○ stopped", "dim"),
}
RELEASES = {
    "checking": Cell("◌ checking", "dim"),
    "blocked": Cell("✖ blocked", "bad"),
    "waiting": Cell("● waiting", "warn"),
    "changes-requested": Cell("◌ changes requested", "warn"),
    "rejected": Cell("✖ rejected", "bad"),
    "withdrawn": Cell("○ withdrawn", "dim"),
    "expired": Cell("○ expired", "dim"),
    "outdated": Cell("○ outdated", "dim"),
    "approved": Cell("✔ approved", "good"),
    "deploying": Cell("◌ deploying", "warn"),
    "live": Cell("✔ live", "good"),
    "failed": Cell("✖ failed", "bad"),
    "replaced": Cell("○ replaced", "dim"),
    "rolled-back": Cell("○ rolled back", "dim"),
}
RUNS = {
    "running": Cell("● running", "good"),
    "finished": Cell("✔ finished", ""),
    "failed": Cell("✖ failed", "bad"),
    "cancelled": Cell("○ cancelled", "dim"),
    "lost": Cell("○ lost", "warn"),
}
_BAR = 10


def cell(text: object, style: str = "") -> Cell:
    """Return a clean cell."""
    return Cell(clean(str(text)), style)


def ago(at: str, now: str) -> str:
    """Return how long ago something was, short.

    >>> ago("2026-11-23T07:10:11.000000Z", "2026-11-23T09:20:11.000000Z")
    '2h'
    """
    try:
        seconds = (_moment(now) - _moment(at)).total_seconds()
    except ValueError:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return "now"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def clock(at: str) -> str:
    """Return the time of day of a moment, in this computer's zone."""
    try:
        return _moment(at).astimezone().strftime("%H:%M")
    except ValueError:
        return ""


def inbox(snapshot: Snapshot) -> list[Line]:
    """Return what needs the person."""
    return [
        Line(
            one["subject"],
            (
                _KINDS.get(one["kind"], cell(one["kind"])),
                cell(one["title"], "bold"),
                cell(one["detail"]),
                cell(ago(one["since"], snapshot.at), "dim"),
            ),
        )
        for one in snapshot.inbox
    ]


def deployed(snapshot: Snapshot) -> list[Line]:
    """Return the endpoints with their traffic of the last minute."""
    found = []
    for one, traffic in snapshot.live:
        has_traffic = traffic["p95_s"] is not None
        p95 = f"{traffic['p95_s'] * 1000:.1f} ms" if traffic["p95_s"] is not None else "-"
        errors = traffic["errors_share"]
        found.append(
            Line(
                f"endpoint:{one['id']}",
                (
                    cell(one["id"], "bold"),
                    cell(one["version"].rpartition("@")[2] or "-"),
                    _ENDPOINTS.get(one["status"], cell(one["status"])),
                    cell(f"{traffic['requests_per_s']:.1f}/s" if has_traffic else "-"),
                    cell(p95),
                    cell(f"{errors:.0%}" if has_traffic else "-", "bad" if errors else ""),
                ),
            )
        )
    return found


def running(snapshot: Snapshot) -> list[Line]:
    """Return the runs that run, then those that ended last."""
    found = []
    for one in [*snapshot.running, *snapshot.recent]:
        progress, status = one["progress"], RUNS.get(one["status"], cell(one["status"]))
        is_running = one["status"] == "running"
        share = progress["done"] / progress["total"] if progress and progress["total"] else 0.0
        filled = round(min(share, 1.0) * _BAR)
        how = f"{share:4.0%} {'▓' * filled}{'░' * (_BAR - filled)}" if is_running else _best(one)
        found.append(
            Line(
                f"run:{one['id']}",
                (
                    Cell(status.text[:1], status.style),
                    cell(f"{one['experiment']} {one['name']}".strip()),
                    cell(how),
                    cell(one["id"].rsplit("-", 1)[-1], "dim"),
                ),
            )
        )
    return found


def _best(run: RunDocument) -> str:
    names = sorted(run["metrics"], key=lambda name: name.startswith("cv_"))
    for name in names[:1]:
        return f"{name} {number(run['metrics'][name]['last'])}"
    return duration(run["duration_s"])


def activity(snapshot: Snapshot) -> list[Line]:
    """Return the latest entries of the ledger."""
    found = []
    for one in snapshot.latest:
        is_void = one["void"]
        said = f"void: {one['text']} — {one['reason']}" if is_void else one["text"]
        reason = f' "{one["reason"]}"' if one["reason"] and not is_void else ""
        cells = (
            cell(clock(one["at"]), "dim"),
            cell(one["by"], "bold"),
            cell(said + reason, "bad" if is_void else ""),
        )
        found.append(Line(one["subject"], cells))
    return found


def servers(release: ReleaseDocument, snapshot: Snapshot) -> str:
    """Return what the servers of a release that was approved say; empty while it is open."""
    endpoint = f"{release['model']}@{release['environment']}"
    for one, _traffic in snapshot.live:
        if one["id"] == endpoint and one["release"] == release["id"]:
            now = [has for has in one["servers"] if has["generation"] == one["generation"]]
            said = [f"{has['name']} {has['outcome']} {has['reason']}".strip() for has in now] or [
                "no server has loaded it yet"
            ]
            return clean(f"{endpoint} is {one['status']}: {', '.join(said)}")
    return ""


def releases(snapshot: Snapshot) -> list[Line]:
    """Return all releases as rows."""
    return [
        Line(
            f"release:{one['id']}",
            (
                RELEASES.get(one["status"], cell(one["status"])),
                cell(one["id"], "bold"),
                cell(f"{one['replaces_version'] or 'nothing'} → {one['version']}"),
                cell(one["environment"]),
                cell(_gate_count(one)),
                cell(_lacks(one)),
                cell(f"{one['requested_by']} {ago(one['requested_at'], snapshot.at)}", "dim"),
            ),
        )
        for one in snapshot.releases
    ]


def _gate_count(release: ReleaseDocument) -> str:
    gate = release["gate"]
    if gate is None:
        return "none yet"
    passed = sum(1 for one in gate["checks"] if one["passed"])
    return f"{passed}/{len(gate['checks'])}"


def _lacks(release: ReleaseDocument) -> str:
    if release["is_open"] and release["missing"]:
        return f"lacks {', '.join(release['missing'])}"
    return release["outdated_because"]


def checks(release: ReleaseDocument) -> list[Line]:
    """Return the checks of a release's gate."""
    gate = release["gate"]
    if gate is None:
        return []
    return [
        Line(
            one["name"], (_mark(one), cell(one["name"]), cell(_measured(one))), clean(one["reason"])
        )
        for one in gate["checks"]
    ]


def _mark(check: CheckDocument) -> Cell:
    if check["passed"]:
        return Cell("✔", "good")
    return Cell("✖", "bad") if check["required"] else Cell("⚠", "warn")


def _measured(check: CheckDocument) -> str:
    value, threshold = check["value"], check["threshold"]
    if value is None:
        return check["reason"]
    if check["kind"] == "size":
        return f"{float(value) / 1e6:.2f} MB ≤ {float(threshold or 0) / 1e6:g} MB"
    if check["kind"] == "latency":
        return f"{float(value) * 1000:.2f} ms ≤ {float(threshold or 0) * 1000:g} ms"
    sign = "≥" if (check["margin"] or 0) == _minus(value, threshold) else "≤"
    if check["kind"] == "no-regression":
        sign = "≥"
    return f"{number(value)} {sign} {number(threshold)}"


def _minus(value: object, threshold: object) -> float:
    if isinstance(value, int | float) and isinstance(threshold, int | float):
        return value - threshold
    return 0.0


def changes(rows: Sequence[DiffRow]) -> list[Line]:
    """Return what changes, each section under its title."""
    found = []
    section = ""
    for one in rows:
        if one["section"] != section:
            section = one["section"]
            found.append(Line(section, (cell(section, "dim"),)))
        mark = {True: "▲ better", False: "▼ worse", None: ""}[one["better"]]
        style = {True: "good", False: "bad", None: ""}[one["better"]]
        before, after = _short(one["before"]), _short(one["after"])
        found.append(
            Line(
                f"{section}.{one['name']}",
                (
                    cell(one["name"]),
                    cell(before),
                    cell(after),
                    cell(mark, style),
                    cell(one["delta"], style),
                ),
                clean(f"{section} {one['name']}: {one['before'] or '-'} → {one['after'] or '-'}"),
            )
        )
    return found


def _short(text: str) -> str:
    """Return a value of a comparison with four digits, if it is a number."""
    try:
        return f"{float(text):.4g}" if "." in text else text or "-"
    except ValueError:
        return text or "-"


def votes(release: ReleaseDocument, now: str) -> list[Line]:
    """Return who asked and why, the votes, then who could still vote."""
    asked = f"asked {ago(release['requested_at'], now)}: {release['reason']}".rstrip(": ")
    who = cell(release["requested_by"], "bold")
    found = [Line("request", (Cell("?", "dim"), who, cell(asked)), clean(release["reason"]))]
    found += [_vote(one, now) for one in release["approvals"]]
    if release["is_open"]:
        done = {one["by"] for one in release["approvals"]}
        found += [
            Line(name, (Cell("·", "dim"), cell(name), cell("may vote", "dim")))
            for name in release["eligible"]
            if name not in done
        ]
        found += [
            Line(one["by"], (Cell("–", "dim"), cell(one["by"], "dim"), cell(one["why"], "dim")))
            for one in release["excluded"]
        ]
    return found


def remarks(release: ReleaseDocument, snapshot: Snapshot) -> list[Line]:
    """Return what was remarked on a release or on its version."""
    subjects = {f"release:{release['id']}", f"version:{release['version']}"}
    return [
        Line(
            one["id"],
            (
                Cell("✎", "dim"),
                cell(one["by"], "bold"),
                cell(f"{ago(one['at'], snapshot.at)} {one['text']}"),
            ),
            clean(f"{one['by']} on {one['subject']}: {one['text']}"),
        )
        for one in snapshot.remarks
        if one["subject"] in subjects
    ]


def _vote(vote: VoteDocument, now: str) -> Line:
    is_yes = vote["verdict"] == "approve"
    mark = Cell("✔" if is_yes else "✖", "good" if is_yes else "bad")
    said = vote["reason"] if vote["counts"] else f"does not count: {vote['why_not']}"
    detail = f"{vote['by']}: {vote['verdict']} ({vote['level']}) {vote['reason']}"
    text = f"{ago(vote['at'], now)} {said}".strip()
    return Line(vote["by"], (mark, cell(vote["by"], "bold"), cell(text)), clean(detail))


def sources(snapshot: Snapshot) -> list[Line]:
    """Return what has a log: endpoints and runs."""
    found = [
        Line(f"endpoint:{one['id']}", (cell("endpoint", "dim"), cell(one["id"], "bold"), status))
        for one, _traffic in snapshot.live
        for status in (_ENDPOINTS.get(one["status"], cell(one["status"])),)
    ]
    for one in [*snapshot.running, *snapshot.recent]:
        name = f"{one['id'].rsplit('-', 1)[-1]} {one['experiment']} {one['name']}"
        status = RUNS.get(one["status"], cell(one["status"]))
        found.append(Line(f"run:{one['id']}", (cell("run", "dim"), cell(name), status)))
    return found


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
