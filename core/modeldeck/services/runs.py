"""Runs: listing them, training a pipeline in a job, asking a run to stop."""

from __future__ import annotations

import builtins
import json
import os
import re
import shutil
import subprocess
import weakref
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modeldeck import clock, ids
from modeldeck.domain.filters import fields, query
from modeldeck.domain.reading import columns
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
    UsageError,
)
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.views import Views, as_said
from modeldeck.store import files
from modeldeck.store.runs import recall

if TYPE_CHECKING:
    from modeldeck.domain.documents import RunDocument
    from modeldeck.domain.pipeline import PipelineSpec

MAX_CODE = 4 << 20
MAX_FILES = 1000
"""Artifacts of one run that are listed."""

_MOST_WORDS = 4000
STATUSES = ("running", "finished", "failed", "cancelled", "lost")


@dataclass(frozen=True)
class StartedJob:
    """A training job that was started; ``process`` may be waited for, or left alone."""

    run_id: str
    pid: int
    process: subprocess.Popen[bytes]
    output: int

    @property
    def words(self) -> str:
        """What the job said before its run, which has a log of its own, began."""
        return os.pread(self.output, _MOST_WORDS, 0).decode(errors="replace").strip()


class Runs:
    """The runs of one workspace."""

    def __init__(self, deck: Deck, views: Views) -> None:
        self.deck = deck
        self.views = views

    def list(
        self,
        *,
        experiment: str = "",
        status: str = "",
        where: str = "",
        sort: str = "",
        shelf: Collection[str] = (),
        limit: int = 0,
    ) -> Sequence[RunDocument]:
        """Return runs, newest first.

        Parameters
        ----------
        experiment, status : str
            Only such runs; empty takes all.
        where : str
            The filter language of :mod:`modeldeck.domain.filters.query`; empty takes all.
        sort : str
            Another order, as :func:`modeldeck.domain.reading.columns.ordered` takes it:
            ``-metrics.auc``, ``params.depth``, ``duration``; empty for newest first.
        shelf : collection of str
            ``archived`` and ``deleted``: such runs too, which are left out otherwise unless the
            filter asks for them (``is:archived``).
        limit : int
            At most so many; 0 takes all.

        Raises
        ------
        InvalidInputError
            There is no such status, field or column, or the filter is not understood.
        """
        if status and status not in STATUSES:
            msg = f"{status[:40]!r} is no status of a run."
            raise InvalidInputError(msg, f"Use {', '.join(STATUSES)}.")
        every = self.views.runs()
        found: Sequence[RunDocument] = every
        if self.deck.state.archived or self.deck.state.deleted:
            found = fields.shown(found, where, also=shelf)
        if experiment or status:
            found = [
                one
                for one in found
                if experiment in {"", one["experiment"]} and status in {"", one["status"]}
            ]
        if where:
            now, me = clock.to_text(self.deck.now()), self.deck.actor.name
            known = fields.RunNames(every)
            test = query.parse(where, fields.RUNS, now=now, me=me, known=known)
            found = [one for one in found if test(one)]
        if sort:
            found = columns.ordered(found, sort)
        return found[:limit] if limit else found

    def resolve(self, typed: str) -> str:
        """Return the full id of a run from any unique ending of it.

        Raises
        ------
        NotFoundError, UsageError
            None, or several, end so.
        """
        return ids.resolve(typed, self.deck.runs.ids(), what="run")

    def show(self, typed: str) -> RunDocument:
        """Return one run."""
        found = self.deck.runs.document(self.resolve(typed))
        with self.deck.reading() as state:
            return as_said(found, state)

    def metrics(self, typed: str) -> Sequence[dict[str, object]]:
        """Return the metric records of a run, in the order they were logged."""
        return self.deck.runs.metrics(self.resolve(typed))

    def about(self, typed: str) -> dict[str, object]:
        """Return what a run's folder says about it: ``run.json``, ``end.json``, environment."""
        return self.deck.runs.about(self.resolve(typed))

    def files(self, typed: str) -> Sequence[tuple[str, int]]:
        """Return the artifacts of a run: paths below its folder, and their sizes in bytes."""
        folder = self.folder(typed)
        found: builtins.list[tuple[str, int]] = []
        for path in sorted((folder / "artifacts").rglob("*")):
            if path.is_file() and not path.is_symlink() and len(found) < MAX_FILES:
                found.append((path.relative_to(folder).as_posix(), path.stat().st_size))
        return found

    def folder(self, typed: str) -> Path:
        """Return a run's folder."""
        return self.deck.runs.folder(self.resolve(typed))

    def system(self, typed: str) -> Sequence[dict[str, object]]:
        """Return the samples of the machine while a run went on, in their order."""
        return self.deck.runs.system(self.resolve(typed))

    def n_damaged(self, typed: str) -> int:
        """Return how many lines among a run's records are none: torn by a kill or a full disk."""
        live = recall(self.folder(typed))
        return 0 if live is None else live.n_damaged

    def code_diff(self, typed: str) -> str:
        """Return how a run's code differed from its commit; empty where it did not."""
        path = self.folder(typed) / "code.diff"
        try:
            return files.read_bytes(path, MAX_CODE).decode(errors="replace")
        except ModelDeckError:
            return ""

    def adopt(self, folder: str | Path) -> Mapping[str, str]:
        """Copy runs that were written elsewhere into this workspace.

        See :mod:`modeldeck.store.upkeep.adopting`.

        Parameters
        ----------
        folder : str or Path
            The folder of a run, or one with several, such as that of ``workspace="offline:PATH"``.

        Returns
        -------
        Mapping of str to str
            For each run's id ``adopted``, ``updated`` or ``there``.

        Raises
        ------
        NotFoundError
            There is no run in it.
        InvalidInputError, ConflictError
            One is none, or another one of its id is here.
        NotPermittedError, UnavailableError
            The workspace is read-only, or the disk is full.
        """
        self.deck.need_writable()
        from modeldeck.store.upkeep import adopting

        found = adopting.runs_in(Path(folder).expanduser())
        runs = self.deck.root / "runs"
        return {one.name: adopting.adopt(one, runs) for one in found}

    def stop(self, typed: str, reason: str = "") -> RunDocument:
        """Ask a running run to stop; its job sees that within seconds.

        Raises
        ------
        ConflictError
            It is not running, or was asked already.
        """
        run = self.show(typed)
        if run["status"] not in {"running", "lost"}:
            msg = f"Run {ids.short(run['id'])} is {run['status']}."
            raise ConflictError(msg, "Only a running run can be stopped.")
        self.deck.commit("run.stop", f"run:{run['id']}", body={"reason": reason})
        return self.show(run["id"])


