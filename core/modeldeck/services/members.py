"""Members: people, servers and CI jobs, with roles and keys; owners decide about them.

Where the threshold of owners is more than one, what one of them decides is a proposal until enough
others support it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.documents import MemberDocument
from modeldeck.domain.entry import Json
from modeldeck.domain.membership import keys
from modeldeck.domain.membership.documents import MemberDetailDocument, SigningDocument
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policies.trouble import strange_roles
from modeldeck.errors import NotFoundError
from modeldeck.services.base import identity
from modeldeck.services.base.config import NewMember
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.governing.details import details
from modeldeck.store import files
from modeldeck.store.signing import signer_from_file

_MAX_KEY = 1 << 16


@dataclass(frozen=True, slots=True)
class Change:
    """What shall change about a member.

    Attributes
    ----------
    add_roles, remove_roles : tuple of str
        Roles that begin, and that end.
    add_keys : tuple of str
        Public keys, or files with one.
    revoke_keys : tuple of str
        Keys of the member that end for good: a fingerprint or its beginning, a key, or a file.
    owner : str
        ``yes`` makes an owner, ``no`` ends that, empty leaves it.
    reason : str
        Why; it is kept.
    """

    add_roles: tuple[str, ...] = ()
    remove_roles: tuple[str, ...] = ()
    add_keys: tuple[str, ...] = ()
    revoke_keys: tuple[str, ...] = ()
    owner: str = ""
    reason: str = ""


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

    def strange(self, roles: Sequence[str]) -> Sequence[str]:
        """Return a sentence for each role that the policy in force does not name."""
        with self.deck.reading() as state:
            return strange_roles(state.policy, roles)

    def show(self, name: str = "") -> MemberDetailDocument:
        """Return all about a member: roles and keys with their entries, and what they may do.

        Parameters
        ----------
        name : str
            Also of somebody who was revoked; empty for the actor.

        Raises
        ------
        NotFoundError
            Nobody of that name ever was a member.
        """
        with self.deck.reading() as state:
            return details(state, self._known(name or self.deck.actor.name))

    def change(self, name: str, change: Change) -> bool:
        """Change roles, keys or ownership of a member, from the next entry on.

        Returns
        -------
        bool
            Whether it is in force: not before as many owners support it as the threshold asks for.

        Raises
        ------
        NotPermittedError
            The actor is no owner, or too few owners could decide afterwards.
        NotFoundError, ConflictError, InvalidInputError
            There is no such member, role or key; it is so already; that is no key.
        """
        with self.deck.reading():
            member = self._known(name)
        gone = [_held_key(member, one) for one in change.revoke_keys]
        body: dict[str, Json] = {
            "add_roles": [*change.add_roles],
            "remove_roles": [*change.remove_roles],
            "add_keys": [public_key(one) for one in change.add_keys],
            "revoke_keys": [*gone],
            "owner": change.owner,
            "reason": change.reason,
        }
        done = self.deck.commit("member.change", f"member:{name}", body=body)
        return not self._waits(done.n)

    def revoke(self, name: str, reason: str) -> bool:
        """Revoke a member with all keys, from now on.

        Returns
        -------
        bool
            Whether it is in force: not before as many owners support it as the threshold asks for.

        Raises
        ------
        ModelDeckError
            The actor is no owner, or too few owners would stay.
        """
        done = self.deck.commit("member.revoke", f"member:{name}", body={"reason": reason})
        return not self._waits(done.n)

    def signing(self) -> SigningDocument:
        """Return with which key the actor would sign, or what to do without one."""
        with self.deck.reading() as state:
            actor = self.deck.actor
            signer = identity.signer_for(state, actor)
            advice = "" if signer is not None else identity.help_with_keys(state, actor)
        source = "" if signer is None else "file" if signer.path else "agent"
        return SigningDocument(
            member=actor.name,
            fingerprint=signer.fingerprint if signer is not None else "",
            source=source,
            path=signer.path if signer is not None else "",
            is_hardware=signer is not None and keys.is_hardware(signer.public),
            help=advice,
        )

    def _waits(self, n: int) -> bool:
        with self.deck.reading() as state:
            return any(one.act.n == n for one in state.pending.values())

    def _known(self, name: str) -> Member:
        member = self.deck.state.members.get(name)
        if member is None:
            msg = f"{name[:80]} is not a member."
            raise NotFoundError(msg, "`modeldeck member list` shows who is.")
        return member


def _held_key(member: Member, typed: str) -> str:
    """Return the key in force that somebody means: by fingerprint, text or file."""
    if typed.startswith("SHA256:"):
        found = [one for one in member.keys if keys.fingerprint(one).startswith(typed)]
        if len(found) == 1:
            return found[0]
        which = "no key" if not found else "more than one key"
        msg = f"{member.name} has {which} {typed[:60]} in force."
        raise NotFoundError(msg, f"`modeldeck member show {member.name}` lists the keys.")
    return public_key(typed) if typed not in member.keys else typed


def public_key(text: str) -> str:
    """Return a public key from its text, or from a key file that is named.

    Parameters
    ----------
    text : str
        The line of a ``.pub`` file, the file, or the private key beside it.

    Raises
    ------
    ModelDeckError
        It is neither.
    """
    if text.startswith(("ssh-", "ecdsa-", "sk-")) and " " in text:
        return keys.parse(text)
    path = Path(text).expanduser()
    if files.is_file(path) and not files.is_there(path.with_name(f"{path.name}.pub")):
        try:
            with path.open("rb") as reader:  # people link their keys
                found = reader.read(_MAX_KEY).decode()
        except OSError as error:
            raise files.read_error(error, path) from error
        except UnicodeDecodeError:
            found = ""
        return keys.parse(found)
    return signer_from_file(text).public
