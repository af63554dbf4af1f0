"""Founding a workspace: folders, configuration, and entry 1 last, so that half of it is none."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.domain.entry import Intent, Json, signed_bytes
from modeldeck.domain.levels import Level
from modeldeck.domain.members import key_of
from modeldeck.errors import ConflictError, InvalidInputError
from modeldeck.services.base import config
from modeldeck.services.base.config import NewMember
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.members import Members, public_key
from modeldeck.services.upkeep import sharing
from modeldeck.store import files, places
from modeldeck.store.ledger import entry_path, found
from modeldeck.store.signing import signer_from_file

SERVER = "server"


def init(
    path: Path,
    *,
    owner: str,
    name: str = "",
    keys: Sequence[str] = (),
    trust: str = "owner",
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
    root = Path(path).absolute()
    if files.is_there(entry_path(root, 1)):
        msg = f"{root} is a workspace already."
        raise ConflictError(msg, "Choose another folder.")
    ids.check_name(owner, "an owner")
    gid = sharing.group_id(group) if group else -1
    public = [public_key(one) for one in keys]
    if not files.is_there(root / places.CONFIG):
        _need_key(public, is_asked=trust == Level.SIGNED.word)
        files.make_folder(root)
        text = config.TEMPLATE.format(name=_name(root, name), trust=trust)
        files.write_new(root / places.CONFIG, text.encode(), mode=0o644)
    known = config.load(root)
    _need_key(public, is_asked=known.policy.strictest == Level.SIGNED)
    members = config.load_members(root)
    _folders(root, gid=gid)
    body: dict[str, Json] = {
        "name": known.name,
        "threshold": 1,
        "file_owners": True,
        "owners": [_owner(owner, public)],
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
    key = next((one for one in keys if not one.startswith(("ssh-", "ecdsa-", "sk-"))), "")
    if key:
        signer = signer_from_file(key.removesuffix(".pub"))
        intent = replace(intent, signature=signer.sign(signed_bytes(intent), may_ask=may_ask))
    workspace = found(root, intent, host=socket.gethostname(), now=now)
    _add_members(root, members, owner=owner, key=key.removesuffix(".pub"))
    return workspace


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


def _folders(root: Path, *, gid: int) -> None:
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


def _owner(name: str, keys: Sequence[str]) -> dict[str, Json]:
    return {
        "name": name,
        "kind": "person",
        "uid": os.geteuid(),
        "roles": [],
        "environments": [],
        "keys": [key_of(one) for one in keys],
    }


def _add_members(root: Path, proposed: Sequence[NewMember], *, owner: str, key: str) -> None:
    deck = Deck(root, user=owner, key=key)
    views = Views(deck)
    members = Members(deck, views)
    for one in proposed:
        if one.name != owner:
            members.add(one)
    policy = deck.state.policy
    if not any(one.kind == "server" for one in proposed) and policy.strictest < Level.SIGNED:
        everywhere = tuple(policy.environments)
        members.add(NewMember(SERVER, kind="server", uid=os.geteuid(), environments=everywhere))
    views.save()
