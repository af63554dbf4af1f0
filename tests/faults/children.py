"""Processes that are forked from one that has imported everything, for tests that need hundreds.

A child waits for :meth:`Child.go`, does its deed, and says what happened in JSON lines over a
socket. Started as a program with the number of a socket, this module is the parent of them all.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Said = dict[str, Any]
PATIENCE_S = 60.0
_TOP = Path(__file__).parents[2]
_PR_SET_PTRACER, _ANYBODY = 0x59616D61, -1


class Line:
    """A child's end of the line to the test."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def say(self, **words: object) -> None:
        """Tell the test something."""
        os.write(self.descriptor, json.dumps(words).encode() + b"\n")

    def ask(self) -> Said:
        """Wait for the test's next word."""
        text = b""
        while not text.endswith(b"\n"):
            part = os.read(self.descriptor, 1)
            if not part:
                os._exit(0)
            text += part
        return dict(json.loads(text))


class Child:
    """A forked process, as the test sees it."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line
        self._rest = b""
        self._is_over = self._is_ready = False
        self._heard: list[Said] = []

    def ready(self) -> Child:
        """Wait until it stands at the gate."""
        if not self._is_ready:
            said = self.next()
            assert said == {"ready": True}, said
            self._is_ready = True
        return self

    def go(self) -> Child:
        """Let it begin."""
        self.ready()
        os.kill(self.pid, signal.SIGUSR1)
        return self

    def tell(self, **words: object) -> None:
        """Answer what it asks for."""
        self._line.sendall(json.dumps(words).encode() + b"\n")

    def kill(self) -> None:
        """Kill it with -9."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Stop it, and wait until it stands."""
        os.kill(self.pid, signal.SIGSTOP)
        deadline = time.monotonic() + PATIENCE_S
        while self._state() != "T":
            assert time.monotonic() < deadline

    def _state(self) -> str:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def wake(self) -> None:
        """Let a stopped one go on."""
        os.kill(self.pid, signal.SIGCONT)

    def next(self) -> Said | None:
        """Return the next thing that it says; None when it is over."""
        while not self._heard and not self._is_over:
            self._listen()
        return self._heard.pop(0) if self._heard else None

    def all(self) -> list[Said]:
        """Return all that it says until it is over; a line that a kill cut off is not said."""
        while not self._is_over:
            self._listen()
        found, self._heard = self._heard, []
        self._line.close()
        return found

    def _listen(self) -> None:
        ready, _, _ = select.select([self._line], [], [], PATIENCE_S)
        assert ready, f"child {self.pid} is silent"
        try:
            part = self._line.recv(1 << 16)
        except ConnectionResetError:
            part = b""
        self._is_over = not part
        *whole, self._rest = (self._rest + part).split(b"\n")
        self._heard += [json.loads(line) for line in whole]


class Nursery:
    """The process that forks the children."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        path = os.pathsep.join([str(_TOP), str(_TOP / "core")])
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.children", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            cwd=_TOP,
        )
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()
        self._process.wait(PATIENCE_S)

    def child(self, deed: str, **options: object) -> Child:
        """Fork a child that will do a deed of :mod:`tests.faults.deeds`."""
        mine, theirs = socket.socketpair()
        wanted = json.dumps([deed, options], default=str).encode()
        socket.send_fds(self._control, [wanted], [theirs.fileno()])
        theirs.close()
        return Child(int(self._control.recv(64)), mine)

    @contextlib.contextmanager
    def children(self, wanted: list[tuple[str, dict[str, object]]]) -> Iterator[list[Child]]:
        """Fork several, and kill what is left of them in the end."""
        found = [self.child(deed, **options) for deed, options in wanted]
        try:
            yield found
        finally:
            for one in found:
                one.kill()


def gate(line: Line) -> None:
    """Wait until the test says go: by a signal, so that no traced call comes before the deed."""
    line.say(ready=True)
    signal.sigwait({signal.SIGUSR1})


def _be_child(data: bytes, descriptor: int) -> None:
    from tests.faults.deeds import DEEDS

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):  # only where Yama restricts strace
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(_ANYBODY), 0, 0, 0)
    line = Line(descriptor)
    name, options = json.loads(data)
    deed: Callable[..., None] = DEEDS[name]
    try:
        deed(line, **options)
    except BaseException:  # noqa: BLE001 -- the test shall see whatever it is
        line.say(crash=traceback.format_exc())


def main() -> None:
    """Fork a child for each message, until the test hangs up."""
    from tests.faults import deeds

    deeds.warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    control = socket.socket(fileno=int(sys.argv[1]))
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 1)
        if not data:
            return
        pid = os.fork()
        if not pid:
            control.close()
            _be_child(data, descriptors[0])
            os._exit(0)
        os.close(descriptors[0])
        control.send(str(pid).encode())


if __name__ == "__main__":
    main()
