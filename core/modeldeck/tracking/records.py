"""What a run writes down while it goes: metrics, parameters, tags, progress, text.

The records are specified in :mod:`modeldeck.store.runs`. Logging a metric is called in the
innermost loop of a training, and adds less time than the ``write`` that it ends in takes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from time import time as now
from typing import Any

from orjson import dumps

from modeldeck import ids
from modeldeck.errors import ConflictError, InvalidInputError, ModelDeckError
from modeldeck.store import files
from modeldeck.store.runs import LiveRun
from modeldeck.store.streams import Stream
from modeldeck.tracking.losses import DISK_ERRORS, Losses
from modeldeck.tracking.values import (
    OPTIONS,
    PLAIN,
    UNADDABLE,
    MetricDefinition,
    careful_record,
    cut,
    definitions_of,
    flatten,
    tags_of,
    whole_step,
)

MAX_NAME = 128


class Written:
    """The streams of a run.

    Parameters
    ----------
    folder : Path
        The run's own.
    begun : dict
        What its ``run.json`` says, and what came later.
    metrics : Stream or None
        Its open ``metrics.jsonl``; None where nothing can be written at all.
    step : int
        The last one that was logged; -1 for none.

    Attributes
    ----------
    id, experiment : str
        Its id, and the question that it belongs to.
    folder : Path
        Its own folder.
    is_open : bool
        It takes records: it has not ended, and was started by this process.
    is_foreign : bool
        It belongs to the process that this one was forked from.
    """

    def __init__(
        self, folder: Path, begun: dict[str, Any], *, metrics: Stream | None, step: int
    ) -> None:
        self.id: str = begun["id"]
        self.experiment: str = begun["experiment"]
        self.folder = folder
        self.is_open = True
        self.is_foreign = False
        self._begun = begun
        self._process = os.getpid()
        self._losses = Losses(self.id)
        self._step = step
        self._known: set[str] = set()
        self._is_due = False
        self._metrics = metrics
        self._output: Stream | None = None
        self._names = (folder.parent, folder)
        self._unsure = [*self._names, folder / "run.json"]
        self._write = _drop if metrics is None else metrics.write

    @property
    def output_descriptor(self) -> int:
        """File descriptor of the run's log, for processes that write to it themselves."""
        return self._opened_output().descriptor

    @property
    def is_kept(self) -> bool:
        """Whether what it logs is written anywhere."""
        return self._metrics is not None

    @property
    def commit(self) -> str:
        """The git commit that it started from; empty for none."""
        return str(self._begun["code"].get("commit", ""))

    def _opened_output(self) -> Stream:
        if self._output is None:
            self._output = Stream(self.folder / "output.log")
        return self._output

    def log_text(self, text: str) -> None:
        """Append text to the run's log, as it is, if there is room on the disk."""
        self.log_bytes(text.encode(errors="backslashreplace"))

    def log_bytes(self, piece: bytes) -> None:
        """Append what a program printed to the run's log."""
        if self.is_open and piece and self._metrics is not None:
            try:
                self._opened_output().write(piece)
            except DISK_ERRORS as error:
                self._losses.add(error)

    def lose(self, count: int) -> None:
        """Count pieces of output that could not be written."""
        self._losses.add_some(count)

    def log_system(self, sample: Mapping[str, object]) -> None:
        """Add a sample of the machine, if there is room for it."""
        if self.is_open and self._metrics is not None:
            with contextlib.suppress(ModelDeckError, OSError):
                stream = Stream(self.folder / "system.jsonl")
                try:
                    stream.write(dumps(sample, option=OPTIONS))
                finally:
                    stream.close()

    def sync(self) -> None:
        """Bring what was logged to the disk; the first time, also that there is such a run."""
        if self.is_open and self._metrics is not None:
            with contextlib.suppress(ModelDeckError, OSError):
                for stream in self._streams():
                    stream.sync()
                while self._unsure:
                    files.sync(self._unsure[-1])
                    self._unsure.pop()

    def _streams(self) -> list[Stream]:
        return [one for one in (self._metrics, self._output) if one is not None]

    def _need_open(self) -> None:
        if self._is_due:
            self._is_due = False
            raise KeyboardInterrupt
        if self._process != os.getpid():
            msg = f"Run {ids.short(self.id)} belongs to the process that this one was forked from."
            raise ConflictError(msg, "Start a run of its own here with start_run.")
        if not self.is_open:
            msg = f"Run {ids.short(self.id)} has ended."
            raise ConflictError(msg, "Start another one with start_run.")


