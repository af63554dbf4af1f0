"""The one background thread of a process that tracks runs.

Each second it brings what the runs wrote to the disk (also what the last ones wrote when the
process ends), tries again to write ends that found no room, writes the ``code.diff`` of runs that
started meanwhile, and looks whether the ledger asks a run to stop; every ten seconds it touches
their heartbeats and samples the machine, for the first time after one second.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modeldeck.errors import ModelDeckError
from modeldeck.store import files, places
from modeldeck.tracking.around.code import DIFFS
from modeldeck.tracking.around.samples import Sampler
from modeldeck.tracking.endings import ENDINGS
from modeldeck.tracking.losses import warn
from modeldeck.tracking.pipes.plumbing import PLUMBING

if TYPE_CHECKING:
    from modeldeck.tracking.run import Run

TICK_S = 1.0
HEARTBEAT_S = 10.0


class Pulse:
    """Keeps the runs of this process alive; it ends when there are none."""

    def __init__(self) -> None:
        self._runs: set[Run] = set()
        self._ending: set[Run] = set()
        self._lock = threading.RLock()  # a signal's handler may end a run while one is added
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._ledgers: dict[Path, int] = {}
        self._sampler: Sampler | None = None
        self._unsettled: dict[Path, None] = {}  # each once, in the order of their coming

    def add(self, run: Run) -> None:
        """Look after a run from now on."""
        with self._lock:
            self._runs.add(run)
            ENDINGS.listen(self.has_runs)
            if run.workspace not in self._ledgers:
                self._ledgers[run.workspace] = _changed(run.workspace)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._beat, name="modeldeck-pulse", daemon=True
                )
                self._thread.start()

    def has_runs(self) -> bool:
        """Say whether there are runs that have not ended."""
        return bool(self._runs)

    def retry(self, run: Run) -> None:
        """Keep a run whose end could not be written, until it is."""
        with self._lock:
            self._runs.discard(run)
            self._ending.add(run)

    def remove(self, run: Run, written: list[Path]) -> None:
        """Look after a run that has ended no more, but for bringing its files to the disk."""
        with self._lock:
            self._runs.discard(run)
            self._ending.discard(run)
            self._unsettled |= dict.fromkeys(written)

    def settle(self, *, is_last: bool = False) -> None:
        """Write what is not written yet of runs, and bring what is to the disk."""
        DIFFS.settle()
        for run in list(self._ending):
            with contextlib.suppress(ModelDeckError):
                run.settle(is_last=is_last)
                self._ending.discard(run)
        while self._unsettled:
            with contextlib.suppress(ModelDeckError):
                files.sync(self._unsettled.popitem()[0])

    def end(self) -> None:
        """End the runs that nobody did, settle, and say what is missing; called at the end."""
        error = ENDINGS.error()
        for run in list(self._runs):
            with contextlib.suppress(ModelDeckError, OSError):
                run.end_with_process(error)
        self.settle(is_last=True)
        for run in self._ending:
            warn(f"The end of run {run.id} could not be written: it will show as lost.")

    def forget(self) -> None:
        """Leave the parent's runs to the parent; called in a forked child."""
        for run in [*self._runs, *self._ending]:
            run.disown()
        DIFFS.forget()
        self.__init__()  # type: ignore[misc]  # locks and threads do not survive a fork

    def _beat(self) -> None:
        self._sampler = Sampler(os.getpid())
        touched = time.monotonic()
        sampled = touched - HEARTBEAT_S + TICK_S
        while not self._wake.wait(TICK_S):
            with self._lock:
                runs = [*self._runs, *self._ending]
            if not runs and time.monotonic() - touched > HEARTBEAT_S:
                with self._lock:
                    if not self._runs and not self._ending:
                        self._thread = None
                        return
            PLUMBING.look()
            is_due = time.monotonic() - touched >= HEARTBEAT_S
            touched = time.monotonic() if is_due and runs else touched
            for run in runs:
                run.sync()
                if is_due:
                    run.touch()
            if time.monotonic() - sampled >= HEARTBEAT_S and runs:
                sampled = time.monotonic()
                self._sample(runs)
            self.settle()
            self._look_for_stops(runs)

    def _sample(self, runs: list[Run]) -> None:
        if self._sampler is not None:
            sample = self._sampler.sample()
            for run in runs:
                run.log_system(sample)

    def _look_for_stops(self, runs: list[Run]) -> None:
        for root in {run.workspace for run in runs}:
            changed = _changed(root)
            if changed == self._ledgers.get(root):
                continue
            self._ledgers[root] = changed
            for run in runs:
                if run.workspace == root and not run.stop_requested and _is_stopped(root, run.id):
                    run.stop()


def interrupt_main() -> bool:
    """Send the main thread a SIGINT, which also wakes it where it sleeps; say whether it hears."""
    main = threading.main_thread().ident
    if not callable(signal.getsignal(signal.SIGINT)) or main is None:
        return False
    signal.pthread_kill(main, signal.SIGINT)
    return True


def _changed(root: Path) -> int:
    try:
        return places.ledger_folder(root).stat().st_mtime_ns
    except OSError:
        return 0


def _is_stopped(root: Path, run_id: str) -> bool:
    """Ask the ledger; a workspace that cannot be read just now asks for nothing."""
    from modeldeck.workspace import Workspace

    with contextlib.suppress(ModelDeckError, OSError):
        return Workspace.open(root, is_read_only=True).stops(run_id)
    return False


PULSE = Pulse()
os.register_at_fork(after_in_child=PULSE.forget)
atexit.register(PULSE.end)