class Training:
    """Training pipelines in jobs."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def names(self) -> Sequence[str]:
        """Return the names of the pipeline files in ``pipelines/``."""
        return sorted(path.name for path in (self.deck.root / "pipelines").glob("*.toml"))

    def check(self, pipeline: str | Path) -> PipelineSpec:
        """Read a pipeline file.

        Raises
        ------
        NotFoundError
            It is not there.
        InvalidInputError
            It is not as expected; the message names file and line.
        """
        path = self.find(pipeline)
        from modeldeck.domain.pipeline import parse_pipeline
        from modeldeck.services.base.config import read_text

        return parse_pipeline(read_text(path, "the pipeline"), str(pipeline))

    def find(self, pipeline: str | Path) -> Path:
        """Return the path of a pipeline file, also when named from the workspace's folder.

        Raises
        ------
        NotFoundError
            It is not there.
        """
        for path in (Path(pipeline), self.deck.root / pipeline):
            if path.is_file():
                return path.resolve()
        known = sorted(path.name for path in self.deck.root.glob("pipelines/*.toml"))
        msg = f"There is no pipeline file {str(pipeline)[:120]!r}."
        hint = f"The workspace has pipelines/{', pipelines/'.join(known)}." if known else ""
        raise NotFoundError(msg, hint or "Write one into pipelines/.")

    def start(self, pipeline: str | Path) -> StartedJob:
        """Start training a pipeline in a job of its own.

        Raises
        ------
        ModelDeckError
            The file is not as expected, or the workspace is read-only.
        """
        path = self.find(pipeline)
        self.check(path)
        self.need_room()
        run_id = ids.new_id(self.deck.now())
        arguments = ["--workspace", str(self.deck.root), "--run", run_id]
        who = ["--user", self.deck.actor.name]
        if self.deck.key_file:
            who += ["--key", self.deck.key_file]
        arguments += [*who, str(path)]
        output = os.memfd_create("output")  # a full disk is one of the things it may tell of
        from modeldeck.services.base import processes

        process = processes.spawn("train", arguments, root=self.deck.root, log=output)
        job = StartedJob(run_id=run_id, pid=process.pid, process=process, output=output)
        weakref.finalize(job, os.close, output)
        return job

    def execution(
        self,
        command: Sequence[str],
        *,
        experiment: str = "",
        name: str = "",
        parameters: Mapping[str, object] | None = None,
        tags: Mapping[str, str] | None = None,
        seed: int | None = None,
        is_json: bool = False,
    ) -> Sequence[str]:
        """Return the command line that runs a program as a run, for this process to become.

        Parameters
        ----------
        command : sequence of str
            The program, and its arguments.
        experiment, name : str
            Of the run; empty takes what the program itself chooses when it joins the run, else the
            program's name.
        parameters, tags : mapping
            Of the run.
        seed : int, optional
            Kept with the run; the program finds it in ``MODELDECK_SEED``.
        is_json : bool
            Tell id, status and exit code as JSON on the standard error at the end.

        Raises
        ------
        UsageError
            No program is named.
        NotFoundError
            There is no such program.
        InvalidInputError
            The experiment's name is not acceptable.
        NotPermittedError
            The workspace was opened read-only, as it was, or only shows what is MLflow's.
        """
        if not command:
            msg = "Name the program to run."
            raise UsageError(msg, "Such as: modeldeck exec -- python train.py")
        if self.deck.is_asked_read_only or self.deck.as_of or self.deck.shows:
            self.deck.need_writable()  # a folder that is not writable stops no program
        if shutil.which(command[0]) is None:
            msg = f"There is no program {command[0][:120]!r}."
            hint = "Give its path, or look at PATH."
            if Path(command[0]).is_file():
                msg = f"{command[0][:120]!r} is a file, and no program."
                hint = f"Name what runs it, as in `python {command[0][:60]}`, or `chmod +x` it."
            raise NotFoundError(msg, hint)
        if experiment:
            ids.check_name(experiment, "an experiment")
        named = [key for key, one in (("experiment", experiment), ("name", name)) if one]
        arguments = ["--workspace", str(self.deck.root), "--user", self.deck.actor.name]
        arguments += [f"--experiment={experiment or _experiment_of(command)}", f"--name={name}"]
        arguments += [f"--named={' '.join(named)}"]
        arguments += [f"--parameters={json.dumps(parameters or {})}"]
        arguments += [f"--tags={json.dumps(tags or {})}"]
        arguments += [] if seed is None else [f"--seed={seed}"]
        arguments += ["--json"] if is_json else []
        from modeldeck.services.base import processes

        return processes.command("execute", [*arguments, "--", *command])

    def need_room(self) -> None:
        """Refuse to train where no run can be written."""
        self.deck.need_writable()
        runs = self.deck.root / "runs"
        if runs.exists() and not os.access(runs, os.W_OK):
            msg = f"{runs} is not writable for you."
            raise NotPermittedError(msg, "Ask its owner for write permission.")


def _experiment_of(command: Sequence[str]) -> str:
    """Return a program's name as that of an experiment; of ``python train.py`` the script's."""
    words = [one for one in command if not one.startswith("-")]
    scripts = [one for one in words[1:] if Path(one).suffix in {".py", ".sh", ".ipynb"}]
    stem = Path((scripts or words or command)[0]).stem.lower()
    slug = re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._")[:64].strip("-._")
    return slug if ids.is_name(slug) else "exec"
