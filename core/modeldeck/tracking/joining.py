"""Runs of ``modeldeck exec``, and the programs inside of it that add to them.

``exec`` names its run in the environment. The first process in which ``start_run`` is called joins
it: it becomes the one writer of ``metrics.jsonl``, held by a lock that ends with the process, so
that programs one after another may each join. What comes second in a process, at the same time in
another one, or as a rank other than 0, is a run of its own: a child.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modeldeck import ids
from modeldeck.errors import ModelDeckError
from modeldeck.store.runs import LiveRun, recall
from modeldeck.store.streams import Stream
from modeldeck.tracking.losses import DISK_ERRORS, warn
from modeldeck.tracking.pulse import PULSE
from modeldeck.tracking.run import Run
from modeldeck.tracking.values import MetricDefinition, definitions_of, flatten

RUN = "MODELDECK_RUN"
FOLDER = "MODELDECK_RUN_FOLDER"
NAMED = "MODELDECK_RUN_NAMED"
"""Names of environment variables: the run's id, its folder, and what a person named of it."""

_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "LOCAL_RANK")
_JOINED: set[int] = set()
"""Processes that have joined: this one, or the one that it was forked from."""


def environment(run: Run, *, named: str) -> dict[str, str]:
    """Return what tells a program that it runs inside of a run.

    Parameters
    ----------
    run : Run
        The run.
    named : str
        Which of ``experiment`` and ``name`` a person chose, apart by spaces; the program may choose
        the others.
    """
    return {RUN: run.id, FOLDER: str(run.folder), NAMED: named}


def outer_id() -> str:
    """Return the id of the run that this process was started in; empty for none."""
    found = os.environ.get(RUN, "")
    return found if ids.is_id(found) else ""


def join(experiment: str, *, name: str, workspace: str | Path | None) -> JoinedRun | None:
    """Return the run that this process was started in, to be added to.

    None where there is none, it has ended, another workspace is named, somebody else adds to it, or
    this process did so already.
    """
    run_id, folder = outer_id(), Path(os.environ.get(FOLDER, ""))
    is_first = not _JOINED and all(os.environ.get(one, "0") == "0" for one in _RANKS)
    if not run_id or folder.name != run_id or not is_first:
        return None
    if workspace is not None and not folder.is_relative_to(Path(workspace).absolute()):
        return None
    live = recall(folder)
    if live is None or (folder / "end.json").exists():
        return None
    try:
        metrics = Stream(folder / "metrics.jsonl")
    except (*DISK_ERRORS, ModelDeckError):
        return None
    if not _is_mine(metrics):
        metrics.close()
        return None
    _JOINED.add(os.getpid())
    run = JoinedRun(folder, live, metrics=metrics)
    known = os.environ.get(NAMED, "").split()
    chosen = {"experiment": experiment, "name": name}
    run.rename({key: one for key, one in chosen.items() if one and key not in known})
    return run


def _is_mine(stream: Stream) -> bool:
    """Become the one who adds to a stream; a disk without locks lets everybody."""
    try:
        fcntl.flock(stream.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class JoinedRun(Run):
    """A run of ``modeldeck exec`` that this process adds to; its end is part of what it adds.

    The log, the heartbeat, requests to stop and ``end.json`` are left to ``exec``.
    """

    def __init__(self, folder: Path, live: LiveRun, *, metrics: Stream) -> None:
        begun: dict[str, Any] = {**live.begun, "id": folder.name, "pid": os.getpid()}
        begun |= {"parameters": live.parameters, "tags": live.tags, "notes": list(live.notes)}
        begun["definitions"] = dict(live.summaries.definitions)
        root = folder.parents[2] if folder.parents[1].name == "runs" else folder.parents[1]
        super().__init__(root, folder, begun=begun, metrics=metrics, step=live.last_step)

    def take(
        self,
        parameters: Mapping[str, object],
        tags: Mapping[str, str],
        *,
        metrics: Mapping[str, MetricDefinition | str],
    ) -> None:
        """Add what a run is started with; of a parameter, the program's own value is the truth."""
        new = flatten(parameters)
        definitions_of(metrics)
        known = self._begun["parameters"]
        for key in (key for key, one in new.items() if known.get(key, one) != one):
            warn(f"Parameter {key} was given as {known[key]!r:.60}; the run has {new[key]!r:.60}.")
        known.update(new)
        if new:
            self._record({"parameters": new})
        if tags:
            self.set_tags(tags)
        if metrics:
            self.define_metrics(metrics)

    def rename(self, named: Mapping[str, str]) -> None:
        """Give it the experiment and name that the program chose."""
        if named:
            self._begun |= named
            self.experiment = self._begun["experiment"]
            self._record({"named": dict(named)})

    def touch(self) -> None:
        """Do nothing: its heart beats in ``exec``."""

    def stop(self) -> None:
        """Do nothing more: ``exec`` sends a signal."""
        self.stop_requested = True

    def _say_why(self, text: str) -> None:
        """Do nothing: what the interpreter prints is in the log."""

    def _write_end(self, *, is_last: bool) -> None:  # noqa: ARG002 -- ``exec`` reads the metrics
        if self._end is not None:
            keys = ("status", "exit_code", "error", "n_unwritten")
            self._record({"end": {key: self._end[key] for key in keys if key in self._end}})
            self._end = None
            self._release()

    def _discard(self) -> None:
        self.is_open = False
        _JOINED.clear()
        self._release()

    def _release(self) -> None:
        if self._metrics is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(self._metrics.descriptor, fcntl.LOCK_UN)
        PULSE.remove(self, [stream.path for stream in self._streams() if not stream.is_synced])
        for stream in self._streams():
            stream.close()
