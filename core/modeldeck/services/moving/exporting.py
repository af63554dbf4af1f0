"""Writing runs as MLflow's file store, which MLflow itself reads.

Each run appears whole, under the id that it had in MLflow, or one that follows from its own; so an
export that was interrupted goes on, and one that is done again adds only what is new. What MLflow
cannot hold (``utils/validation.py``: names of letters, digits, ``_ - . : /`` and spaces, at most
250; values of 6,000 and 8,000 characters) is changed as little as that takes, and told.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from modeldeck.domain.documents import RunDocument
from modeldeck.errors import DamageError, InvalidInputError, ModelDeckError
from modeldeck.services.moving.experiments import Experiment, Experiments, id_of
from modeldeck.services.moving.reading import yaml
from modeldeck.services.moving.reading.filestore import FileStore, is_store
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.services.moving.reading.values import (
    COMMIT,
    HOME,
    MAX_KEY,
    MAX_PARAMETER,
    MAX_TAG,
    NAME,
    PARENT,
    USER,
    Skipped,
    milliseconds,
    parameter_text,
)
from modeldeck.services.runs import Runs
from modeldeck.store import files

_STATUSES = {"running": 1, "finished": 3, "failed": 4, "cancelled": 5, "lost": 5}
_ODD = re.compile(r"[^/\w.\- :]")
_RUN_ID = re.compile(r"[A-Za-z0-9][\w-]{0,127}", re.ASCII)


class ExportDocument(TypedDict):
    """What an export wrote: counts, what was there before, what was changed or left out and why."""

    target: str
    dry_run: bool
    experiments: int
    runs: int
    there: int
    models: int
    versions: int
    skipped: list[Skipped]


@dataclass(frozen=True)
class Outgoing:
    """A run on its way out: its document, ``run.json``, MLflow's ids of it and its parent."""

    run: RunDocument
    begun: Mapping[str, object]
    id: str
    parent: str


