"""The overview: what needs the person, what is live, what runs, what happened last."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import InboxItem, RunDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, cut, number
from modeldeck_tui.present.charts import Point, points, sparkline
from modeldeck_tui.present.rows import Line, ago, cell, clock, milliseconds, took
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import endpoint_status, run_status

KINDS = {
    "history": Cell("✖ HISTORY", "bad"),
    "approve": Cell("APPROVE", "bold"),
    "start": Cell("START", "bold"),
    "report": Cell("REPORT", "bold"),
    "support": Cell("SUPPORT", "bold"),
    "asked": Cell("ASKED", "dim"),
    "proposed": Cell("PROPOSED", "dim"),
    "changes": Cell("CHANGES", "warn"),
    "blocked": Cell("BLOCKED", "bad"),
    "failed": Cell("✖ FAILED", "bad"),
    "lost": Cell("○ LOST", "warn"),
    "silent": Cell("○ SILENT", "warn"),
    "run": Cell("✖ RUN", "bad"),
    "revoked": Cell("✖ REVOKED", "bad"),
    "glass": Cell("✖ GLASS", "bad"),
    "ending": Cell("◌ ENDING", "warn"),
    "mention": Cell("@ MENTION", "bold"),
    "thread": Cell("THREAD", "warn"),
}
_BAR = 10
_SPARK = 20
_NAME = 12
_SLIM_NAME, _LONG_NAME = 4, 30
SLIM, BROAD = 110, 140
"""Columns below which a run is its name and value alone; from which on everything fits."""

N_LATEST = 40


def inbox(items: Sequence[InboxItem], now: str) -> list[Line]:
    """Return what concerns the person: what to do, about what, more, and since when."""
    return [
        Line(
            one["subject"],
            (
                KINDS.get(one["kind"], cell(one["kind"])),
                cell(one["title"], "bold"),
                cell(one["detail"]),
                cell(ago(one["since"], now), "dim"),
            ),
            clean(f"{one['title']}: {one['detail']}"),
        )
        for one in items
    ]


DEPLOYED = ("ENDPOINT", "VER", "STATUS", ">RATE", ">P95", ">ERR")
WIDE = "REQUESTS, LAST 10 MIN"
"""The title of what :func:`deployed` adds where there is room."""


def deployed(snapshot: Snapshot, *, is_wide: bool = False) -> list[Line]:
    """Return the endpoints with their traffic of the last minute, and of ten where it fits."""
    found = []
    for one, traffic in snapshot.live:
        has_traffic = traffic["p95_s"] is not None
        p95 = milliseconds(traffic["p95_s"]) if traffic["p95_s"] is not None else "-"
        errors = traffic["errors_share"]
        found.append(
            Line(
                f"endpoint:{one['id']}",
                (
                    cell(one["id"], "bold"),
                    cell(one["version"].rpartition("@")[2] or "-"),
                    endpoint_status(one["status"]),
                    cell(f"{traffic['requests_per_s']:.1f}/s" if has_traffic else "-"),
                    cell(p95),
                    cell(f"{errors:.0%}" if has_traffic else "-", "bad" if errors else ""),
                    *([cell(_spark(snapshot.rates.get(one["id"], ())), "accent")] * is_wide),
                ),
            )
        )
    return found


def _spark(rates: Sequence[float | None]) -> str:
    """Return traffic as a sparkline; each of its columns is the greatest of three values."""
    threes = zip(rates[::3], rates[1::3], rates[2::3], strict=False)
    return sparkline([max(one, key=lambda rate: rate or 0.0) for one in threes], _SPARK).rstrip()


def rates(snapshot: Snapshot) -> tuple[list[str], list[list[Point]]]:
    """Return the endpoints that were asked anything lately, and their requests a second."""
    asked = {one: values for one, values in snapshot.rates.items() if any(values)}
    return [clean(one) for one in asked], [
        points([value or 0.0 for value in values]) for values in asked.values()
    ]


def running(snapshot: Snapshot, *, width: int) -> list[Line]:
    """Return the runs that run, then those that ended last, for a terminal of so many columns."""
    return [
        Line(f"run:{one['id']}", _run(one, snapshot.at, width=width))
        for one in [*snapshot.running, *snapshot.recent]
    ]


def _run(run: RunDocument, now: str, *, width: int) -> tuple[Cell, ...]:
    status = run_status(run["status"])
    room = min(_LONG_NAME, _NAME + max(0, width - BROAD) * 3 // 5)
    is_slim = width < SLIM
    title = run["name"] or run["experiment"]
    cells = (
        Cell(status.text[:1], status.style),
        cell(title if is_slim else f"{run['experiment']} {run['name']}".strip()),
        cell(_so_far(run, _SLIM_NAME if is_slim else room)),
    )
    if is_slim:
        return cells
    name = cell(run["id"].rsplit("-", 1)[-1], "dim")
    if width < BROAD:
        return (*cells, name)
    ended = run["ended_at"] or run["started_at"]
    return (
        *cells,
        cell(took(run["duration_s"])),
        cell(run["user"]),
        name,
        cell(ago(ended, now), "dim"),
    )


def _so_far(run: RunDocument, room: int) -> str:
    """Return how far a run is, where it says so; else its first metric."""
    progress = run["progress"]
    if run["status"] != "running" or not progress or not progress["total"]:
        return best(run, room)
    share = min(progress["done"] / progress["total"], 1.0)
    filled = round(share * _BAR)
    return f"{share:4.0%} {'▓' * filled}{'░' * (_BAR - filled)}"


def best(run: RunDocument, room: int = _NAME) -> str:
    """Return a run's first metric, its name in so much room; else how long the run took."""
    names = sorted(run["metrics"], key=lambda name: name.startswith("cv_"))
    for name in names[:1]:
        return f"{cut(name, room)} {number(run['metrics'][name]['last'])}"
    return took(run["duration_s"])


def activity(snapshot: Snapshot) -> list[Line]:
    """Return the latest entries of the ledger."""
    found = []
    for one in snapshot.latest[:N_LATEST]:
        is_void = one["void"]
        reason = f' "{one["reason"]}"' if one["reason"] and not is_void else ""
        cells = (
            cell(clock(one["at"]), "dim"),
            cell(one["by"], "bold"),
            cell(one["text"] + reason, "bad" if is_void else ""),
        )
        found.append(Line(one["subject"], cells))
    return found
