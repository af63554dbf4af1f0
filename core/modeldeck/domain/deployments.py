"""Endpoints: one pointer for each model and environment, moved by releases, stops and rollbacks.

::

    release decided ─► pointer, generation+1 ─► a server reports ready ─► live
                                             └► all that were ready before report failed
                                                 ─► pointer back, generation+1

Only a release that is still deploying goes back by itself: the version before it has served all the
while. When a version that was live fails later on every server, the pointer stays where people put
it; the release has failed, and the version is no longer one to go back to.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck.domain.levels import Level
from modeldeck.domain.state import Act, Endpoint, Pointer, Release, ServerReport, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

OUTCOMES = ("ready", "failed")


def need_role(state: State, person: str, *, roles: tuple[str, ...], what: str) -> None:
    """Refuse a member without one of the roles; no roles means any member.

    Raises
    ------
    NotPermittedError
        The person has none of them.
    """
    member = state.member(person)
    if member is not None and (not roles or set(roles) & set(member.roles)):
        return
    who = [one.name for one in state.members.values() if set(roles) & set(one.roles)]
    msg = f"{person[:80]} may not {what}: it needs the role {' or '.join(roles)}."
    raise NotPermittedError(msg, f"Ask {', '.join(who) or 'an owner to give somebody that role'}.")


def endpoint_of(state: State, act: Act) -> Endpoint:
    """Return the endpoint that an act is about, as its author saw it.

    Raises
    ------
    NotFoundError, ConflictError
        There is none, or its pointer moved since.
    """
    if act.entity not in state.endpoints:
        msg = f"There is no endpoint {act.entity[:80]!r}."
        raise NotFoundError(msg, "`modeldeck deploy list` shows those there are.")
    endpoint = state.endpoints[act.entity]
    if act.number("generation") != endpoint.generation:
        msg = f"What {endpoint.id} serves changed since you looked."
        raise ConflictError(msg, "Look at it again.")
    return endpoint


def need_reason(act: Act) -> None:
    """Refuse an act without a reason.

    Raises
    ------
    InvalidInputError
        It has none.
    """
    if not act.text("reason").strip():
        msg = f"{act.action} needs a reason."
        raise InvalidInputError(msg, "Say why, for those who read it later.")


def point(state: State, release: Release, *, at: str) -> None:
    """Point an endpoint at a release's version."""
    endpoint = state.endpoint(release.model, release.environment)
    _end(state, endpoint, status="replaced")
    pointer = Pointer(release.version, release.manifest, release.id, release.level)
    state.put_endpoint(_moved(endpoint, pointer, at=at))


def _moved(endpoint: Endpoint, pointer: Pointer, *, at: str) -> Endpoint:
    ready = frozenset(
        name
        for name, report in endpoint.servers.items()
        if report.outcome == "ready" and report.generation == endpoint.generation
    )
    return replace(
        endpoint,
        pointer=pointer,
        base=pointer.manifest or endpoint.base,
        base_version=pointer.version or endpoint.base_version,
        generation=endpoint.generation + 1,
        since=at,
        previous=endpoint.pointer,
        ready_before=ready,
    )


def _end(state: State, endpoint: Endpoint, *, status: str) -> None:
    release = state.releases.get(endpoint.pointer.release)
    if release is not None and release.status in {"live", "deploying"}:
        state.move(release, status=status)


def check_stop(state: State, act: Act) -> None:
    """Check a stop: something is served, by somebody who may roll back, with a reason."""
    endpoint = endpoint_of(state, act)
    if not endpoint.pointer.version:
        msg = f"{endpoint.id} is stopped already."
        raise ConflictError(msg)
    _may_roll_back(state, act, endpoint=endpoint)


def apply_stop(state: State, act: Act) -> str:
    """Stop an endpoint: its pointer names nothing."""
    endpoint = state.endpoints[act.entity]
    _end(state, endpoint, status="replaced")
    state.put_endpoint(_moved(endpoint, Pointer(), at=act.at))
    return act.subject


