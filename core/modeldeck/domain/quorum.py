"""Counting votes: who may vote, whose votes hold, and what a release still lacks.

Distinct people are counted, and each named role at least so often. A vote holds while the
membership lasts in which it was cast, and while the key that signed it is in force.

Nobody is let in for one release: memberships, roles and keys count on a release only if they were
there before it was asked for, by their positions in the ledger. Where entries are believed because
of who owns their files, one Unix account is one person (:mod:`modeldeck.domain.membership`).

One person is one vote, also with several roles; roles are counted to the best assignment, found
by augmenting paths (H. W. Kuhn, "The Hungarian method for the assignment problem", 1955).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from modeldeck.domain.exceptional.things import Override
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import accounts
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import Release, State, Version, Vote
from modeldeck.errors import NotPermittedError


def excluded_of(state: State, version: Version, *, requester: str, level: Level) -> dict[str, str]:
    """Return who may not vote on a release of a version, each with the reason.

    Whoever registered or made the same content under the name of another model is its author too:
    else a friend who registers it once more would make its author a judge of it. That registration
    has to have the level of the environment, or anybody could write one that excludes everybody.
    """
    same = [
        one
        for one in state.versions.values()
        if one.manifest == version.manifest and one.level >= level
    ]
    return {
        requester: "asked for the release",
        **{one.by: f"registered that content, as {one.id}" for one in same},
        version.by: "registered the version",
        **{author: f"made that content, {one.id}" for one in same for author in one.authors},
        **dict.fromkeys(version.authors, "made the version"),
    }


def asked_at(state: State, release: Release) -> int:
    """Return the entry that asked for a release; 0, before which nobody was, if it is unknown."""
    return state.heads.get(release.request, 0)


def level_asked(state: State, release: Release) -> Level:
    """Return the level that votes on a release need, the strictest if its environment is gone."""
    known = state.policy.known(release.environment, model=release.model)
    return known.level if known is not None else Level.SIGNED


def may_vote(
    state: State, release: Release, *, person: str, level: Level = Level.SIGNED, key: str = ""
) -> None:
    """Refuse people who may not vote on a release.

    Parameters
    ----------
    state, release : State, Release
        Where, and on what.
    person : str
        Who wants to vote.
    level : Level
        How sure that is.
    key : str
        The key that the vote is signed with; empty when it is not known yet, or unsigned.

    Raises
    ------
    NotPermittedError
        The person is no member, no person, excluded, came too late, or shares a Unix account with
        somebody who is excluded or approved already; the message says which.
    """
    member = state.member(person)
    if member is None or member.kind != "person":
        what = "a member of this workspace" if member is None else "a person"
        msg = f"{person[:80]} is not {what}."
        raise NotPermittedError(msg, "An owner can add members: `modeldeck member add`.")
    if person in release.excluded:
        msg = f"{person} {release.excluded[person]} and may not vote on {release.id}."
        others = ", ".join(eligible(state, release)) or "nobody else"
        raise NotPermittedError(msg, f"Who can: {others}.")
    _need_early(state, release, member=member, key=key)
    _need_account(state, release, member=member, level=level)


def _need_early(state: State, release: Release, *, member: Member, key: str) -> None:
    """Refuse a member, or a key, that was recorded after the release was asked for."""
    asked = asked_at(state, release)
    what, since = "", member.since
    if member.since >= asked:
        what = f"{member.name} became a member"
    elif key and member.key_since(key) >= asked:
        what, since = f"That key of {member.name} was recorded", member.key_since(key)
    elif level_asked(state, release) is Level.SIGNED and not member.keys_before(asked):
        since = max(map(member.key_since, member.keys), default=0)
        what = f"The key of {member.name} was recorded" if since else ""
    if what:
        msg = f"{what} by entry {since}, after {release.id} was asked for by entry {asked}."
        hint = "Ask for a new release, or let others decide this one."
        raise NotPermittedError(msg, hint)


def _need_account(state: State, release: Release, *, member: Member, level: Level) -> None:
    """Refuse a second vote from one Unix account, and one from an excluded person's."""
    needed = level_asked(state, release)
    if needed is not Level.OWNER or level is Level.SIGNED:
        return
    approved = [one.by for one in holding(state, release).values() if one.verdict == "approve"]
    for names, did in ((release.excluded, "may not vote"), (approved, "approved already")):
        known = [state.members[name] for name in names if name in state.members]
        twin = accounts.namesake(member, known, level=level, needed=needed)
        if twin is not None:
            msg = f"{twin.name} {did}, and {member.name} acts from the same Unix account."
            raise NotPermittedError(
                msg, "One account is one person, unless each signs: --key FILE."
            )


