"""All about one member: roles and keys with their entries, and what that lets them do."""

from __future__ import annotations

from collections.abc import Iterator

from modeldeck.domain.levels import Level
from modeldeck.domain.membership import keys
from modeldeck.domain.membership.documents import KeyDocument, MemberDetailDocument, RoleDocument
from modeldeck.domain.membership.member import Key, Member
from modeldeck.domain.policy import Environment
from modeldeck.domain.state import State


def details(state: State, member: Member) -> MemberDetailDocument:
    """Return all about a member, also one who was revoked."""
    level = reachable(state, member)
    said = list(_sayings(state, member, level=level)) if member.is_active else []
    return MemberDetailDocument(
        name=member.name,
        kind=member.kind,
        uid=member.uid,
        is_owner=member.is_owner,
        is_active=member.is_active,
        since_n=member.since,
        since=_at(state, member.since),
        until_n=member.until,
        until=_at(state, member.until),
        roles=[
            RoleDocument(role=one, since_n=member.began(one), since=_at(state, member.began(one)))
            for one in member.roles
        ],
        environments=list(member.environments),
        keys=[_key(state, one) for one in member.held],
        level=level.word,
        may=[text for text, problem in said if not problem],
        may_not=[f"{text}: {problem}" for text, problem in said if problem],
    )


def reachable(state: State, member: Member) -> Level:
    """Return the highest level that a member's entries can have, on the right machine."""
    if member.keys:
        return Level.SIGNED
    return Level.OWNER if state.owners_count and member.uid >= 0 else Level.CLAIMED


def _key(state: State, key: Key) -> KeyDocument:
    return KeyDocument(
        fingerprint=keys.fingerprint(key.public) or key.public,
        public=key.public,
        is_hardware=keys.is_hardware(key.public),
        since_n=key.since,
        since=_at(state, key.since),
        until_n=key.until,
        until=_at(state, key.until),
        is_revoked=key.is_revoked,
    )


def _at(state: State, n: int) -> str:
    return state.activity[n - 1].at if 1 <= n <= len(state.activity) else ""


def _sayings(state: State, member: Member, *, level: Level) -> Iterator[tuple[str, str]]:
    """Yield what a member may do, each with why not; empty when they may."""
    if member.is_owner:
        n = len(state.owners())
        text = f"decide about members and policy, with {state.threshold} of {n} owners"
        yield text, _too_low(level, state.policy.strictest)
    for environment in state.policy.environments.values():
        low = _too_low(level, environment.level)
        for text in _deeds(environment, member):
            yield text, low


def _deeds(one: Environment, member: Member) -> Iterator[str]:
    """Yield what a member's kind and roles let them do in an environment."""
    if member.kind == "person":
        counts = [role for role in one.roles if role in member.roles]
        as_whom = f" as {' or '.join(counts)}" if counts else ""
        yield f"vote on releases to {one.name}{as_whom}"
    named = (
        (one.deploy_roles, one.deploy == "manual", "start releases to"),
        (one.rollback_roles, True, "roll back on"),
        (one.gate_roles, bool(one.gate_roles), "make gate reports for"),
    )
    for roles, matters, words in named:
        has_role = not roles or bool(set(roles) & set(member.roles))
        if matters and has_role and member.kind != "server":
            yield f"{words} {one.name}"
    if member.kind == "person":
        for roles, words in (
            (one.override_roles, "override failed checks of"),
            (one.break_glass.roles, "break the glass of"),
        ):
            if set(roles) & set(member.roles):
                yield f"{words} {one.name}"
    if one.name in member.environments:
        yield f"serve {one.name}, and report about it"


def _too_low(level: Level, needed: Level) -> str:
    if level >= needed:
        return ""
    lacking = {Level.SIGNED: "no key is recorded", Level.OWNER: "no user id is recorded"}
    return f"that needs the level {needed.word}, and {lacking.get(needed, 'nothing')}"
