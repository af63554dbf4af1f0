"""Programs that have loaded themselves once and fork for each call: hundreds of starts in a run.

Each call is a process of its own with its own arguments, environment, folder, standard streams and
exit code; only loading the modules, which takes half a second to three seconds, is done beforehand.
Nurseries (:mod:`tests.nursery`) do that for all of pytest's workers: one that loads no numerics,
for the command line, one for jobs, and one for MLflow. :mod:`tests.jobs` lets the product itself
start its jobs there.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

WHERE = "TESTS_NURSERIES"
"""The variable that names the folder where nurseries listen; what knows none starts its own."""

COMMANDS, SERVER = "modeldeck_tui.cli", "modeldeck.jobs.serve"
MLFLOW = "tests.moving.by_mlflow"
_NURSERY = {COMMANDS: "commands", MLFLOW: "mlflow"}
_TOP = Path(__file__).parents[1]
_NURSERIES: list[subprocess.Popen[bytes]] = []


class Process:
    """One call, with the methods of :class:`subprocess.Popen` that tests use."""

    def __init__(self, line: socket.socket) -> None:
        self.pid = int(line.recv(32))
        self.returncode: int | None = None
        self._line = line

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        with contextlib.suppress(TimeoutError, subprocess.TimeoutExpired):
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
    """A program that is forked, as the tests see it."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._control = _line(_NURSERY.get(module, "jobs"))

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        streams: tuple[int, int],
        kind: type[Process] = Process,
    ) -> Process:
        """Start a process that writes to two descriptors, in a session of its own."""
        mask = os.umask(0o77)
        os.umask(mask)
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # two messages
        call = [self._module, [*arguments], str(cwd), dict(environment), mask]
        wanted = json.dumps(call).encode("utf-8", "surrogateescape")
        socket.send_fds(self._control, [wanted], [theirs.fileno(), *streams])
        theirs.close()
        return kind(mine)

    def call(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        timeout_s: float | None,
    ) -> tuple[int, bytes, bytes]:
        """Run a process to its end; return exit code, standard output and errors.

        Raises
        ------
        TimeoutError
            It took too long, and was killed.
        """
        deadline = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        process = self.start(arguments, cwd=cwd, environment=environment, streams=(to_out, to_err))
        os.close(to_out)
        os.close(to_err)
        try:
            said = _drained([out, err], deadline=deadline)
            return process.wait(_left(deadline)), said[0], said[1]
        except TimeoutError:
            process.kill()
            raise


def _left(deadline: float) -> float | None:
    return None if deadline == float("inf") else max(0.0, deadline - time.monotonic())


def _drained(descriptors: list[int], *, deadline: float) -> list[bytes]:
    found = dict.fromkeys(descriptors, b"")
    left = list(descriptors)
    try:
        while left:
            ready, _, _ = select.select(left, [], [], _left(deadline))
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
    return [found[one] for one in descriptors]


@functools.cache
def warm(module: str) -> Warm:
    """Return a program that is forked; its nursery ends with the last process that asked here."""
    for nursery in ("commands", "jobs"):  # a command may start jobs, but no nursery that stays
        _line(nursery)
    return Warm(module)


@contextlib.contextmanager
def locked(name: str) -> Iterator[str]:
    """Come and go one at a time; give a path to the socket that is never too long for one."""
    folder = os.open(os.environ[WHERE], os.O_RDONLY | os.O_DIRECTORY)
    try:
        path = f"/proc/self/fd/{folder}/{name}"
        with Path(f"{path}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield path
    finally:
        os.close(folder)


@functools.cache
def _line(name: str) -> socket.socket:
    """Return a line to a nursery; where none listens, one is started."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with locked(name) as path:
        try:
            line.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            _begin(name, path)
            line.connect(path)
    return line


def _begin(name: str, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 -- through an open folder
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(256)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MODELDECK")}
        packages = os.pathsep.join([str(_TOP), str(_TOP / "core"), str(_TOP / "tui")])
        command = [sys.executable, "-P", "-m", "tests.nursery", name, str(listener.fileno())]
        _NURSERIES.append(
            subprocess.Popen(
                command,
                pass_fds=[listener.fileno()],
                env={**kept, "PYTHONPATH": packages},
                cwd="/",
            )
        )
