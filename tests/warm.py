"""Programs that have loaded themselves once and fork for each call: hundreds of starts in a run.

Each call is a process of its own with its own arguments, environment, folder, standard streams and
exit code; only loading the modules, which takes half a second to two seconds, is done beforehand.
Started as a program with the number of a socket and the name of a module, this module is the parent
of them all.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TOP = Path(__file__).parents[1]
COMMANDS, SERVER = "modeldeck_tui.cli", "modeldeck.jobs.serve"


class Process:
    """One call, with the methods of :class:`subprocess.Popen` that tests use."""

    def __init__(self, line: socket.socket) -> None:
        self.pid = int(line.recv(32))
        self.returncode: int | None = None
        self._line = line

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with contextlib.suppress(TimeoutError):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it ended.

        Raises
        ------
        TimeoutError
            It runs still.
        """
        if self.returncode is None:
            if not select.select([self._line], [], [], timeout)[0]:
                raise TimeoutError
            self.returncode = int(self._line.recv(32))
            self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it with -9."""
        self.send_signal(signal.SIGKILL)


class Warm:
    """The process that forks, as the tests see it."""

    def __init__(self, module: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MODELDECK")}
        path = os.pathsep.join([str(_TOP / "core"), str(_TOP / "tui")])
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno()), module],
            pass_fds=[theirs.fileno()],
            env={**kept, "PYTHONPATH": path},
            cwd="/",
        )
        theirs.close()

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        streams: tuple[int, int],
    ) -> Process:
        """Start a process that writes to two descriptors, in a session of its own."""
        mine, theirs = socket.socketpair()
        wanted = json.dumps([arguments, str(cwd), dict(environment)]).encode()
        socket.send_fds(self._control, [wanted], [theirs.fileno(), *streams])
        theirs.close()
        return Process(mine)

    def call(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        timeout_s: float,
    ) -> tuple[int, str, str]:
        """Run a process to its end; return exit code, standard output and errors.

        Raises
        ------
        TimeoutError
            It took too long, and was killed.
        """
        deadline = time.monotonic() + timeout_s
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        process = self.start(arguments, cwd=cwd, environment=environment, streams=(to_out, to_err))
        os.close(to_out)
        os.close(to_err)
        try:
            said = _drained([out, err], deadline=deadline)
            return process.wait(max(0.0, deadline - time.monotonic())), said[0], said[1]
        except TimeoutError:
            process.kill()
            raise


def _drained(descriptors: list[int], *, deadline: float) -> list[str]:
    found = dict.fromkeys(descriptors, b"")
    left = list(descriptors)
    try:
        while left:
            ready, _, _ = select.select(left, [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for one in ready:
                part = os.read(one, 1 << 16)
                found[one] += part
                if not part:
                    left.remove(one)
    finally:
        for one in descriptors:
            os.close(one)
    return [found[one].decode() for one in descriptors]


@functools.cache
def warm(module: str) -> Warm:
    """Return the parent that all tests of this process share; it ends with them."""
    return Warm(module)


def _load(module: str) -> None:
    """Load a program with what it loads while it runs; commands without numerics or screen."""
    importlib.import_module(module)
    if module != COMMANDS:
        return
    for name in ("modeldeck.services", "modeldeck_tui.commands", "modeldeck_tui.present"):
        package = importlib.import_module(name)
        for one in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(one.name)
    importlib.import_module("typer.rich_utils")
    for name in ("numpy", "sklearn", "textual"):
        assert name not in sys.modules, f"a command loads {name}"


def _be_program(module: str, wanted: bytes, *, streams: list[int]) -> None:
    os.setsid()
    arguments, cwd, environment = json.loads(wanted)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate([nothing, *streams]):
        os.dup2(source, target)
    os.closerange(3, 256)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for as long as the process lives
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [module, *arguments]
    sys.exit(sys.modules[module].main())


def serve(control: socket.socket, module: str) -> None:
    """Fork a program for each message, and tell how each ended, until the tests hang up."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), *running], [], [])
        for descriptor in [one for one in running if one in ready]:
            pid, line = running.pop(descriptor)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with contextlib.suppress(OSError):  # the test may have given up
                line.send(str(code).encode())
            line.close()
            os.close(descriptor)
        if control.fileno() not in ready:
            continue
        wanted, descriptors, _, _ = socket.recv_fds(control, 1 << 17, 3)
        if not wanted:
            return
        pid = os.fork()
        if not pid:
            _be_program(module, wanted, streams=descriptors[1:])
        line = socket.socket(fileno=descriptors[0])
        for one in descriptors[1:]:
            os.close(one)
        line.send(str(pid).encode())
        running[os.pidfd_open(pid)] = (pid, line)


if __name__ == "__main__":
    _load(sys.argv[2])
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
