"""The policy: the one in force, the one that ``modeldeck.toml`` proposes, and adopting that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modeldeck.domain.entry import Json
from modeldeck.domain.policies.documents import PolicyChange, PolicyDocument
from modeldeck.domain.policies.trouble import warnings
from modeldeck.domain.policy import Policy
from modeldeck.domain.state import State
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
            only_proposed = {*(one.act.n for one in state.pending.values()), *state.withdrawn}
            since = next(
                one
                for one in reversed(state.activity)
                if not one.is_void
                and one.n not in only_proposed
                and (one.action in _ADOPTING or one.entity == "policy")
            )
            return PolicyDocument(
                digest=state.policy_digest,
                since_n=since.n,
                since=since.at,
                by=since.by,
                policy=state.policy.to_json(),
                warnings=_trouble(state, state.policy),
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
            found = _trouble(state, policy)
        return PolicyDocument(
            digest=policy.digest,
            since_n=0,
            since="",
            by="",
            policy=policy.to_json(),
            warnings=found,
        )

    def changes(self) -> Sequence[PolicyChange]:
        """Return what differs between the policy in force and the file, by the keys' paths.

        Raises
        ------
        NotFoundError, InvalidInputError
            The file is not there, or not as expected.
        """
        return differing(self.show()["policy"], self.proposed()["policy"])

    def outline(self) -> Sequence[PolicyChange]:
        """Return every key of the policy in force with its value, as what comes after nothing."""
        with self.deck.reading() as state:
            return differing({}, state.policy.to_json())

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


def _trouble(state: State, policy: Policy) -> list[str]:
    return list(warnings(policy, list(state.members.values()), models=list(state.models)))


def differing(before: Json, after: Json) -> list[PolicyChange]:
    """Return what differs between two policies, by the keys' paths."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        PolicyChange(key=key, before=old.get(key, ""), after=new.get(key, ""))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(value: Json, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of a policy; environments and checks are known by their names."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "name" and not (name == "models" and isinstance(inner, str)):
                yield from _flat(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        tables = [dict(one) for one in value if isinstance(one, Mapping)]
        names = [str(one.get("name", one.get("models", ""))) for one in tables]
        yield key, ", ".join(names)
        for called, one in zip(names, tables, strict=True):
            yield from _flat(one, f"{key}.{called}")
    elif isinstance(value, list):
        yield key, ", ".join(str(one) for one in value)
    elif isinstance(value, bool):
        yield key, "yes" if value else "no"
    else:
        yield key, str(value)
