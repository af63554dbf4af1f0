"""Runs from the inside: starting one, logging to it, ending it.

The files and their records are specified in :mod:`modeldeck.store.runs`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from modeldeck import clock, ids
from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.store.runs import Summaries, parse_record
from modeldeck.store.streams import Stream, StreamReader
from modeldeck.tracking import surroundings
from modeldeck.tracking.artifacts import appear, artifact_path, keep, write_json
from modeldeck.tracking.capture import Capture
from modeldeck.tracking.datasets import DatasetRecords
from modeldeck.tracking.losses import DISK_ERRORS, warn
from modeldeck.tracking.pulse import PULSE, interrupt_main
from modeldeck.tracking.values import (
    MetricDefinition,
    checked_id,
    cut,
    definitions_of,
    error_document,
    exit_code_of,
    flatten,
    system_user,
)
from modeldeck.workspace import find_root


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


class Run(DatasetRecords):
    """A run of this process; use it in a ``with`` block, or call :meth:`finish`.

    An exception that leaves the block marks the run failed and stays in its log; Ctrl-C and
    ``modeldeck run stop`` mark it cancelled.

    Attributes
    ----------
    workspace : Path
        The workspace's folder.
    stop_requested : bool
        Somebody asked it to stop: KeyboardInterrupt is raised in the main thread.
    """

    def __init__(
        self,
        root: Path,
        begun: dict[str, Any],
        *,
        capture_output: bool,
        streams: tuple[Stream, Stream] | None = None,
    ) -> None:
        folder = root.joinpath("runs", ids.month_of(begun["id"]), begun["id"])
        super().__init__(folder, begun, streams=streams)
        self.workspace = root
        self.stop_requested = False
        self._end: dict[str, object] | None = None  # what end.json shall say, until it does
        self._lock = threading.RLock()
        self._capture = Capture(self.log_text) if capture_output else None
        PULSE.add(self)

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
            The name leads out of the run's folder; the source is not there, or no file or folder.
        ConflictError
            There is one of that name, or the run has ended.
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        self._need_open()
        return keep(self.folder, source, name=name)

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

        def save(aside: Path) -> None:
            save_model(
                model, aside, examples=examples, target=target, holdout=holdout, metrics=metrics
            )

        appear(path, save)
        return path

    def finish(
        self,
        status: str = "finished",
        *,
        error: BaseException | None = None,
        exit_code: int | None = None,
    ) -> None:
        """End the run; a second call changes nothing.

        Where the end finds no room on the disk, a second call tries again to write what the first
        one said, and so does the run itself until the process ends.

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
        NotPermittedError, UnavailableError
            The end could not be written yet.
        """
        if status not in {"finished", "failed", "cancelled"}:
            msg = f"A run does not end as {status!r:.40}."
            raise InvalidInputError(msg, "Use finished, failed or cancelled.")
        code = exit_code_of(error) if exit_code is None else exit_code
        if self._is_open:
            with self._lock:
                self._close(status, {"exit_code": code, "error": error_document(error)})
        try:
            self.settle()
        except BaseException:
            PULSE.retry(self)
            raise

    def _close(self, status: str, how: Mapping[str, object]) -> None:
        """Settle how the run ended; the first one to come decides."""
        if not self._is_open:
            return
        if self._capture is not None:
            self._capture.undo()
        self._end = {
            **self._begun,
            "status": status,
            "ended_at": clock.to_text(clock.utc_now()),
            **how,
            "metrics": _summaries(self._metrics, self._begun["definitions"]),
            **({"n_unwritten": self._losses.count} if self._losses.count else {}),
        }
        self._is_open = False

    def settle(self) -> None:
        """Write the end of a run that has ended, unless that is done.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        if self._end is not None:
            with self._lock:
                self._write_end()

    def _write_end(self) -> None:
        if self._end is None:
            return
        write_json(self.folder / "end.json", self._end)
        self._end = None
        streams = (self._metrics, self._output)
        written = [stream.path for stream in streams if not stream.is_synced]
        PULSE.remove(self, [self.folder, self.folder / "end.json", *written])
        for stream in streams:
            stream.close()

    def disown(self) -> None:
        """Leave the run to the process that started it; called in a forked child."""
        self._is_open = False
        self._end = None

    def touch(self) -> None:
        """Show that the run is alive."""
        try:
            (self.folder / "heartbeat").touch()
        except OSError:  # there is no room for a new file
            with contextlib.suppress(OSError):
                os.utime(self.folder / "run.json")

    def stop(self) -> None:
        """Take a request to stop: interrupt the main thread, or what is logged next.

        A process that ignores SIGINT, as a shell's background jobs do, is interrupted by the next
        thing that it logs.
        """
        if not self._is_open:
            return
        self.stop_requested = True
        if not interrupt_main():
            self._is_due = True
            self._known = set()  # so that the next record takes the careful way, and looks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        is_expected = isinstance(error, KeyboardInterrupt | SystemExit | ModelDeckError)
        if error is not None and not is_expected:
            self.log_text("".join(traceback.format_exception(kind, error, trace)))
        try:
            self.finish(_status_of(error), error=error)
        except DISK_ERRORS as failure:
            warn(f"{failure.message} It is tried again until the process ends.")


def _status_of(error: BaseException | None) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "cancelled"
    is_success = error is None or (isinstance(error, SystemExit) and exit_code_of(error) == 0)
    return "finished" if is_success else "failed"


def _summaries(stream: Stream, definitions: Mapping[str, object]) -> Mapping[str, object]:
    found = Summaries(definitions)
    with contextlib.suppress(OSError):  # a broken disk; the run ends all the same
        for line in StreamReader(stream.path).read_from(stream.descriptor):
            record = parse_record(line) or {}
            metrics, step = record.get("metrics"), record.get("step")
            if isinstance(metrics, dict) and isinstance(step, int):
                found.add(metrics, step)
    return found.documents()
