"""Statements: what somebody is about to sign, shown field by field before, and recorded as shown.

What is shown is read back out of the very bytes that the signature will cover; only the reason,
which the person writes while they look, is put in last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from modeldeck.domain.entry import Intent, Json, digest_of, signed_bytes
from modeldeck.domain.levels import Level
from modeldeck.errors import ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.identity import signer_for
from modeldeck.store import ledger
from modeldeck.store.signing import Signer
from modeldeck.store.verifying import key_in

Field = tuple[str, str]
"""A field's path and its value as text."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What would be recorded, and how sure it would be.

    Attributes
    ----------
    intent : Intent
        The decision, with an empty reason where it takes one.
    level : str
        signed, owner or claimed: what the entry will have.
    key : str
        The fingerprint of the key that will sign it; empty where none does.
    needed : str
        The level that is asked for.
    """

    intent: Intent
    level: str
    key: str
    needed: str

    @property
    def is_enough(self) -> bool:
        """Whether the entry would have the level that is asked for."""
        return Level.of(self.level) >= Level.of(self.needed)

    def bytes(self, reason: str = "") -> bytes:
        """Return the bytes that a signature covers, in UTF-8."""
        return signed_bytes(self.saying(reason))

    def digest(self, reason: str = "") -> str:
        """Return the SHA-256 of :meth:`bytes`."""
        return digest_of(self.bytes(reason))

    def fields(self, reason: str = "") -> list[Field]:
        """Return every field of the statement with its path, read out of :meth:`bytes`."""
        return list(_leaves(json.loads(self.bytes(reason)), ""))

    def saying(self, reason: str) -> Intent:
        """Return the decision with a reason; one that takes none stays as it is."""
        if "reason" not in self.intent.body:
            return self.intent
        return replace(self.intent, body={**self.intent.body, "reason": reason})


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a statement: its entry, the level that it has, and the key that signed it."""

    n: int
    level: str
    key: str

    @property
    def said(self) -> str:
        """How sure the entry is, as part of a sentence."""
        return f"{self.level} with {self.key}" if self.key else self.level


def prepare(
    deck: Deck, action: str, *, subject: str, body: Mapping[str, Json], needed: Level
) -> Statement:
    """Return what the actor would record.

    Parameters
    ----------
    deck : Deck
        The open workspace.
    action, subject, body
        As an entry has them.
    needed : Level
        The level that counts there; a key is used where the account alone does not reach it.

    Raises
    ------
    NotPermittedError
        The workspace is read-only.
    """
    intent = deck.intent(action, subject, body=body)
    level, signer = how(deck, needed)
    key = signer.fingerprint if signer is not None else ""
    return Statement(intent, level=level.word, key=key, needed=needed.word)


def how(deck: Deck, needed: Level) -> tuple[Level, Signer | None]:
    """Return the level that an entry of the actor's would have, and the key that would sign it."""
    actor = deck.actor
    if actor.signer is not None:
        return Level.SIGNED, actor.signer
    level = deck.ledger.level_here(actor.name, is_signed=False)
    signer = signer_for(deck.state, actor) if level < needed else None
    return (Level.SIGNED, signer) if signer is not None else (level, None)


def record(deck: Deck, statement: Statement, *, reason: str = "") -> Recorded:
    """Record a statement exactly as it was shown.

    Raises
    ------
    ModelDeckError
        It was refused; nothing was written.
    """
    done = deck.record(statement.saying(reason))
    return Recorded(done.n, done.level.word, key_of_entry(deck, done.n))


def key_of_entry(deck: Deck, n: int) -> str:
    """Return the fingerprint of the key whose signature an entry was found to have; empty if none.

    The file is taken only as it was folded: with the digest that the state knows.
    """
    with deck.reading() as state:
        known = state.activity[n - 1] if 1 <= n <= state.n else None
    if known is None or known.level is not Level.SIGNED:
        return ""
    try:
        data, _owner = ledger.read_file(deck.root, n)
        signature = json.loads(data).get("signature") if digest_of(data) == known.digest else ""
    except (ModelDeckError, ValueError, AttributeError):
        return ""
    public = key_in(signature) if isinstance(signature, str) else ""
    return Signer(public).fingerprint if public else ""


def _leaves(value: Json, path: str) -> Iterator[Field]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        for at, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{at}")
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