def targets(state: State, endpoint: Endpoint) -> list[Pointer]:
    """Return what an endpoint may be rolled back to, newest first, without what was revoked.

    There is nothing where the policy has no such environment any more.
    """
    environment = state.policy.known(endpoint.environment, model=endpoint.model)
    depth = environment.rollback_depth if environment else 0
    good = [one for one in _others(endpoint)[::-1] if one.manifest not in state.revoked]
    return good[:depth]


def _others(endpoint: Endpoint) -> tuple[Pointer, ...]:
    """Return what lived on an endpoint, without what its pointer names now."""
    return tuple(one for one in endpoint.lived if one.manifest != endpoint.pointer.manifest)


def check_rollback(state: State, act: Act) -> None:
    """Check a rollback: one of the last versions reported live, the role, a reason."""
    endpoint = endpoint_of(state, act)
    _may_roll_back(state, act, endpoint=endpoint)
    allowed = targets(state, endpoint)
    if not any(one.version == act.text("to") for one in allowed):
        names = ", ".join(one.version for one in allowed) or "nothing"
        wanted = act.text("to")[:80] or "an earlier version"
        msg = f"{endpoint.id} cannot be rolled back to {wanted}."
        raise ConflictError(msg, f"It can go back to {names}.")
    if not any(
        (one.version, one.manifest) == (act.text("to"), act.text("manifest")) for one in allowed
    ):
        msg = f"{act.text('to')} has another manifest than the rollback names."
        raise InvalidInputError(msg)


def apply_rollback(state: State, act: Act) -> str:
    """Point an endpoint back; what it rolled away from is no target any more."""
    endpoint = state.endpoints[act.entity]
    target = next(one for one in targets(state, endpoint) if one.version == act.text("to"))
    state.put_endpoint(go_to(state, endpoint, target=target, at=act.at))
    state.outdate(endpoint=endpoint.id, because=f"{endpoint.id} was rolled back meanwhile")
    return act.subject


def go_to(state: State, endpoint: Endpoint, *, target: Pointer, at: str) -> Endpoint:
    """Return an endpoint pointed back at what was live; what it leaves is no target any more."""
    _end(state, endpoint, status="rolled-back")
    return replace(_moved(endpoint, target, at=at), lived=_others(endpoint))


def _may_roll_back(state: State, act: Act, *, endpoint: Endpoint) -> None:
    need_reason(act)
    need_rollback_role(state, act.by, environment=endpoint.environment, model=endpoint.model)


def need_rollback_role(state: State, person: str, *, environment: str, model: str = "") -> None:
    """Refuse who may not stop or roll back the endpoints of an environment, or one model's.

    Raises
    ------
    NotFoundError
        The policy has no such environment.
    NotPermittedError
        The person has none of its ``rollback_roles``.
    """
    roles = state.policy.environment(environment, model=model).rollback_roles
    need_role(state, person, roles=roles, what=f"stop or roll back {environment}")


def need_server(state: State, name: str, *, environment: str) -> None:
    """Refuse who is not a server of an environment.

    Raises
    ------
    NotPermittedError
        No such server is enrolled.
    """
    member = state.member(name)
    if member is None or member.kind != "server" or environment not in member.environments:
        msg = f"{name[:80]} is not a server of {environment}."
        hint = f"An owner runs `modeldeck member add NAME --server {environment}`."
        raise NotPermittedError(msg, hint)


