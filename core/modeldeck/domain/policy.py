"""The policy: environments in order, what each asks of a release, and the gates.

It is read from the tables of ``modeldeck.toml``, adopted by an entry, and from then on only the
adopted one counts. In an entry a number with a fraction is a text ("0.95"), so every threshold is
kept as the text that Python writes for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase

from modeldeck import ids
from modeldeck.domain.entry import Json, canonical, digest_of
from modeldeck.domain.levels import Level
from modeldeck.domain.schema import Table
from modeldeck.errors import InvalidInputError, NotFoundError

CHECK_KINDS = ("threshold", "no-regression", "loads", "schema", "size", "latency")
NEEDS_METRIC = ("threshold", "no-regression")
TRUST_WORDS = ("claimed", "owner", "signed")
MOST_PEOPLE = 100
MOST_SECONDS = 10 * 366 * 86400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a gate; an advisory one (``required`` false) warns and does not block.

    ``models`` are patterns of the models that it concerns; ``min``, ``max`` and ``margin`` are
    texts of numbers, empty when not set.
    """

    name: str
    kind: str
    metric: str = ""
    min: str = ""
    max: str = ""
    margin: str = ""
    required: bool = True
    models: tuple[str, ...] = ("*",)

    def concerns(self, model: str) -> bool:
        """Say whether the check is made for a model."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment and what a release to it needs.

    ``deploy_roles``, ``rollback_roles`` and ``gate_roles`` empty mean: any member. Times are in
    seconds; ``rollback_depth`` counts versions.
    """

    name: str
    approvals: int = 1
    roles: Mapping[str, int] = field(default_factory=dict)
    self_approval: bool = False
    reject_blocks: bool = True
    request_ttl_s: int = 72 * 3600
    approval_ttl_s: int = 7 * 86400
    deploy: str = "on-approval"
    deploy_roles: tuple[str, ...] = ()
    rollback_roles: tuple[str, ...] = ()
    gate_roles: tuple[str, ...] = ()
    rollback_depth: int = 1
    trust: str = "owner"
    gate: str = ""
    promotes_from: str = ""

    @property
    def level(self) -> Level:
        """The level that every entry under this environment needs."""
        return Level.of(self.trust)


@dataclass(frozen=True, slots=True)
class Policy:
    """Environments in their order, and gates by name."""

    environments: Mapping[str, Environment]
    gates: Mapping[str, tuple[Check, ...]]

    @property
    def strictest(self) -> Level:
        """The highest level that any environment asks for."""
        return max((one.level for one in self.environments.values()), default=Level.CLAIMED)

    @property
    def last(self) -> str:
        """The name of the last environment: the one that matters most."""
        return list(self.environments)[-1]

    def environment(self, name: str) -> Environment:
        """Return an environment.

        Raises
        ------
        NotFoundError
            There is none of that name.
        """
        if name not in self.environments:
            msg = f"There is no environment {name[:80]!r}."
            hint = f"The policy has: {', '.join(self.environments)}."
            raise NotFoundError(msg, hint, environment=name)
        return self.environments[name]

    def checks(self, environment: str, model: str) -> tuple[Check, ...]:
        """Return the checks that a model's version must pass for an environment."""
        gate = self.environment(environment).gate
        return tuple(one for one in self.gates.get(gate, ()) if one.concerns(model))

    def to_json(self) -> dict[str, Json]:
        """Return the policy as an entry's body holds it; environments are a list, to keep order."""
        return {
            "environments": [_plain(asdict(one)) for one in self.environments.values()],
            "gates": {
                name: [_plain(asdict(check)) for check in checks]
                for name, checks in self.gates.items()
            },
        }

    @property
    def digest(self) -> str:
        """Digest of the policy's canonical form."""
        return digest_of(canonical(self.to_json()))


def _plain(value: object) -> Json:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, str | int):
        return value
    msg = f"{value!r:.40} cannot stand in a policy."
    raise InvalidInputError(msg)


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
    known = dict(body)
    for name in ("deploy_roles", "rollback_roles", "gate_roles"):
        known[name] = _texts(known[name])  # type: ignore[assignment]  # a tuple stays immutable
    roles = _mapping(known["roles"])
    for count in roles.values():
        _expect(count, int)
    known["roles"] = dict(roles)
    found = Environment(**known)  # type: ignore[arg-type]  # unknown or missing names raise TypeError
    for name, kind in _ENVIRONMENT.items():
        _expect(getattr(found, name), kind)
    return found


