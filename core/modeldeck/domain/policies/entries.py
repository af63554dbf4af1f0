"""A policy out of an entry's body, and whether it holds together.

Both are part of the rules of the ledger, so nothing here depends on the computer: a time zone is
looked at for its form alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import Json
from modeldeck.domain.policies.environments import (
    LATER,
    BreakGlass,
    Check,
    Environment,
    Policy,
)
from modeldeck.domain.policies.freezes import MOST, is_zone_name, window_of
from modeldeck.errors import InvalidInputError

CHECK_KINDS = ("threshold", "no-regression", "loads", "schema", "size", "latency")
TRUST_WORDS = ("claimed", "owner", "signed")
MOST_PEOPLE = 100
MOST_SECONDS = 10 * 366 * 86400
MOST_PATTERN = 200

ROLE_KEYS = ("deploy_roles", "rollback_roles", "gate_roles", "override_roles")
"""The settings that are lists of roles."""


def policy_from_json(body: Mapping[str, Json]) -> Policy:
    """Read a policy out of an entry's body.

    Raises
    ------
    InvalidInputError
        It is not a policy.
    """
    try:
        environments = [_environment(_mapping(one)) for one in _list(body["environments"])]
        gates = {
            name: tuple(_check(_mapping(one)) for one in _list(checks))
            for name, checks in _mapping(body["gates"]).items()
        }
    except (KeyError, TypeError, ValueError) as error:
        msg = f"The policy in the ledger cannot be read: {error}."
        raise InvalidInputError(msg) from None
    policy = Policy({one.name: one for one in environments}, gates)
    problem = policy_problem(policy)
    if problem or not environments or len(policy.environments) != len(environments):
        msg = problem or "The policy names no environment, or one twice."
        raise InvalidInputError(msg)
    return policy


def _mapping(value: object) -> dict[str, Json]:
    if not isinstance(value, dict):
        msg = f"expected an object, found {value!r:.40}"
        raise TypeError(msg)
    return value


def _list(value: object) -> list[Json]:
    if not isinstance(value, list):
        msg = f"expected a list, found {value!r:.40}"
        raise TypeError(msg)
    return value


def _environment(body: dict[str, Json]) -> Environment:
    usual = {key: value for key, value in body.items() if key != "models"}
    found = _one(usual)
    exceptions: dict[str, Environment] = {}
    for one in _list(body.get("models", [])):
        said = dict(_mapping(one))
        pattern = said.pop("models")
        _expect(pattern, str)
        if pattern in exceptions or "name" in said:
            msg = f"the exception {pattern!r:.40} is there twice, or has another name"
            raise ValueError(msg)
        exceptions[str(pattern)] = _one({**usual, **said})
    return replace(found, models=exceptions)


def _one(body: Mapping[str, Json]) -> Environment:
    known: dict[str, object] = {**LATER, **body}
    for name in (*ROLE_KEYS, "freeze"):
        known[name] = _texts(known[name])
    roles = _mapping(known["roles"])
    for count in roles.values():
        _expect(count, int)
    known["roles"] = dict(roles)
    glass = dict(_mapping(known["break_glass"]))
    _expect(glass["review_within_s"], int)
    known["break_glass"] = BreakGlass(**{**glass, "roles": _texts(glass["roles"])})  # type: ignore[arg-type]  # unknown names raise TypeError
    found = Environment(**known)  # type: ignore[arg-type]  # unknown or missing names raise TypeError
    for name, kind in _ENVIRONMENT.items():
        _expect(getattr(found, name), kind)
    return found


def _check(body: dict[str, Json]) -> Check:
    known = dict(body)
    known["models"] = _texts(known["models"])  # type: ignore[assignment]  # a tuple stays immutable
    found = Check(**known)  # type: ignore[arg-type]  # as above
    for name, kind in _CHECK.items():
        _expect(getattr(found, name), kind)
    return found


_ENVIRONMENT: dict[str, type] = {
    **dict.fromkeys(("name", "deploy", "trust", "gate", "promotes_from", "freeze_zone"), str),
    **dict.fromkeys(
        ("approvals", "request_ttl_s", "approval_ttl_s", "rollback_depth", "remind_before_s"), int
    ),
    **dict.fromkeys(("self_approval", "reject_blocks", "resolve_threads"), bool),
}
_CHECK: dict[str, type] = {
    **dict.fromkeys(("name", "kind", "metric", "min", "max", "margin"), str),
    "required": bool,
}


def _expect(value: object, kind: type) -> None:
    if type(value) is not kind:
        msg = f"expected {kind.__name__}, found {value!r:.40}"
        raise TypeError(msg)


def _texts(value: object) -> tuple[str, ...]:
    for one in _list(value):
        _expect(one, str)
    return tuple(str(one) for one in _list(value))


def policy_problem(policy: Policy) -> str:
    """Return what is wrong with a policy, as a sentence; empty when nothing is."""
    earlier: list[str] = []
    for one in policy.environments.values():
        if not ids.is_name(one.name):
            return f"{one.name[:80]!r} cannot name an environment."
        for called, each in _called(one):
            problem = _problem(policy, each, earlier=earlier)
            if problem:
                return f"{called} {problem}."
        earlier.append(one.name)
    return next(filter(None, map(_check_problem, _all_checks(policy))), "")


def _called(one: Environment) -> list[tuple[str, Environment]]:
    """Return an environment and its exceptions, with how messages call them."""
    name = f"Environment {one.name}"
    return [
        (name, one),
        *((f"{name}, for the models {key[:80]!r},", each) for key, each in one.models.items()),
    ]


def _problem(policy: Policy, one: Environment, *, earlier: list[str]) -> str:
    if one.gate and one.gate not in policy.gates:
        return f"names the gate {one.gate[:80]!r}, which is not there"
    if one.promotes_from and one.promotes_from not in earlier:
        return f"promotes from {one.promotes_from[:80]!r}, which is not an earlier environment"
    if not all(0 < len(pattern) <= MOST_PATTERN for pattern in one.models):
        return f"has an exception for no models, or for a pattern of over {MOST_PATTERN} characters"
    return _out_of_bounds(one) or _wrong_freeze(one)


def _out_of_bounds(one: Environment) -> str:
    if one.approvals < 0 or one.rollback_depth < 0 or min(one.roles.values(), default=1) < 1:
        return "asks for a number of people below its least"
    if max(one.approvals, one.rollback_depth, sum(one.roles.values())) > MOST_PEOPLE:
        return f"asks for more than {MOST_PEOPLE} people, or as many versions to go back to"
    spans = (
        one.request_ttl_s,
        one.approval_ttl_s,
        one.remind_before_s,
        one.break_glass.review_within_s,
    )
    if not all(0 <= span <= MOST_SECONDS for span in spans):
        return "has a time span beyond ten years"
    if one.deploy not in {"on-approval", "manual"} or one.trust not in TRUST_WORDS:
        return "has an unknown word for deploy or trust"
    return ""


def _wrong_freeze(one: Environment) -> str:
    if len(one.freeze) > MOST:
        return f"has more than {MOST} windows of freeze"
    if not is_zone_name(one.freeze_zone):
        return f"has {one.freeze_zone[:64]!r} where a time zone such as Europe/Berlin belongs"
    for text in one.freeze:
        try:
            window_of(text)
        except InvalidInputError as error:
            return f"has a freeze that is none: {error.message.rstrip('.')}"
    return ""


def _all_checks(policy: Policy) -> list[Check]:
    return [check for checks in policy.gates.values() for check in checks]


def _check_problem(check: Check) -> str:
    if check.kind not in CHECK_KINDS:
        return f"Check {check.name[:80]!r} has the unknown kind {check.kind[:40]!r}."
    for text in (check.min, check.max, check.margin):
        try:
            is_number = not text or math.isfinite(float(text))
        except ValueError:
            is_number = False
        if not is_number:
            return f"Check {check.name[:80]!r} has {text[:40]!r} where a number belongs."
    return ""