def check_report(state: State, act: Act) -> None:
    """Check a server's report: enrolled there, about the present generation and manifest."""
    endpoint = endpoint_of(state, act)
    need_server(state, act.by, environment=endpoint.environment)
    if not endpoint.pointer.version:
        msg = f"{endpoint.id} is stopped: there is nothing to report about."
        raise ConflictError(msg)
    if act.text("manifest") != endpoint.pointer.manifest:
        msg = f"{endpoint.id} names another manifest than the report."
        raise ConflictError(msg)
    if act.text("outcome") not in OUTCOMES:
        msg = f"{act.text('outcome')[:40]!r} is no outcome."
        raise InvalidInputError(msg, f"Use {' or '.join(OUTCOMES)}.")


def apply_report(state: State, act: Act) -> str:
    """Keep a server's report: live, or what follows from a failure."""
    endpoint = state.endpoints[act.entity]
    report = ServerReport(act.text("outcome"), endpoint.generation, act.at, act.text("reason"))
    known = replace(endpoint, servers={**endpoint.servers, act.by: report})
    if report.outcome == "failed":
        _failed(state, known, at=act.at, because=report.reason)
        return act.subject
    state.put_endpoint(_lived(known, level=act.level))
    release = state.releases.get(known.pointer.release)
    if release is not None and release.status != "live":
        state.move(release, status="live")
    return act.subject


def forget_server(state: State, name: str, *, at: str) -> None:
    """Count a server that was revoked no more; what waited for its report alone goes on."""
    for endpoint in list(state.endpoints.values()):
        if name not in endpoint.servers and name not in endpoint.ready_before:
            continue
        left = {other: word for other, word in endpoint.servers.items() if other != name}
        known = replace(endpoint, servers=left, ready_before=endpoint.ready_before - {name})
        state.put_endpoint(known)
        words = _words(known).values()
        failures = [word.reason for word in words if word.outcome == "failed"]
        if failures:
            _failed(state, known, at=at, because=failures[-1])


def _words(endpoint: Endpoint) -> dict[str, ServerReport]:
    """Return the servers' last words about the present generation."""
    return {
        name: word
        for name, word in endpoint.servers.items()
        if word.generation == endpoint.generation
    }


def _lived(endpoint: Endpoint, *, level: Level) -> Endpoint:
    pointer = endpoint.pointer
    before = [one.level for one in endpoint.lived if one.manifest == pointer.manifest]
    sure = replace(pointer, level=max((min(level, pointer.level), *before)))
    return replace(endpoint, lived=(*_others(endpoint), sure), ever=_ever(endpoint, sure))


def _ever(endpoint: Endpoint, sure: Pointer) -> dict[str, Pointer]:
    """Return all that ever lived on an endpoint by manifest, what lived last at the end."""
    before = endpoint.ever.get(sure.manifest, sure)
    left = {key: one for key, one in endpoint.ever.items() if key != sure.manifest}
    return {**left, sure.manifest: max(before, sure, key=lambda one: one.level)}


def _failed(state: State, endpoint: Endpoint, *, at: str, because: str) -> None:
    """Draw what follows from a failure that is among the endpoint's words."""
    words = _words(endpoint)
    release = state.releases.get(endpoint.pointer.release)
    if any(word.outcome == "ready" for word in words.values()):
        state.put_endpoint(endpoint)
        return
    if release is not None and release.status == "deploying":
        state.put_endpoint(endpoint)
        if endpoint.ready_before <= set(words):
            _go_back(state, endpoint, release=release, at=at, because=because)
        return
    state.put_endpoint(replace(endpoint, lived=_others(endpoint)))
    if release is not None and release.status == "live":
        state.move(release, status="failed", because=because)


def _go_back(state: State, endpoint: Endpoint, *, release: Release, at: str, because: str) -> None:
    state.move(release, status="failed", because=because)
    previous, left = endpoint.previous, _others(endpoint)
    back = replace(_moved(endpoint, previous, at=at), lived=left)
    if not previous.version:
        last = left[-1] if left else Pointer(manifest="none")
        back = replace(back, base=last.manifest, base_version=last.version)
    state.put_endpoint(back)
    state.outdate(endpoint=endpoint.id, because="the endpoint went back to its earlier version")
