"""Overrides, broken glass, revoked versions and freezes, as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import ReleaseDocument, VersionDocument
from modeldeck.domain.policies.documents import GlassDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.rows import Line, cell, exact

Styled = tuple[str, str]
"""A piece of text and its style."""


def overriding(release: ReleaseDocument, checks: Sequence[str]) -> list[str]:
    """Return what an override means: why each check failed, and what comes then."""
    gate = release["gate"]
    reasons = {one["name"]: one["reason"] for one in (gate["checks"] if gate else ())}
    told = [f"✖ {one}: {reasons.get(one) or 'it failed'}" for one in checks]
    return [*told, "When no failed check is left it waits for votes; each of them names this."]


def broken(glass: GlassDocument) -> list[str]:
    """Return that the glass was broken: by whom, why, and until when somebody reviews it."""
    due = "was due" if glass["is_overdue"] else "is due until"
    return [
        f"{glass['by']} broke it {exact(glass['at'])}: {glass['before']} → {glass['version']}.",
        f"Why: {glass['reason']}",
        f"A review {due} {exact(glass['review_by'])}. Say what you found.",
    ]


def broken_line(glass: GlassDocument) -> Line:
    """Return broken glass as a row among the versions of an endpoint."""
    if glass["reviewed_by"]:
        told = f"reviewed by {glass['reviewed_by']}: {glass['review']}"
        mark = Cell("✔ glass", "dim")
    else:
        due = "review overdue since" if glass["is_overdue"] else "to be reviewed (a) until"
        told = f"{due} {exact(glass['review_by'])} by {', '.join(glass['reviewers']) or 'nobody'}"
        mark = Cell("✖ glass", "bad")
    said = f"{glass['by']} broke it: {glass['reason']}"
    cells = (mark, cell(glass["version"], "bold"), cell(""), cell(said), cell(told, "warn"))
    return Line(f"glass {glass['n']}", cells, clean(f"{said}; {told}"))


def revoking(version: VersionDocument) -> list[str]:
    """Return what revoking a version means, and where it serves."""
    lines = [
        "It may go live nowhere any more, for good; its open releases end.",
        "This cannot be taken back: register another version then.",
    ]
    if version["environments"]:
        where = ", ".join(version["environments"])
        lines.append(f"⚠ It serves in {where} and goes on until somebody rolls it back (B).")
    return lines


def timing(release: ReleaseDocument) -> list[Styled]:
    """Return until when a release waits, whether a freeze holds it up, and what was overridden."""
    found: list[Styled] = []
    for one in release.get("overrides", ()):
        fallen = "" if one["holds"] else ", which does not hold any more"
        told = f"{', '.join(one['checks'])} overridden by {one['by']}: {one['reason']}{fallen}"
        found.append((clean(f"⚠ {told}"), "warn"))
    if "frozen" in release:
        found.append((clean(f"⚠ {release['frozen']}"), "warn"))
    return found
