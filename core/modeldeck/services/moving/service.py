"""What one can move into a workspace and out of it."""

from __future__ import annotations

from pathlib import Path

from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views
from modeldeck.services.models import Models
from modeldeck.services.moving.importing import ImportDocument, Narrate, run_import


def _silent(_text: str) -> None:
    """Tell nobody."""


class Moving:
    """Moving between a workspace and MLflow, or another workspace."""

    def __init__(self, deck: Deck, views: Views, *, models: Models) -> None:
        self.deck = deck
        self.views = views
        self.models = models

    def take_mlflow(
        self,
        path: Path,
        *,
        is_dry: bool = False,
        with_deleted: bool = False,
        narrate: Narrate = _silent,
    ) -> ImportDocument:
        """Import a store of MLflow: experiments, runs, artifacts, registered models.

        Parameters
        ----------
        path : Path
            An ``mlruns`` folder, an ``mlflow.db``, or the folder that holds one.
        is_dry : bool
            Say what would be taken, and write nothing.
        with_deleted : bool
            Take also runs that were deleted in MLflow.
        narrate : callable
            Told in one line how far it is.

        Raises
        ------
        NotFoundError, InvalidInputError
            There is no such store.
        NotPermittedError, UnavailableError
            The workspace cannot be written; what was taken so far stays.
        DamageError
            A database cannot be read.
        """
        if not is_dry:
            self.deck.need_writable()
        return run_import(
            self.deck,
            self.models,
            path=path,
            is_dry=is_dry,
            with_deleted=with_deleted,
            narrate=narrate,
        )
