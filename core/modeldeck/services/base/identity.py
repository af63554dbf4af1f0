"""Who acts: the owner of the key that is named, else the claimed name or the user's own."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.levels import Level
from modeldeck.domain.members import key_owner
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
    host = socket.gethostname()
    key = key or os.environ.get("MODELDECK_KEY", "")
    if key:
        signer = signer_from_file(key)
        name = key_owner(state, signer.public)
        if not name:
            msg = f"The key {signer.fingerprint} belongs to no member of this workspace."
            raise NotPermittedError(
                msg, "An owner can add it: `modeldeck member add NAME --public-key FILE`."
            )
        return Actor(name, host, signer)
    claimed = user or os.environ.get("MODELDECK_USER", "")
    if claimed:
        return Actor(claimed, host)
    name = _system_user(state)
    if state.policy.strictest == Level.SIGNED:
        return _held_by_agent(state, name, host=host) or Actor(name, host)
    return Actor(name, host)


def _held_by_agent(state: State, name: str, *, host: str) -> Actor | None:
    """Return the one member other than the system's user whose key an agent holds, if any."""
    owned = [(key_owner(state, one.public), one) for one in agent_signers()]
    holders = {owner for owner, _signer in owned if owner}
    if len(holders) != 1 or name in holders:
        return None
    owner, signer = next(one for one in owned if one[0])
    return Actor(owner, host, signer)


def _system_user(state: State) -> str:
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
    """Return a key of the actor's: the one named, one in the agent, or one in ``~/.ssh``."""
    if actor.signer is not None:
        return actor.signer
    member = state.member(actor.name)
    if member is None or not member.keys:
        return None
    for signer in agent_signers():
        if signer.public in member.keys:
            return signer
    for path in sorted(Path.home().glob(".ssh/*.pub")):
        with contextlib.suppress(ModelDeckError, OSError):  # all kinds of files lie there
            if path.with_suffix("").exists():
                signer = signer_from_file(str(path.with_suffix("")))
                if signer.public in member.keys:
                    return signer
    return None
