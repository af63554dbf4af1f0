"""How far a workspace protects itself: the levels L0 to L4, found from its files and its policy.

::

    L0  one account writes everything        mistakes; the chain shows what was edited
    L1  accounts of their own, sticky        nobody changes what another one wrote
    L2  signatures asked for                 nobody acts in another's name
    L3  closed to all but a service account  nobody touches a file at all
    L4  heads seen on another computer       history rewritten by the administrator shows

Each step says for itself whether it holds. L2 stands on L1, L3 on signatures, L4 on L3; a step
that holds without those below still counts in what is prevented and detected.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from modeldeck.domain.history.documents import LevelDocument, RungDocument
from modeldeck.domain.levels import Level
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.services.upkeep import sharing
from modeldeck.services.upkeep.report import account
from modeldeck.store import filesystems, places, witness

TITLES = {
    "L0": "one account, or unguarded folders",
    "L1": "accounts of their own in guarded folders",
    "L2": "guarded folders and signatures",
    "L3": "closed folder, entered by key",
    "L4": "closed folder, heads seen elsewhere",
}
_PREVENTS = {
    "L0": "mistakes: entries and objects are read-only and never overwritten",
    "L1": "changing, removing or renaming what another account wrote",
    "L2": "acting in another's name, approving other content, using an approval again",
    "L3": "touching files other than through ModelDeck; taking numbers in vain",
}
_DETECTS = {
    "L0": "edited, inserted, reordered or removed entries (chain), history cut off or rewritten as"
    " far as you saw it before (remembered head)",
    "L1": "entries in another's name (owner of the file)",
    "L2": "any change of a signed decision, by anybody who verifies",
    "L4": "history rewritten by the administrator of the folder",
}
_OPEN = {
    "L0": ["who wrote an entry; any name can be claimed", "changes by whoever can write here"],
    "L1": ["root, and the owner of the folders", "somebody who takes the next number in vain"],
    "L2": [
        "a stolen key or an unlocked agent",
        "a requester and an approver who agree to cheat",
        "a signer who lies about the time within what expiry allows",
    ],
    "L3": ["the administrator of that computer", "a stolen key or an unlocked agent"],
    "L4": ["an administrator who refuses service", "a stolen key or an unlocked agent"],
}


def of(deck: Deck) -> LevelDocument:
    """Return how far a workspace protects itself, as this user sees it.

    Raises
    ------
    UnavailableError
        The ledger cannot be read just now.
    """
    with deck.reading() as state:
        rungs = [
            _separate(deck, state),
            _signed(state),
            _closed(deck, state),
            _witnessed(deck, state),
        ]
    held = {one["level"] for one in rungs if one["holds"]}
    level = _reached(held)
    kept = ["L0", *sorted(held)]
    return LevelDocument(
        level=level,
        title=TITLES[level],
        prevents=[_PREVENTS[one] for one in kept if one in _PREVENTS],
        detects=[_DETECTS[one] for one in kept if one in _DETECTS],
        does_not_cover=_OPEN[level],
        rungs=rungs,
    )


def _reached(held: set[str]) -> str:
    if {"L2", "L3"} <= held:
        return "L4" if "L4" in held else "L3"
    if "L1" in held:
        return "L2" if "L2" in held else "L1"
    return "L0"


def _rung(level: str, because: str, *, holds: bool) -> RungDocument:
    return RungDocument(level=level, holds=holds, because=because)


def _separate(deck: Deck, state: State) -> RungDocument:
    """Say whether each person writes from an account of his own, guarded from the others."""
    people = [one for one in state.members.values() if one.is_active and one.kind == "person"]
    uids = [one.uid for one in people]
    unknown = sorted(one.name for one in people if one.uid < 0)
    because = ""
    system = filesystems.of(deck.root)
    try:
        is_guarded = sharing.is_guarded(deck.root)
    except OSError:
        is_guarded = False
    if not is_guarded:
        because = (
            "the ledger's folders are not shared by accounts and guarded by the sticky bit "
            "(`modeldeck init --group`)"
        )
    elif not state.owners_count or deck.ledger.owners_differ:
        because = "the owners of entries' files do not count here"
    elif system.kind not in {"local", "NFS"}:
        because = f"owners are not told truly over {system.type or system.kind}"
    elif unknown:
        because = f"no account is recorded for {', '.join(unknown[:5])} (`member add --uid`)"
    elif len(set(uids)) < len(uids):
        because = "several people have the same account"
    if because:
        return _rung("L1", because, holds=False)
    owner = account(places.ledger_folder(deck.root).stat().st_uid)
    text = f"{len(people)} people with accounts of their own; the folders belong to {owner}"
    return _rung("L1", text, holds=True)


def _signed(state: State) -> RungDocument:
    """Say whether every environment that decides asks for signatures."""
    policy = state.policy.environments
    loose = [
        name
        for name, one in policy.items()
        if min(each.level for each in one.each()) < Level.SIGNED
    ]
    if not policy or state.policy.strictest < Level.SIGNED:
        return _rung("L2", 'the policy asks for no signatures (trust = "signed")', holds=False)
    last = list(policy)[-1]
    if last in loose:
        return _rung("L2", f"{last} asks for no signatures", holds=False)
    without = [one.name for one in state.members.values() if one.is_owner and not one.keys]
    if without:
        return _rung("L2", f"the owner {without[0]} has no key", holds=False)
    but = f", {', '.join(loose)} does not" if loose else ""
    return _rung("L2", f"{last} asks for signatures{but}", holds=True)


def _closed(deck: Deck, state: State) -> RungDocument:
    """Say whether only a service account can enter the folder."""
    status = Path(deck.root).stat()
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return _rung("L3", "other accounts can enter the folder", holds=False)
    owner = account(status.st_uid)
    people = {one.name for one in state.members.values() if one.is_active and one.kind == "person"}
    if len(people) < 2 or owner in people:
        return _rung("L3", f"the folder is {owner}'s own, not a service account's", holds=False)
    if not _signed(state)["holds"]:
        return _rung("L3", "people are told apart by no key", holds=False)
    text = f"only the account {owner} can enter; that people come by a forced command is for sshd"
    return _rung("L3", text, holds=True)


def _witnessed(deck: Deck, state: State) -> RungDocument:
    """Say whether this user remembers the head where the folder's keeper cannot reach it."""
    head = f"entry {state.n}, head {state.head[:16]}"
    try:
        seen = witness.seen(state.workspace)
    except ModelDeckError:
        seen = None
    if not seen or not seen[0]:
        return _rung("L4", f"you remember no head yet; note {head} in a ticket", holds=False)
    system = filesystems.of(deck.root)
    if system.kind not in {"NFS", "CIFS"} and system.type != "fuse.sshfs":
        owner = places.ledger_folder(deck.root).stat().st_uid
        where = "under the same account" if owner == os.geteuid() else "on the same computer"
        text = f"what you remember lies {where}; note {head} in a ticket or a tag"
        return _rung("L4", text, holds=False)
    return _rung(
        "L4", f"this computer remembers entry {seen[0]}, {system.type} stores it", holds=True
    )
