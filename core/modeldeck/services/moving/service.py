"""What one can move into a workspace and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modeldeck.services.base.deck import Deck
from modeldeck.services.models import Models
from modeldeck.services.moving.exporting import ExportDocument, Exporting
from modeldeck.services.moving.giving import Giving, chosen_of
from modeldeck.services.moving.importing import ImportDocument, Narrate, run_import
from modeldeck.services.moving.syncing import SyncDocument, need_member, run_sync
from modeldeck.services.runs import Runs
from modeldeck.store import files


def _silent(_text: str) -> None:
    """Tell nobody."""


class Moving:
    """Moving between a workspace and MLflow, or another workspace."""

    def __init__(self, deck: Deck, *, models: Models, runs: Runs) -> None:
        self.deck = deck
        self.models = models
        self.runs = runs

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

    def give_mlflow(
        self,
        target: Path,
        *,
        runs: Sequence[str] = (),
        where: str = "",
        is_dry: bool = False,
    ) -> ExportDocument:
        """Write runs and model versions as MLflow's file store, for MLflow to read.

        Of some runs, the versions that were registered from them are written.

        Parameters
        ----------
        target : Path
            A new folder, or an ``mlruns`` that gets what it has not.
        runs : Sequence of str
            Runs by any unique endings of their ids; empty takes all.
        where : str
            Only what fits, in the filter language of lists; empty takes all.
        is_dry : bool
            Say what would be written, and write nothing.

        Raises
        ------
        NotFoundError, UsageError
            There is no such run, or several.
        InvalidInputError
            The filter is not understood, or the folder holds something else.
        NotPermittedError, UnavailableError
            The folder cannot be written.
        """
        fitting = self.runs.list(where=where)
        if runs:
            wanted = {self.runs.resolve(one) for one in runs}
            fitting = [one for one in fitting if one["id"] in wanted]
        is_all = not runs and not where
        versions = chosen_of(
            self.models.versions(), None if is_all else {one["id"] for one in fitting}
        )
        exporting = Exporting(self.runs, target, is_dry)
        giving = Giving(self.models, exporting)
        if not is_dry:
            files.make_folder(target)
        exporting.put(fitting)
        giving.put(versions)
        return ExportDocument(
            target=str(target),
            dry_run=is_dry,
            experiments=len(exporting.homes),
            runs=exporting.written,
            there=exporting.there,
            models=len(giving.names),
            versions=giving.versions,
            skipped=exporting.skipped,
        )

    def sync(self, path: Path, *, is_dry: bool = False, narrate: Narrate = _silent) -> SyncDocument:
        """Take in what is new in another workspace: runs, objects, model versions.

        Its decisions decide nothing here: its entries are kept as evidence, and its versions are
        registered anew, in the actor's name, with everybody who made or registered them there as
        authors.

        Parameters
        ----------
        path : Path
            The other workspace's folder.
        is_dry : bool
            Say what would be taken, and write nothing.
        narrate : callable
            Told in one line how far it is.

        Raises
        ------
        NotFoundError
            There is no workspace.
        InvalidInputError
            It is a copy of this one.
        ConflictError, TamperingError
            It is older than what was taken in before, or has another history.
        NotPermittedError, UnavailableError
            The actor is no member here, or the workspace cannot be written.
        DamageError
            The other workspace cannot be read.
        """
        if not is_dry:
            self.deck.need_writable()
            need_member(self.deck)
        return run_sync(self.deck, path, is_dry=is_dry, narrate=narrate)
