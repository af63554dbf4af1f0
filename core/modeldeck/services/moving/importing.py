"""Taking in what MLflow kept: experiments, runs with their artifacts, registered models.

A run appears whole or not at all, under an id that follows from MLflow's; so an import that was
interrupted goes on where it was, and one that is done again takes nothing twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import orjson

from modeldeck import ids
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.services.models import Models
from modeldeck.services.moving import landing, taking
from modeldeck.services.moving.experiments import Experiment, Experiments
from modeldeck.services.moving.reading import locating
from modeldeck.services.moving.reading.tree import Item
from modeldeck.services.moving.reading.values import (
    HOME,
    Skipped,
    Source,
    SourceExperiment,
    SourceRun,
)
from modeldeck.services.moving.registering import Registering
from modeldeck.store import files

Narrate = Callable[[str], None]
"""Told in one line how far it is."""

ROOM = 64 << 20
"""Bytes that stay free on the disk."""


class ImportDocument(TypedDict):
    """What an import took: counts, what was there already, and what was not taken and why."""

    source: str
    kind: str
    dry_run: bool
    experiments: int
    runs: int
    there: int
    renewed: int
    models: int
    versions: int
    skipped: list[Skipped]


@dataclass
class Took:
    """What an import took so far."""

    experiments: set[str] = field(default_factory=set)
    runs: int = 0
    there: int = 0
    renewed: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, what: str, reason: str) -> None:
        """Note what was not taken."""
        self.skipped.append({"what": what, "reason": reason})


class Importing:
    """One import.

    Parameters
    ----------
    deck : Deck
        The workspace.
    source : Source
        Where from.
    narrate : callable
        Told how far it is.
    is_dry : bool
        Count, and write nothing.
    with_deleted : bool
        Take also what was deleted in MLflow.
    with_artifacts : bool
        Copy artifacts too.
    is_durable : bool
        Bring each run to the disk before the next one.
    """

    def __init__(
        self,
        deck: Deck,
        source: Source,
        *,
        narrate: Narrate,
        is_dry: bool = False,
        with_deleted: bool = False,
        with_artifacts: bool = True,
        is_durable: bool = True,
    ) -> None:
        self.deck = deck
        self.source = source
        self.took = Took()
        self.runs: dict[str, SourceRun] = {}
        self.known: dict[str, str] = {}
        self._narrate = narrate
        self._is_dry = is_dry
        self._with_deleted = with_deleted
        self._with_artifacts = with_artifacts
        self._is_durable = is_durable
        self._experiments = Experiments(deck.root, is_dry=is_dry)
        self._models: dict[str, list[tuple[str, tuple[str, ...]]]] = {}

    def take(self) -> None:
        """Take experiments and runs.

        Raises
        ------
        NotPermittedError, UnavailableError
            The workspace cannot be written; what was taken stays.
        DamageError
            A database cannot be read.
        """
        wanted: list[tuple[SourceExperiment, list[SourceRun]]] = []
        for experiment in self.source.experiments():
            found = [
                one for one in self.source.runs(experiment) if self._is_wanted(one, experiment)
            ]
            self.runs |= {one.id: one for one in found}
            if found:
                wanted.append((experiment, found))
        self.known = {one.id: taking.id_of(one) for one in self.runs.values()}
        self._find_models()
        done, total = 0, len(self.runs)
        for experiment, runs in wanted:
            claimed = self._claim(experiment)
            for run in runs:
                done += 1
                self._narrate(f"run {done} of {total}, of {experiment.name}")
                self._take_run(run, claimed)

    def _is_wanted(self, run: SourceRun, experiment: SourceExperiment) -> bool:
        if run.id in self.runs:
            self.took.skip(f"run {run.id}", "another run has the same id")
            return False
        if self._with_deleted or not (run.is_deleted or experiment.is_deleted):
            return True
        what = "it was deleted" if run.is_deleted else "its experiment was deleted"
        self.took.skip(f"run {run.id}", f"{what} in MLflow; --deleted takes it")
        return False

    def _find_models(self) -> None:
        """Note where the models lie that MLflow 3 logged beside runs."""
        for model in self.source.models() if self._with_artifacts else ():
            if model.run not in self.runs:
                continue
            place, reason = locating.model_of(self.source, model)
            if place:
                name = f"mlflow-models/{model.id}"
                self._models.setdefault(model.run, []).append((name, place))
            elif reason:
                self.took.skip(f"model {model.id} of run {model.run}", reason)

    def _claim(self, experiment: SourceExperiment) -> Experiment:
        found = self._experiments.claim(
            experiment.name,
            created_ms=experiment.created_ms,
            is_deleted=experiment.is_deleted,
            tags=experiment.tags,
        )
        self.took.experiments.add(found.slug)
        return found

    def _take_run(self, run: SourceRun, experiment: Experiment) -> None:
        run_id = self.known[run.id]
        contents = taking.contents(
            run,
            self.source.points(run),
            run_id=run_id,
            parent=taking.parent_of(run, self.known),
            experiment=experiment.slug,
            title=experiment.name,
        )
        folder = landing.folder_of(self.deck.root, run_id)
        if folder.exists():
            self._again(run, folder, contents=contents)
        elif self._is_dry or self._land(run, run_id, contents=contents):
            self.took.runs += 1
        else:
            self.took.there += 1

    def _land(self, run: SourceRun, run_id: str, *, contents: dict[str, bytes]) -> bool:
        root = self.deck.root
        return landing.land(
            root,
            run_id,
            write=lambda aside: self._write(run, aside, contents=contents),
            is_durable=self._is_durable,
        )

    def _again(self, run: SourceRun, folder: Path, *, contents: dict[str, bytes]) -> None:
        """Look at a run that is there: is it the same one, has it ended, did it change."""
        begun = _origin(folder)
        if not begun and run.tags.get(HOME) == folder.name:  # it came from here
            self.took.there += 1
            return
        if begun.get("run_id") != run.id:
            self.took.skip(f"run {run.id}", f"another run has the id {folder.name} here")
            return
        self.took.there += 1
        if not (folder / "end.json").exists():
            if not self._is_dry and landing.renew(folder, contents):
                self.took.renewed += 1
            return
        new = orjson.loads(contents["run.json"])["mlflow"]["digest"]
        ended = _origin(folder, "end.json")
        if new != ended.get("digest"):
            self.took.skip(
                f"changes of run {run.id}",
                f"run {ids.short(folder.name)} had ended when it was taken, and such runs do not"
                " change here",
            )

    def _write(self, run: SourceRun, aside: Path, *, contents: dict[str, bytes]) -> None:
        last = max(run.ended_ms, run.started_ms) / 1000
        landing.write(aside, contents, at=last, is_durable=self._is_durable)
        if not self._with_artifacts:
            return
        place, reason = locating.artifacts_of(self.source, run)
        if reason:
            self.took.skip(f"artifacts of run {run.id}", reason)
        wanted = [("", place)] if place else []
        for name, inner in [*wanted, *self._models.get(run.id, ())]:
            self._copy(run, aside / "artifacts" / name, place=inner)

    def _copy(self, run: SourceRun, into: Path, *, place: tuple[str, ...]) -> None:
        for item in self.source.tree.files(place):
            what = f"{'/'.join(item.parts[len(place) :])} of run {run.id}"
            problem = item.problem or self._no_room(item, into)
            if problem:
                self.took.skip(what, problem)
                continue
            target = into.joinpath(*item.parts[len(place) :])
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.source.tree.copy(item.parts, target)
            except DamageError as error:
                target.unlink(missing_ok=True)
                self.took.skip(what, error.message)

    def _no_room(self, item: Item, into: Path) -> str:
        above = next(one for one in (into, *into.parents) if one.is_dir())
        free = shutil.disk_usage(above).free
        is_enough = item.size + ROOM <= free
        return "" if is_enough else f"its {item.size:,} bytes find no room on the disk"


def _origin(folder: Path, name: str = "run.json") -> dict[str, object]:
    """Return what a run's file says about where it comes from."""
    try:
        value = orjson.loads(files.read_bytes(folder / name, 8 << 20))
        found = value.get("mlflow") if isinstance(value, dict) else None
    except (ModelDeckError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}


def run_import(
    deck: Deck,
    models: Models,
    *,
    path: Path,
    is_dry: bool,
    with_deleted: bool,
    narrate: Narrate,
) -> ImportDocument:
    """Import a store of MLflow; see :meth:`~modeldeck.services.moving.service.Moving`."""
    source = locating.open_source(path)
    try:
        importing = Importing(
            deck, source, narrate=narrate, is_dry=is_dry, with_deleted=with_deleted
        )
        importing.take()
        registering = Registering(deck, models, importing=importing, is_dry=is_dry)
        registering.take(narrate)
        took = importing.took
        return ImportDocument(
            source=str(path),
            kind=source.kind,
            dry_run=is_dry,
            experiments=len(took.experiments),
            runs=took.runs,
            there=took.there,
            renewed=took.renewed,
            models=len(registering.models),
            versions=registering.versions,
            skipped=_all(took.skipped, source.skipped, source.left()),
        )
    finally:
        source.close()


def _all(*lists: Sequence[Skipped]) -> list[Skipped]:
    return [one for known in lists for one in known]
