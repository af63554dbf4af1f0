"""A policy out of the tables ``environments`` and ``gates`` of ``modeldeck.toml``.

Exceptions for some models are tables below an environment, named by a pattern::

    [environments.production.models."fraud-*"]
    approvals = 3

An exception says what differs; all else is as in its environment. Of several that match a model the
first one in the file counts, alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.policies.entries import (
    CHECK_KINDS,
    TRUST_WORDS,
    policy_problem,
)
from modeldeck.domain.policies.environments import BreakGlass, Check, Environment, Policy
from modeldeck.domain.policies.freezes import window_of, zone_of
from modeldeck.domain.schema import Table
from modeldeck.errors import InvalidInputError, ModelDeckError

NEEDS_METRIC = ("threshold", "no-regression")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DEPLOY = ("on-approval", "manual")


def policy_from_table(table: Table) -> Policy:
    """Read the policy out of the tables ``environments`` and ``gates`` of ``modeldeck.toml``.

    Raises
    ------
    InvalidInputError
        Something is missing, unknown or of the wrong kind; the message names file and line.
    """
    gates = {
        name: tuple(filter(None, (_attempted(check) for check in _checks(gate))))
        for name, gate in table.named("gates").items()
    }
    read = table.named("environments")
    environments = {
        name: found
        for name, one in read.items()
        if (found := _attempted_environment(name, one)) is not None
    }
    if not environments:
        raise table.fail(
            "environments", "at least one is needed", hint="Add [environments.production]."
        )
    names = list(read)
    for name, found in environments.items():
        earlier = names[: names.index(name)]
        _need_named(read[name], found, gates=list(gates), earlier=earlier)
    policy = Policy(environments, gates)
    problem = policy_problem(policy)
    if problem:
        raise table.fail("environments", problem.rstrip("."))
    return policy


def _attempted(check: Table) -> Check | None:
    return check.attempt(lambda: _check_of(check))


def _attempted_environment(name: str, table: Table) -> Environment | None:
    return table.attempt(lambda: _environment_of(name, table))


def _checks(gate: Table) -> list[Table]:
    found = gate.tables("checks")
    gate.finish()
    return found


def _need_named(table: Table, one: Environment, *, gates: list[str], earlier: list[str]) -> None:
    """Refuse an environment, and its exceptions, that name a gate or a source that is not there."""
    said = {"": (table, one)}
    said |= {key: (each, one.models[key]) for key, each in table.named("models").items()}
    for each, found in said.values():
        if found.gate and found.gate not in gates:
            problem = f"there is no gate {found.gate[:80]!r}"
            hint = f"There are: {', '.join(gates) or 'none'}. Add [[gates.NAME.checks]]."
            each.refuse(each.fail("gate", problem, hint=hint))
        if found.promotes_from and found.promotes_from not in earlier:
            problem = f"{found.promotes_from[:80]!r} is not an earlier environment"
            hint = f"Earlier in the file: {', '.join(earlier) or 'none'}."
            each.refuse(each.fail("promotes_from", problem, hint=hint))


def _environment_of(name: str, table: Table) -> Environment:
    if not ids.is_name(name):
        raise table.fail("", f"{name!r} cannot name an environment", hint="Use a-z, 0-9, dash.")
    usual = _said(table, Environment(name))
    exceptions: dict[str, Environment] = {}
    for pattern, one in table.named("models").items():
        if not pattern.strip():
            raise one.fail("", "an exception needs a pattern of models", hint="As in fraud-*.")
        exceptions[pattern] = _said(one, usual)
        one.finish()
    table.finish()
    return replace(usual, models=exceptions)


def _said(table: Table, usual: Environment) -> Environment:
    """Return an environment as a table says it; what it does not say is as usual."""
    return replace(
        usual,
        approvals=_number_from(table, "approvals", least=0, usual=usual.approvals),
        roles=_counts(table, usual.roles),
        self_approval=table.take("self_approval", bool, default=usual.self_approval),
        reject_blocks=table.take("reject_blocks", bool, default=usual.reject_blocks),
        request_ttl_s=_span(table, "request_ttl", usual=usual.request_ttl_s),
        approval_ttl_s=_span(table, "approval_ttl", usual=usual.approval_ttl_s),
        remind_before_s=_span(table, "remind_before", usual=usual.remind_before_s),
        deploy=table.choice("deploy", _DEPLOY, default=usual.deploy),
        deploy_roles=table.texts("deploy_roles", usual.deploy_roles),
        rollback_roles=table.texts("rollback_roles", usual.rollback_roles),
        gate_roles=table.texts("gate_roles", usual.gate_roles),
        override_roles=table.texts("override_roles", usual.override_roles),
        rollback_depth=_number_from(table, "rollback_depth", least=0, usual=usual.rollback_depth),
        trust=table.choice("trust", TRUST_WORDS, default=usual.trust),
        gate=table.take("gate", str, default=usual.gate),
        promotes_from=table.take("promotes_from", str, default=usual.promotes_from),
        resolve_threads=table.take("resolve_threads", bool, default=usual.resolve_threads),
        break_glass=_glass(table, usual.break_glass),
        freeze=_windows(table, usual.freeze),
        freeze_zone=_zone(table, usual.freeze_zone),
    )


def _counts(table: Table, usual: Mapping[str, int]) -> Mapping[str, int]:
    roles = table.table("roles")
    if not table.has("roles"):
        return usual
    return {role: _number_from(roles, role, least=1, usual=1) for role in roles.data}


def _number_from(table: Table, key: str, *, least: int, usual: int) -> int:
    found = table.take(key, int, default=usual)
    if found < least:
        table.refuse(table.fail(key, f"expected a whole number from {least}, found {found}"))
    return found


def _glass(table: Table, usual: BreakGlass) -> BreakGlass:
    glass = table.table("break_glass")
    found = BreakGlass(
        roles=glass.texts("roles", usual.roles),
        review_within_s=_span(glass, "review_within", usual=usual.review_within_s),
    )
    glass.finish()
    if glass.data and not glass.has("roles") and not usual.roles:
        raise glass.fail("", "without roles nobody may", hint='Add roles = ["oncall"].')
    return found


def _windows(table: Table, usual: tuple[str, ...]) -> tuple[str, ...]:
    found = table.texts("freeze", usual)
    for text in found:
        try:
            window_of(text)
        except InvalidInputError as error:
            table.refuse(table.fail("freeze", error.message.rstrip("."), hint=error.hint))
    return found


def _zone(table: Table, usual: str) -> str:
    name = table.take("freeze_zone", str, default=usual)
    try:
        zone_of(name)
    except ModelDeckError as error:
        table.refuse(table.fail("freeze_zone", error.message.rstrip("."), hint=error.hint))
    return name


def _check_of(table: Table) -> Check:
    kind = table.choice("kind", CHECK_KINDS)
    found = Check(
        name=table.take("name", str),
        kind=kind,
        metric=table.take("metric", str, default=""),
        min=_number(table, "min"),
        max=_number(table, "max"),
        margin=_number(table, "margin"),
        required=table.take("required", bool, default=True),
        models=table.texts("models", ("*",)),
    )
    if kind in NEEDS_METRIC and not found.metric:
        raise table.fail("metric", f"a check of kind {kind} needs a metric")
    if kind == "threshold" and not (found.min or found.max):
        raise table.fail("min", "a threshold needs min, max or both")
    if kind in {"size", "latency"} and not found.max:
        raise table.fail("max", f"a check of kind {kind} needs max")
    table.finish()
    return found


def _number(table: Table, key: str) -> str:
    return repr(table.take(key, float)) if table.has(key) else ""


def _span(table: Table, key: str, *, usual: int) -> int:
    return usual if table.raw(key) is None else seconds(table, key, default="")


def seconds(table: Table, key: str, *, default: str) -> int:
    """Take a time span such as "72h" or "7d" out of a table, in seconds."""
    text = table.take(key, str, default=default)
    found = span_s(text)
    if found is None:
        table.refuse(table.fail(key, f"expected a time span such as 72h or 7d, found {text!r:.40}"))
        return 0
    return found


def span_s(text: str) -> int | None:
    """Return a time span such as "72h" or "7d" in seconds; None when it is none.

    >>> span_s("72h"), span_s("soon")
    (259200, None)
    """
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    return int(found[1]) * _UNITS[found[2]] if found else None