class Records(Written):
    """A run that takes records, one line each."""

    def log(self, values: Mapping[str, object], step: int | None = None) -> None:
        """Log metrics; they are with the operating system when this returns.

        A full disk or a read-only folder does not end a training: it is said once on the standard
        error, and what finds no room is missing.

        Parameters
        ----------
        values : Mapping of str to number
            NaN and infinities are kept; NumPy's numbers and arrays of a single one as that number,
            whole numbers beyond ±(2^53−1) as the nearest float, True and False as 1 and 0.
        step : int, optional
            Any whole number; None takes the one after the previous record's, from 0.

        Raises
        ------
        InvalidInputError
            A value is no number, a name no text, or the step no whole number.
        ConflictError
            The run has ended, or belongs to the process that this one was forked from.
        """
        if step is None:
            step = self._step + 1
        known = self._known
        line = b""
        try:
            for name, value in values.items():
                if name not in known or type(value) not in PLAIN or value - value != 0:  # type: ignore[operator]  # numbers
                    break
            else:
                if self.is_open and type(step) is int:
                    line = dumps({"at": now(), "step": step, "metrics": values}, None, OPTIONS)
        except (*UNADDABLE, AttributeError):  # the latter where it is no mapping
            pass
        if not line:
            step = self._need_names(values, step)
            line = careful_record(values, step)
        try:
            self._write(line)
        except DISK_ERRORS as error:
            self._losses.add(error)
        self._step = step

    def _need_names(self, values: object, step: object) -> int:
        """Look at names that are new, and at the step; return it as a plain integer.

        A metric that began as a truth value stays unknown, so that it always takes the careful way.
        """
        self._need_open()
        if not isinstance(values, Mapping):
            msg = f"{values!r:.80} is no table of metrics."
            raise InvalidInputError(msg, 'Log numbers by name: run.log({"loss": 0.5}, step=1).')
        for name in values:
            if not _is_metric(name):
                msg = f"{name!r:.80} cannot be the name of a metric."
                raise InvalidInputError(msg, f"Use 1 to {MAX_NAME} printable characters.")
        self._known |= {name for name, value in values.items() if type(value) in PLAIN}
        return whole_step(step)

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Add parameters that were not known at the start.

        Raises
        ------
        ConflictError
            The run has ended, or a parameter has another value already.
        InvalidInputError
            That is no table of parameters by name.
        """
        self._need_open()
        known = self._begun["parameters"]
        new = flatten(parameters)
        for key, value in new.items():
            if key in known and known[key] != value:
                msg = f"Parameter {key} is {known[key]!r:.60}; it cannot become {value!r:.60}."
                raise ConflictError(msg, "Log what changes during a run as a metric.")
        known.update(new)
        self._record({"parameters": new})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add or change tags.

        Raises
        ------
        InvalidInputError
            That is no table of tags by name.
        ConflictError
            The run has ended.
        """
        self._need_open()
        new = tags_of(tags)
        self._begun["tags"].update(new)
        self._record({"tags": new})

    def define_metrics(self, metrics: Mapping[str, MetricDefinition | str]) -> None:
        """Say what metrics mean, before or after they were logged first.

        Parameters
        ----------
        metrics : Mapping
            For each its :class:`MetricDefinition`, or just its goal, ``"max"`` or ``"min"``.

        Raises
        ------
        InvalidInputError
            A goal is neither, or a target no number.
        ConflictError
            The run has ended.
        """
        self._need_open()
        new = definitions_of(metrics)
        self._begun["definitions"].update(new)
        self._record({"definitions": new})

    def note(self, text: object) -> None:
        """Add a note: text that says in words what numbers do not, shown on the run's page.

        Raises
        ------
        InvalidInputError
            That is no text.
        ConflictError
            The run has ended.
        """
        self._need_open()
        if not isinstance(text, str):
            msg = f"{text!r:.80} is no text for a note."
            raise InvalidInputError(msg, 'Say it in words: run.note("depth 8 needs more rows").')
        self._begun.setdefault("notes", []).append(cut(text))
        self._record({"note": cut(text)})

    def progress(self, done: int, total: int, *, text: str = "") -> None:
        """Say how far the run is: ``done`` of ``total`` units of any kind."""
        self._need_open()
        self._record({"progress": {"done": int(done), "total": int(total), "text": cut(text)}})

    def _record(self, values: Mapping[str, object]) -> None:
        record = {"at": now(), **values}
        try:
            self._write(dumps(files.finite(record), option=OPTIONS))
        except DISK_ERRORS as error:
            self._losses.add(error)

    def take_over(self, live: LiveRun) -> None:
        """Take what another process added to this run, so that its end says it too."""
        self._begun |= {"parameters": live.parameters, "tags": live.tags}
        self._begun |= {key: live.begun[key] for key in ("experiment", "name")}
        self._begun["definitions"] = dict(live.summaries.definitions)
        if live.notes:
            self._begun["notes"] = list(live.notes)
        if live.datasets:
            self._begun["datasets"] = list(live.datasets)


def _drop(record: bytes) -> None:
    """Write nothing, of a run that can be kept nowhere."""


def _is_metric(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()
