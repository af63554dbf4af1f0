"""Runs from the inside: starting one, logging to it, ending it.

The files and their records are specified in :mod:`modeldeck.store.runs`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from modeldeck import clock
from modeldeck.errors import ConflictError, InvalidInputError, ModelDeckError
from modeldeck.store.records import Summaries, parse_record
from modeldeck.store.streams import Stream, StreamReader
from modeldeck.tracking.active import enter, leave
from modeldeck.tracking.artifacts import Keeping, write_json
from modeldeck.tracking.capture import Capture
from modeldeck.tracking.datasets import DatasetRecords
from modeldeck.tracking.endings import TerminatedError
from modeldeck.tracking.losses import DISK_ERRORS, warn
from modeldeck.tracking.pulse import PULSE, interrupt_main
from modeldeck.tracking.values import error_document, exit_code_of

P = ParamSpec("P")
R = TypeVar("R")


class Run(DatasetRecords, Keeping):
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
        folder: Path,
        *,
        begun: dict[str, Any],
        metrics: Stream | None,
        step: int = -1,
        capture_output: bool = False,
    ) -> None:
        super().__init__(folder, begun, metrics=metrics, step=step)
        self.workspace = root
        self.stop_requested = False
        self.again: Callable[..., Any] | None = None
        self._end: dict[str, object] | None = None  # what end.json shall say, until it does
        self._lock = threading.RLock()
        self._capture = Capture(self) if capture_output and metrics is not None else None
        PULSE.add(self)

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
        self.finish_as(status, {"exit_code": code, "error": error_document(error)})

    def finish_as(self, status: str, how: Mapping[str, object]) -> None:
        """End the run, as :meth:`finish` does, with what ``end.json`` shall say about it."""
        if self.is_open:
            with self._lock:
                self._close(status, how)
        try:
            self.settle()
        except BaseException:
            PULSE.retry(self)
            raise

    def _close(self, status: str, how: Mapping[str, object]) -> None:
        """Settle how the run ended; the first one to come decides."""
        if not self.is_open:
            return
        if self._capture is not None:
            self._capture.undo()
        self._end = {
            **self._begun,
            "status": status,
            "ended_at": clock.to_text(clock.utc_now()),
            **how,
            **({"n_unwritten": self._losses.count} if self._losses.count else {}),
        }
        self.is_open = False

    def _summaries(self) -> Mapping[str, object]:
        found = Summaries(self._begun["definitions"])
        if self._metrics is not None:
            reader = StreamReader(self._metrics.path)
            for line in reader.read_from(self._metrics.descriptor):
                record = parse_record(line) or {}
                metrics, step = record.get("metrics"), record.get("step")
                if isinstance(metrics, dict) and isinstance(step, int):
                    found.add(metrics, step)
        return found.documents()

    def settle(self, *, is_last: bool = False) -> None:
        """Write the end of a run that has ended, unless that is done.

        Parameters
        ----------
        is_last : bool
            There is no later: metrics that the disk does not give are left out.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be written, or its metrics not be read back.
        """
        if self._end is not None:
            with self._lock:
                self._write_end(is_last=is_last)

    def _write_end(self, *, is_last: bool) -> None:
        if self._end is None:
            return
        if "metrics" not in self._end:
            try:
                found = self._summaries()
            except ModelDeckError:
                if not is_last:
                    raise
                found = {}
            self._end["metrics"] = found
        if self._metrics is not None:
            write_json(self.folder / "end.json", self._end)
        self._end = None
        streams = self._streams()
        written = [stream.path for stream in streams if not stream.is_synced]
        new = [*self._names, self.folder / "end.json", *written]
        PULSE.remove(self, new if self._metrics is not None else [])
        for stream in streams:
            stream.close()

    def disown(self) -> None:
        """Leave the run to the process that started it; called in a forked child."""
        self.is_foreign = self.is_open
        self.is_open = False
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
        if not self.is_open:
            return
        self.stop_requested = True
        if not interrupt_main():
            self._is_due = True
            self._known = set()  # so that the next record takes the careful way, and looks

    def log_text(self, text: str) -> None:
        """Append text to the run's log, behind what was printed before."""
        if self._capture is not None and self.is_open:
            self._capture.settle()
        super().log_text(text)

    def _say_why(self, text: str) -> None:
        """Keep a traceback, which the interpreter prints when nobody listens any more."""
        self.log_text(text)

    def end_with_process(self, error: BaseException | None) -> None:
        """End the run because its process ends, and nobody did."""
        is_expected = error is None or isinstance(error, KeyboardInterrupt | SystemExit)
        if error is not None and not is_expected:
            self._say_why("".join(traceback.format_exception(error)))
        self.finish(status_of(error), error=error)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Make each call of a function a run of its own; this one is taken back.

        Raises
        ------
        ConflictError
            Something was logged to this run already.
        """
        if self.again is None or not self.is_open or self.metrics_size():
            msg = "A run that is used already cannot decorate a function."
            raise ConflictError(msg, 'Write @modeldeck.start_run("…") right before the function.')
        self._discard()
        decorated: Callable[P, R] = self.again(function)
        return decorated

    def metrics_size(self) -> int:
        """Return how many bytes of records there are."""
        return 0 if self._metrics is None else os.fstat(self._metrics.descriptor).st_size

    def _discard(self) -> None:
        if self._capture is not None:
            self._capture.undo()
        self.is_open = False
        PULSE.remove(self, [])
        for stream in self._streams():
            stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave(self)
        is_expected = isinstance(error, KeyboardInterrupt | SystemExit | ModelDeckError)
        if error is not None and not is_expected:
            self._say_why("".join(traceback.format_exception(kind, error, trace)))
        try:
            self.finish(status_of(error), error=error)
        except DISK_ERRORS as failure:
            warn(f"{failure.message} It is tried again until the process ends.")


def status_of(error: BaseException | None) -> str:
    """Return the status of a run that ends with this error, or without one."""
    if isinstance(error, KeyboardInterrupt | TerminatedError):
        return "cancelled"
    is_success = error is None or (isinstance(error, SystemExit) and exit_code_of(error) == 0)
    return "finished" if is_success else "failed"
