"""Founding a workspace, its members, and the owners' threshold.

Entry 1 (``workspace.found``) names the owners, their user ids and keys, a threshold, and the
policy. Members, roles, keys and policy need the threshold of owners, the proposer counted: with a
threshold of one an owner's entry acts at once; else it waits for ``proposal.support`` entries.

Nothing may lock the owners out: as many of them as the threshold asks for have to be able to write
at the level of the strictest environment. A key is one member's for good, also after that member
was revoked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modeldeck import ids
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import accounts
from modeldeck.domain.membership.member import Key, Member
from modeldeck.domain.policy import Policy, policy_from_json
from modeldeck.domain.state import Act, Pending, State
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
    keys = [key for one in owners for key in set(one.keys)]
    if len(set(keys)) != len(keys):
        msg = "Two owners have the same key."
        raise InvalidInputError(msg, "Every owner needs a key of their own.")
    _need_enough(
        owners,
        policy_from_json(_object(act.body["policy"])),
        threshold=act.number("threshold"),
        owners_count=bool(act.body["file_owners"]),
    )


def _need_enough(
    owners: Sequence[Member], policy: Policy, *, threshold: int, owners_count: bool
) -> None:
    """Refuse what would leave fewer owners than the threshold who can reach the level needed."""
    needed = policy.strictest
    levels = {
        one.name: Level.SIGNED if one.keys else needed
        for one in owners
        if _reaches(one, needed, owners_count=owners_count)
    }
    able = accounts.distinct(levels, {one.name: one for one in owners}, needed=needed)
    if len(able) < threshold:
        word = policy.strictest.word
        msg = (
            f"The policy asks for the level {word}, which {len(able)} of the owners can reach; "
            f"the threshold is {threshold}."
        )
        hint = (
            "Record an owner's key: `modeldeck member rotate-key OWNER --public-key FILE.pub`; "
            "when founding: `modeldeck init --key FILE`, or `--owner NAME:UID:FILE.pub`."
        )
        raise NotPermittedError(msg, hint)


def _reaches(owner: Member, level: Level, *, owners_count: bool) -> bool:
    if owner.keys or level == Level.CLAIMED:
        return True
    return level == Level.OWNER and owners_count and owner.uid >= 0


def apply_found(state: State, act: Act) -> str:
    """Found the workspace."""
    state.name = act.text("name")
    state.threshold = act.number("threshold")
    state.owners_count = bool(act.body["file_owners"])
    state.workspace = act.digest
    for one in _objects(act.body["owners"]):
        _join(state, act, member=_member(one, is_owner=True))
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
        need_free_key(state, key, name=found.name)
    for environment in found.environments:
        state.policy.environment(environment)


def need_free_key(state: State, key: str, *, name: str) -> None:
    """Refuse a key that is or was another member's, or that was revoked.

    Raises
    ------
    ConflictError
        It is; the message says whose, or since when.
    """
    owner = state.keys.get(key, name)
    if owner != name:
        word = "belongs" if state.member(owner) else "belonged"
        msg = f"That key {word} to {owner} already."
        raise ConflictError(msg, "Every member needs a key of their own.")
    known = state.members.get(name)
    for one in known.held if known is not None else ():
        if one.public == key and one.is_revoked:
            msg = f"That key of {name} was revoked by entry {one.until}."
            raise ConflictError(msg, "Make another one: `ssh-keygen -t ed25519`.")


def apply_add(state: State, act: Act) -> str:
    """Add a member."""
    _join(state, act, member=_member(act.body, is_owner=False))
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
    left = [one for one in state.owners() if one.name != name]
    keep_enough(state, left, is_leaving=True)


def keep_enough(state: State, after: Sequence[Member], *, is_leaving: bool = False) -> None:
    """Refuse what would leave fewer owners than decide together, or fewer with keys.

    Parameters
    ----------
    state : State
        As it is before.
    after : sequence of Member
        The owners that there would be, as they would be.
    is_leaving : bool
        An owner is revoked: then it does not matter whether there were enough with keys before.

    Raises
    ------
    NotPermittedError
        Too few would be left.
    """
    before = [one for one in state.owners() if one.keys]
    keyed = [one for one in after if one.keys]
    has_fewer = len(keyed) < len(before) or (is_leaving and bool(before))
    if len(after) < state.threshold or (has_fewer and len(keyed) < state.threshold):
        names = sorted({one.name for one in state.owners()} - {one.name for one in after})
        who = f"Without {', '.join(names)} there" if names else "There"
        msg = f"{who} would be fewer owners with keys than the threshold."
        raise NotPermittedError(msg, f"The threshold is {state.threshold}.")
    count = state.owners_count
    _need_enough(after, state.policy, threshold=state.threshold, owners_count=count)


def apply_revoke(state: State, act: Act) -> str:
    """Revoke a member, with all keys, from this position on."""
    member = state.members[act.entity]
    held = tuple(one if one.until else replace(one, until=act.n) for one in member.held)
    _put(state, replace(member, is_active=False, until=act.n, held=held))
    return act.subject


def check_adopt(state: State, act: Act) -> None:
    """Check that a proposed policy holds together and leaves the owners able to change it."""
    policy = policy_from_json(_object(act.body["policy"]))
    count = state.owners_count
    _need_enough(state.owners(), policy, threshold=state.threshold, owners_count=count)


def apply_adopt(state: State, act: Act) -> str:
    """Adopt a policy; open releases rest on the old one and become outdated by the caller."""
    _adopt(state, _object(act.body["policy"]))
    return "policy"


def check_support(state: State, act: Act) -> None:
    """Check that an owner supports a waiting proposal, once, and that it is sure enough now."""
    pending = waiting(state, act)
    if pending.act.level < state.policy.strictest:
        level, word = pending.act.level.word, state.policy.strictest.word
        msg = f"The proposal was made at the level {level}; the policy needs {word} by now."
        raise NotPermittedError(msg, "Propose it again.")
    if pending.supporters.get(act.by, Level.CLAIMED - 1) >= act.level:
        msg = f"{act.by} supports that proposal already."
        raise ConflictError(msg, "Another owner has to support it.")
    _check_account(state, act, pending=pending)


def waiting(state: State, act: Act) -> Pending:
    """Return the proposal that an act is about, which names it by its digest.

    Raises
    ------
    NotFoundError, ConflictError
        None of that id waits for owners, or it is another one than was looked at.
    """
    pending = state.pending.get(act.entity)
    if pending is None:
        msg = f"There is no proposal {act.entity[:80]!r} that waits for owners."
        raise NotFoundError(msg, "`modeldeck member pending` shows what waits.")
    if act.text("digest") != pending.act.digest:
        msg = "The proposal is another one than was looked at."
        raise ConflictError(msg, "Look at it again.")
    return pending


def _check_account(state: State, act: Act, *, pending: Pending) -> None:
    needed = state.policy.strictest
    others = [state.members[name] for name in pending.supporters if name in state.members]
    member = state.members[act.by]
    twin = accounts.namesake(member, others, level=act.level, needed=needed)
    if twin is not None:
        msg = f"{twin.name} supports that from the same Unix account: that is one person."
        raise NotPermittedError(msg, "Sign it with your own key: --key FILE.")


def need_owner(state: State, act: Act) -> None:
    """Refuse whoever is not an owner."""
    member = state.member(act.by)
    if member is None or not member.is_owner:
        names = ", ".join(one.name for one in state.owners())
        msg = f"{act.action} is for owners; {act.by} is none."
        raise NotPermittedError(msg, f"Ask {names}.")


def wait_for_owners(state: State, act: Act) -> None:
    """Keep an owners' entry until enough of them support it."""
    state.pending[act.id] = Pending(act, {act.by: act.level})


