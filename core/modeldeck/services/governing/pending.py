"""What waits for owners: decisions that fewer of them took than the threshold asks for."""

from __future__ import annotations

from modeldeck.domain.membership import accounts
from modeldeck.domain.membership.documents import ProposalDocument
from modeldeck.domain.state import Pending, State
from modeldeck.services.activity import sentence
from modeldeck.services.base.deck import Deck


def proposals(deck: Deck) -> list[ProposalDocument]:
    """Return the owners' decisions that wait for more of them, oldest first."""
    actor = deck.actor.name
    with deck.reading() as state:
        found = sorted(state.pending.values(), key=lambda one: one.act.n)
        return [_document(state, one, actor=actor) for one in found]


def _document(state: State, pending: Pending, *, actor: str) -> ProposalDocument:
    act, needed = pending.act, state.policy.strictest
    owners = [one.name for one in state.owners()]
    sure = {name: level for name, level in pending.supporters.items() if level >= needed}
    counted = accounts.distinct(
        {name: level for name, level in sure.items() if name in owners},
        state.members,
        needed=needed,
    )
    problem = ""
    if act.level < needed:
        word = act.level.word
        problem = f"it was made at the level {word}; the policy needs {needed.word} by now"
    waits_for = [] if problem else [name for name in owners if name not in counted]
    reason = act.body.get("reason", "")
    return ProposalDocument(
        id=act.id,
        n=act.n,
        at=act.at,
        by=act.by,
        action=act.action,
        subject=act.subject,
        text=sentence(state.activity[act.n - 1]),
        reason=reason if isinstance(reason, str) else "",
        supporters=counted,
        lacks=max(0, state.threshold - len(counted)),
        waits_for=waits_for,
        waits_for_me=actor in waits_for,
        problem=problem,
    )
