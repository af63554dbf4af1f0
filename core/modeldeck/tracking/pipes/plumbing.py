"""Pipes in the place of a process's standard output and error: put in, and taken out again."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

_SCRIBE = Path(__file__).with_name("scribe.py")
_PATIENCE_S = 10.0
_OWN = {1: "stdout", 2: "stderr"}


class Plumbing:
    """The pipes of one process; one run at a time takes what comes through them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._real: dict[int, int] = {}
        self._into: dict[int, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._held: list[int] = []
        self._buffered: dict[int, bool] = {}
        self._is_on = False
        self._is_forked = False

    def begin(self, log: Path) -> bool:
        """Lead the output of this process and its children also into a log; say whether it does.

        It does not where Python's own streams are not those of the system (in Jupyter, under a test
        runner), where another run has the output already, or in a forked child.
        """
        with self._lock:
            if self._is_on or self._is_forked or not _is_plain():
                return False
            try:
                self._start()
                self._tell(b"+" + os.fsencode(log))
            except OSError:
                return False
            for stream in _flushed():
                self._buffered[stream.fileno()] = stream.line_buffering
                stream.reconfigure(line_buffering=True)
            for descriptor, into in self._into.items():
                os.dup2(into, descriptor)
            self._is_on = True
        return True

    def end(self) -> int:
        """Take the pipes out; return how many pieces found no room in the log."""
        with self._lock:
            if not self._is_on:
                return 0
            self._restore()
            n_lost = self._drained()
            with contextlib.suppress(OSError):
                self._tell(b"-")
        return n_lost

    def drain(self) -> int:
        """Wait until all that was written is copied; return how many pieces found no room."""
        with self._lock:
            if not self._is_on:
                return 0
            for stream in _flushed():
                stream.flush()
            return self._drained()

    def _drained(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._tell(b"?")
            return int(self._control.recv(64) or 0) if self._control is not None else 0
        return 0

    def _restore(self) -> None:
        for stream in _flushed():
            stream.reconfigure(line_buffering=self._buffered.get(stream.fileno(), False))
        _flush_c()
        for descriptor, real in self._real.items():
            os.dup2(real, descriptor)
        self._is_on = False

    def look(self) -> None:
        """Go back to the plain output if the scribe was killed: nobody would empty the pipes."""
        if self._is_on and self._process is not None and self._process.poll() is not None:
            for descriptor, real in self._real.items():  # first, so that nobody hangs any longer
                os.dup2(real, descriptor)
            self._is_on = False

    def _tell(self, order: bytes) -> None:
        if self._control is not None:
            self._control.send(order)

    def _start(self) -> None:
        """Start the scribe, once in a process; it waits for the next run when one has ended."""
        if self._process is not None and self._process.poll() is None:
            return
        self._real = {one: self._real.get(one) or _duplicate(one) for one in _OWN}
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_PATIENCE_S)
        ways: dict[int, str] = {}
        for descriptor in _OWN:
            self._into[descriptor] = self._way(descriptor, ways)
        sources = [int(text.split(":")[0]) for text in ways.values()]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SCRIBE), str(theirs.fileno()), *ways.values()],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), *sources, *self._real.values()],
            cwd="/",
        )
        theirs.close()
        self._control = ours
        self._held = sources  # held open, so that a killed scribe is no broken pipe

    def _way(self, descriptor: int, ways: dict[int, str]) -> int:
        """Make the pipe of a descriptor, or share that of one which leads to the same file."""
        if descriptor == 2 and os.path.sameopenfile(self._real[1], self._real[2]):
            return self._into[1]
        real = self._real[descriptor]
        if os.isatty(real):
            source, into = os.openpty()
            _make_transparent(into, real)
            ways[descriptor] = f"{source}:{real}:1"
        else:
            source, into = os.pipe()
            ways[descriptor] = f"{source}:{real}"
        os.set_blocking(source, False)
        return into

    def forget(self) -> None:
        """Leave the scribe to the parent; called in a forked child."""
        self._lock = threading.RLock()
        self._is_forked = self._is_forked or self._process is not None
        self._is_on = False
        if self._control is not None:
            self._control.close()
            self._control = None


def _duplicate(descriptor: int) -> int:
    return os.dup(descriptor)


def _is_plain() -> bool:
    """Say whether Python writes straight to the system's standard output and error."""
    if "ipykernel" in sys.modules:
        return False
    streams = ((sys.stdout, sys.__stdout__, 1), (sys.stderr, sys.__stderr__, 2))
    try:
        return all(
            now is first and now is not None and now.fileno() == at and hasattr(now, "reconfigure")
            for now, first, at in streams
        )
    except (OSError, ValueError):
        return False


def _flushed() -> Iterator[TextIOWrapper]:
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, TextIOWrapper) and not stream.closed:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
                yield stream


def _flush_c() -> None:
    """Let the C library write what it holds back."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)


def _make_transparent(pseudo: int, real: int) -> None:
    """Let a pseudo-terminal hand on bytes as they are, and have the size of the real one."""
    attributes = termios.tcgetattr(pseudo)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(pseudo, termios.TCSANOW, attributes)
    with contextlib.suppress(OSError):
        termios.tcsetwinsize(pseudo, termios.tcgetwinsize(real))


PLUMBING = Plumbing()
os.register_at_fork(after_in_child=PLUMBING.forget)
