"""Founding a workspace: folders, configuration, and entry 1 last, so that half of it is none."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.domain import fold
from modeldeck.domain.entry import Intent, Json, signed_bytes
from modeldeck.domain.levels import Level
from modeldeck.domain.state import State
from modeldeck.errors import ConflictError, InvalidInputError
from modeldeck.services.base import config
from modeldeck.services.base.config import NewMember
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.members import Members, public_key
from modeldeck.services.upkeep import sharing
from modeldeck.store import files, places
from modeldeck.store.keys import answers
from modeldeck.store.ledger import entry_path, found
from modeldeck.store.signing import signer_from_file

SERVER = "server"
_UID_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Founder:
    """An owner beside the first one: a name, a user id (-1 when unknown), public keys or files."""

    name: str
    uid: int = -1
    keys: tuple[str, ...] = ()


def founder_from(text: str) -> Founder:
    """Return an owner from ``NAME``, ``NAME:UID`` or ``NAME:UID:KEYFILE``; UID may be empty.

    Raises
    ------
    InvalidInputError
        It is not put so.

    Examples
    --------
    >>> founder_from("ben:1002:keys/ben.pub")
    Founder(name='ben', uid=1002, keys=('keys/ben.pub',))
    >>> founder_from("ben::keys/ben.pub").uid
    -1
    """
    name, _colon, rest = text.partition(":")
    uid, _colon, key = rest.partition(":")
    ids.check_name(name, "an owner")
    if uid and not (uid.isascii() and uid.isdigit() and len(uid) <= _UID_DIGITS):
        msg = f"{uid[:40]!r} is not a user id."
        raise InvalidInputError(msg, "Write an owner as NAME:UID:KEYFILE; `id -u` prints the UID.")
    return Founder(name, int(uid) if uid else -1, (key,) if key else ())


def first_of(owners: Sequence[Founder]) -> Founder:
    """Return the first owner, who founds the workspace from the account that this is.

    Raises
    ------
    InvalidInputError
        Another user id is named for them.
    """
    first = owners[0]
    if first.uid not in {-1, os.geteuid()}:
        msg = f"The first owner founds the workspace: {first.name} is user {os.geteuid()} here."
        raise InvalidInputError(msg, f"Write {first.name}, or name somebody else first.")
    return first


def majority(n_owners: int) -> int:
    """Return how many of some owners are more than half of them."""
    return n_owners // 2 + 1


def cautions(n_owners: int, threshold: int) -> list[str]:
    """Return what founders should know: each owner that is lost locks the workspace, for one."""
    if threshold < n_owners or n_owners == 1:
        return []
    text = (
        f"All {n_owners} owners have to agree on members and policy: if one is away, or loses "
        "the key, nobody can change them. Name one more owner, or a lower --threshold."
    )
    return [text]


def init(
    path: Path,
    *,
    owner: str,
    name: str = "",
    keys: Sequence[str] = (),
    trust: str = "owner",
    others: Sequence[Founder] = (),
    threshold: int = 1,
    may_ask: bool = False,
    group: str = "",
    now: clock.Clock = clock.utc_now,
) -> str:
    """Make a folder a workspace and adopt the policy of its ``modeldeck.toml``.

    A ``modeldeck.toml`` that is there already is kept, else one is written; so is a
    ``members.toml``, whose members are added. A server is enrolled for every environment unless
    the policy asks for signatures, which need a key that only the server has.

    Parameters
    ----------
    path : Path
        The folder; it is made when missing.
    owner : str
        The first owner.
    name : str
        The workspace's name; empty takes the folder's.
    keys : Sequence of str
        The owner's public keys, or key files.
    trust : str
        How sure authors have to be in a new configuration: claimed, owner or signed.
    others : sequence of Founder
        More owners.
    threshold : int
        How many owners decide together about members, keys and policy.
    may_ask : bool
        Whether the key's passphrase may be asked for at the terminal.
    group : str
        A group of this computer whose members share the folder; empty leaves it to one account.
    now : Clock
        Tells the time.

    Returns
    -------
    str
        The workspace's id.

    Raises
    ------
    ConflictError
        It is a workspace already.
    InvalidInputError
        The configuration, a name or a key is not acceptable, or signatures are asked for of an
        owner without a key: nobody could ever decide anything there.
    NotPermittedError
        The folder cannot be written, or this user is not in the group.
    NotFoundError, UnavailableError
        There is no such group; the file system does not keep groups and modes.
    """
    root = _free(path)
    gid = sharing.group_id(group) if group else -1
    public = [public_key(one) for one in keys]
    owners = _owners(owner, public, others=others)
    _need_threshold(threshold, len(owners))
    text = ""
    if not files.is_there(root / places.CONFIG):
        text = config.TEMPLATE.format(name=_name(root, name), trust=trust)
    known = config.parse(text) if text else config.load(root)
    _need_key(public, is_asked=known.policy.strictest == Level.SIGNED)
    members = config.load_members(root)
    body: dict[str, Json] = {
        "name": known.name,
        "threshold": threshold,
        "file_owners": True,
        "owners": [*owners],
        "policy": known.policy.to_json(),
    }
    intent = Intent(
        id=uuid.uuid4().hex,
        by=owner,
        action="workspace.found",
        subject=f"workspace:{known.name}",
        body=body,
        workspace="",
        head="",
    )
    fold.decide(State(), intent, level=Level.SIGNED, at=clock.to_text(now()))
    _folders(root, gid=gid, text=text)
    key = _key_to_sign_with(keys)
    with answers.asked_once():
        signed = _signed(intent, key, may_ask=may_ask) if key else intent
        workspace = found(root, signed, host=socket.gethostname(), now=now)
        deck = Deck(root, user=owner, key=key)
        deck.may_ask = may_ask
        _add_members(deck, members, founders={owner, *(one.name for one in others)})
    return workspace


def _signed(intent: Intent, key: str, *, may_ask: bool) -> Intent:
    signature = signer_from_file(key).sign(signed_bytes(intent), may_ask=may_ask)
    return replace(intent, signature=signature)


def _key_to_sign_with(keys: Sequence[str]) -> str:
    """Return the founder's key file, by its private half where that lies beside it."""
    key = next((one for one in keys if not one.startswith(("ssh-", "ecdsa-", "sk-"))), "")
    private = key.removesuffix(".pub")
    return private if private and files.is_there(Path(private).expanduser()) else key


