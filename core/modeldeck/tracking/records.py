"""What a run writes down while it goes: metrics, parameters, tags, progress, text.

The records are specified in :mod:`modeldeck.store.runs`. Logging a metric is called in the
innermost loop of a training, and adds less time than the ``write`` that it ends in takes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from modeldeck import ids
from modeldeck.errors import ConflictError, InvalidInputError, ModelDeckError
from modeldeck.store import files
from modeldeck.store.streams import Stream
from modeldeck.tracking.artifacts import begin
from modeldeck.tracking.losses import DISK_ERRORS, Losses
from modeldeck.tracking.values import (
    OPTIONS,
    PLAIN,
    UNADDABLE,
    careful_record,
    cut,
    flatten,
    whole_step,
)

MAX_NAME = 128


class Records:
    """The streams of a run.

    Parameters
    ----------
    folder : Path
        The run's own, which is made.
    begun : dict
        What its ``run.json`` says.
    streams : tuple of two Stream, optional
        The open ``metrics`` and ``output`` of a run that is there already, which another process
        began; None makes the folder.

    Attributes
    ----------
    id, experiment : str
        Its id, and the question that it belongs to.
    folder : Path
        Its own folder.
    """

    def __init__(
        self,
        folder: Path,
        begun: dict[str, Any],
        *,
        streams: tuple[Stream, Stream] | None = None,
    ) -> None:
        self.id: str = begun["id"]
        self.experiment: str = begun["experiment"]
        self.folder = folder
        self._begun = begun
        self._process = os.getpid()
        self._losses = Losses(self.id)
        self._step = -1
        self._known: set[str] = set()
        self._is_open = True
        self._is_due = False
        self._metrics, self._output = streams or begin(folder, begun)
        self._write = self._metrics.write

    @property
    def output_descriptor(self) -> int:
        """File descriptor of the run's log, for processes that write to it themselves."""
        return self._output.descriptor

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
        step = self._step + 1 if step is None else step
        is_plain = values.keys() <= self._known if self._is_open else False
        line = b""
        if is_plain or self._check_names(values):
            try:
                total = sum(values.values())  # type: ignore[arg-type]  # caught, if it is no sum
                if type(total) in PLAIN and total - total == 0 and type(step) is int:
                    record = {"at": time.time(), "step": step, "metrics": values}
                    line = orjson.dumps(record, option=OPTIONS)
            except UNADDABLE:
                pass
        if not line:
            step = whole_step(step)
            line = careful_record(values, step)
        try:
            self._write(line)
        except DISK_ERRORS as error:
            self._losses.add(error)
        self._step = step

    def _check_names(self, values: Mapping[str, object]) -> bool:
        """Look at names that are new; say whether all values have plain types.

        A metric that began as a truth value stays unknown, so that it always takes the careful way.
        """
        self._need_open()
        for name in values:
            if not _is_metric(name):
                msg = f"{name!r:.80} cannot be the name of a metric."
                raise InvalidInputError(msg, f"Use 1 to {MAX_NAME} printable characters.")
        plain = {name for name, value in values.items() if type(value) in PLAIN}
        self._known |= plain
        return len(plain) == len(values)

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Add parameters that were not known at the start.

        Raises
        ------
        ConflictError
            The run has ended, or a parameter has another value already.
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
        """Add or change tags."""
        self._need_open()
        new = {str(key): cut(str(value)) for key, value in tags.items()}
        self._begun["tags"].update(new)
        self._record({"tags": new})

    def progress(self, done: int, total: int, *, text: str = "") -> None:
        """Say how far the run is: ``done`` of ``total`` units of any kind."""
        self._need_open()
        self._record({"progress": {"done": int(done), "total": int(total), "text": cut(text)}})

    def _record(self, values: Mapping[str, object]) -> None:
        record = {"at": time.time(), **values}
        try:
            self._write(orjson.dumps(files.finite(record), option=OPTIONS))
        except DISK_ERRORS as error:
            self._losses.add(error)

    def log_text(self, text: str) -> None:
        """Append text to the run's log, as it is, if there is room on the disk."""
        if self._is_open and text:
            try:
                self._output.write(text.encode(errors="backslashreplace"))
            except DISK_ERRORS as error:
                self._losses.add(error)

    def sync(self) -> None:
        """Bring what was logged to the disk."""
        if self._is_open:
            with contextlib.suppress(ModelDeckError, OSError):
                self._metrics.sync()
                self._output.sync()

    def _need_open(self) -> None:
        if self._is_due:
            self._is_due = False
            raise KeyboardInterrupt
        if self._process != os.getpid():
            msg = f"Run {ids.short(self.id)} belongs to the process that this one was forked from."
            raise ConflictError(msg, "Start a run of its own here with start_run.")
        if not self._is_open:
            msg = f"Run {ids.short(self.id)} has ended."
            raise ConflictError(msg, "Start another one with start_run.")


def _is_metric(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()