@dataclass
class Exporting:
    """One export into a folder."""

    runs: Runs
    target: Path
    is_dry: bool
    skipped: list[Skipped] = field(default_factory=list)
    there: int = 0
    written: int = 0
    homes: dict[str, str] = field(default_factory=dict)

    def put(self, chosen: Sequence[RunDocument]) -> None:
        """Write runs, those of one experiment after the other.

        Raises
        ------
        InvalidInputError
            The target is a folder with something else in it.
        NotPermittedError, UnavailableError
            It cannot be written; what was written so far stays.
        """
        known = Experiments(self.runs.deck.root)
        taken = self._existing()
        for run in chosen:
            experiment = known.get(run["experiment"]) or Experiment(
                run["experiment"], run["experiment"], milliseconds(run["started_at"])
            )
            home = self._home(experiment, taken)
            self._put_run(self._outgoing(run), home)

    def _existing(self) -> dict[str, str]:
        """Return the experiments of a store that is there, id by name."""
        if not self.target.exists() or not any(self.target.iterdir()):
            return {}
        with Tree(self.target) as tree:
            if is_store(tree.names, tree):
                return {one.name: one.id for one in FileStore(tree).experiments()}
        msg = f"{self.target} holds something else than runs of MLflow."
        raise InvalidInputError(msg, "Name a new folder, or an mlruns folder.")

    def _home(self, experiment: Experiment, taken: dict[str, str]) -> str:
        """Return the id of an experiment in the target, made when it is not there."""
        if experiment.slug in self.homes:
            return self.homes[experiment.slug]
        identifier = taken.get(experiment.name, "")
        if not identifier:
            identifier = id_of(experiment.slug)
            while identifier in taken.values():
                identifier = str(int(identifier) + 1)
            taken[experiment.name] = identifier
            if not self.is_dry:
                self._make_home(experiment, identifier)
        self.homes[experiment.slug] = identifier
        return identifier

    def _make_home(self, experiment: Experiment, identifier: str) -> None:
        home = self.target / identifier
        files.make_folder(home / "tags")
        for key, value in experiment.tags.items():
            self.text(home / "tags", key, value=value, limit=MAX_TAG, what=experiment.name)
        described: dict[str, object] = {
            "artifact_location": home.absolute().as_uri(),
            "creation_time": experiment.created_ms,
            "experiment_id": identifier,
            "last_update_time": experiment.created_ms,
            "lifecycle_stage": "active",
            "name": experiment.name,
        }
        files.replace(home / "meta.yaml", yaml.written(described))

    def _outgoing(self, run: RunDocument) -> Outgoing:
        parent = run["parent"]
        begun = self._begun(run["id"])
        above = _id_there(parent, self._begun(parent)) if parent else ""
        return Outgoing(run, begun, _id_there(run["id"], begun), above)

    def _begun(self, run_id: str) -> Mapping[str, object]:
        try:
            found = self.runs.about(run_id).get("run", {})
        except ModelDeckError:  # a parent that is not here
            found = {}
        return found if isinstance(found, dict) else {}

    def _put_run(self, one: Outgoing, home: str) -> None:
        folder = self.target / home / one.id
        if folder.exists() and not _is_running(folder):
            self.there += 1
            return
        if self.is_dry:
            self.written += 1
            return
        self.appear(folder, lambda aside: self._write(one, aside, folder=folder, home=home))
        self.written += 1

    def appear(self, folder: Path, write: Callable[[Path], None]) -> None:
        """Let a folder appear whole, or not at all; one that is there is replaced.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        aside = self.target / f".modeldeck-{os.getpid()}-{os.urandom(6).hex()}.trash"
        try:
            aside.mkdir()
            write(aside)
            with _moved_away(self.target, folder):
                aside.rename(folder)
            files.sync_folder(folder.parent)
        except OSError as error:
            raise files.write_error(error, folder) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def id_there(self, run_id: str) -> str:
        """Return MLflow's id of a run."""
        return _id_there(run_id, self._begun(run_id))

    def _write(self, one: Outgoing, aside: Path, *, folder: Path, home: str) -> None:
        run = one.run
        what = f"run {run['id']}"
        for name in ("params", "metrics", "tags", "artifacts"):
            (aside / name).mkdir()
        for key, value in run["parameters"].items():
            text = parameter_text(value)
            self.text(aside / "params", key, value=text, limit=MAX_PARAMETER, what=what)
        for key, value in _tags(one).items():
            self.text(aside / "tags", key, value=value, limit=MAX_TAG, what=what)
        self._metrics(run["id"], aside / "metrics", what=what)
        self._artifacts(run["id"], aside / "artifacts", what=what)
        is_over = run["status"] != "running"
        ended = milliseconds(run["ended_at"]) or (
            milliseconds(run["started_at"]) + round(run["duration_s"] * 1000)
        )
        described: dict[str, object] = {
            "artifact_uri": f"{folder.absolute().as_uri()}/artifacts",
            "end_time": ended if is_over else None,
            "entry_point_name": "",
            "experiment_id": home,
            "lifecycle_stage": "active",
            "run_id": one.id,
            "run_name": run["name"],
            "run_uuid": one.id,
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "start_time": milliseconds(run["started_at"]),
            "status": _STATUSES[run["status"]],
            "tags": [],
            "user_id": run["user"],
        }
        files.write_new(aside / "meta.yaml", yaml.written(described), mode=0o644)

    def _metrics(self, run_id: str, folder: Path, *, what: str) -> None:
        lines: dict[str, list[str]] = {}
        for record in self.runs.metrics(run_id):
            at, step = record.get("at"), record.get("step")
            metrics = record.get("metrics")
            if not isinstance(at, int | float) or not isinstance(metrics, dict):
                continue
            known = step if isinstance(step, int) else 0
            for key, value in metrics.items():
                if value is not None:
                    line = f"{round(at * 1000)} {files.number(value)!r} {known}\n"
                    lines.setdefault(key, []).append(line)
        for key, known_lines in lines.items():
            path = self._path(folder, key, what=what)
            path.write_text("".join(known_lines), encoding="utf-8")

    def _artifacts(self, run_id: str, folder: Path, *, what: str) -> None:
        with Tree(self.runs.folder(run_id)) as tree:
            for item in tree.files(("artifacts",)) if tree.is_folder(("artifacts",)) else ():
                target = folder.joinpath(*item.parts[1:])
                if item.problem:
                    self.skip(f"{item.path} of {what}", item.problem)
                    continue
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    tree.copy(item.parts, target)
                except DamageError as error:
                    self.skip(f"{item.path} of {what}", error.message)
            log = folder / "output.log"
            with contextlib.suppress(ModelDeckError):
                if not log.exists() and tree.read(("output.log",), 1 << 30):
                    tree.copy(("output.log",), log)

    def text(self, folder: Path, key: str, *, value: str, limit: int, what: str) -> None:
        """Write a value as the file of its key, as far as MLflow takes both."""
        if len(value) > limit:
            self.skip(f"{key} of {what}", f"cut from {len(value):,} to {limit:,} characters")
        path = self._path(folder, key, what=what)
        path.write_text(value[:limit], encoding="utf-8", errors="replace", newline="")

    def _path(self, folder: Path, key: str, *, what: str) -> Path:
        """Return the file of a key, under a name that MLflow accepts and that is free."""
        name = name_there(key)
        path = folder / name
        while path.exists() or _is_below_a_file(folder, path):
            name = f"{name_there(name.replace('/', '_'))[: MAX_KEY - 1]}_"
            path = folder / name
        if name != key:
            self.skip(f"{key[:120]} of {what}", f"it is called {name[:120]} there")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def skip(self, what: str, reason: str) -> None:
        """Note what was changed or left out."""
        self.skipped.append({"what": what, "reason": reason})


