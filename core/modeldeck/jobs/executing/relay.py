"""Between a program and where it would be without us: output, keys and signals go through.

The program has a session of its own. What it writes goes on at once and into the run's log; signals
that we get are sent to it and to what it started. When it has ended, its last output is waited for
shortly, because what it left running may keep the pipes open for ever.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

from modeldeck.jobs.executing.channels import Channels

FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
ESCALATION = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
"""What a program that was asked to stop is sent, one after the other."""
NEXT_AFTER_S = 10.0

_PIECE = 1 << 16
_TICK_MS = 500
_LAST_WORDS_MS = 200
_WITH_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "try:\n"
    "    os.execvp(sys.argv[1], sys.argv[1:])\n"
    "except OSError as error:\n"
    "    sys.exit(f'{sys.argv[1]}: {error.strerror}')\n"
)
"""Makes the pseudo-terminal that of the session, so that Ctrl-C and job control work in it."""


class Relay:
    """One program from its start to its end.

    Parameters
    ----------
    keep : callable
        Takes what it writes, for the log.
    is_stopped : callable
        Says whether somebody asked the run to stop.
    """

    def __init__(self, keep: Callable[[bytes], None], is_stopped: Callable[[], bool]) -> None:
        self._keep = keep
        self._is_stopped = is_stopped
        self._channels = Channels()
        self._poll = select.poll()
        self._sent: list[tuple[int, float]] = []
        self._rest = b""
        self.signals: set[int] = set()
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run a program to its end.

        Returns
        -------
        int
            Its exit code; minus the number of the signal that ended it, if one did.

        Raises
        ------
        OSError
            It cannot be started.
        """
        channels = self._channels
        around = [sys.executable, "-I", "-S", "-c", _WITH_TERMINAL]
        words = [*around, *command] if channels.keyboard >= 0 else [*command]
        with self._signals() as woken:
            self.process = subprocess.Popen(
                words,
                env=environment,
                stdin=channels.given[0],
                stdout=channels.given[1],
                stderr=channels.given[2],
                start_new_session=True,
            )
            channels.started()
            self._poll.register(woken, select.POLLIN)
            for source in channels.ways:
                self._poll.register(source, select.POLLIN)
            try:
                channels.take_keyboard()
                if channels.keyboard >= 0:
                    self._poll.register(0, select.POLLIN)
                while self.process.poll() is None:
                    self._turn(_TICK_MS, woken)
                    self._ask_to_stop()
                while channels.ways and self._turn(_LAST_WORDS_MS, woken):
                    pass
            finally:
                channels.give_back()
        self._keep(self._rest)
        return self.process.returncode

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Forward signals, and wake up by them; those that we were told to ignore stay so."""
        woken, wake = os.pipe()
        for descriptor in (woken, wake):
            os.set_blocking(descriptor, False)
        taken = [one for one in FORWARDED if signal.getsignal(one) is not signal.SIG_IGN]
        before = {one: signal.signal(one, self._forward) for one in taken}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: self._channels.resize())
        known = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            yield woken
        finally:
            signal.set_wakeup_fd(known)
            for one, handler in before.items():
                signal.signal(one, handler)
            os.close(woken)
            os.close(wake)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._is_stopped():
            return  # the request to stop came as this signal; see _ask_to_stop
        self.signals.add(number)
        self._send(number)

    def _send(self, number: int) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def _ask_to_stop(self) -> None:
        now = time.monotonic()
        is_due = not self._sent or now - self._sent[-1][1] >= NEXT_AFTER_S
        if self._is_stopped() and is_due and len(self._sent) < len(ESCALATION):
            number = ESCALATION[len(self._sent)]
            self._sent.append((number, now))
            self._send(number)

    def _turn(self, patience_ms: int, woken: int) -> bool:
        """Wait for something and do it; say whether there was any output."""
        had_output = False
        for descriptor, _event in self._poll.poll(patience_ms):
            if descriptor == woken:
                with contextlib.suppress(BlockingIOError):
                    os.read(woken, 512)
            elif descriptor == 0:
                self._type()
            else:
                had_output = self._copy(descriptor) or had_output
        return had_output

    def _type(self) -> None:
        try:
            keys = os.read(0, _PIECE)
        except OSError:
            keys = b""
        if not keys or self._channels.keyboard < 0:
            self._poll.unregister(0)
            return
        with contextlib.suppress(OSError):
            os.write(self._channels.keyboard, keys)

    def _copy(self, source: int) -> bool:
        try:
            piece = os.read(source, _PIECE)
        except BlockingIOError:
            return False
        except OSError:  # a pseudo-terminal that nobody has open any more
            piece = b""
        if not piece:
            self._poll.unregister(source)
            self._channels.close(source)
            return False
        target = self._channels.ways[source]
        with contextlib.suppress(OSError):  # who read it is gone; the run goes on
            _write(target, piece)
        if source in self._channels.terminals:
            piece = self._rest + piece
            self._rest = b"\r" if piece.endswith(b"\r") else b""
            piece = piece.removesuffix(self._rest).replace(b"\r\n", b"\n")
        self._keep(piece)
        return True


def _write(descriptor: int, piece: bytes) -> None:
    while piece:
        try:
            piece = piece[os.write(descriptor, piece) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
