"""Who acts: the owner of the key that is named, else the claimed name or the user's own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.levels import Level
from modeldeck.domain.members import key_owner
from modeldeck.domain.membership import keys
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, NotPermittedError
from modeldeck.store.signing import Signer, agent_signers, signer_from_file


@dataclass(frozen=True, slots=True)
class Actor:
    """The member on whose behalf this process acts; ``signer`` is the key named for it."""

    name: str
    host: str
    signer: Signer | None = None


def actor_of(state: State, *, user: str = "", key: str = "") -> Actor:
    """Find out who acts.

    Parameters
    ----------
    state : State
        The members and their keys.
    user : str
        A name that is claimed; empty takes ``MODELDECK_USER``, then the system's user. Where
        the workspace asks for signatures, a person is whoever owns the verifying key: then an
        agent that holds the keys of just one member decides, and the system's user does not.
    key : str
        A key file; its owner acts, whatever the Unix account.

    Raises
    ------
    NotPermittedError
        The key is nobody's.
    """
    import socket  # who only looks acts as nobody

    host = socket.gethostname()
    key = key or os.environ.get("MODELDECK_KEY", "")
    if key:
        signer = signer_from_file(key)
        name = key_owner(state, signer.public)
        if not name:
            raise _of_nobody(state, signer)
        return Actor(name, host, signer)
    claimed = user or os.environ.get("MODELDECK_USER", "")
    if claimed:
        return Actor(claimed, host)
    name = _system_user(state)
    if state.policy.strictest == Level.SIGNED:
        return _held_by_agent(state, name, host=host) or Actor(name, host)
    return Actor(name, host)


def _of_nobody(state: State, signer: Signer) -> NotPermittedError:
    """Return what is said to whoever names a key that is nobody's, or nobody's any more."""
    msg = f"The key {signer.fingerprint} belongs to no member of this workspace."
    hint = (
        "An owner can add it: `modeldeck member add NAME --public-key FILE`; for somebody "
        "who is a member already: `modeldeck member rotate-key NAME --public-key FILE`."
    )
    former = state.members.get(state.keys.get(signer.public, ""))
    if former is not None:
        held = [one for one in former.held if one.public == signer.public]
        until = max((one.until for one in held), default=former.until)
        msg = f"The key {signer.fingerprint} of {former.name} is in force no more, since "
        msg += f"entry {until}."
        if any(one.is_revoked for one in held):
            hint = (
                "A revoked key never comes back. Make another one (`ssh-keygen -t ed25519`); then "
                f"an owner runs: `modeldeck member rotate-key {former.name} --public-key FILE.pub`."
            )
    return NotPermittedError(msg, hint)


def _held_by_agent(state: State, name: str, *, host: str) -> Actor | None:
    """Return the one member other than the system's user whose key an agent holds, if any."""
    owned = [(key_owner(state, one.public), one) for one in agent_signers()]
    holders = {owner for owner, _signer in owned if owner}
    if len(holders) != 1 or name in holders:
        return None
    owner, signer = next(one for one in owned if one[0])
    return Actor(owner, host, signer)


def _system_user(state: State) -> str:
    import getpass

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid-{os.getuid()}"
    if state.member(name):
        return name
    uid = os.geteuid()
    same = [one.name for one in state.members.values() if one.uid == uid and one.kind == "person"]
    return same[0] if len(same) == 1 else name


def signer_for(state: State, actor: Actor) -> Signer | None:
    """Return the first key of the actor's that is at hand; see :func:`signers_for`."""
    return next(signers_for(state, actor), None)


def signers_for(state: State, actor: Actor) -> Iterator[Signer]:
    """Yield the actor's keys that are at hand: the one named, else agents', else ``~/.ssh``.

    Only keys that the ledger records for the actor are any; each is found once.
    """
    if actor.signer is not None:
        yield actor.signer
        return
    member = state.member(actor.name)
    left = set(member.keys) if member is not None else set()
    for signer in (*agent_signers(), *_signers_at_home()) if left else ():
        if signer.public in left:
            left.discard(signer.public)
            yield signer


def _signers_at_home() -> Iterator[Signer]:
    for path in sorted(Path.home().glob(".ssh/*.pub")):
        with contextlib.suppress(ModelDeckError, OSError):  # all kinds of files lie there
            if path.with_suffix("").exists():
                yield signer_from_file(str(path.with_suffix("")))


def help_with_keys(state: State, actor: Actor) -> str:
    """Return what somebody does about a signature that is asked for and cannot be given."""
    member = state.member(actor.name)
    owners = ", ".join(one.name for one in state.owners())
    if member is None or not member.keys:
        public = next((one.path for one in _signers_at_home()), "") or "~/.ssh/id_ed25519"
        make = "" if public != "~/.ssh/id_ed25519" else "Make one: `ssh-keygen -t ed25519`. "
        return (
            f"No key is recorded for {actor.name[:64]}. {make}Then an owner ({owners}) runs: "
            f"`modeldeck member rotate-key {actor.name[:64]} --public-key {public}.pub`."
        )
    prints = ", ".join(keys.fingerprint(one) for one in member.keys)
    return (
        f"The key recorded for {member.name} ({prints}) is neither in an agent nor in ~/.ssh: "
        "`ssh-add FILE`, or name it with --key FILE."
    )
