"""Runs that this process logs to by MLflow's calls.

The process that creates a run writes it as :class:`modeldeck.tracking.Run` does. Another process
that logs to it, as children of a training do, attaches: it appends to the same streams, one
``write`` a record, which the system never mixes on one computer. From another computer that is
refused while the run lives there: over NFS two appending writers lose lines.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modeldeck import clock, ids
from modeldeck.domain.documents import RunDocument
from modeldeck.errors import ConflictError, NotFoundError
from modeldeck.services.moving.reading.values import Point, moment, parameter, parameter_text
from modeldeck.services.moving.taking import records, summaries
from modeldeck.store import files
from modeldeck.store.runs import RunStore
from modeldeck.store.streams import Stream
from modeldeck.tracking.around import surroundings
from modeldeck.tracking.artifacts import begin
from modeldeck.tracking.run import Run
from modeldeck.tracking.values import system_user

KIND = "mlflow"
EXTRA = "mlflow"
"""The key of records that say what only MLflow knows: inputs, outputs, tags that were deleted."""


def points_of(found: Sequence[Mapping[str, object]]) -> list[Point]:
    """Return the values of a run's records."""
    points = []
    for one in found:
        at, step, metrics = one.get("at"), one.get("step"), one.get("metrics")
        if isinstance(at, int | float) and isinstance(metrics, dict):
            known = step if isinstance(step, int) else 0
            points += [
                Point(key, round(at * 1000), files.number(value), known)
                for key, value in metrics.items()
                if value is not None
            ]
    return points


