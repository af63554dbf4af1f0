"""Breaking the glass: in an emergency an endpoint goes back to any version that was live there.

No vote is asked for and no ``rollback_depth`` counts; the policy's ``break_glass`` names who may.
What it may select was reported live on this endpoint before, at the level that the environment asks
for, and is not revoked. It leaves a mark until another person has reviewed it, which should happen
within ``review_within``; until then it cannot be done again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from modeldeck import clock
from modeldeck.domain import deployments
from modeldeck.domain.entry import is_time
from modeldeck.domain.exceptional.revoking import need_unrevoked
from modeldeck.domain.exceptional.things import Glass
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import accounts
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import Act, Endpoint, Pointer, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError


def check_break(state: State, act: Act) -> None:
    """Check that the glass may be broken: who, to what, why, and not twice without a review."""
    endpoint = deployments.endpoint_of(state, act)
    environment = state.policy.environment(endpoint.environment, model=endpoint.model)
    need_break_role(state, endpoint, person=act.by)
    deployments.need_reason(act)
    if is_unreviewed(endpoint):
        glass = endpoint.glass
        by = glass.by if glass else ""
        msg = f"The glass of {endpoint.id} was broken by {by} and that is not reviewed yet."
        command = f"`modeldeck deploy review {endpoint.id} --reason TEXT`"
        raise ConflictError(msg, f"Another person: {command}.")
    if act.text("manifest") == endpoint.pointer.manifest:
        msg = f"{act.text('to')[:80]} is what {endpoint.id} serves already."
        raise ConflictError(msg)
    _target(state, act, endpoint=endpoint, environment=environment)
    _review_by(act, environment)


def need_break_role(state: State, endpoint: Endpoint, *, person: str) -> None:
    """Refuse who may not break the glass of an endpoint.

    Raises
    ------
    NotPermittedError
        The policy lets nobody, or not this person, or it is no person.
    """
    environment = state.policy.environment(endpoint.environment, model=endpoint.model)
    roles = environment.break_glass.roles
    if not roles:
        msg = f"The policy lets nobody break the glass of {endpoint.id}."
        raise NotPermittedError(msg, "Its `break_glass` names who may: an owner adopts that.")
    _need_person(state, person)
    deployments.need_role(state, person, roles=roles, what=f"break the glass of {endpoint.id}")


def _need_person(state: State, name: str) -> None:
    member = state.member(name)
    if member is None or member.kind != "person":
        msg = f"{name[:80]} is not a person of this workspace."
        raise NotPermittedError(msg, "People answer for that, not programs.")


def _target(state: State, act: Act, *, endpoint: Endpoint, environment: Environment) -> Pointer:
    wanted = act.text("to")
    found = endpoint.ever.get(act.text("manifest"))
    if found is None or found.version != wanted:
        names = ", ".join(one.version for one in targets(state, endpoint)) or "no other one"
        msg = f"{wanted[:80]} was never reported live on {endpoint.id}, or has another manifest."
        raise NotPermittedError(msg, f"What was live there: {names}.")
    need_unrevoked(state, found.manifest, what=found.version)
    if found.level < environment.level:
        msg = (
            f"That {found.version} was live on {endpoint.id} rests on the level "
            f"{found.level.word}; {environment.name} needs {environment.trust}."
        )
        raise NotPermittedError(msg, "Release it again, with every entry at that level.")
    return found


def targets(state: State, endpoint: Endpoint) -> list[Pointer]:
    """Return what the glass of an endpoint may be broken for, the one that was live last first."""
    environment = state.policy.known(endpoint.environment, model=endpoint.model)
    if environment is None:
        return []
    return [
        one
        for one in reversed(list(endpoint.ever.values()))
        if one.manifest != endpoint.pointer.manifest
        and one.manifest not in state.revoked
        and one.level >= environment.level
    ]


def is_unreviewed(endpoint: Endpoint) -> bool:
    """Say whether the glass of an endpoint was broken and nobody has reviewed that yet."""
    return endpoint.glass is not None and not endpoint.glass.reviewed_by


def _review_by(act: Act, environment: Environment) -> str:
    if not is_time(act.text("issued")):
        msg = f"It is dated {act.text('issued')[:40]!r}, which is no time."
        raise InvalidInputError(msg)
    within = timedelta(seconds=environment.break_glass.review_within_s)
    return clock.to_text(clock.from_text(act.text("issued")) + within)


def apply_break(state: State, act: Act) -> str:
    """Point an endpoint back; what it left is no target of a rollback any more."""
    endpoint = state.endpoints[act.entity]
    environment = state.policy.environment(endpoint.environment, model=endpoint.model)
    target = _target(state, act, endpoint=endpoint, environment=environment)
    glass = Glass(
        n=act.n,
        by=act.by,
        at=act.at,
        issued=act.text("issued"),
        version=target.version,
        before=endpoint.pointer.version,
        reason=act.text("reason"),
        review_by=_review_by(act, environment),
    )
    moved = deployments.go_to(state, endpoint, target=target, at=act.at)
    state.put_endpoint(replace(moved, glass=glass))
    state.outdate(endpoint=endpoint.id, because=f"the glass of {endpoint.id} was broken meanwhile")
    return act.subject


def check_review(state: State, act: Act) -> None:
    """Check a review of broken glass: there is one to review, and by another person who may."""
    endpoint = state.endpoints.get(act.entity)
    if endpoint is None or endpoint.glass is None:
        msg = f"The glass of {act.entity[:80] or 'no endpoint'} was never broken."
        raise NotFoundError(msg, "`modeldeck deploy list` shows where it was.")
    if endpoint.glass.reviewed_by:
        msg = f"{endpoint.glass.reviewed_by} reviewed that already."
        raise ConflictError(msg)
    if act.number("glass") != endpoint.glass.n:
        msg = f"The glass of {endpoint.id} was broken by another entry than was looked at."
        raise ConflictError(msg, "Look at it again.")
    deployments.need_reason(act)
    need_reviewer(state, endpoint, person=act.by, level=act.level)


def need_reviewer(
    state: State, endpoint: Endpoint, *, person: str, level: Level = Level.SIGNED
) -> None:
    """Refuse who may not review the broken glass of an endpoint.

    Parameters
    ----------
    state, endpoint : State, Endpoint
        Where.
    person : str
        Who wants to.
    level : Level
        How sure that is.

    Raises
    ------
    NotPermittedError
        It is no person, the one who broke it, also by another name of the same Unix account, or has
        neither one of the ``roles`` that releases there need nor is an owner.
    """
    _need_person(state, person)
    breaker = endpoint.glass.by if endpoint.glass is not None else ""
    names = ", ".join(reviewers(state, endpoint)) or "nobody yet"
    if person == breaker:
        msg = f"{person} broke the glass of {endpoint.id}; another person reviews that."
        raise NotPermittedError(msg, f"Who can: {names}.")
    if _twin(state, endpoint, person=person, level=level):
        msg = f"{breaker} broke the glass, and {person} acts from the same Unix account."
        raise NotPermittedError(msg, f"Who can: {names}.")
    if person not in _entitled(state, endpoint):
        msg = f"{person} may not review the broken glass of {endpoint.id}."
        raise NotPermittedError(msg, f"Who can: {names}.")


def reviewers(state: State, endpoint: Endpoint) -> list[str]:
    """Return who may review the broken glass of an endpoint."""
    return [
        name
        for name in _entitled(state, endpoint)
        if not _twin(
            state,
            endpoint,
            person=name,
            level=Level.SIGNED if state.members[name].keys else Level.OWNER,
        )
    ]


def _entitled(state: State, endpoint: Endpoint) -> list[str]:
    environment = state.policy.known(endpoint.environment, model=endpoint.model)
    roles = set(environment.roles) if environment else set()
    breaker = endpoint.glass.by if endpoint.glass else ""
    return [
        one.name
        for one in state.members.values()
        if one.is_active
        and one.kind == "person"
        and one.name != breaker
        and (one.is_owner or not roles or roles & set(one.roles))
    ]


def _twin(state: State, endpoint: Endpoint, *, person: str, level: Level) -> bool:
    """Say whether somebody may be the same person as the one who broke the glass."""
    environment = state.policy.known(endpoint.environment, model=endpoint.model)
    breaker = state.members.get(endpoint.glass.by) if endpoint.glass is not None else None
    if environment is None or breaker is None:
        return False
    member, needed = state.members[person], environment.level
    return accounts.namesake(member, [breaker], level=level, needed=needed) is not None


def apply_review(state: State, act: Act) -> str:
    """Keep who reviewed the broken glass, and what they found."""
    endpoint = state.endpoints[act.entity]
    if endpoint.glass is not None:
        reviewed = replace(
            endpoint.glass, reviewed_by=act.by, reviewed_at=act.at, review=act.text("reason")
        )
        state.put_endpoint(replace(endpoint, glass=reviewed))
    return act.subject
