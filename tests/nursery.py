"""A process that loads programs when they are first asked for, and forks one for each call.

``python -P -m tests.nursery NAME DESCRIPTOR`` listens at a socket; :mod:`tests.warm` speaks to it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import socket
import sys
import tempfile
import threading
import time

from tests import jobs
from tests.warm import COMMANDS, MLFLOW, locked

_WITH_MODELS = (
    "modeldeck.jobs.gate",
    "modeldeck.jobs.inspect",
    "modeldeck.jobs.serve",
    "modeldeck.jobs.traffic",
    "modeldeck.jobs.train",
    "modeldeck.ml.gating.checks",
    "sklearn.linear_model",
    "sklearn.ensemble",
)
_OF_JOBS = {
    "modeldeck.jobs.dataset": ("modeldeck.ml.datasets.difference", "modeldeck.ml.datasets.drift"),
    **dict.fromkeys(_WITH_MODELS, _WITH_MODELS),
    MLFLOW: ("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.file_store"),
    "tests.screen.making": (*_WITH_MODELS, "modeldeck.tracking", "modeldeck.workspace"),
}
"""What jobs load while they run."""

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
"""What MLflow has to know when it is loaded: it shall begin no threads."""


def _load(module: str) -> None:
    """Load a program with what it loads while it runs; commands without numerics or screen."""
    os.environ.update(_QUIET)
    for name in (module, *_OF_JOBS.get(module, ())):
        importlib.import_module(name)
    assert threading.active_count() == 1, f"{module} begins threads when it is loaded"
    if module != COMMANDS:
        return
    for name in ("modeldeck.services", "modeldeck_tui.commands", "modeldeck_tui.present"):
        package = importlib.import_module(name)
        for one in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(one.name)
    importlib.import_module("typer.rich_utils")
    jobs.become_them()
    for name in ("numpy", "sklearn", "textual"):
        assert name not in sys.modules, f"a command loads {name}"


def _be_program(wanted: bytes, *, streams: list[int]) -> None:
    os.setsid()
    module, arguments, cwd, environment, mask = json.loads(wanted)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate([nothing, *streams]):
        os.dup2(source, target)
    os.closerange(3, 1024)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- for as long as the process lives
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    os.umask(mask)
    os.chdir(cwd)
    sys.argv = [module, *arguments]
    try:
        code = sys.modules[module].main()
    except SystemExit as ended:
        code = ended.code
    if code is None or isinstance(code, int):
        _end(code or 0)
    sys.exit(code)


def _end(code: int) -> None:
    """End as an interpreter does, but for taking hundreds of modules to pieces."""
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter calls first
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code & 0xFF)


class Nursery:
    """The parent of all calls."""

    def __init__(self, name: str, listener: socket.socket) -> None:
        self._name = name
        self._listener = listener
        self._lines: list[socket.socket] = []
        self._running: dict[int, tuple[int, socket.socket]] = {}
        self._loaded: set[str] = set()

    def serve(self) -> None:
        """Fork a program for each message, and tell how each ended, until all have hung up."""
        self._lines.append(self._listener.accept()[0])
        while self._lines or not self._is_over():
            waiting: list[socket.socket | int] = [self._listener, *self._lines, *self._running]
            ready, _, _ = select.select(waiting, [], [])
            for one in ready:
                if one is self._listener:
                    self._lines.append(self._listener.accept()[0])
                elif isinstance(one, int):
                    self._bury(one)
                else:
                    self._hear(one)

    def _is_over(self) -> bool:
        """Look for somebody who came meanwhile; else go, so that the next one starts anew.

        Where the folder is gone nobody can come.
        """
        with contextlib.suppress(FileNotFoundError), locked(self._name) as path:
            self._listener.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self._lines.append(self._listener.accept()[0])
                self._lines[-1].setblocking(True)
                self._listener.setblocking(True)
                return False
            os.unlink(path)  # noqa: PTH108 -- through an open folder
        return True

    def _load(self, module: str) -> None:
        if module not in self._loaded:
            _load(module)
            self._loaded.add(module)
            gc.collect()
            gc.freeze()  # else the first collection of each child copies it all

    def _bury(self, descriptor: int) -> None:
        pid, line = self._running.pop(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):  # the test may have given up
            line.send(str(code).encode())
        line.close()
        os.close(descriptor)

    def _hear(self, asker: socket.socket) -> None:
        wanted, descriptors, _, _ = socket.recv_fds(asker, 1 << 18, 3)
        if not wanted:
            self._lines.remove(asker)
            asker.close()
            return
        self._load(json.loads(wanted)[0])
        pid = os.fork()
        if not pid:
            _be_program(wanted, streams=descriptors[1:])
        line = socket.socket(fileno=descriptors[0])
        for one in descriptors[1:]:
            os.close(one)
        with contextlib.suppress(OSError):
            line.send(str(pid).encode())
        self._running[os.pidfd_open(pid)] = (pid, line)


if __name__ == "__main__":
    jobs.fork_them()
    Nursery(sys.argv[1], socket.socket(fileno=int(sys.argv[2]))).serve()
