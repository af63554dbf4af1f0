"""Deployments: endpoints with their traffic, servers, versions."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import (
    EndpointDocument,
    ServerDocument,
    TrafficDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.governing.exceptional import broken_line
from modeldeck_tui.present.rows import Column, Line, Rows, ago, cell, exact, milliseconds
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import endpoint_status, release_status

Live = tuple[EndpointDocument, TrafficDocument]


def table(live: Sequence[Live], now: str) -> Rows:
    """Return endpoints as rows."""
    columns = [
        Column("ENDPOINT", lambda o: cell(o[0]["id"], "bold"), lambda o: o[0]["id"]),
        Column("VERSION", lambda o: cell(o[0]["version"] or "-"), lambda o: o[0]["version"]),
        Column("STATUS", lambda o: _status(o[0]), lambda o: o[0]["status"]),
        Column("RATE", _rate, lambda o: o[1]["requests_per_s"], "right"),
        Column("P95", _p95, lambda o: o[1]["p95_s"], "right"),
        Column("ERR", _errors, lambda o: o[1]["errors_share"], "right"),
        Column("SERVERS", lambda o: cell(ready(o[0])), align="right"),
        Column("LAST", lambda o: cell(ago(o[1]["last_at"], now) or "-", "dim"), align="right"),
        Column("SINCE", lambda o: cell(ago(o[0]["since"], now), "dim"), align="right"),
        Column("RELEASE", lambda o: cell(o[0]["release"], "dim"), lambda o: o[0]["release"]),
    ]
    return Rows(columns, live, key=lambda o: f"endpoint:{o[0]['id']}", detail=_detail)


def _status(endpoint: EndpointDocument) -> Cell:
    """Return an endpoint's status; in red what somebody has to see to."""
    glass = endpoint.get("glass")
    if glass is not None and not glass["reviewed_by"]:
        word = "overdue" if glass["is_overdue"] else "to review"
        return Cell(f"✖ glass {word}", "bad")
    if "revoked" in endpoint:
        return Cell("✖ revoked", "bad")
    return endpoint_status(endpoint["status"])


def _rate(one: Live) -> Cell:
    rate = one[1]["requests_per_s"]
    return cell(f"{rate:.1f}/s" if one[1]["p95_s"] is not None else "-")


def _p95(one: Live) -> Cell:
    p95 = one[1]["p95_s"]
    return cell(milliseconds(p95) if p95 is not None else "-")


def _errors(one: Live) -> Cell:
    share = one[1]["errors_share"]
    return cell(f"{share:.0%}" if one[1]["p95_s"] is not None else "-", "bad" if share else "")


def ready(endpoint: EndpointDocument) -> str:
    """Return how many servers answer with what the endpoint shall serve."""
    now = [one for one in endpoint["servers"] if one["generation"] == endpoint["generation"]]
    good = sum(1 for one in now if one["outcome"] == "ready" and one.get("answers", True))
    return f"{good} of {len(endpoint['servers'])}"


def _detail(one: Live) -> str:
    return clean(f"{one[0]['release']} since {exact(one[0]['since'])}")


def server_mark(server: ServerDocument, endpoint: EndpointDocument) -> Cell:
    """Return whether a server answers with what the endpoint shall serve."""
    if not server.get("answers", True):
        return Cell("○", "warn")
    if server["outcome"] != "ready":
        return Cell("✖", "bad")
    is_now = server["generation"] == endpoint["generation"]
    return Cell("✔", "good") if is_now else Cell("◌", "warn")


def servers(endpoint: EndpointDocument, now: str) -> list[Line]:
    """Return the last word of each server."""
    return [
        Line(
            one["name"],
            (
                server_mark(one, endpoint),
                cell(one["name"], "bold"),
                cell(one["outcome"] if one.get("answers", True) else "silent"),
                cell(
                    "now"
                    if one["generation"] == endpoint["generation"]
                    else f"generation {one['generation']} of {endpoint['generation']}",
                    "dim",
                ),
                cell(ago(_last_word(one), now), "dim"),
                cell(one["reason"]),
            ),
        )
        for one in endpoint["servers"]
    ]


def _last_word(server: ServerDocument) -> str:
    """Return when a server said its last: of a silent one its last heartbeat."""
    return server["at"] if server.get("answers", True) else server.get("heard_at", server["at"])


def versions(endpoint: EndpointDocument, snapshot: Snapshot) -> list[Line]:
    """Return what was released to an endpoint, the newest first, and what it can go back to."""
    found = [broken_line(endpoint["glass"])] if "glass" in endpoint else []
    for one in snapshot.releases:
        if f"{one['model']}@{one['environment']}" != endpoint["id"] or not one["decided_at"]:
            continue
        status = release_status(one["status"])
        back = "B goes back to it" if one["version"] in endpoint["rollback_to"] else ""
        found.append(
            Line(
                f"release:{one['id']}",
                (
                    status,
                    cell(one["version"], "bold"),
                    cell(one["id"]),
                    cell(f"{one['decided_by']} {ago(one['decided_at'], snapshot.at)}", "dim"),
                    cell(back, "warn"),
                ),
            )
        )
    return found
