"""Copies of a workspace: what owners say about a restored ledger, and which rules it follows.

``ledger.restore`` says that a history ends earlier than it once did, and outdates what was open.
``ledger.adopt`` says that the files of a copy belonged to their authors in the original.
``workspace.upgrade`` raises the version of the rules that entries follow.
"""

from __future__ import annotations

from modeldeck.domain.entry import is_digest
from modeldeck.domain.history.places import Adoption, Loss
from modeldeck.domain.state import Act, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError

MAX_VERSION = 1_000


def _need_entry(state: State, act: Act) -> None:
    if state.heads.get(act.text("head")) != act.number("n"):
        msg = f"Entry {act.number('n')} of this ledger is another one than is named."
        raise NotFoundError(msg, "`modeldeck ledger show` has each entry's digest.")


def _need_reason(act: Act) -> None:
    if not act.text("reason").strip():
        msg = f"{act.action} needs a reason."
        raise InvalidInputError(msg, "Say why, for those who read it later.")


def check_restore(state: State, act: Act) -> None:
    """Check that owners name the last entry that was kept, and how far the lost ones went."""
    _need_entry(state, act)
    _need_reason(act)
    if act.number("lost_n") < act.number("n"):
        msg = "What was lost ends before what was kept."
        raise InvalidInputError(msg, "Name the highest entry that anybody saw.")


def apply_restore(state: State, act: Act) -> str:
    """Say which entries are lost, and outdate every open release: its votes may be among them."""
    state.losses = (*state.losses, Loss(act.number("n"), act.number("lost_n")))
    state.outdate(because="the workspace was restored from a copy")
    return act.subject


def is_named(state: State, n: int, *, head: str, n_losses: int) -> bool:
    """Say whether owners named an entry as replaced or lost, so that nobody has to miss it.

    Parameters
    ----------
    state : State
        The ledger as it is now.
    n, head : int, str
        Number and digest of the entry that somebody remembers.
    n_losses : int
        How many losses the ledger named when it was seen: those say nothing about what came
        after them, or one loss would hide every later one.
    """
    known = state.breaks.get(n)
    if known is not None and known.acknowledged and known.wanted == head:
        return True
    return any(one.n < n <= one.lost_n for one in state.losses[n_losses:])


def check_adopt(state: State, act: Act) -> None:
    """Check that owners adopt a copy as far as an entry of it."""
    if not state.owners_count:
        msg = "Owners of files do not count in this workspace: there is nothing to adopt."
        raise ConflictError(msg)
    _need_entry(state, act)
    excluded = act.body["except"]
    is_plain = isinstance(excluded, list) and all(type(one) is int for one in excluded)
    if not is_plain or not is_digest(act.text("head")):
        msg = "The entries that are left out are not named by their numbers."
        raise InvalidInputError(msg)
    if any(one.covers(act.number("n")) for one in state.adoptions.values()):
        msg = f"The copy was adopted as far as entry {act.number('n')} already."
        raise ConflictError(msg)


def apply_adopt(state: State, act: Act) -> str:
    """Keep the adoption; who reads the ledger then begins anew, with this evidence."""
    excluded = act.body["except"]
    numbers = excluded if isinstance(excluded, list) else []
    left_out = frozenset(one for one in numbers if isinstance(one, int))
    state.adoptions[act.n] = Adoption(act.number("n"), act.text("head"), left_out)
    return act.subject


def check_upgrade(state: State, act: Act) -> None:
    """Check that owners raise the version of the rules."""
    to = act.number("to")
    if not state.rules < to <= MAX_VERSION:
        msg = f"The workspace follows version {state.rules} of the rules; {to} is no later one."
        raise ConflictError(msg)
    _need_reason(act)


def apply_upgrade(state: State, act: Act) -> str:
    """Raise the version that every later entry has."""
    state.rules = act.number("to")
    return "workspace"
