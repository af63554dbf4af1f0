"""Members: people, servers and CI jobs, with roles and keys; owners decide about them."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import MemberDocument
from modeldeck.domain.members import key_of
from modeldeck.errors import NotFoundError
from modeldeck.services.base.config import NewMember
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.store.signing import signer_from_file


class Members:
    """The members of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views

    def list(self) -> Sequence[MemberDocument]:
        """Return the active members by name."""
        return self.views.members()

    def add(self, member: NewMember) -> MemberDocument | None:
        """Add a member; None when more owners have to support it first.

        Raises
        ------
        ModelDeckError
            The actor is no owner, or the member is not acceptable.
        """
        self.deck.commit(
            "member.add",
            f"member:{member.name}",
            body={
                "name": member.name,
                "kind": member.kind,
                "uid": member.uid,
                "roles": [*member.roles],
                "environments": [*member.environments],
                "keys": [public_key(one) for one in member.keys],
            },
        )
        return next((one for one in self.list() if one["name"] == member.name), None)

    def revoke(self, name: str, reason: str) -> None:
        """Revoke a member with all keys, from now on.

        Raises
        ------
        ModelDeckError
            The actor is no owner, or too few owners would stay.
        """
        self.deck.commit("member.revoke", f"member:{name}", body={"reason": reason})

    def proposals(self) -> Sequence[str]:
        """Return the ids of owners' entries that wait for the support of other owners."""
        with self.deck.reading() as state:
            return sorted(state.pending)

    def support(self, proposal: str) -> None:
        """Support an owners' entry that waits for more owners.

        Raises
        ------
        ModelDeckError
            There is none of that id, or the actor is no other owner.
        """
        with self.deck.reading() as state:
            known = [one for one in state.pending if one.startswith(proposal) and proposal]
            if len(known) != 1:
                msg = f"There is no proposal {proposal[:40]!r} that waits for owners."
                raise NotFoundError(msg, "`modeldeck member list` shows what waits.")
            digest = state.pending[known[0]].act.digest
        self.deck.commit("proposal.support", f"proposal:{known[0]}", body={"digest": digest})


def public_key(text: str) -> str:
    """Return a public key from its text, or from a key file that is named.

    Raises
    ------
    ModelDeckError
        It is neither.
    """
    if text.startswith(("ssh-", "ecdsa-", "sk-")):
        return key_of(text)
    return signer_from_file(text).public
