"""The rollout of a release: its servers, and its traffic beside that of what it replaced."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import (
    EndpointDocument,
    ReleaseDocument,
    ServerDocument,
    TrafficBucket,
    TrafficDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.deployments import server_mark
from modeldeck_tui.present.rows import Line, age_s, ago, cell, milliseconds, since
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import endpoint_status

STATUSES = frozenset({"approved", "deploying", "live", "failed"})
"""The statuses of a release that is on its way to servers, or there."""

_LEAST_S, _MOST_S = 600.0, 86_400.0
Measures = tuple[str, str, str]
_UNKNOWN: Measures = ("-", "-", "-")


def is_on(release: ReleaseDocument) -> bool:
    """Return whether the review of a release is its rollout by now."""
    return release["status"] in STATUSES


def endpoint_of(release: ReleaseDocument) -> str:
    """Return the endpoint that a release is for."""
    return f"{release['model']}@{release['environment']}"


def window_s(release: ReleaseDocument, now: str) -> float:
    """Return how far back traffic tells as much before the approval as after it, in seconds."""
    age = age_s(release["decided_at"], now) or 0.0
    return min(_MOST_S, max(_LEAST_S, 2 * age))


def title(release: ReleaseDocument, snapshot: Snapshot) -> str:
    """Return what the endpoint does, and where B leads."""
    endpoint = snapshot.endpoint(endpoint_of(release))
    if endpoint is None or endpoint["release"] != release["id"]:
        return "Rollout"
    back = f" · B goes back to {endpoint['rollback_to'][0]}" if endpoint["rollback_to"] else ""
    return clean(f"Rollout · {endpoint_status(endpoint['status']).text}{back}")


def lines(
    release: ReleaseDocument, snapshot: Snapshot, *, buckets: Sequence[TrafficBucket]
) -> list[Line]:
    """Return the approval, each server, and the traffic now, since then, and before."""
    name = endpoint_of(release)
    live = next((one for one in snapshot.live if one[0]["id"] == name), None)
    when = since(ago(release["decided_at"], snapshot.at))
    by = f"by {release['decided_by']}" if release["decided_by"] else ""
    found = [
        Line("approved", (Cell("✔", "good"), cell("approved", "bold"), cell(when), cell(by, "dim")))
    ]
    if live is None or live[0]["release"] != release["id"]:
        return found
    return [*found, *_servers(live[0], snapshot.at), *_traffic(release, live[1], buckets=buckets)]


def _servers(endpoint: EndpointDocument, now: str) -> list[Line]:
    if not endpoint["servers"]:
        return [Line("none", (Cell("◌", "warn"), cell("no server has loaded it yet")))]
    return [
        Line(
            one["name"],
            (
                server_mark(one, endpoint),
                cell(one["name"], "bold"),
                cell(one["outcome"] if _is_now(one, endpoint) else "not yet"),
                cell(since(ago(one["at"], now)), "dim"),
                cell(one["reason"]),
            ),
            clean(f"{one['name']}: {one['outcome']} {one['reason']}"),
        )
        for one in endpoint["servers"]
    ]


def _is_now(server: ServerDocument, endpoint: EndpointDocument) -> bool:
    return server["generation"] == endpoint["generation"]


def _traffic(
    release: ReleaseDocument, now: TrafficDocument, *, buckets: Sequence[TrafficBucket]
) -> list[Line]:
    at = release["decided_at"]
    before = release["replaces_version"]
    columns = [
        _last_minute(now),
        _mean([one for one in buckets if one["at"] >= at]),
        _mean([one for one in buckets if one["at"] < at]) if before else _UNKNOWN,
    ]
    heads = ("last minute", "since then", before or "before")
    found = [Line("traffic", (cell(""), cell("traffic", "dim"), *(cell(x, "dim") for x in heads)))]
    for number, name in enumerate(("requests", "p95", "errors")):
        values = [column[number] for column in columns]
        style = "bad" if name == "errors" and values[0] not in {"-", "0%"} else ""
        cells = [cell(values[0], style), cell(values[1]), cell(values[2])]
        found.append(Line(name, (cell(""), cell(name), *cells)))
    return found


def _last_minute(traffic: TrafficDocument) -> Measures:
    if traffic["p95_s"] is None:
        return _UNKNOWN
    return _measures(traffic["requests_per_s"], traffic["p95_s"], errors=traffic["errors_share"])


def _mean(buckets: Sequence[TrafficBucket]) -> Measures:
    """Return the means of some spans, each weighed by its requests."""
    known = [one for one in buckets if one["p95_s"] is not None and one["requests_per_s"] > 0]
    weight = sum(one["requests_per_s"] for one in known)
    if not weight:
        return _UNKNOWN
    p95 = sum((one["p95_s"] or 0.0) * one["requests_per_s"] for one in known) / weight
    errors = sum(one["errors_share"] * one["requests_per_s"] for one in known) / weight
    return _measures(weight / len(known), p95, errors=errors)


def _measures(rate: float, p95_s: float, *, errors: float) -> Measures:
    return f"{rate:.1f}/s", milliseconds(p95_s), f"{errors:.1%}" if errors else "0%"
