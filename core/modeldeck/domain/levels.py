"""How sure it is that an entry's author wrote it: signed > owner > claimed.

The evidence is found outside (who owns the file, does the signature verify) and handed in; what
follows from it is decided here, the same for every reader that has the same evidence.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """The level of an entry, or the one that something asks for."""

    CLAIMED = 0
    OWNER = 1
    SIGNED = 2

    @property
    def word(self) -> str:
        """The level as people write it: claimed, owner or signed."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Level:
        """Return the level with a word; an unknown word is the strictest."""
        return {"claimed": cls.CLAIMED, "owner": cls.OWNER}.get(word, cls.SIGNED)


class Evidence(NamedTuple):
    """What a reader found about one entry.

    Attributes
    ----------
    owner : int or None
        User id that owns the entry's file; None when owners say nothing here.
    key : str
        The member's public key under which the signature verified, ``type base64``; else empty.
    is_forged : bool
        There is a signature, and it verifies under no key that its author has.
    is_contradictory : bool
        It adopts a copy, and with that evidence its own authors would not be owners.
    """

    owner: int | None = None
    key: str = ""
    is_forged: bool = False
    is_contradictory: bool = False


def level_of(evidence: Evidence, *, uid: int | None, owners_count: bool) -> Level:
    """Return the level that evidence gives an entry whose author has the user id ``uid``."""
    if evidence.key:
        return Level.SIGNED
    if owners_count and evidence.owner is not None and evidence.owner == uid:
        return Level.OWNER
    return Level.CLAIMED
