"""Broken places: entry n+1 names other bytes than those that entry n has.

Somebody replaced the one or inserted the other; which of them cannot be told from the chain. Both
are marked. Signed entries that only restrict (a rejection, a withdrawal, a revocation, a way back)
count all the same. Everything else waits until owners acknowledge the place, once and for good, by
the digest of what stands there: then it counts from their entry on, if it still may. Votes do not:
they are cast again.
"""

from __future__ import annotations

from dataclasses import replace

from modeldeck.domain.history.places import Break
from modeldeck.domain.levels import Level
from modeldeck.domain.membership import changing
from modeldeck.domain.state import Act, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError

WAITS = "the chain is broken here: it waits for owners, `modeldeck ledger acknowledge`"
RECAST = "votes at a broken place do not count: they are cast again"
_RESTRICTIVE = frozenset(
    {
        "release.withdraw",
        "member.revoke",
        "deployment.rollback",
        "deployment.stop",
        "run.stop",
        "version.revoke",
    }
)
_VERDICTS = frozenset({"reject", "request-changes"})


def is_restrictive(state: State, act: Act) -> bool:
    """Say whether an act only takes something away, so that believing it opens nothing."""
    if act.action == "release.vote":
        return act.body.get("verdict") in _VERDICTS
    if act.action == "proposal.support":
        pending = state.pending.get(act.entity)
        return pending is not None and is_restrictive(state, pending.act)
    if act.action == "proposal.withdraw":  # but for one that would itself take something away
        pending = state.pending.get(act.entity)
        return pending is not None and not is_restrictive(state, pending.act)
    if act.action == "member.change":
        return changing.only_takes(act)
    return act.action in _RESTRICTIVE


def counts(state: State, act: Act) -> bool:
    """Say whether an act counts at a broken place without anybody's acknowledgement."""
    return act.level is Level.SIGNED and is_restrictive(state, act)


def mark(state: State, *, wanted: str) -> None:
    """Mark the last entry, whose bytes are not those that the next one names.

    Its effect is taken back unless it counts at a broken place too.
    """
    line, last = state.activity[-1], state.last
    if last is not None and not line.is_void and not state.last_counts:
        state.retract()
        state.waiting[last.n] = last
        line = line._replace(is_void=True, reason=WAITS)
    state.activity[-1] = line._replace(is_broken=True)
    state.breaks[line.n] = Break(line.n, line.digest, wanted)


def open_breaks(state: State) -> list[Break]:
    """Return the broken places that owners have not acknowledged, in order."""
    return [one for one in state.breaks.values() if not one.acknowledged]


def check_acknowledge(state: State, act: Act) -> None:
    """Check that owners acknowledge a broken place, once, by what stands there."""
    found = state.breaks.get(act.number("n"))
    if found is None:
        msg = f"The chain is not broken after entry {act.number('n')}."
        raise NotFoundError(msg, "`modeldeck ledger verify` names the places where it is.")
    if found.acknowledged:
        msg = f"Entry {found.acknowledged} acknowledged that place already."
        raise ConflictError(msg, "That is done once and for good.")
    if act.text("digest") != found.digest:
        msg = f"Entry {found.n} is another one than was looked at."
        raise ConflictError(msg, "Look at it again: `modeldeck ledger show`.")
    if not act.text("reason").strip():
        msg = "To acknowledge a broken place you have to say why."
        raise InvalidInputError(msg, "Give a reason.")


def acknowledge(state: State, act: Act) -> list[Act]:
    """Acknowledge a place; return the acts that wait there and at no other broken place."""
    found = state.breaks[act.number("n")]
    state.breaks[found.n] = replace(found, acknowledged=act.n)
    free = []
    for n in (found.n, found.n + 1):
        places = (state.breaks.get(n - 1), state.breaks.get(n))
        if n in state.waiting and all(one is None or one.acknowledged for one in places):
            free.append(state.waiting[n])
            del state.waiting[n]
    return free