def supported(state: State, act: Act) -> Act | None:
    """Return the proposal that this support completes, or None when it needs still more.

    Owners count whose entries have the level that the policy needs now.
    """
    pending = state.pending[act.entity]
    levels = {**pending.supporters, act.by: act.level}
    needed = state.policy.strictest
    owners = {one.name for one in state.owners()}
    sure = {name: one for name, one in levels.items() if one >= needed and name in owners}
    people = accounts.distinct(sure, state.members, needed=needed)
    return pending.act if len(people) >= state.threshold else None


def add_support(state: State, act: Act) -> None:
    """Count one more supporter of a proposal that needs still more."""
    pending = state.pending[act.entity]
    supporters = {**pending.supporters, act.by: act.level}
    state.pending[act.entity] = replace(pending, supporters=supporters)


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


def _join(state: State, act: Act, *, member: Member) -> None:
    known = state.members.get(member.name)
    held = [*known.held] if known is not None else []
    for key in member.keys:
        state.keys[key] = member.name
        held.append(Key(key, act.n))
    _put(state, replace(member, since=act.n, held=tuple(held)))


def _put(state: State, member: Member) -> None:
    state.members[member.name] = member
    state.touched.add(("members", member.name))


def _member(body: object, *, is_owner: bool) -> Member:
    known = _object(body)
    try:
        name, kind, uid = known["name"], known["kind"], known["uid"]
        texts = {one: _texts(known[one]) for one in ("roles", "environments", "keys")}
    except KeyError as error:
        msg = f"The entry about a member lacks {error}."
        raise InvalidInputError(msg) from None
    if not isinstance(uid, int) or isinstance(uid, bool):
        msg = f"{uid!r:.40} is not a user id."
        raise InvalidInputError(msg)
    if kind not in KINDS:
        msg = f"A member is one of {', '.join(KINDS)}, not {kind!r:.40}."
        raise InvalidInputError(msg)
    for role in texts["roles"]:
        ids.check_name(role, "a role")
    return Member(
        name=ids.check_name(name if isinstance(name, str) else "", "a member"),
        kind=str(kind),
        uid=uid,
        roles=texts["roles"],
        environments=texts["environments"],
        keys=tuple(key_of(key) for key in texts["keys"]),
        is_owner=is_owner,
    )


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
