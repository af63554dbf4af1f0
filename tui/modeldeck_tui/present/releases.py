"""Releases: the queue, and one of them under review."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import (
    AnnotationDocument,
    CheckDocument,
    DiffRow,
    ReleaseDocument,
    VoteDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, number, size
from modeldeck_tui.present.rows import Column, Line, Rows, ago, cell, exact, since
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.present.words import release_status

TABS = ("Waiting for me", "Open", "Rolling out", "Done", "All")
_MARKS = {
    "approve": Cell("✔", "good"),
    "reject": Cell("✖", "bad"),
    "request-changes": Cell("◌", "warn"),
    "abstain": Cell("○", "dim"),
}
_ROLLING = {"deploying", "approved"}


def in_tab(releases: Sequence[ReleaseDocument], tab: str) -> list[ReleaseDocument]:
    """Return the releases of a tab."""
    if tab == "Waiting for me":
        return [one for one in releases if one["can_approve"]]
    if tab == "Open":
        return [one for one in releases if one["is_open"]]
    if tab == "Rolling out":
        return [one for one in releases if one["status"] in _ROLLING]
    if tab == "Done":
        return [one for one in releases if not one["is_open"] and one["status"] not in _ROLLING]
    return list(releases)


def table(releases: Sequence[ReleaseDocument], now: str) -> Rows:
    """Return releases as rows."""
    columns = [
        Column("STATUS", lambda o: release_status(o["status"]), lambda o: o["status"]),
        Column("RELEASE", lambda o: cell(o["id"], "bold"), lambda o: o["id"]),
        Column(
            "CHANGE",
            lambda o: cell(change(o)),
            lambda o: o["version"],
        ),
        Column("ENV", lambda o: cell(o["environment"]), lambda o: o["environment"]),
        Column("GATE", lambda o: cell(_gate_count(o))),
        Column("LACKS / WHY", lambda o: cell(_lacks(o))),
        Column("BY", lambda o: cell(o["requested_by"]), lambda o: o["requested_by"]),
        Column("AGE", lambda o: cell(ago(o["requested_at"], now), "dim"), _asked, "right"),
    ]
    return Rows(columns, releases, key=lambda o: f"release:{o['id']}", detail=_detail)


def change(release: ReleaseDocument) -> str:
    """Return the step from one version to the next; both are of one model."""
    before, after = release["replaces_version"], release["version"]
    return f"{before} → @{after.rpartition('@')[2]}" if before else f"nothing → {after}"


def _asked(release: ReleaseDocument) -> str:
    return release["requested_at"]


def _detail(release: ReleaseDocument) -> str:
    said = f": {release['reason']}" if release["reason"] else ""
    return clean(f"{release['requested_by']} asked {exact(release['requested_at'])}{said}")


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


def verdict(
    release: ReleaseDocument, snapshot: Snapshot, *, more: str = ""
) -> list[tuple[str, str]]:
    """Return whether the person may vote, why not, or what became of the release; in pieces."""
    return [*_verdict(release, snapshot), *([(f"\n{more}", "dim")] if more else [])]


def _verdict(release: ReleaseDocument, snapshot: Snapshot) -> list[tuple[str, str]]:
    if release["is_open"] and snapshot.read_only_because:
        because = clean(snapshot.read_only_because).rstrip(".")
        return [(f"You can only look: {because}.", "warn")]
    if release["can_approve"]:
        lacks = clean(", ".join(release["missing"]))
        rest = f" It lacks {lacks}." if lacks else ""
        return [("You can approve (a) or reject (x).", "good"), (rest, "")]
    if release["is_open"]:
        return [(f"You cannot approve: {clean(release['why_not'])}.", "warn")]
    return [(f"{servers(release, snapshot) or _decided(release, snapshot)}.", "")]


def _decided(release: ReleaseDocument, snapshot: Snapshot) -> str:
    word = release_status(release["status"]).text.partition(" ")[2] or release["status"]
    if not release["decided_by"]:
        return f"It is {word}"
    when = ago(release["decided_at"], snapshot.at)
    return clean(f"It is {word}; {release['decided_by']} decided {since(when)}")


def _gate_count(release: ReleaseDocument) -> str:
    gate = release["gate"]
    if gate is None:
        return "none yet"
    passed = sum(1 for one in gate["checks"] if one["passed"])
    return f"{passed}/{len(gate['checks'])}"


def _lacks(release: ReleaseDocument) -> str:
    if release["is_open"] and release["missing"]:
        return ", ".join(release["missing"])
    return release["outdated_because"]


def checks(release: ReleaseDocument) -> list[Line]:
    """Return the checks of a release's gate."""
    gate = release["gate"]
    if gate is None:
        return []
    held = [one for one in release.get("overrides", ()) if one["holds"]]
    by = {name: one["by"] for one in held for name in one["checks"]}
    return [_check(one, by.get(one["name"], "")) for one in gate["checks"]]


def _check(check: CheckDocument, overridden_by: str) -> Line:
    measured, mark = cell(_measured(check)), _mark(check)
    if overridden_by:
        measured = cell(f"{_measured(check)} · overridden by {overridden_by}", "warn")
        mark = Cell("⚠", "warn")
    return Line(check["name"], (mark, cell(check["name"]), measured), clean(check["reason"]))


