"""Runs from the inside: starting one, logging to it, ending it.

The files and their records are specified in :mod:`modeldeck.store.runs`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from modeldeck import clock, ids
from modeldeck.errors import ConflictError, InvalidInputError, ModelDeckError
from modeldeck.store import files
from modeldeck.store.runs import Summaries, parse_record
from modeldeck.store.streams import Stream, StreamReader
from modeldeck.tracking import surroundings
from modeldeck.tracking.artifacts import artifact_path, copy, exists_error, write_json
from modeldeck.tracking.capture import Capture
from modeldeck.tracking.pulse import PULSE, interrupt_main
from modeldeck.tracking.values import (
    OPTIONS,
    MetricDefinition,
    careful_record,
    checked_id,
    cut,
    definitions_of,
    error_document,
    exit_code_of,
    flatten,
    system_user,
)
from modeldeck.workspace import find_root

MAX_NAME = 128


def start_run(
    experiment: str,
    *,
    name: str = "",
    parameters: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, MetricDefinition | str] | None = None,
    parent: str = "",
    workspace: str | Path | None = None,
    run_id: str = "",
    kind: str = "run",
    user: str = "",
    seed: int | None = None,
    capture_output: bool = True,
) -> Run:
    """Start a run of an experiment.

    Parameters
    ----------
    experiment : str
        The question that the run belongs to: a name.
    name : str
        What people call the run; free text.
    parameters : Mapping, optional
        Values fixed before the run; nested ones become ``a.b``.
    tags : Mapping of str to str, optional
        Free labels.
    metrics : Mapping, optional
        For each metric its :class:`MetricDefinition`, or just its goal, ``"max"`` or ``"min"``.
        Others count as to be minimised when their name says so (loss, error …).
    parent : str
        Full id of the run that this one is a candidate of.
    workspace : str, Path or None
        Its folder; None takes ``MODELDECK_WORKSPACE`` or looks upwards from the working directory.
    run_id : str
        An id that was made before; empty makes one.
    kind : str
        What made it, such as ``run`` or ``training``.
    user : str
        Who runs it; empty takes ``MODELDECK_USER`` or the system's user.
    seed : int, optional
        The seed of its random numbers, to be kept with it.
    capture_output : bool
        Copy what Python code prints into the run's log.

    Raises
    ------
    NotFoundError
        There is no workspace.
    InvalidInputError
        A name, goal or id is not acceptable.
    ConflictError
        There is a run of that id.
    NotPermittedError, UnavailableError
        The folder cannot be written.

    Examples
    --------
    >>> import tempfile, modeldeck
    >>> from modeldeck.services.founding import init
    >>> folder = tempfile.mkdtemp()
    >>> _ = init(Path(folder), owner="ann")
    >>> with modeldeck.start_run("churn", parameters={"depth": 3}, workspace=folder) as run:
    ...     for step in range(3):
    ...         run.log({"loss": 1 / (step + 1)}, step=step)
    >>> modeldeck.Workspace.open(folder, user="ann").runs.show(run.id)["metrics"]["loss"]["best"]
    0.3333333333333333
    """
    ids.check_name(experiment, "an experiment")
    root = find_root(workspace)
    begun = {
        "v": 1,
        "id": checked_id(run_id),
        "experiment": experiment,
        "name": cut(name),
        "kind": kind,
        "parent": parent,
        "user": user or os.environ.get("MODELDECK_USER", "") or system_user(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "argv": [cut(word) for word in sys.argv],
        "python": surroundings.python(),
        "started_at": clock.to_text(clock.utc_now()),
        "parameters": flatten(parameters or {}),
        "tags": {str(key): cut(str(value)) for key, value in (tags or {}).items()},
        "definitions": definitions_of(metrics or {}),
        "code": surroundings.code(Path.cwd()),
        "packages": surroundings.packages(),
        "seed": seed,
    }
    return Run(root, begun, capture_output=capture_output)


class Run:
    """A run of this process; use it in a ``with`` block, or call :meth:`finish`.

    An exception that leaves the block marks the run failed and stays in its log; Ctrl-C and
    ``modeldeck run stop`` mark it cancelled.

    Attributes
    ----------
    id : str
        Its id.
    folder, workspace : Path
        Its own folder, and the workspace's.
    stop_requested : bool
        Somebody asked it to stop: KeyboardInterrupt is raised in the main thread.
    """

    def __init__(self, root: Path, begun: dict[str, Any], *, capture_output: bool) -> None:
        self.id: str = begun["id"]
        self.experiment: str = begun["experiment"]
        self.workspace = root
        self.folder = root / "runs" / ids.month_of(self.id) / self.id
        self.stop_requested = False
        self._begun = begun
        self._pid = os.getpid()
        self._step = -1
        self._known: set[str] = set()
        self._is_open = True
        self._is_due = False
        self._make_folder()
        self._metrics = Stream(self.folder / "metrics.jsonl")
        self._output = Stream(self.folder / "output.log")
        self._write = self._metrics.write
        self._capture = Capture(self.log_text) if capture_output else None
        PULSE.add(self)

    def _make_folder(self) -> None:
        files.make_folder(self.folder.parent)
        try:
            self.folder.mkdir()
        except FileExistsError:
            msg = f"There is a run {self.id} already."
            raise ConflictError(msg, "Start it without run_id.") from None
        except OSError as error:
            raise files.write_error(error, self.folder) from error
        (self.folder / "heartbeat").touch()
        write_json(self.folder / "run.json", self._begun)

    @property
    def output_descriptor(self) -> int:
        """File descriptor of the run's log, for processes that write to it themselves."""
        return self._output.descriptor

    def log(self, values: Mapping[str, object], step: int | None = None) -> None:
        """Log metrics; they are with the operating system when this returns.

        Parameters
        ----------
        values : Mapping of str to number
            NaN and infinities are kept.
        step : int, optional
            Any whole number; None takes the one after the previous record's, from 0.

        Raises
        ------
        InvalidInputError
            A value is no number, a name no text, or the step no whole number.
        ConflictError
            The run has ended.
        UnavailableError
            The disk is full or broken.
        """
        step = self._step + 1 if step is None else step
        if not values.keys() <= self._known or not self._is_open:
            self._check_names(values)
        try:
            total = sum(values.values())  # type: ignore[arg-type]  # what cannot be added is caught
            is_plain = total - total == 0 and type(step) is int
            record = {"at": time.time(), "step": step, "metrics": values}
            line = orjson.dumps(record, option=OPTIONS) if is_plain else b""
        except TypeError:
            line = b""
        self._write(line or careful_record(values, step))
        self._step = step

    def _check_names(self, values: Mapping[str, object]) -> None:
        self._need_open()
        for name in values:
            if not _is_metric(name):
                msg = f"{name!r:.80} cannot be the name of a metric."
                raise InvalidInputError(msg, f"Use 1 to {MAX_NAME} printable characters.")
            self._known.add(name)

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
        self._metrics.write(orjson.dumps(files.finite(record), option=OPTIONS))

    def log_text(self, text: str) -> None:
        """Append text to the run's log, as it is."""
        if self._is_open and text and os.getpid() == self._pid:
            self._output.write(text.encode(errors="backslashreplace"))

    def log_artifact(self, source: str | Path | bytes, name: str = "") -> Path:
        """Keep a file, a folder or bytes with the run.

        Parameters
        ----------
        source : str, Path or bytes
            The file or folder to copy, or contents.
        name : str
            Its path below ``artifacts/``; empty takes the source's own name.

        Returns
        -------
        Path
            Where it is kept.

        Raises
        ------
        InvalidInputError
            The name leads out of the run's folder, or the source is not there.
        ConflictError
            There is one of that name, or the run has ended.
        """
        self._need_open()
        path = artifact_path(
            self.folder, name or ("" if isinstance(source, bytes) else Path(source).name)
        )
        files.make_folder(path.parent)
        if isinstance(source, bytes):
            if not files.write_new(path, source, mode=0o644):
                raise exists_error(path)
            return path
        if path.exists():
            raise exists_error(path)
        try:
            copy(Path(source), path)
        except FileNotFoundError:
            msg = f"There is no file {str(source)[:200]!r} to keep."
            raise InvalidInputError(msg, "Name a file or folder that is there.") from None
        except OSError as error:
            raise files.write_error(error, path) from error
        return path

    def log_model(
        self,
        model: object,
        *,
        examples: object = None,
        target: object = None,
        holdout: object = None,
        metrics: Mapping[str, object] | None = None,
        name: str = "model",
    ) -> Path:
        """Keep a fitted scikit-learn model, ready for ``modeldeck model register``.

        Parameters
        ----------
        model : object
            A fitted estimator.
        examples, target, holdout, metrics
            As of :func:`modeldeck.ml.persistence.save_model`: training rows, the name or values of
            the target, and rows kept away from training, which gates need.
        name : str
            Its folder below ``artifacts/``.

        Raises
        ------
        InvalidInputError
            The model cannot be saved without pickle, or the rows do not fit it.
        ConflictError
            There is one of that name, or the run has ended.
        """
        from modeldeck.ml.persistence import save_model

        self._need_open()
        path = artifact_path(self.folder, name)
        if path.exists():
            raise exists_error(path)
        aside = path.parent / f".{path.name}-{os.urandom(4).hex()}.tmp"
        files.make_folder(path.parent)
        try:
            save_model(
                model, aside, examples=examples, target=target, holdout=holdout, metrics=metrics
            )
            aside.rename(path)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return path

    def finish(
        self,
        status: str = "finished",
        *,
        error: BaseException | None = None,
        exit_code: int | None = None,
    ) -> None:
        """End the run; a second call does nothing.

        Parameters
        ----------
        status : str
            ``finished``, ``failed`` or ``cancelled``.
        error : BaseException, optional
            Why it failed.
        exit_code : int, optional
            None takes the error's own, or 0.

        Raises
        ------
        InvalidInputError
            There is no such status.
        """
        if status not in {"finished", "failed", "cancelled"}:
            msg = f"A run does not end as {status!r:.40}."
            raise InvalidInputError(msg, "Use finished, failed or cancelled.")
        if not self._is_open or os.getpid() != self._pid:
            return
        if self._capture is not None:
            self._capture.undo()
        self._is_open = False
        ended = {
            **self._begun,
            "status": status,
            "ended_at": clock.to_text(clock.utc_now()),
            "exit_code": exit_code_of(error) if exit_code is None else exit_code,
            "error": error_document(error),
            "metrics": _summaries(self.folder, self._begun["definitions"]),
        }
        write_json(self.folder / "end.json", ended)
        PULSE.remove(self)
        self._metrics.close()
        self._output.close()

    def sync(self) -> None:
        """Bring what was logged to the disk."""
        if self._is_open:
            with contextlib.suppress(ModelDeckError, OSError):
                self._metrics.sync()
                self._output.sync()

    def touch(self) -> None:
        """Show that the run is alive."""
        with contextlib.suppress(OSError):
            os.utime(self.folder / "heartbeat")

    def stop(self) -> None:
        """Take a request to stop: interrupt the main thread, or what is logged next.

        A process that ignores SIGINT, as a shell's background jobs do, is interrupted by the next
        thing that it logs.
        """
        self.stop_requested = True
        if not interrupt_main():
            self._is_due = True
            self._known = set()  # so that the next record takes the careful way, and looks

    def _need_open(self) -> None:
        if self._is_due:
            self._is_due = False
            raise KeyboardInterrupt
        if not self._is_open:
            msg = f"Run {ids.short(self.id)} has ended."
            raise ConflictError(msg, "Start another one with start_run.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, KeyboardInterrupt):
            self.finish("cancelled", error=error)
        else:
            is_exit = isinstance(error, SystemExit)
            if not is_exit and not isinstance(error, ModelDeckError):
                self.log_text("".join(traceback.format_exception(kind, error, trace)))
            is_success = is_exit and exit_code_of(error) == 0
            self.finish("finished" if is_success else "failed", error=error)


def _is_metric(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable()


def _summaries(folder: Path, definitions: Mapping[str, object]) -> Mapping[str, object]:
    found = Summaries(definitions)
    for line in StreamReader(folder / "metrics.jsonl").read():
        record = parse_record(line) or {}
        metrics, step = record.get("metrics"), record.get("step")
        if isinstance(metrics, dict) and isinstance(step, int):
            found.add(metrics, step)
    return found.documents()