class LoggedRun(Run):
    """A run that MLflow's calls log to; values, names and times are kept as they are given."""

    ended_ms = 0

    def points(self, points: Sequence[Point]) -> None:
        """Log values of metrics, each with its own time and step."""
        self.need_live()
        for one in records(points):
            self._record(one)

    def amend(
        self, *, parameters: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add parameters, and add or change tags."""
        self.need_live()
        if parameters:
            typed = {key: parameter(value) for key, value in parameters.items()}
            self._begun["parameters"].update(typed)
            self._record({"parameters": typed})
        if tags:
            self._begun["tags"].update(tags)
            self._record({"tags": dict(tags)})

    def add(self, extra: Mapping[str, object]) -> None:
        """Keep what only MLflow knows."""
        self.need_live()
        self._record({EXTRA: dict(extra)})

    def remove_tag(self, key: str) -> None:
        """Take a tag away."""
        self._begun["tags"].pop(key, None)
        self._removed.add(key)
        self.add({"removed": [key]})

    def rename(self, name: str) -> None:
        """Call the run something else; its ``end.json`` says so."""
        self._begun["name"] = name

    @property
    def _removed(self) -> set[str]:
        return self.__dict__.setdefault("removed_tags", set())  # type: ignore[no-any-return]

    def need_live(self) -> None:
        """Refuse to log to a run that has ended, be it by another process.

        Raises
        ------
        ConflictError
            It has ended.
        """
        if self.is_open and (self.folder / "end.json").exists():
            self.abandon()
        self._need_open()

    def abandon(self) -> None:
        """Leave a run that another process has ended."""
        self._end = None
        self.is_open = False

    def end_with_process(self, error: BaseException | None) -> None:  # noqa: ARG002 -- see below
        """Leave the run open: MLflow ends its active runs itself, others may be logged to on."""
        self.abandon()

    def _close(self, status: str, how: Mapping[str, object]) -> None:
        """Settle the end with what other processes logged, and with MLflow's latest values."""
        if not self.is_open:
            return
        store = RunStore(self.workspace)
        document = store.document(self.id)
        for key in ("parameters", "tags"):
            self._begun[key] = {**document[key], **self._begun[key]}
        for key in self._removed:
            self._begun["tags"].pop(key, None)
        super()._close(status, how)
        if self._end is not None:
            self._end["metrics"] = summaries(points_of(store.metrics(self.id)))
            self._end["ended_at"] = moment(self.ended_ms) or self._end["ended_at"]


class Writers:
    """The runs that this process logs to."""

    def __init__(self, root: Path, runs: RunStore) -> None:
        self.root = root
        self.runs = runs
        self._open: dict[str, LoggedRun] = {}
        self._lock = threading.RLock()
        self._process = os.getpid()

    def create(
        self,
        experiment: str,
        *,
        name: str,
        user: str,
        started_ms: int,
        parent: str,
        tags: Mapping[str, str],
    ) -> LoggedRun:
        """Begin a run."""
        begun: dict[str, Any] = {
            "v": 1,
            "id": ids.new_id(clock.utc_now()),
            "experiment": experiment,
            "name": name,
            "kind": KIND,
            "parent": parent,
            "user": user or system_user(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "argv": list(sys.argv),
            "python": surroundings.python(),
            "started_at": moment(started_ms) or clock.to_text(clock.utc_now()),
            "parameters": {},
            "tags": dict(tags),
            "definitions": {},
            "code": surroundings.code(surroundings.here()),
            "packages": surroundings.packages(),
            "seed": None,
        }
        folder = self.root / "runs" / ids.month_of(begun["id"]) / begun["id"]
        run = LoggedRun(self.root, folder, begun=begun, metrics=begin(folder, begun))
        with self._lock:
            self._mine()[run.id] = run
        return run

    def of(self, run_id: str) -> LoggedRun:
        """Return a run to log to: one of this process, or attached to now.

        Raises
        ------
        NotFoundError
            There is none.
        ConflictError
            It has ended, or lives on another computer.
        """
        with self._lock:
            known = self._mine().get(run_id)
            if known is None or not (known.folder / "run.json").exists():
                known = self._mine()[run_id] = self._attach(run_id)
            return known

    def end(self, run_id: str, *, status: str, ended_ms: int) -> None:
        """End a run; one that has ended already stays as it is."""
        run = self.of(run_id)
        run.ended_ms = ended_ms
        is_stopped = run.stop_requested and status == "failed"
        run.finish(
            "cancelled" if is_stopped else status, exit_code=0 if status == "finished" else 1
        )
        with self._lock:
            self._mine().pop(run_id, None)

    def _mine(self) -> dict[str, LoggedRun]:
        """Return the runs of this process; those of a parent are the parent's."""
        if self._process != os.getpid():
            self._open, self._process = {}, os.getpid()
        return self._open

    def _attach(self, run_id: str) -> LoggedRun:
        document = self.runs.document(run_id)
        if document["status"] not in {"running", "lost"}:
            raise ended_error(run_id)
        here = socket.gethostname()
        if document["status"] == "running" and document["host"] not in {here, ""}:
            msg = f"Run {ids.short(run_id)} is being written on {document['host'][:60]}."
            raise ConflictError(msg, "Log to it there, or start a nested run here.")
        begun = self._begun(run_id, document)
        folder = self.runs.folder(run_id)
        return LoggedRun(self.root, folder, begun=begun, metrics=Stream(folder / "metrics.jsonl"))

    def _begun(self, run_id: str, document: RunDocument) -> dict[str, Any]:
        begun = self.runs.about(run_id).get("run")
        if not isinstance(begun, dict):
            msg = f"There is no run {ids.short(run_id)!r}."
            raise NotFoundError(msg, "`modeldeck run list` shows those there are.")
        kept = {"parameters": dict(document["parameters"]), "tags": dict(document["tags"])}
        return {"definitions": {}, **begun, **kept}


def ended_error(run_id: str) -> ConflictError:
    """Return the error for a change of a run that has ended."""
    msg = f"Run {ids.short(run_id)} has ended, and such runs do not change."
    return ConflictError(msg, "Start another one, or a nested one; tags may still be set.")


def same(known: object, text: str) -> bool:
    """Say whether a parameter has this value."""
    return parameter_text(known) == text
