"""How processes end: runs that nobody finished, and SIGTERM.

A run outside of a ``with`` block ends with its process: failed with the exception that nobody
caught, cancelled by Ctrl-C or SIGTERM, else finished. SIGTERM, where the program left it to the
system, becomes an exception of the main thread, so that blocks are left and ends are written; after
``kill -9`` there is no end, and the run shows as lost when its heartbeat has stopped for a minute.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

EXIT_OF_SIGTERM = 128 + signal.SIGTERM


class TerminatedError(SystemExit):
    """SIGTERM came; the process ends with exit code 143."""

    def __init__(self) -> None:
        super().__init__(EXIT_OF_SIGTERM)


class Endings:
    """What is known about how this process ends."""

    def __init__(self) -> None:
        self.is_terminated = False
        self._has_runs: Callable[[], bool] = lambda: False
        self._is_listening = False

    def listen(self, has_runs: Callable[[], bool]) -> None:
        """Take SIGTERM while there are runs, unless the program does something about it itself."""
        self._has_runs = has_runs
        is_main = threading.current_thread() is threading.main_thread()
        if self._is_listening or not is_main:
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminate)
            self._is_listening = True

    def _terminate(self, number: int, _frame: FrameType | None) -> None:
        if self._has_runs():
            self.is_terminated = True
            raise TerminatedError
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def error(self) -> BaseException | None:
        """Return the exception that ends this process, if one does."""
        if self.is_terminated:
            return TerminatedError()
        if hasattr(sys, "ps1") or "ipykernel" in sys.modules:
            return None  # at a prompt an exception ends nothing
        found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        return found if isinstance(found, BaseException) else None


ENDINGS = Endings()