def _check(body: dict[str, Json]) -> Check:
    known = dict(body)
    known["models"] = _texts(known["models"])  # type: ignore[assignment]  # as above
    found = Check(**known)  # type: ignore[arg-type]  # as above
    for name, kind in _CHECK.items():
        _expect(getattr(found, name), kind)
    return found


_ENVIRONMENT: dict[str, type] = {
    **dict.fromkeys(("name", "deploy", "trust", "gate", "promotes_from"), str),
    **dict.fromkeys(("approvals", "request_ttl_s", "approval_ttl_s", "rollback_depth"), int),
    **dict.fromkeys(("self_approval", "reject_blocks"), bool),
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
        if one.gate and one.gate not in policy.gates:
            return f"Environment {one.name} names the gate {one.gate[:80]!r}, which is not there."
        if one.promotes_from and one.promotes_from not in earlier:
            return (
                f"Environment {one.name} promotes from {one.promotes_from[:80]!r}, "
                "which is not an earlier environment."
            )
        problem = _out_of_bounds(one)
        if problem:
            return f"Environment {one.name} {problem}."
        earlier.append(one.name)
    return next(filter(None, map(_check_problem, _all_checks(policy))), "")


def _out_of_bounds(one: Environment) -> str:
    if one.approvals < 0 or one.rollback_depth < 0 or min(one.roles.values(), default=1) < 1:
        return "asks for a number of people below its least"
    if max(one.approvals, one.rollback_depth, sum(one.roles.values())) > MOST_PEOPLE:
        return f"asks for more than {MOST_PEOPLE} people, or as many versions to go back to"
    if not all(0 <= span <= MOST_SECONDS for span in (one.request_ttl_s, one.approval_ttl_s)):
        return "has a time span beyond ten years"
    if one.deploy not in {"on-approval", "manual"} or one.trust not in TRUST_WORDS:
        return "has an unknown word for deploy or trust"
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


def policy_from_table(table: Table) -> Policy:
    """Read the policy out of the tables ``environments`` and ``gates`` of ``modeldeck.toml``.

    Raises
    ------
    InvalidInputError
        Something is missing, unknown or of the wrong kind; the message names file and line.
    """
    gates = {
        name: tuple(_check_of(check) for check in _checks(gate))
        for name, gate in table.named("gates").items()
    }
    environments = {
        name: _environment_of(name, one) for name, one in table.named("environments").items()
    }
    if not environments:
        raise table.fail(
            "environments", "at least one is needed", hint="Add [environments.production]."
        )
    policy = Policy(environments, gates)
    problem = policy_problem(policy)
    if problem:
        raise table.fail("environments", problem.rstrip("."))
    return policy


def _checks(gate: Table) -> list[Table]:
    found = gate.tables("checks")
    gate.finish()
    return found


def _environment_of(name: str, table: Table) -> Environment:
    if not ids.is_name(name):
        raise table.fail("", f"{name!r} cannot name an environment", hint="Use a-z, 0-9, dash.")
    roles = table.table("roles")
    found = Environment(
        name=name,
        approvals=table.take("approvals", int, default=1),
        roles={role: roles.take(role, int) for role in roles.data},
        self_approval=table.take("self_approval", bool, default=False),
        reject_blocks=table.take("reject_blocks", bool, default=True),
        request_ttl_s=seconds(table, "request_ttl", default="72h"),
        approval_ttl_s=seconds(table, "approval_ttl", default="7d"),
        deploy=table.choice("deploy", ("on-approval", "manual"), default="on-approval"),
        deploy_roles=table.texts("deploy_roles"),
        rollback_roles=table.texts("rollback_roles"),
        gate_roles=table.texts("gate_roles"),
        rollback_depth=table.take("rollback_depth", int, default=1),
        trust=table.choice("trust", TRUST_WORDS, default="owner"),
        gate=table.take("gate", str, default=""),
        promotes_from=table.take("promotes_from", str, default=""),
    )
    table.finish()
    return found


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


def seconds(table: Table, key: str, *, default: str) -> int:
    """Take a time span such as "72h" or "7d" out of a table, in seconds."""
    text = table.take(key, str, default=default)
    found = span_s(text)
    if found is None:
        raise table.fail(key, f"expected a time span such as 72h or 7d, found {text!r:.40}")
    return found


def span_s(text: str) -> int | None:
    """Return a time span such as "72h" or "7d" in seconds; None when it is none.

    >>> span_s("72h"), span_s("soon")
    (259200, None)
    """
    found = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    return int(found[1]) * _UNITS[found[2]] if found else None
