"""Overrides: somebody lets a release go on although required checks of its gate failed.

::

    blocked ─► override of some failed checks ─► … of the last one ─► waiting ─► votes, as ever

Who may is named by ``override_roles``, nobody where that is empty, and nobody who may not vote. An
override names what a vote names, and the checks. It precedes the votes; each of them names it by
its digest, so that whoever approves says that they knew. As for votes, nobody is let in for one
release: the role counts if it was there before the release was asked for. An override holds while
its author is the member that gave it, has the role, and the key that signed it is in force; once a
release rests on something else, it is asked for anew.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck.domain import quorum, releases
from modeldeck.domain.deployments import need_reason, need_role
from modeldeck.domain.exceptional.revoking import need_unrevoked
from modeldeck.domain.exceptional.things import Override
from modeldeck.domain.levels import Level
from modeldeck.domain.state import OPEN, Act, Release, State
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError


def check_override(state: State, act: Act) -> None:
    """Check an override: of a blocked release that still stands, by somebody who may."""
    release = state.release(act.entity)
    if release.status != "blocked":
        msg = (
            f"{release.id} is {release.status}; only a release that its gate blocks is overridden."
        )
        raise ConflictError(msg, "`modeldeck release show` says what it lacks.")
    need_override_role(state, release, person=act.by, level=act.level, key=act.key)
    need_reason(act)
    releases.same_statement(act, release)
    releases.same_base(state, act, model=release.model)
    releases.dated(act, release.last_issued)
    if act.text("issued") > release.expires:
        msg = f"{release.id} expired at {release.expires}."
        raise ConflictError(msg, "Ask for a new release.")
    need_unrevoked(state, release.manifest, what=release.version)
    _need_alone(state, release, issued=act.text("issued"))
    _need_failed(release, act)


def need_override_role(
    state: State, release: Release, *, person: str, level: Level = Level.SIGNED, key: str = ""
) -> None:
    """Refuse who may not override the checks of a release.

    Parameters
    ----------
    state, release : State, Release
        Where, and of what.
    person : str
        Who wants to.
    level : Level
        How sure that is.
    key : str
        What the override is signed with; empty when it is not known yet, or unsigned.

    Raises
    ------
    NotPermittedError
        The person may not vote, or has none of the ``override_roles``, or got it too late.
    """
    roles = state.policy.environment(release.environment, model=release.model).override_roles
    if not roles:
        msg = f"The policy lets nobody override checks for {release.endpoint}."
        raise NotPermittedError(msg, "Its `override_roles` name who may.")
    quorum.may_vote(state, release, person=person, level=level, key=key)
    need_role(state, person, roles=roles, what=f"override checks of {release.environment}")
    if not set(roles) & set(quorum.roles_on(state, release, person=person)):
        asked = quorum.asked_at(state, release)
        late = [one for one in state.members[person].roles if one in roles]
        msg = (
            f"{person} got the role {late[0]} by entry {state.members[person].began(late[0])}, "
            f"after {release.id} was asked for by entry {asked}."
        )
        raise NotPermittedError(msg, "Ask for a new release.")


def _need_alone(state: State, release: Release, *, issued: str) -> None:
    for other in state.releases.values():
        same = (other.version, other.environment) == (release.version, release.environment)
        if same and other.status in OPEN and issued <= other.expires:
            msg = f"{other.id} asks for the same and is {other.status}."
            raise ConflictError(msg, "Decide or withdraw that one first.", release=other.id)


def _need_failed(release: Release, act: Act) -> None:
    named, left = act.texts("checks"), left_of(release)
    if not named or len(set(named)) != len(named):
        msg = "An override names each check that it is about, once."
        raise InvalidInputError(msg, f"Failed: {', '.join(left)}." if left else "")
    if not release.failed:
        msg = f"The gate report of {release.id} does not say which checks failed."
        raise ConflictError(msg, "Ask for a new release: its report says so.")
    for name in named:
        if name not in left:
            msg = f"{name[:80]!r} is no failed check of {release.id} that blocks it."
            raise ConflictError(msg, f"What blocks it: {', '.join(left)}.")


def left_of(release: Release) -> list[str]:
    """Return the required checks of a release that failed and are not overridden."""
    done = {name for one in release.overrides for name in one.checks}
    return [name for name in release.failed if name not in done]


def apply_override(state: State, act: Act) -> str:
    """Keep an override; when nothing blocks the release any more, it waits for votes."""
    release = state.releases[act.entity]
    found = Override(
        n=act.n,
        digest=act.digest,
        by=act.by,
        at=act.at,
        checks=act.texts("checks"),
        reason=act.text("reason"),
        level=act.level,
        key=act.key,
    )
    kept = replace(
        release,
        overrides=(*release.overrides, found),
        last_issued=max(release.last_issued, act.text("issued")),
        level=min(release.level, act.level),
    )
    state.put_release(kept)
    if not left_of(kept):
        waiting = state.move(replace(kept, because=""), status="waiting")
        releases.decide(state, waiting, at=act.at, by=act.by, issued=act.text("issued"))
    return f"release:{release.id}"