def is_party(
    state: State, name: str, *, excluded: Collection[str], level: Level, needed: Level
) -> bool:
    """Say whether somebody is excluded from a release, also by another name of one account."""
    known = [state.members[one] for one in excluded if one in state.members]
    member = state.members.get(name)
    if name in excluded or member is None:
        return name in excluded
    return accounts.namesake(member, known, level=level, needed=needed) is not None


def reporters(state: State, environment: Environment, *, excluded: Collection[str]) -> list[str]:
    """Return the members whose gate report counts for a release from which some are excluded."""
    roles, needed = set(environment.gate_roles), environment.level
    active = [one for one in state.members.values() if one.is_active]
    if not roles:
        return [one.name for one in active]
    found = []
    for one in active:
        level = Level.SIGNED if one.keys else Level.OWNER
        out = is_party(state, one.name, excluded=excluded, level=level, needed=needed)
        if roles & set(one.roles) and not out:
            found.append(one.name)
    return found


def or_roles(roles: tuple[str, ...]) -> str:
    """Return roles of which one is asked for, as a short text."""
    return f"the role {' or '.join(roles)}"


def need_reporter(
    state: State, version: Version, *, environment: Environment, requester: str
) -> None:
    """Refuse a request whose gate report nobody could make who is not excluded by it.

    Raises
    ------
    NotPermittedError
        All with one of the ``gate_roles`` asked for it or made it, and there is no report yet.
    """
    if not environment.gate_roles or environment.self_approval:
        return
    out = excluded_of(state, version, requester=requester, level=environment.level)
    known = state.reports.get((version.manifest, environment.name), [])
    if reporters(state, environment, excluded=out) or any(one.by not in out for one in known):
        return
    who = [name for name in reporters(state, environment, excluded=()) if name in out]
    because = f": {', '.join(f'{name} {out[name]}' for name in who)}" if who else ""
    msg = (
        f"Nobody could make the gate report of {version.id} for {environment.name}, which "
        f"{or_roles(environment.gate_roles)} makes, and not whoever asked for or made it{because}."
    )
    hint = "Let somebody else ask for it, or let owners give another member that role."
    raise NotPermittedError(msg, hint)


def eligible(state: State, release: Release) -> list[str]:
    """Return the people who may still approve a release: not excluded, and did not yet."""
    approved = {
        person for person, vote in holding(state, release).items() if vote.verdict == "approve"
    }
    return [
        one.name
        for one in state.members.values()
        if one.is_active
        and one.kind == "person"
        and one.name not in release.excluded
        and one.name not in approved
        and _is_able(state, release, member=one)
    ]


def _is_able(state: State, release: Release, *, member: Member) -> bool:
    """Say whether a member came early enough, and can be told from others."""
    level = Level.SIGNED if member.keys_before(asked_at(state, release)) else Level.OWNER
    try:
        _need_early(state, release, member=member, key="")
        _need_account(state, release, member=member, level=level)
    except NotPermittedError:
        return False
    return True


def standing(release: Release) -> dict[str, Vote]:
    """Return the last vote of each person."""
    return {vote.by: vote for vote in release.votes}


def holding(state: State, release: Release) -> dict[str, Vote]:
    """Return the last vote of each person who is the member that cast it."""
    return {
        name: vote for name, vote in standing(release).items() if is_cast_by_member(state, vote)
    }


def is_cast_by_member(state: State, vote: Vote) -> bool:
    """Say whether a vote was cast in the membership, and by a key, that its author has now."""
    return not lapsed_because(state, vote)


