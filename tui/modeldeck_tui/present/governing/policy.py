"""The policy and what owners propose, as rows: differences, troubles, who supports what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modeldeck.domain.membership.documents import MemberDetailDocument
from modeldeck.domain.policies.documents import PolicyChange, PolicyDocument
from modeldeck.domain.reading.reviews import ProposalDocument
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.rows import Line, ago, cell, exact, since

_PRINT = len("SHA256:") + 8
FILE = "file"
"""The key of the row that stands for modeldeck.toml."""

TITLES = ("", "WHAT", "BY", "SUPPORT", "AGE")
MEMBERS = ("MEMBER", "KIND", "ROLES", "LEVEL", "KEYS", "SINCE")


class Governing(NamedTuple):
    """What the page of the policy shows: what is in force, what the file says, what waits.

    ``problem`` says why the file cannot be read, if it cannot; then there is no ``proposed``.
    ``everything`` are all keys of the policy in force, ``members`` those who are one now.
    """

    in_force: PolicyDocument
    proposed: PolicyDocument | None
    changes: Sequence[PolicyChange]
    problem: str
    proposals: Sequence[ProposalDocument]
    everything: Sequence[PolicyChange]
    members: Sequence[MemberDetailDocument] = ()


def choices(known: Governing, now: str) -> list[Line]:
    """Return what could change: the file first, then what owners proposed."""
    return [_file(known), *(_proposal(one, now) for one in known.proposals)]


def _file(known: Governing) -> Line:
    if known.problem:
        return Line(FILE, (Cell("✖", "bad"), cell("modeldeck.toml", "bold"), cell(known.problem)))
    n = len(known.changes)
    if not n:
        said = cell("says what is in force", "dim")
        return Line(FILE, (Cell("=", "dim"), cell("modeldeck.toml", "bold"), said))
    keys = "1 key differs" if n == 1 else f"{n} keys differ"
    what = cell(f"modeldeck.toml: {keys}", "bold")
    return Line(FILE, (Cell("~", "warn"), what, cell("p proposes it")))


def _proposal(one: ProposalDocument, now: str) -> Line:
    mark = Cell("▲", "warn") if one["can_support"] else Cell("◌", "dim")
    return Line(
        f"proposal:{one['id']}",
        (
            mark,
            cell(one["text"], "bold"),
            cell(one["by"]),
            cell(support(one)),
            cell(ago(one["at"], now), "dim"),
        ),
        clean(f"{one['id'][:8]}: {one['by']} proposed it {exact(one['at'])}"),
    )


def support(one: ProposalDocument) -> str:
    """Return how many owners of those needed support a proposal."""
    return f"{one['needed'] - one['lacks']} of {one['needed']} owners"


def outline(document: PolicyDocument, found: Sequence[PolicyChange]) -> list[Line]:
    """Return a policy's digest, then every key with its value."""
    digest = Line("sha256", (cell("sha256", "dim"), cell(document["digest"])))
    return [
        digest,
        *(
            Line(one["key"], (cell(one["key"]), cell(_value(one["key"], one["after"]))))
            for one in found
        ),
    ]


def named(found: Sequence[PolicyChange], most: int) -> list[str]:
    """Return the first of some differences as sentences, and how many more there are."""
    told = [f"{one['key']}: {one['before'] or '-'} → {one['after'] or '-'}" for one in found[:most]]
    more = len(found) - most
    return [*told, f"… and {more} more: see the page"] if more > 0 else told


def differences(found: Sequence[PolicyChange]) -> list[Line]:
    """Return keys that differ: what is in force with -, what would be with +."""
    lines = []
    for one in found:
        lines.append(Line(one["key"], (cell(one["key"], "bold"),)))
        if one["before"]:
            lines.append(_change(one, "before", mark="-", style="bad"))
        if one["after"]:
            lines.append(_change(one, "after", mark="+", style="good"))
    return lines


def _change(one: PolicyChange, side: str, *, mark: str, style: str) -> Line:
    value = one["before"] if side == "before" else one["after"]
    text = f"  {mark} {_value(one['key'], value)}"
    return Line(f"{one['key']} {side}", (cell(text, style),), clean(f"{one['key']}: {value}"))


def _value(key: str, value: str) -> str:
    """Return a value; spans of seconds are told in hours too."""
    if key.endswith("_ttl_s") and value.isdigit():
        return f"{value} ({int(value) / 3600:g} h)"
    return value


def troubles(document: PolicyDocument | None, more: Sequence[str] = ()) -> list[Line]:
    """Return what makes trouble: what nobody can satisfy, roles that nobody has."""
    found = [*(document["warnings"] if document is not None else ()), *more]
    return [Line(one, (Cell("⚠", "warn"), cell(one)), clean(one)) for one in found]


def members(found: Sequence[MemberDetailDocument], now: str) -> list[Line]:
    """Return who belongs to the workspace: roles, how sure they can be, their keys in force."""
    return [
        Line(
            f"member:{one['name']}",
            (
                cell(one["name"], "bold"),
                cell("owner" if one["is_owner"] else one["kind"]),
                cell(", ".join([*_roles(one), *(f"serves {e}" for e in one["environments"])])),
                Cell(one["level"], "good" if one["level"] == "signed" else "warn"),
                cell(_keys(one)),
                cell(ago(one["since"], now), "dim"),
            ),
            clean(_deeds(one)),
        )
        for one in found
    ]


def _roles(one: MemberDetailDocument) -> list[str]:
    return [each["role"] for each in one["roles"]]


def _keys(one: MemberDetailDocument) -> str:
    """Return the keys in force, short; hardware keys say so."""
    known = [each for each in one["keys"] if not each["until_n"]]
    return ", ".join(
        each["fingerprint"][:_PRINT] + ("… hardware" if each["is_hardware"] else "…")
        for each in known
    )


def _deeds(one: MemberDetailDocument) -> str:
    may = "; ".join(one["may"]) or "nothing"
    may_not = f" · may not {'; '.join(one['may_not'])}" if one["may_not"] else ""
    return f"{one['name']} may {may}{may_not}"


def in_force(document: PolicyDocument, now: str) -> str:
    """Return since when a policy is in force, in short."""
    when = since(ago(document["since"], now))
    return clean(f"in force {when}: entry {document['since_n']}, {document['by']}")


def about(one: ProposalDocument) -> list[Line]:
    """Return what a proposal says, who supports it and who still can."""
    lines = differences(one["changes"] or one["details"])
    lines += [Line(text, (cell(f"⚠ {text}", "warn"),), clean(text)) for text in one["warnings"]]
    for owner in one["supporters"]:
        mark, style = ("✔", "good") if owner["counts"] else ("◌", "warn")
        rest = "" if owner["counts"] else ", which does not count"
        said = cell(f"{mark} {owner['by']} supports it, {owner['level']}{rest}", style)
        lines.append(Line(f"by {owner['by']}", (said,)))
    if one["problem"]:
        lines.append(Line("problem", (cell(f"✖ nobody can: {one['problem']}", "bad"),)))
    for name in one["waits_for"]:
        lines.append(Line(f"open {name}", (cell(f"· {name} can support it", "dim"),)))
    return lines
