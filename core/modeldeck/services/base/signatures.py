"""Which key signs a decision: the one that was named, or the first at hand with which it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.domain.entry import Intent
from modeldeck.domain.levels import Level
from modeldeck.errors import ModelDeckError, NotPermittedError
from modeldeck.services.base import identity
from modeldeck.services.base.identity import signer_for, signers_for
from modeldeck.store.signing import Signer

if TYPE_CHECKING:
    from modeldeck.domain.state import State
    from modeldeck.services.base.deck import Deck


def signer_of(deck: Deck, intent: Intent) -> Signer | None:
    """Return what signs an intent; None where nothing needs to.

    It is decided before the key is touched, so that a refusal costs no passphrase.

    Raises
    ------
    ModelDeckError
        It may not be recorded, whatever signs it; or no key is at hand.
    """
    if deck.actor.signer is not None:
        _decide(deck, intent, key=deck.actor.signer.public)
        return deck.actor.signer
    level = deck.ledger.level_here(intent.by, is_signed=False)
    if level < _worth(deck.state, intent):
        return signer_for(deck.state, deck.actor)
    try:
        fold.decide(deck.state, intent, level=level, at=clock.to_text(deck.now()))
    except NotPermittedError as error:
        return _fitting(deck, intent, refused=error)
    return None


def _worth(state: State, intent: Intent) -> Level:
    """Return the level below which an intent that needs none is worth less than people expect.

    A version is released nowhere that asks for more than its registration has, and a thread holds
    up no release there.
    """
    if intent.action == "version.register":
        return state.policy.strictest
    if intent.action in {"thread.start", "thread.reply", "thread.reopen"}:
        each = (one for known in state.policy.environments.values() for one in known.each())
        return max((one.level for one in each if one.resolve_threads), default=Level.CLAIMED)
    return Level.CLAIMED


def _decide(deck: Deck, intent: Intent, *, key: str) -> None:
    """Refuse what may not be recorded when it is signed with a key; any where none is named."""
    at = clock.to_text(deck.now())
    fold.decide(deck.state, intent, level=Level.SIGNED, at=at, key=key)


def _fitting(deck: Deck, intent: Intent, *, refused: NotPermittedError) -> Signer:
    """Return the first key at hand with which an intent may be recorded."""
    problem = refused
    for signer in signers_for(deck.state, deck.actor):
        try:
            _decide(deck, intent, key=signer.public)
        except NotPermittedError as error:
            problem = error
        else:
            return signer
    if problem is refused and _is_only_unsigned(deck, intent):
        hint = identity.help_with_keys(deck.state, deck.actor)
        raise NotPermittedError(refused.message, hint) from refused
    raise problem


def _is_only_unsigned(deck: Deck, intent: Intent) -> bool:
    try:
        _decide(deck, intent, key="")
    except ModelDeckError:
        return False
    return True
