"""Changing a member: roles, keys and ownership begin and end at positions of the ledger.

One entry ``member.change`` may record a new key and revoke the old one, so that nobody is without
a key in between. A key that was revoked is in force up to that entry: what it signed before stays
what it was, what a thief dates back is void. Approvals that decided nothing yet rest on keys in
force (:mod:`modeldeck.domain.quorum`).
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck import ids
from modeldeck.domain import members
from modeldeck.domain.membership import keys
from modeldeck.domain.membership.member import Key, Member
from modeldeck.domain.state import Act, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError

FIELDS: dict[str, type] = {
    "add_roles": list,
    "remove_roles": list,
    "add_keys": list,
    "revoke_keys": list,
    "owner": str,
    "reason": str,
}
"""The body: what is added, what ends, whether to be an owner (yes, no, empty), and why."""

_LISTS = ("add_roles", "remove_roles", "add_keys", "revoke_keys")


def check_change(state: State, act: Act) -> None:
    """Check a change: of a member, of something, each part possible, owners not locked out."""
    member = state.member(act.entity)
    if member is None:
        msg = f"{act.entity[:80]} is not a member."
        raise NotFoundError(msg, "`modeldeck member list` shows who is.")
    for name in _LISTS:
        _need_texts(act, name)
    if not any(act.body[name] for name in (*_LISTS, "owner")):
        msg = f"Nothing about {member.name} would change."
        raise InvalidInputError(msg, "Name a role or a key to add or to take.")
    _check_roles(act, member)
    _check_keys(state, act, member=member)
    _check_owner(act, member)
    after = [one for one in state.owners() if one.name != member.name]
    changed = _changed(act, member)
    members.keep_enough(state, [*after, changed] if changed.is_owner else after)


def apply_change(state: State, act: Act) -> str:
    """Change a member from this position on."""
    member = _changed(act, state.members[act.entity])
    for key in act.texts("add_keys"):
        state.keys[key] = member.name
    state.members[member.name] = member
    state.touched.add(("members", member.name))
    return act.subject


def only_takes(act: Act) -> bool:
    """Say whether a change gives nothing to anybody, so that believing it opens nothing."""
    return not act.body.get("add_roles") and not act.body.get("add_keys") and _owner(act) != "yes"


def _owner(act: Act) -> object:
    return act.body.get("owner")


def _need_texts(act: Act, name: str) -> None:
    value = act.body[name]
    texts = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if texts != value or len(set(texts)) != len(texts):
        msg = f"The {name} of {act.action} is not a list of different texts."
        raise InvalidInputError(msg)


def _check_roles(act: Act, member: Member) -> None:
    for role in act.texts("add_roles"):
        ids.check_name(role, "a role")
        if role in member.roles:
            msg = f"{member.name} has the role {role} already."
            raise ConflictError(msg)
    for role in act.texts("remove_roles"):
        if role not in member.roles:
            msg = f"{member.name} does not have the role {role[:64]!r}."
            raise NotFoundError(msg, f"The roles are: {', '.join(member.roles) or 'none'}.")


def _check_keys(state: State, act: Act, *, member: Member) -> None:
    for key in act.texts("add_keys"):
        if keys.parse(key) != key:
            msg = "A key stands in the entry with more than its type and its base64."
            raise InvalidInputError(msg)
        members.need_free_key(state, key, name=member.name)
        if key in member.keys:
            msg = f"{member.name} has that key already."
            raise ConflictError(msg)
    for key in act.texts("revoke_keys"):
        if key not in member.keys:
            msg = f"{member.name} has no key {keys.fingerprint(key) or repr(key[:40])} in force."
            raise NotFoundError(msg, f"`modeldeck member show {member.name}` lists the keys.")


def _check_owner(act: Act, member: Member) -> None:
    wanted = act.text("owner")
    if wanted not in {"", "yes", "no"}:
        msg = f"Owner is yes, no or empty, not {wanted[:40]!r}."
        raise InvalidInputError(msg)
    if wanted == "yes" and member.kind != "person":
        msg = f"{member.name} is a {member.kind}; owners are people."
        raise InvalidInputError(msg)
    if wanted and (wanted == "yes") == member.is_owner:
        msg = f"{member.name} is {'' if member.is_owner else 'not '}an owner already."
        raise ConflictError(msg.replace("not an owner already", "no owner"))


def _changed(act: Act, member: Member) -> Member:
    gone, new = act.texts("revoke_keys"), act.texts("add_keys")
    taken, given = act.texts("remove_roles"), act.texts("add_roles")
    held = [
        replace(one, until=act.n, is_revoked=True) if one.public in gone and not one.until else one
        for one in member.held
    ]
    since = {role: n for role, n in member.role_since.items() if role not in taken}
    return replace(
        member,
        roles=(*(one for one in member.roles if one not in taken), *given),
        keys=(*(one for one in member.keys if one not in gone), *new),
        held=(*held, *(Key(one, act.n) for one in new)),
        role_since={**since, **dict.fromkeys(given, act.n)},
        is_owner=member.is_owner if not act.text("owner") else act.text("owner") == "yes",
    )
