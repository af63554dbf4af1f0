"""What makes trouble in a policy that holds together: what nobody can do, what never counts.

Nothing here is part of the rules: a policy with trouble may be adopted, and what is in force may
come into trouble when members leave.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from modeldeck.domain import quorum
from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policies.freezes import never_ends, zone_of
from modeldeck.domain.policy import Environment, Policy
from modeldeck.errors import UnavailableError


def warnings(
    policy: Policy, members: Sequence[Member], *, models: Sequence[str] = ()
) -> Iterator[str]:
    """Yield what would make trouble: decisions that nobody can make, roles that nobody has.

    Parameters
    ----------
    policy : Policy
        The policy.
    members : sequence of Member
        Everybody, also those who were revoked.
    models : sequence of str
        The models that there are; without any, it is not said which exceptions concern none.
    """
    active = [one for one in members if one.is_active]
    for one in policy.environments.values():
        usual: set[str] = set()
        for called, each in _called(one):
            for text in _of_one(policy, each, active=active, called=called):
                said = text.replace(called, "", 1)
                if each is one or said not in usual:  # else it comes from the environment
                    usual.add(said)
                    yield text
        yield from _of_exceptions(one, models)
        if not any(one.name in other.environments for other in active):
            yield f"{one.name} has no server: `modeldeck member add NAME --server {one.name}`."
    used = {each.gate for one in policy.environments.values() for each in one.each()}
    for gate in policy.gates:
        if gate not in used:
            yield f"gates.{gate}: no environment names this gate."


def _of_one(
    policy: Policy, one: Environment, *, active: Sequence[Member], called: str
) -> Iterator[str]:
    yield from _of_votes(one, active, called=called)
    yield from _of_roles(one, active, called=called)
    yield from _of_times(one, called=called)
    yield from _of_promotion(policy, one, called=called)


def _called(one: Environment) -> list[tuple[str, Environment]]:
    """Return an environment and its exceptions, each with the path of its table in the file."""
    inner = [(f'{one.name}.models."{pattern}"', each) for pattern, each in one.models.items()]
    return [(one.name, one), *inner]


def _of_votes(one: Environment, active: Sequence[Member], *, called: str) -> Iterator[str]:
    short = _unsatisfied(one, active)
    if short:
        yield f"Nobody can approve a release to {called}: it lacks {', '.join(short)}."


def _unsatisfied(one: Environment, active: Sequence[Member]) -> list[str]:
    """Return what is lacking whoever asks for a release; empty when somebody's can be approved."""
    people = [member for member in active if member.kind == "person"]
    able = {member.name: member.roles for member in people if _reaches(member, one.level)}
    requesters = (
        [""] if one.self_approval else [member.name for member in active if member.kind != "server"]
    )
    shorts = []
    for requester in requesters:
        voters = {name: roles for name, roles in able.items() if name != requester}
        shorts.append(quorum.missing(one, voters))
    return min(shorts, key=len, default=quorum.missing(one, {}))


def _reaches(member: Member, level: Level) -> bool:
    if level is Level.SIGNED:
        return bool(member.keys)
    return level is not Level.OWNER or bool(member.keys) or member.uid >= 0


def _of_roles(one: Environment, active: Sequence[Member], *, called: str) -> Iterator[str]:
    names = {member.name for member in active}
    for key, roles, kinds in _named_roles(one):
        held = [member for member in active if set(roles) & set(member.roles)]
        people = sorted(set(roles) & names)
        which = " or ".join(roles)
        if roles and not held:
            hint = f" {people[0]} is a member, not a role." if people else ""
            yield f"{called}.{key}: no member has the role {which}.{hint}"
        elif roles and not any(member.kind in kinds for member in held):
            yield f"{called}.{key}: no person has the role {which}."
        elif roles and not any(_reaches(member, one.level) for member in held):
            what = "a key" if one.level is Level.SIGNED else "a user id or a key"
            yield f"{called}.{key}: nobody with the role {which} has {what}."
    if one.deploy_roles and one.deploy != "manual":
        yield f'{called}.deploy_roles count only with deploy = "manual".'
    yield from _of_glass(one, active, called=called)


_ANY = ("person", "server", "ci")
_PEOPLE = ("person",)


def _named_roles(
    one: Environment,
) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Yield each setting that names roles, those roles, and which kinds of members may use them."""
    for role in one.roles:
        yield "roles", (role,), _PEOPLE
    yield "deploy_roles", one.deploy_roles, _ANY
    yield "rollback_roles", one.rollback_roles, _ANY
    yield "gate_roles", one.gate_roles, _ANY
    yield "override_roles", one.override_roles, _PEOPLE
    yield "break_glass.roles", one.break_glass.roles, _PEOPLE


def _of_glass(one: Environment, active: Sequence[Member], *, called: str) -> Iterator[str]:
    """Tell when nobody else could review what the only ones who may break the glass did."""
    people = [member for member in active if member.kind == "person"]
    breakers = [member for member in people if set(one.break_glass.roles) & set(member.roles)]
    for breaker in breakers:
        if not any(
            other is not breaker
            and (other.is_owner or not one.roles or set(one.roles) & set(other.roles))
            for other in people
        ):
            yield f"{called}.break_glass: nobody could review what {breaker.name} did."


def _of_times(one: Environment, *, called: str) -> Iterator[str]:
    for key, span in (("request_ttl", one.request_ttl_s), ("approval_ttl", one.approval_ttl_s)):
        if not span:
            what = "request" if key == "request_ttl" else "approval"
            yield f"{called}.{key} is 0: no {what} holds for a moment."
    if never_ends(one.freeze):
        yield f"{called}.freeze never ends: nothing can go live there."
    try:
        zone_of(one.freeze_zone)
    except UnavailableError as error:
        yield f"{called}.freeze_zone: {error.message} {error.hint}"


def _of_exceptions(one: Environment, models: Sequence[str]) -> Iterator[str]:
    earlier: list[str] = []
    for pattern in one.models:
        called = f'{one.name}.models."{pattern}"'
        shadow = next((other for other in earlier if fnmatchcase(pattern, other)), "")
        if shadow:
            yield f'{called} never counts: "{shadow}" stands before it and matches the same.'
        elif models and not any(fnmatchcase(model, pattern) for model in models):
            yield f"{called} concerns none of the models that there are."
        earlier.append(pattern)


def _of_promotion(policy: Policy, one: Environment, *, called: str) -> Iterator[str]:
    source = policy.environments.get(one.promotes_from)
    if source is not None and source.level < one.level:
        yield (
            f"{called} promotes from {source.name}, which asks for less than {one.trust}: a "
            f"version gets through only where everything about it there was {one.trust} too."
        )


def strange_roles(policy: Policy, roles: Sequence[str]) -> list[str]:
    """Return a sentence for each role that lets nobody do anything: the policy does not name it.

    Parameters
    ----------
    policy : Policy
        The policy in force.
    roles : sequence of str
        Roles that somebody is given.
    """
    each = (one for environment in policy.environments.values() for one in environment.each())
    known = sorted(
        {role for one in each for _key, named, _who in _named_roles(one) for role in named}
    )
    said = []
    for role in roles:
        if role not in known:
            near = difflib.get_close_matches(role, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it names {', '.join(known) or 'none'}."
            said.append(f"The policy names no role {role}: {hint}")
    return said
