"""What a policy is: environments in order, exceptions for some models, gates with their checks.

In an entry a number with a fraction is a text ("0.95"), so every threshold is kept as the text that
Python writes for it. What was added to policies later is left out of an entry where it says what is
meant without it: so a policy that was adopted before keeps its digest and its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase

from modeldeck.domain.entry import Json, canonical, digest_of
from modeldeck.domain.levels import Level
from modeldeck.errors import InvalidInputError, NotFoundError


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
class BreakGlass:
    """Who may go back in an emergency to any version that was live, and when that is reviewed.

    Without roles nobody may.
    """

    roles: tuple[str, ...] = ()
    review_within_s: int = 86400


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment and what a release to it needs.

    ``deploy_roles``, ``rollback_roles`` and ``gate_roles`` empty mean: any member;
    ``override_roles`` empty means: nobody. Times are in seconds; ``rollback_depth`` counts
    versions; ``freeze`` are windows as :mod:`modeldeck.domain.policies.freezes` reads them, by the
    wall clock of ``freeze_zone``.

    ``models`` are the exceptions: patterns in their order, each with the whole environment as it is
    for the models that it matches. The first pattern that matches a model is the one that counts.
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
    override_roles: tuple[str, ...] = ()
    break_glass: BreakGlass = BreakGlass()
    freeze: tuple[str, ...] = ()
    freeze_zone: str = "UTC"
    remind_before_s: int = 86400
    resolve_threads: bool = False
    models: Mapping[str, Environment] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """The level that every entry under this environment needs."""
        return Level.of(self.trust)

    def of(self, model: str) -> Environment:
        """Return what counts for a model: the first exception that matches it, else this one.

        Examples
        --------
        >>> strict = Environment("production", approvals=3)
        >>> production = Environment("production", models={"fraud-*": strict})
        >>> production.of("fraud-eu").approvals, production.of("churn").approvals
        (3, 1)
        """
        return next(
            (one for pattern, one in self.models.items() if fnmatchcase(model, pattern)), self
        )

    def each(self) -> tuple[Environment, ...]:
        """Return this environment and those of its exceptions."""
        return (self, *self.models.values())

    @property
    def asks_nobody(self) -> bool:
        """Whether the gate alone decides."""
        return not self.approvals and not self.roles

    def to_json(self) -> dict[str, Json]:
        """Return the environment as an entry's body holds it."""
        found = _whole(self)
        if self.models:
            found["models"] = [
                {"models": pattern, **_differing(_whole(one), found)}
                for pattern, one in self.models.items()
            ]
        return found


def _whole(one: Environment) -> dict[str, Json]:
    """Return all that is said of an environment without its exceptions."""
    whole = {key: _plain(value) for key, value in asdict(one).items() if key != "models"}
    return {key: value for key, value in whole.items() if LATER.get(key, _NO_VALUE) != value}


def _differing(exception: Mapping[str, Json], usual: Mapping[str, Json]) -> dict[str, Json]:
    """Return what an exception says differently; what only the usual has, at its default."""
    said = {key: value for key, value in exception.items() if usual.get(key, _NO_VALUE) != value}
    return said | {key: LATER[key] for key in usual.keys() - exception.keys()}


@dataclass(frozen=True, slots=True)
class Policy:
    """Environments in their order, and gates by name."""

    environments: Mapping[str, Environment]
    gates: Mapping[str, tuple[Check, ...]]

    @property
    def strictest(self) -> Level:
        """The highest level that any environment asks for, for any model."""
        asked = [each.level for one in self.environments.values() for each in one.each()]
        return max(asked, default=Level.CLAIMED)

    @property
    def last(self) -> str:
        """The name of the last environment: the one that matters most."""
        return list(self.environments)[-1]

    def environment(self, name: str, *, model: str = "") -> Environment:
        """Return an environment, as it is for a model where one is named.

        Raises
        ------
        NotFoundError
            There is none of that name.
        """
        if name not in self.environments:
            msg = f"There is no environment {name[:80]!r}."
            hint = f"The policy has: {', '.join(self.environments)}."
            raise NotFoundError(msg, hint, environment=name)
        return self.environments[name].of(model) if model else self.environments[name]

    def known(self, name: str, *, model: str) -> Environment | None:
        """Return an environment as it is for a model; None where there is none of that name."""
        return self.environments[name].of(model) if name in self.environments else None

    def checks(self, environment: str, model: str) -> tuple[Check, ...]:
        """Return the checks that a model's version must pass for an environment."""
        gate = self.environment(environment, model=model).gate
        return tuple(one for one in self.gates.get(gate, ()) if one.concerns(model))

    def to_json(self) -> dict[str, Json]:
        """Return the policy as an entry's body holds it; environments are a list, to keep order."""
        return {
            "environments": [one.to_json() for one in self.environments.values()],
            "gates": {
                name: [
                    {key: _plain(value) for key, value in asdict(check).items()} for check in checks
                ]
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


_NO_VALUE = object()
_DEFAULT = Environment("default")
LATER: Mapping[str, Json] = {
    key: _plain(asdict(_DEFAULT)[key])
    for key in (
        "override_roles",
        "break_glass",
        "freeze",
        "freeze_zone",
        "remind_before_s",
        "resolve_threads",
    )
}
"""What was added later, with what is meant where an entry does not say it."""
