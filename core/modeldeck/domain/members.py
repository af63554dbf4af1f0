"""Founding a workspace, its members, and the owners' threshold.

Entry 1 (``workspace.found``) names the owners, their user ids and keys, a threshold, and the
policy. Members, roles, keys and policy need the threshold of owners, the proposer counted: with a
threshold of one an owner's entry acts at once; else it waits for ``proposal.support`` entries.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import Json
from modeldeck.domain.policy import policy_from_json
from modeldeck.domain.state import Act, Member, Pending, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError

KINDS = ("person", "server", "ci")


def check_found(state: State, act: Act) -> None:
    """Check entry 1: well-formed owners, its author among them, a threshold they can meet."""
    if state.n:
        msg = "The workspace was founded already."
        raise ConflictError(msg)
    owners = [_member(one, is_owner=True) for one in _objects(act.body["owners"])]
    names = {one.name for one in owners}
    if len(names) != len(owners) or act.by not in names:
        msg = "The owners are named twice, or the founder is not one of them."
        raise InvalidInputError(msg)
    if not 1 <= act.number("threshold") <= len(owners):
        msg = f"A threshold of {act.number('threshold')} cannot be met by {len(owners)} owners."
        raise InvalidInputError(msg)
    policy_from_json(_object(act.body["policy"]))


def apply_found(state: State, act: Act) -> str:
    """Found the workspace."""
    state.name = act.text("name")
    state.threshold = act.number("threshold")
    state.owners_count = bool(act.body["file_owners"])
    state.workspace = act.digest
    for one in _objects(act.body["owners"]):
        _put(state, _member(one, is_owner=True))
    _adopt(state, _object(act.body["policy"]))
    return "workspace"


def check_add(state: State, act: Act) -> None:
    """Check a new member."""
    found = _member(act.body, is_owner=False)
    if act.subject != f"member:{found.name}":
        msg = "The entry's subject is another member."
        raise InvalidInputError(msg)
    if state.member(found.name):
        msg = f"{found.name} is a member already."
        raise ConflictError(msg)
    for key in found.keys:
        owner = key_owner(state, key)
        if owner:
            msg = f"That key belongs to {owner} already."
            raise ConflictError(msg, "Every member needs a key of their own.")
    for environment in found.environments:
        state.policy.environment(environment)


def apply_add(state: State, act: Act) -> str:
    """Add a member."""
    _put(state, _member(act.body, is_owner=False))
    return act.subject


def check_revoke(state: State, act: Act) -> None:
    """Check that somebody may leave: enough owners (with keys, where signatures count) stay."""
    name = act.entity
    member = state.member(name)
    if member is None:
        msg = f"{name[:80]} is not a member."
        raise NotFoundError(msg)
    if not member.is_owner:
        return
    before = [one for one in state.owners() if one.keys]
    left = [one for one in state.owners() if one.name != name]
    keyed = [one for one in left if one.keys]
    if len(left) < state.threshold or (before and len(keyed) < state.threshold):
        msg = f"Without {name} there would be fewer owners with keys than the threshold."
        raise NotPermittedError(msg, f"The threshold is {state.threshold}.")


def apply_revoke(state: State, act: Act) -> str:
    """Revoke a member, with all keys, from this position on."""
    _put(state, replace(state.members[act.entity], is_active=False))
    return act.subject


def check_adopt(_: State, act: Act) -> None:
    """Check that a proposed policy can be read and holds together."""
    policy_from_json(_object(act.body["policy"]))


def apply_adopt(state: State, act: Act) -> str:
    """Adopt a policy; open releases rest on the old one and become outdated by the caller."""
    _adopt(state, _object(act.body["policy"]))
    return "policy"


def check_support(state: State, act: Act) -> None:
    """Check that an owner supports a waiting proposal, once."""
    pending = state.pending.get(act.entity)
    if pending is None:
        msg = f"There is no proposal {act.entity[:80]!r} that waits for owners."
        raise NotFoundError(msg)
    if act.text("digest") != pending.act.digest:
        msg = "The proposal is another one than was looked at."
        raise ConflictError(msg)
    if act.by in pending.supporters:
        msg = f"{act.by} supports that proposal already."
        raise ConflictError(msg, "Another owner has to support it.")


def need_owner(state: State, act: Act) -> None:
    """Refuse whoever is not an owner."""
    member = state.member(act.by)
    if member is None or not member.is_owner:
        names = ", ".join(one.name for one in state.owners())
        msg = f"{act.action} is for owners; {act.by} is none."
        raise NotPermittedError(msg, f"Ask {names}.")


def wait_for_owners(state: State, act: Act) -> None:
    """Keep an owners' entry until enough of them support it."""
    state.pending[act.id] = Pending(act, frozenset({act.by}))


def supported(state: State, act: Act) -> Act | None:
    """Return the proposal that this support completes, or None when it needs still more."""
    pending = state.pending[act.entity]
    active = {one.name for one in state.owners()} & (pending.supporters | {act.by})
    return pending.act if len(active) >= state.threshold else None


def add_support(state: State, act: Act) -> None:
    """Count one more supporter of a proposal that needs still more."""
    pending = state.pending[act.entity]
    state.pending[act.entity] = replace(pending, supporters=pending.supporters | {act.by})


def key_owner(state: State, key: str) -> str:
    """Return the active member whose key this is; empty when nobody's."""
    for member in state.members.values():
        if member.is_active and key in member.keys:
            return member.name
    return ""


def key_of(line: str) -> str:
    """Return a public key as the ledger holds it, ``type base64`` without comment.

    Raises
    ------
    InvalidInputError
        The line is not an SSH public key.
    """
    parts = line.split()
    if len(parts) < 2 or not parts[0].startswith(("ssh-", "ecdsa-", "sk-")):
        msg = f"{line[:40]!r} is not an SSH public key."
        raise InvalidInputError(msg, "It looks like: ssh-ed25519 AAAAC3…; see ~/.ssh/*.pub.")
    return f"{parts[0]} {parts[1]}"


def _adopt(state: State, body: dict[str, Json]) -> None:
    state.policy = policy_from_json(body)
    state.policy_digest = state.policy.digest


def _put(state: State, member: Member) -> None:
    state.members[member.name] = member
    state.touched.add(("members", member.name))


def _member(body: object, *, is_owner: bool) -> Member:
    known = _object(body)
    try:
        member = Member(
            name=ids.check_name(str(known["name"]), "a member"),
            kind=str(known["kind"]),
            uid=int(str(known["uid"])),
            roles=_texts(known["roles"]),
            environments=_texts(known["environments"]),
            keys=tuple(key_of(key) for key in _texts(known["keys"])),
            is_owner=is_owner,
        )
    except (KeyError, ValueError) as error:
        msg = f"The entry about a member lacks or garbles {error}."
        raise InvalidInputError(msg) from None
    for role in member.roles:
        ids.check_name(role, "a role")
    if member.kind not in KINDS:
        msg = f"A member is one of {', '.join(KINDS)}, not {member.kind[:40]!r}."
        raise InvalidInputError(msg)
    return member


def _object(value: object) -> dict[str, Json]:
    if not isinstance(value, dict):
        msg = f"Expected an object, found {value!r:.40}."
        raise InvalidInputError(msg)
    return value


def _objects(value: object) -> list[dict[str, Json]]:
    return [_object(one) for one in value] if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        msg = f"Expected a list of texts, found {value!r:.40}."
        raise InvalidInputError(msg)
    return tuple(str(one) for one in value)
