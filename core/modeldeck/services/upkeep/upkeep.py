"""What one can do for the folder of a workspace: the services of this package under one name."""

from __future__ import annotations

from modeldeck.domain.history.documents import (
    DoctorDocument,
    GcDocument,
    LevelDocument,
    SharedDocument,
)
from modeldeck.errors import NotPermittedError, UsageError
from modeldeck.services.base.deck import Deck
from modeldeck.services.upkeep import doctor, gc, levels, sharing


class Upkeep:
    """The upkeep of one workspace."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def doctor(self, *, repair: bool = False) -> DoctorDocument:
        """Look at everything in the folder, and mend it if asked; see :func:`.doctor.examine`."""
        return doctor.examine(self.deck, is_repairing=repair)

    def share(self, group: str) -> SharedDocument:
        """Set the folder up for a group of this computer, as `init --group` does a new one.

        Parameters
        ----------
        group : str
            The group's name; this account is in it.

        Returns
        -------
        SharedDocument
            What changed, and how far the workspace protects itself now.

        Raises
        ------
        UsageError
            The workspace is looked at as it was.
        NotFoundError, NotPermittedError
            There is no such group, this account is not in it, a folder is another account's, or
            the workspace was opened read-only.
        UnavailableError
            The file system does not keep groups or modes.
        """
        if self.deck.as_of:
            msg = "A folder is shared as it is now."
            raise UsageError(msg, "Leave --as-of out.")
        if self.deck.is_asked_read_only:
            msg = "The workspace was opened read-only; nothing is changed."
            raise NotPermittedError(msg, "Leave --read-only out.")
        root = self.deck.root
        n_changed = sharing.open_to(root, group)
        closed = sharing.unreachable(root)
        return SharedDocument(
            group=group,
            n_changed=n_changed,
            unreachable="" if closed is None else str(closed),
            level=levels.of(self.deck),
        )

    def level(self) -> LevelDocument:
        """Return how far the workspace protects itself; see :mod:`.levels`."""
        return levels.of(self.deck)

    def gc(self, *, apply: bool = False, grace: str = gc.GRACE) -> GcDocument:
        """Move objects that nothing needs into the trash; see :func:`.gc.collect`."""
        return gc.collect(self.deck, apply=apply, grace=grace)
