"""The policy: the one in force, the one that ``modeldeck.toml`` proposes, and adopting that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modeldeck.domain import quorum
from modeldeck.domain.documents import PolicyChange, PolicyDocument
from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Level
from modeldeck.domain.policy import Environment, Policy
from modeldeck.domain.state import Member
from modeldeck.errors import ConflictError
from modeldeck.services.base import config
from modeldeck.services.base.deck import Deck

_ADOPTING = ("workspace.found", "policy.adopt")


class Policies:
    """The policies of one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def show(self) -> PolicyDocument:
        """Return the policy in force, and since which entry it is."""
        with self.deck.reading() as state:
            since = next(
                one
                for one in reversed(state.activity)
                if not one.is_void and (one.action in _ADOPTING or one.entity == "policy")
            )
            return PolicyDocument(
                digest=state.policy_digest,
                since_n=since.n,
                since=since.at,
                by=since.by,
                policy=state.policy.to_json(),
                warnings=list(warnings(state.policy, list(state.members.values()))),
            )

    def proposed(self) -> PolicyDocument:
        """Return what ``modeldeck.toml`` says now, with what would make trouble.

        Raises
        ------
        NotFoundError, InvalidInputError
            The file is not there, or not as expected; the message names file and line.
        """
        policy = config.load(self.deck.root).policy
        with self.deck.reading() as state:
            members = list(state.members.values())
        return PolicyDocument(
            digest=policy.digest,
            since_n=0,
            since="",
            by="",
            policy=policy.to_json(),
            warnings=list(warnings(policy, members)),
        )

    def changes(self) -> Sequence[PolicyChange]:
        """Return what differs between the policy in force and the file, by the keys' paths.

        Raises
        ------
        NotFoundError, InvalidInputError
            The file is not there, or not as expected.
        """
        before, after = (dict(_flat(one["policy"])) for one in (self.show(), self.proposed()))
        return [
            PolicyChange(key=key, before=before.get(key, ""), after=after.get(key, ""))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]

    def adopt(self) -> bool:
        """Adopt what ``modeldeck.toml`` says; open releases are outdated by that.

        Returns
        -------
        bool
            Whether it is in force: not before as many owners support it as the threshold asks for.

        Raises
        ------
        ConflictError
            It is in force already.
        NotPermittedError
            The actor is no owner.
        InvalidInputError
            The file is not as expected, or would lock the owners out.
        """
        policy = config.load(self.deck.root).policy
        with self.deck.reading() as state:
            is_same = policy.digest == state.policy_digest
        if is_same:
            msg = "The policy of modeldeck.toml is in force already."
            raise ConflictError(msg, "Change the file first; `modeldeck policy check` looks at it.")
        body: dict[str, Json] = {"policy": policy.to_json()}
        self.deck.commit("policy.adopt", "policy", body=body)
        with self.deck.reading() as state:
            return state.policy_digest == policy.digest


def warnings(policy: Policy, members: Sequence[Member]) -> Iterator[str]:
    """Yield what would make trouble: decisions that nobody can make, roles that nobody has.

    Parameters
    ----------
    policy : Policy
        The policy.
    members : sequence of Member
        Everybody, also those who were revoked.
    """
    active = [one for one in members if one.is_active]
    held = {role for one in active for role in one.roles}
    for one in policy.environments.values():
        short = _unsatisfied(one, active)
        if short:
            yield f"Nobody can approve a release to {one.name}: it lacks {', '.join(short)}."
        for key, roles in _named_roles(one):
            unknown = [role for role in roles if role not in held]
            if unknown and len(unknown) == len(roles):
                yield f"{one.name}.{key}: no member has the role {' or '.join(unknown)}."
        if not any(one.name in other.environments for other in active):
            yield f"{one.name} has no server: `modeldeck member add NAME --server {one.name}`."


def _named_roles(one: Environment) -> Iterator[tuple[str, Sequence[str]]]:
    for role in one.roles:
        yield "roles", (role,)
    yield "deploy_roles", one.deploy_roles
    yield "rollback_roles", one.rollback_roles
    yield "gate_roles", one.gate_roles


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


def _flat(value: Json, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a policy; environments and checks are known by their names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "name":
                yield from _flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for one in value:
            if isinstance(one, Mapping):
                yield from _flat(dict(one), f"{key}.{one.get('name', '')}")
    elif isinstance(value, list):
        yield key, ", ".join(str(one) for one in value)
    elif isinstance(value, bool):
        yield key, "yes" if value else "no"
    else:
        yield key, str(value)