def _mark(check: CheckDocument) -> Cell:
    if check["passed"]:
        return Cell("✔", "good")
    return Cell("✖", "bad") if check["required"] else Cell("⚠", "warn")


def _measured(check: CheckDocument) -> str:
    value, threshold = check["value"], check["threshold"]
    if value is None:
        return check["reason"]
    if check["kind"] == "size":
        return f"{size(float(value))} ≤ {size(float(threshold or 0))}"
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


def votes_title(release: ReleaseDocument) -> str:
    """Return how many votes there are of those that are needed, and which role lacks one.

    A role is named once: it is lacking as long as what is missing names it.
    """
    required = release["required"]
    counted = sum(
        1 for one in release["approvals"] if one["counts"] and one["verdict"] == "approve"
    )
    said = f"Votes · {counted} of {required['approvals']}"
    if not release["is_open"]:
        return said
    lacks = " ".join(release["missing"])
    for role, count in required["roles"].items():
        of_it = f"{count} {role}" if count > 1 else role
        said += f" · {of_it} {'still needed' if role in lacks else '✔'}"
    return clean(said)


def changed(release: ReleaseDocument) -> tuple[str, ...]:
    """Return the titles of :func:`changes`: the version before, the one after, the difference."""
    before = release["replaces_version"] or "nothing"
    return ("", clean(before), clean(release["version"]), "", "Δ")


def changes(rows: Sequence[DiffRow]) -> list[Line]:
    """Return what changes, each section under its title."""
    found = []
    section = ""
    for one in rows:
        if one["section"] != section:
            section = one["section"]
            found.append(Line(section, (cell(section, "dim"),)))
        mark = {True: "▲", False: "▼", None: ""}[one["better"]]
        word = {True: ", better", False: ", worse", None: ""}[one["better"]]
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
                    cell(_short_delta(one["delta"]), style),
                ),
                clean(
                    f"{section} {one['name']}: {one['before'] or '-'} → {one['after'] or '-'}{word}"
                ),
            )
        )
    return found


def difference(rows: Sequence[DiffRow]) -> list[tuple[str, str]]:
    """Return everything that differs as styled lines: what was with -, what will be with +."""
    found: list[tuple[str, str]] = []
    section = ""
    for one in rows:
        if one["section"] != section:
            section = one["section"]
            found += [("", ""), (clean(section), "bold")]
        name = clean(one["name"])
        if one["before"] == one["after"]:
            found.append((f"  {name}: {clean(one['after'])}", "dim"))
            continue
        mark = {True: "  ▲ better", False: "  ▼ worse", None: ""}[one["better"]]
        if one["before"]:
            found.append((f"- {name}: {clean(one['before'])}", "bad"))
        if one["after"]:
            change = f"  ({one['delta']})" if one["delta"] else ""
            found.append((f"+ {name}: {clean(one['after'])}{change}{mark}", "good"))
    return found[1:]


def evidence(rows: Sequence[DiffRow]) -> list[tuple[str, str]]:
    """Return which metrics are better or worse as styled lines, the worse ones first."""
    known = sorted((row for row in rows if row["better"] is not None), key=_is_better)
    return [
        (
            clean(
                f"{'▲' if row['better'] else '▼'} {row['name']} {_short(row['before'])} → "
                f"{_short(row['after'])} {'better' if row['better'] else 'worse'}"
            ),
            "good" if row["better"] else "bad",
        )
        for row in known
    ]


def _is_better(row: DiffRow) -> bool:
    return bool(row["better"])


def _short(text: str) -> str:
    """Return a value of a comparison with four digits, if it is a number."""
    try:
        return f"{float(text):.4g}" if "." in text else text or "-"
    except ValueError:
        return text or "-"


def _short_delta(text: str) -> str:
    """Return a difference with three digits, if it is a number."""
    try:
        return f"{float(text):+.3g}" if "." in text else text
    except ValueError:
        return text


def votes(release: ReleaseDocument, now: str) -> list[Line]:
    """Return who asked and why, the votes, then who could still vote."""
    when = since(ago(release["requested_at"], now))
    asked = f"asked {when}: {release['reason']}".rstrip(": ")
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
    found = snapshot.remarks_on(f"release:{release['id']}", f"version:{release['version']}")
    return said(found, snapshot.at)


def said(remarks: Sequence[AnnotationDocument], now: str) -> list[Line]:
    """Return remarks as rows."""
    return [
        Line(
            one["id"],
            (
                Cell("✎", "dim"),
                cell(one["by"], "bold"),
                cell(f"{ago(one['at'], now)} {one['text']}"),
            ),
            clean(f"{one['by']} on {one['subject']}, {exact(one['at'])}: {one['text']}"),
        )
        for one in remarks
    ]


def _vote(vote: VoteDocument, now: str) -> Line:
    mark = _MARKS.get(vote["verdict"], Cell("?", "warn"))
    said = vote["reason"] if vote["counts"] else f"does not count: {vote['why_not']}"
    detail = f"{vote['by']}: {vote['verdict']} ({vote['level']}) {vote['reason']}"
    text = f"{ago(vote['at'], now)} {said}".strip()
    return Line(vote["by"], (mark, cell(vote["by"], "bold"), cell(text)), clean(detail))