def lapsed_because(state: State, vote: Vote | Override) -> str:
    """Return why a vote rests on nothing any more; empty while its author and key are the same."""
    member = state.member(vote.by)
    if member is None:
        return "no member any more"
    if vote.n <= member.since:
        return "cast before they were added again"
    if any(one.public == vote.key and one.until > vote.n for one in member.held):
        return "signed with a key that was revoked since"
    return ""


def approving(state: State, release: Release, *, issued: str) -> dict[str, Vote]:
    """Return the approvals that hold at a time, by person; of one Unix account the first."""
    found = {
        name: vote
        for name, vote in holding(state, release).items()
        if vote.verdict == "approve" and vote.expires >= issued
    }
    levels = {name: vote.level for name, vote in found.items()}
    people = accounts.distinct(levels, state.members, needed=level_asked(state, release))
    return {name: found[name] for name in people}


def approvers(state: State, release: Release, *, issued: str) -> dict[str, tuple[str, ...]]:
    """Return the people whose approvals hold at a time, with the roles that count on it."""
    return {
        name: roles_on(state, release, person=name)
        for name in approving(state, release, issued=issued)
    }


def roles_on(state: State, release: Release, *, person: str) -> tuple[str, ...]:
    """Return the roles that a member has, and had before the release was asked for."""
    member = state.member(person)
    return member.roles_before(asked_at(state, release)) if member is not None else ()


def lacks(state: State, release: Release, *, issued: str) -> list[str]:
    """Return what a release still lacks, as short texts."""
    environment = state.policy.environment(release.environment, model=release.model)
    left = missing(environment, approvers(state, release, issued=issued))
    return [*left, *fallen(state, release)]


def fallen(state: State, release: Release) -> list[str]:
    """Return the overrides that a release lacks because they hold no more, as short texts."""
    gone = fallen_overrides(state, release)
    return [f"an override of {name}" for one in gone for name in one.checks]


def fallen_overrides(state: State, release: Release) -> list[Override]:
    """Return the overrides that hold no more: their author left, or lost the role or the key."""
    environment = state.policy.environment(release.environment, model=release.model)
    roles = set(environment.override_roles)
    return [
        one
        for one in release.overrides
        if lapsed_because(state, one) or not roles & set(roles_on(state, release, person=one.by))
    ]


def open_roles(environment: Environment, voters: Mapping[str, tuple[str, ...]]) -> Counter[str]:
    """Return which named roles are still missing, and how often.

    Parameters
    ----------
    environment : Environment
        Whose ``roles`` are asked for.
    voters : Mapping of str to tuple of str
        The people whose approvals count, with their roles.

    Examples
    --------
    >>> one = Environment("production", roles={"risk": 1, "ml-lead": 1})
    >>> open_roles(one, {"ann": ("risk", "ml-lead"), "bob": ("risk",)})
    Counter()
    >>> open_roles(one, {"ann": ("risk", "ml-lead")})
    Counter({'ml-lead': 1})
    """
    slots = [role for role, count in environment.roles.items() for _ in range(count)]
    taken: dict[str, int] = {}
    missing: Counter[str] = Counter()
    for slot, role in enumerate(slots):
        if not _seat(slot, slots, voters=voters, taken=taken, tried=set()):
            missing[role] += 1
    return missing


def _seat(
    slot: int,
    slots: list[str],
    *,
    voters: Mapping[str, tuple[str, ...]],
    taken: dict[str, int],
    tried: set[str],
) -> bool:
    for person, roles in voters.items():
        if slots[slot] in roles and person not in tried:
            tried.add(person)
            if person not in taken or _seat(
                taken[person], slots, voters=voters, taken=taken, tried=tried
            ):
                taken[person] = slot
                return True
    return False


def missing(environment: Environment, voters: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return what a release still lacks, as short texts; empty when it is complete."""
    found = [
        f"role {role}" + (f" ({count} times)" if count > 1 else "")
        for role, count in open_roles(environment, voters).items()
    ]
    short = environment.approvals - len(voters)
    if short > 0:
        found.append("1 more approval" if short == 1 else f"{short} more approvals")
    return found
