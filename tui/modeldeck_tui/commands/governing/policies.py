"""``policy show|check|adopt``: the policy in force, and the one that modeldeck.toml proposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modeldeck.domain.policies.documents import PolicyChange, PolicyDocument

app = group("The policy: what each environment asks of a release.")
_SPANS = {"request_ttl_s", "approval_ttl_s", "remind_before_s", "review_within_s"}


@app.command("show")
def show(context: typer.Context) -> None:
    """Show the policy in force, and what makes trouble in it."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.policies.show()
    if session.is_json:
        session.printer.document(found)
        return
    since = f"entry {found['since_n']}, {output.moment(found['since'])}, by {found['by']}"
    session.printer.fields([("in force since", since), ("sha256", found["digest"])])
    _show_environments(session, found)
    _show_gates(session, found)
    _warn(session, found)


@app.command("check")
def check(context: typer.Context) -> None:
    """Read modeldeck.toml, say what makes trouble, and what it would change."""
    session = session_of(context)
    with session.open() as workspace:
        found, changes = workspace.policies.proposed(), workspace.policies.changes()
    if session.is_json:
        session.printer.document({**found, "changes": changes})
        return
    _warn(session, found)
    _show_changes(session, changes)


@app.command("adopt")
def adopt(context: typer.Context) -> None:
    """Adopt the policy of modeldeck.toml; only owners may, as many as the threshold asks for."""
    session = session_of(context)
    with session.open() as workspace:
        found, changes = workspace.policies.proposed(), workspace.policies.changes()
        is_adopted = workspace.policies.adopt()
    if session.is_json:
        session.printer.document({**found, "changes": changes, "adopted": is_adopted})
        return
    _show_changes(session, changes)
    _warn(session, found)
    if is_adopted:
        session.printer.line("It is in force now; open releases have to be asked for again.")
    else:
        session.printer.line("It is proposed; other owners see it: `modeldeck member pending`.")


def _warn(session: Session, found: PolicyDocument) -> None:
    for one in found["warnings"]:
        session.printer.line(Cell(f"! {one}", "warn"))


def _show_changes(session: Session, changes: Sequence[PolicyChange]) -> None:
    if not changes:
        session.printer.line("modeldeck.toml says what is in force.")
        return
    rows = [[one["key"], one["before"] or "-", one["after"] or "-"] for one in changes]
    session.printer.table(["KEY", "IN FORCE", "MODELDECK.TOML"], rows)


def _show_environments(session: Session, found: PolicyDocument) -> None:
    environments = found["policy"]["environments"]
    for one in environments if isinstance(environments, list) else ():
        if not isinstance(one, dict):
            continue
        session.printer.title(f"Environment {one['name']}")
        _show_keys(session, one)
        exceptions = one.get("models", [])
        for each in exceptions if isinstance(exceptions, list) else ():
            if isinstance(each, dict):
                session.printer.title(f"Environment {one['name']}, models {each['models']}")
                _show_keys(session, each)


def _show_keys(session: Session, one: Mapping[str, object]) -> None:
    shown = [(key, value) for key, value in one.items() if key not in {"name", "models"}]
    session.printer.fields([(key.removesuffix("_s"), _text(key, value)) for key, value in shown])


def _show_gates(session: Session, found: PolicyDocument) -> None:
    gates = found["policy"]["gates"]
    for name, checks in gates.items() if isinstance(gates, dict) else ():
        session.printer.title(f"Gate {name}")
        keys = ("name", "kind", "metric", "min", "max", "margin", "required")
        known = [one for one in checks if isinstance(one, dict)] if isinstance(checks, list) else []
        rows = [[_text(key, one.get(key, "")) for key in keys] for one in known]
        session.printer.table([key.upper() for key in keys], rows)


def _text(key: str, value: object) -> str:
    if key in _SPANS and isinstance(value, int):
        return output.duration(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        known = [(name.removesuffix("_s"), _text(name, inner)) for name, inner in value.items()]
        return ", ".join(f"{name} {text}" for name, text in known)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