def name_there(key: str) -> str:
    """Return a name as MLflow accepts it.

    Examples
    --------
    >>> name_there("val/loss"), name_there("F1 (macro)"), name_there("../x"), name_there("a//b")
    ('val/loss', 'F1 _macro_', '__/x', 'a/b')
    """
    parts = [one for one in _ODD.sub("_", key).split("/") if one not in {"", "."}]
    name = "/".join(one.replace("..", "__") if one == ".." else one for one in parts)
    while len(name) > MAX_KEY or any(len(part.encode()) > MAX_KEY for part in name.split("/")):
        name = name[:-1]
    name = name.rstrip("/") or "_"
    return name if posixpath.normpath(name) == name and not name.startswith("..") else f"_{name}"


def _is_below_a_file(folder: Path, path: Path) -> bool:
    above = path.parent
    while above != folder:
        if above.is_file():
            return True
        above = above.parent
    return False


def _id_there(run_id: str, begun: Mapping[str, object]) -> str:
    """Return MLflow's id of a run: the one it had there, else one that follows from ours."""
    origin = begun.get("mlflow")
    known = origin.get("run_id") if isinstance(origin, dict) else None
    if isinstance(known, str) and _RUN_ID.fullmatch(known):
        return known
    return hashlib.sha256(run_id.encode()).hexdigest()[:32]


def _tags(one: Outgoing) -> dict[str, str]:
    run, code = one.run, one.begun.get("code")
    if isinstance(one.begun.get("mlflow"), dict) and run["kind"] == "mlflow":
        return dict(run["tags"])
    found = {HOME: run["id"], **run["tags"]}
    found.setdefault(NAME, run["name"] or run["id"].rsplit("-", 1)[-1])
    found.setdefault(USER, run["user"])
    if one.parent:
        found[PARENT] = one.parent
    if isinstance(code, dict) and code.get("commit"):
        found.setdefault(COMMIT, str(code["commit"]))
    return found


def _is_running(folder: Path) -> bool:
    """Say whether a run that was written before had not ended then."""
    try:
        found = yaml.read(files.read_bytes(folder / "meta.yaml", yaml.MAX_BYTES))
    except ModelDeckError:
        return False
    return found.get("status") == 1


@contextlib.contextmanager
def _moved_away(target: Path, folder: Path) -> Iterator[None]:
    """Move a folder that is there out of the way; it goes when the new one is in its place."""
    if not folder.exists():
        yield
        return
    old = target / f".modeldeck-{os.getpid()}-{os.urandom(6).hex()}.trash"
    folder.rename(old)
    try:
        yield
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
