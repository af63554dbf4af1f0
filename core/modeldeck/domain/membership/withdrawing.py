"""Withdrawing a proposal: whoever made it, or any owner, takes it off the table for good.

Nobody can support it any more; who still wants it proposes it again. The entry names the proposal
by its digest, as a support does, and needs the level that support needs, so that nobody who could
not decide with the owners can take away what they are about to decide.
"""

from __future__ import annotations

from modeldeck.domain import members
from modeldeck.domain.state import Act, Pending, State
from modeldeck.errors import NotPermittedError

FIELDS: dict[str, type] = {"digest": str, "reason": str}
"""The body: the digest of the proposal's entry, and why."""


def check_withdraw(state: State, act: Act) -> None:
    """Check that a proposal that still waits is withdrawn by who made it, or by an owner."""
    need_withdrawer(state, members.waiting(state, act), person=act.by)


def need_withdrawer(state: State, pending: Pending, *, person: str) -> None:
    """Refuse who may not withdraw a proposal.

    Raises
    ------
    NotPermittedError
        It is neither the member who made it nor an owner.
    """
    member, made = state.member(person), pending.act
    is_maker = member is not None and person == made.by and made.n > member.since
    if not is_maker and not (member is not None and member.is_owner):
        msg = f"Only {made.by} or an owner can withdraw that proposal."
        names = ", ".join(one.name for one in state.owners())
        raise NotPermittedError(msg, f"Ask {names}.")


def apply_withdraw(state: State, act: Act) -> str:
    """Take the proposal away."""
    state.withdrawn[state.pending[act.entity].act.n] = act.n
    del state.pending[act.entity]
    return act.subject
