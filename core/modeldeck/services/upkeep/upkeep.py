"""What one can do for the folder of a workspace: the services of this package under one name."""

from __future__ import annotations

from modeldeck.domain.documents import GcDocument
from modeldeck.services.base.deck import Deck
from modeldeck.services.upkeep import gc


class Upkeep:
    """The upkeep of one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def gc(self, *, apply: bool = False, grace: str = gc.GRACE) -> GcDocument:
        """Move objects that nothing needs into the trash; see :func:`.gc.collect`."""
        return gc.collect(self.deck, apply=apply, grace=grace)
