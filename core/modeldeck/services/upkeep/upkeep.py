"""What one can do for the folder of a workspace: the services of this package under one name."""

from __future__ import annotations

from modeldeck.domain.history.documents import DoctorDocument, GcDocument, LevelDocument
from modeldeck.services.base.deck import Deck
from modeldeck.services.upkeep import doctor, gc, levels


class Upkeep:
    """The upkeep of one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def doctor(self, *, repair: bool = False) -> DoctorDocument:
        """Look at everything in the folder, and mend it if asked; see :func:`.doctor.examine`."""
        return doctor.examine(self.deck, is_repairing=repair)

    def level(self) -> LevelDocument:
        """Return how far the workspace protects itself; see :mod:`.levels`."""
        return levels.of(self.deck)

    def gc(self, *, apply: bool = False, grace: str = gc.GRACE) -> GcDocument:
        """Move objects that nothing needs into the trash; see :func:`.gc.collect`."""
        return gc.collect(self.deck, apply=apply, grace=grace)