def _need_threshold(threshold: int, n_owners: int) -> None:
    if not 1 <= threshold <= n_owners:
        msg = f"A threshold of {threshold} cannot be met by {n_owners} owners."
        raise InvalidInputError(msg, f"Take 1 to {n_owners}, or name more owners: --owner.")


def _free(path: Path) -> Path:
    root = Path(path).absolute()
    if files.is_there(entry_path(root, 1)):
        msg = f"{root} is a workspace already."
        raise ConflictError(msg, "Choose another folder.")
    return root


def _need_key(keys: Sequence[str], *, is_asked: bool) -> None:
    if is_asked and not keys:
        msg = "The policy asks for signatures, and the owner has no key to sign with."
        hint = "Name it: `modeldeck init PATH --key ~/.ssh/id_ed25519`; `ssh-keygen` makes one."
        raise InvalidInputError(msg, hint)


def _name(root: Path, name: str) -> str:
    if name:
        return ids.check_name(name, "a workspace")
    own = root.name.lower()
    return own if ids.is_name(own) else "workspace"


def _folders(root: Path, *, gid: int, text: str) -> None:
    """Make the folders, and the configuration where there is none yet."""
    files.make_folder(root)
    if text:
        files.write_new(root / places.CONFIG, text.encode(), mode=0o644)
    for folder in (
        places.ledger_folder(root),
        places.objects_folder(root),
        places.tmp_folder(root),
        root / "runs",
        root / "endpoints",
        root / "pipelines",
        root / "datasets",
    ):
        files.make_folder(folder)
    if gid >= 0:
        sharing.share(root, gid)


def _owners(name: str, keys: Sequence[str], *, others: Sequence[Founder]) -> list[Json]:
    first = Founder(name, os.geteuid(), tuple(keys))
    return [
        {
            "name": ids.check_name(one.name, "an owner"),
            "kind": "person",
            "uid": one.uid,
            "roles": [],
            "environments": [],
            "keys": [public_key(key) for key in one.keys],
        }
        for one in (first, *others)
    ]


def _add_members(deck: Deck, proposed: Sequence[NewMember], *, founders: set[str]) -> None:
    views = Views(deck)
    members = Members(deck, views)
    for one in proposed:
        if one.name not in founders:
            members.add(one)
    policy = deck.state.policy
    if not any(one.kind == "server" for one in proposed) and policy.strictest < Level.SIGNED:
        everywhere = tuple(policy.environments)
        members.add(NewMember(SERVER, kind="server", uid=os.geteuid(), environments=everywhere))
    views.save()
