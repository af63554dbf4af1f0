"""The texts of remarks: objects named by a salted digest, and reading them back."""

from __future__ import annotations

import json
import secrets

from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.store import files
from modeldeck.store.objects import ObjectStore

MAX_TEXT = 16_384
MOST_BYTES = 8 * MAX_TEXT
"""An object that is larger holds no remark."""

MOST_KEPT = 4096
"""Texts that are remembered at most."""


def store(deck: Deck, text: str) -> str:
    """Store a remark's text with a fresh salt; return the digest of its object.

    Raises
    ------
    InvalidInputError
        The text is empty, too long, or no Unicode text.
    NotPermittedError
        The workspace is read-only.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        msg = f"A remark has 1 to {MAX_TEXT:,} characters; this one has {len(text):,}."
        raise InvalidInputError(msg)
    deck.need_writable()
    try:
        data = files.dumps({"salt": secrets.token_hex(16), "text": text})
    except UnicodeEncodeError:
        msg = "The remark holds characters that are no Unicode text."
        raise InvalidInputError(msg, "Remove them.") from None
    return deck.objects.put(data)


class Texts:
    """Reads remarks' texts, and remembers some: an object never changes."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self._known: dict[str, str] = {}

    def read(self, digest: str) -> str:
        """Return a text; empty when its object is not there or is no remark."""
        if digest not in self._known:
            try:
                text = text_in(self.objects.read(digest, limit=MOST_BYTES))
            except ModelDeckError:
                return ""
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[digest] = text or ""
        return self._known[digest]


def text_in(data: bytes) -> str | None:
    """Return the text that an object holds, with or without a salt; None when it is no remark."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not {"text"} <= value.keys() <= {"text", "salt"}:
        return None
    text = value["text"]
    return text if isinstance(text, str) else None
