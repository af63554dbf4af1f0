"""How processes end: runs that nobody finished, SIGTERM, and SIGHUP (a terminal that closed).

A run outside of a ``with`` block ends with its process: failed with the exception that nobody
caught, or the exit code that ``sys.exit`` was called with, cancelled by Ctrl-C or one of the two
signals, else finished. A signal that the program left to the system becomes an exception of the
main thread, so that blocks are left and ends are written; after ``kill -9`` or ``os._exit`` there
is no end, and the run shows as lost when its heartbeat has stopped for a minute.

The interpreter tells nobody about the ``SystemExit`` that ends it. So ``sys.exit``, and the
``exit`` and ``quit`` that :mod:`site` adds, note what they were called with, from the first run on;
and the frame that the main thread began with tells whether the program came to its end, or was left
by an exception: an exit that somebody caught is none. Of a ``SystemExit`` that is raised without
calling one of them (``raise SystemExit(3)``, a ``sys.exit`` that was imported by name before the
first run) nothing is known: such a run counts as finished, unless ``modeldeck exec`` saw the code.
"""

from __future__ import annotations

import builtins
import dis
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class TerminatedError(SystemExit):
    """SIGTERM or SIGHUP came; the process ends with exit code 143 or 129, as a shell tells it."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


class Endings:
    """What is known about how this process ends."""

    def __init__(self) -> None:
        self._signal = 0
        self._has_runs: Callable[[], bool] = lambda: False
        self._is_listening = False
        self._is_noting = False
        self._program: FrameType | None = None
        self._exit: tuple[SystemExit, BaseException | None] | None = None

    def listen(self, has_runs: Callable[[], bool]) -> None:
        """Take the signals while there are runs, unless the program takes them itself."""
        self._has_runs = has_runs
        if not self._is_noting:
            self._is_noting = True
            self._program = _program()
            self._note_exits()
        is_main = threading.current_thread() is threading.main_thread()
        if self._is_listening or not is_main:
            return
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._terminate)
                self._is_listening = True

    def _terminate(self, number: int, _frame: FrameType | None) -> None:
        if self._has_runs():
            self._signal = number
            raise TerminatedError(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def error(self) -> BaseException | None:
        """Return the exception that ends this process, if one does."""
        if self._signal:
            return TerminatedError(self._signal)
        if hasattr(sys, "ps1") or "ipykernel" in sys.modules:
            return None  # at a prompt an exception ends nothing
        if self._program is not None and _returned(self._program):
            return None
        found = _uncaught()
        if self._exit is not None and self._exit[1] is found:
            return self._exit[0]
        return found

    def _note_exits(self) -> None:
        leave = sys.exit

        @functools.wraps(leave)
        def leave_noted(status: object = None, /) -> NoReturn:
            try:
                leave(status)  # type: ignore[arg-type]  # it takes anything
            except SystemExit as error:
                self._note(error)
                raise

        sys.exit = leave_noted
        for kind in {type(getattr(builtins, name, None)) for name in ("exit", "quit")}:
            if kind.__module__ == "_sitebuiltins":
                self._note_calls(kind)

    def _note_calls(self, kind: type) -> None:
        called = kind.__call__

        @functools.wraps(called)
        def call_noted(quitter: object, code: object = None) -> None:
            try:
                called(quitter, code)
            except SystemExit as error:
                self._note(error)
                raise

        kind.__call__ = call_noted  # type: ignore[method-assign]

    def _note(self, error: SystemExit) -> None:
        """Remember an exit of the main thread, and what had been uncaught before it.

        The exception itself would keep what its traceback leads to.
        """
        if threading.current_thread() is threading.main_thread():
            self._exit = (SystemExit(error.code), _uncaught())


def _uncaught() -> BaseException | None:
    """Return the exception that the interpreter printed last because nobody caught it."""
    found = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    return found if isinstance(found, BaseException) else None


def _program() -> FrameType | None:
    """Return the frame that the main thread began with, where that is a program's."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    is_known = frame is not None and frame.f_code.co_name in {"<module>", "_run_module_as_main"}
    return frame if is_known else None


def _returned(frame: FrameType) -> bool:
    """Say whether a frame's last instruction was to return."""
    code, last = frame.f_code.co_code, frame.f_lasti
    return 0 <= last < len(code) and dis.opname[code[last]].startswith("RETURN_")


ENDINGS = Endings()
