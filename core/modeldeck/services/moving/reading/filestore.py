"""MLflow's file store: ``mlruns/``, one folder an experiment, one below it for each run.

::

    <exp>/meta.yaml, tags/<key>          .trash/<exp>/…  deleted experiments
    <exp>/<run>/meta.yaml, params/<key>, metrics/<key>, tags/<key>, artifacts/**
    <exp>/models/<model id>/…            models logged by MLflow 3
    models/<name>/meta.yaml, aliases/<alias>, tags/<key>, version-<n>/meta.yaml, tags/<key>

Keys may hold "/", and then lie in folders. What cannot be read is in :attr:`FileStore.skipped`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from modeldeck.errors import InvalidInputError, ModelDeckError, NotFoundError
from modeldeck.services.moving.reading import yaml
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.services.moving.reading.values import (
    Point,
    Skipped,
    SourceExperiment,
    SourceModel,
    SourceRun,
    SourceVersion,
    number_of,
    points_of,
    text_of,
    version_of,
)

MAX_VALUE = 1 << 20
MAX_METRIC = 512 << 20
MAX_KEYS = 20_000
_META = "meta.yaml"
_TRASH = ".trash"
_MODELS = "models"
_NOT_EXPERIMENTS = {_MODELS, _TRASH, "registry"}
_VERSION = re.compile(r"version-([1-9][0-9]{0,8})", re.ASCII)


class FileStore:
    """A folder of MLflow's file store."""

    kind = "mlruns"

    def __init__(self, tree: Tree, *, base: tuple[str, ...] = ()) -> None:
        self.tree = tree
        self.base = base
        self.artifact_roots: list[tuple[str, ...]] = [base]
        self.skipped: list[Skipped] = []
        self._places: dict[str, tuple[str, ...]] = {}

    def close(self) -> None:
        """Close the folder."""
        self.tree.close()

    def experiments(self) -> list[SourceExperiment]:
        """Return the experiments, also deleted ones."""
        found = []
        for folder in (self.base, (*self.base, _TRASH)):
            for name, is_folder in self.tree.names(folder):
                if not is_folder or name in _NOT_EXPERIMENTS:
                    continue
                one = self._experiment((*folder, name), is_trash=folder != self.base)
                if one is not None:
                    found.append(one)
        return found

    def _experiment(self, place: tuple[str, ...], *, is_trash: bool) -> SourceExperiment | None:
        meta = self._meta(place, "experiment")
        if meta is None:
            return None
        identifier = text_of(meta.get("experiment_id")) or place[-1]
        self._places[identifier] = place
        return SourceExperiment(
            id=identifier,
            name=text_of(meta.get("name")) or identifier,
            created_ms=number_of(meta.get("creation_time")),
            is_deleted=is_trash or meta.get("lifecycle_stage") == "deleted",
            tags=self._texts((*place, "tags"), what=f"experiment {identifier}"),
        )

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """Yield the runs of an experiment, in the order of their folders' names."""
        place = self._places[experiment.id]
        for name, is_folder in self.tree.names(place):
            inner = (*place, name)
            if not is_folder or name in {"tags", _MODELS, "traces", "datasets"}:
                continue
            found = self._run(inner, experiment)
            if found is not None:
                yield found

    def _run(self, place: tuple[str, ...], experiment: SourceExperiment) -> SourceRun | None:
        meta = self._meta(place, "run")
        if meta is None:
            return None
        identifier = text_of(meta.get("run_id")) or text_of(meta.get("run_uuid")) or place[-1]
        what = f"run {identifier}"
        status = meta.get("status")
        return SourceRun(
            id=identifier,
            experiment=experiment.id,
            name=text_of(meta.get("run_name")) or text_of(meta.get("name")),
            user=text_of(meta.get("user_id")),
            status=status if isinstance(status, int) else 1,
            started_ms=number_of(meta.get("start_time")) or experiment.created_ms,
            ended_ms=number_of(meta.get("end_time")),
            is_deleted=meta.get("lifecycle_stage") == "deleted",
            artifact_uri=text_of(meta.get("artifact_uri")),
            parameters=self._texts((*place, "params"), what=what),
            tags=self._texts((*place, "tags"), what=what),
            place=place,
        )

    def points(self, run: SourceRun) -> list[Point]:
        """Return all values of a run's metrics, each metric's in the order of its file."""
        found: list[Point] = []
        place = (*run.place, "metrics")
        for parts in self._keys(place, what=f"run {run.id}"):
            key = "/".join(parts[len(place) :])
            data = self._value(parts, MAX_METRIC, what=f"metric {key} of run {run.id}")
            points, n_bad = points_of(key, data or b"")
            found += points
            if n_bad:
                self._skip(f"metric {key} of run {run.id}", f"{n_bad} torn or damaged lines")
        return found

    def models(self) -> list[SourceModel]:
        """Return the models that MLflow 3 logged beside runs."""
        found = []
        for experiment in self._places.values():
            for name, is_folder in self.tree.names((*experiment, _MODELS)):
                place = (*experiment, _MODELS, name)
                meta = self._meta(place, "logged model") if is_folder else None
                if meta is not None:
                    title = text_of(meta.get("name")) or name
                    run = text_of(meta.get("source_run_id"))
                    found.append(SourceModel(name, title, run, place=(*place, "artifacts")))
        return found

    def left(self) -> list[Skipped]:
        """Return what lies there that is never taken."""
        return [
            {"what": f"{name} of experiment {identifier}", "reason": f"ModelDeck has no {name}"}
            for identifier, place in self._places.items()
            for name in ("traces", "datasets")
            if self.tree.names((*place, name))
        ]

    def versions(self) -> Iterator[SourceVersion]:
        """Yield the versions of registered models."""
        for name, is_folder in self.tree.names((*self.base, _MODELS)):
            place = (*self.base, _MODELS, name)
            meta = self._meta(place, "model") if is_folder else None
            if meta is None:
                continue
            model = text_of(meta.get("name")) or name
            aliases = self._texts((*place, "aliases"), what=f"model {model}")
            for inner, is_version in self.tree.names(place):
                match = _VERSION.fullmatch(inner) if is_version else None
                if match is None:
                    continue
                number = match[1]
                named = tuple(sorted(a for a, n in aliases.items() if n.strip() == number))
                found = self._version((*place, inner), model, number=int(number), aliases=named)
                if found is not None:
                    yield found

    def _version(
        self, place: tuple[str, ...], model: str, *, number: int, aliases: tuple[str, ...]
    ) -> SourceVersion | None:
        meta = self._meta(place, f"version of {model}")
        if meta is None:
            return None
        return version_of(
            meta,
            (model, number),
            aliases=aliases,
            tags=self._texts((*place, "tags"), what=f"version of {model}"),
        )

    def _meta(self, place: tuple[str, ...], what: str) -> dict[str, object] | None:
        """Return a folder's description; None, and why in :attr:`skipped`, if there is none."""
        try:
            return yaml.read(self.tree.read((*place, _META), yaml.MAX_BYTES))
        except NotFoundError:
            reason = f"its folder has no {_META}"
        except InvalidInputError as error:
            reason = f"{_META}: {error.message}"
        except ModelDeckError as error:
            reason = error.message
        self._skip(f"{what} {place[-1]}", reason)
        return None

    def _texts(self, place: tuple[str, ...], *, what: str) -> dict[str, str]:
        """Return the values of the files below a folder by their paths."""
        found = {}
        for parts in self._keys(place, what=what):
            key = "/".join(parts[len(place) :])
            data = self._value(parts, MAX_VALUE, what=f"{key} of {what}")
            if data is not None:
                found[key] = data.decode("utf-8", "replace")
        return found

    def _keys(self, place: tuple[str, ...], *, what: str) -> Iterator[tuple[str, ...]]:
        if not self.tree.is_folder(place):
            return
        for count, item in enumerate(self.tree.files(place)):
            if count >= MAX_KEYS:
                self._skip(what, f"more than {MAX_KEYS:,} {place[-1]}")
                return
            if item.problem:
                self._skip(f"{item.parts[-1]} of {what}", item.problem)
            else:
                yield item.parts

    def _value(self, parts: tuple[str, ...], limit: int, *, what: str) -> bytes | None:
        try:
            return self.tree.read(parts, limit)
        except ModelDeckError as error:
            self._skip(what, error.message)
            return None

    def _skip(self, what: str, reason: str) -> None:
        self.skipped.append({"what": what, "reason": reason})


def is_store(names: Callable[[], list[tuple[str, bool]]], tree: Tree) -> bool:
    """Say whether a folder is a file store: an experiment, or models, lie in it."""
    for name, is_folder in names():
        if is_folder and name not in _NOT_EXPERIMENTS:
            try:
                meta = yaml.read(tree.read((name, _META), yaml.MAX_BYTES))
            except ModelDeckError:
                continue
            if "experiment_id" in meta or "artifact_location" in meta:
                return True
    return False
