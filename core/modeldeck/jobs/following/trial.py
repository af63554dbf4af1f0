"""Trying a version in a process of its own before it is loaded into the server.

A crafted model file may hang, crash or fill the process that loads it. Importing the libraries
takes a fresh process one to two seconds, so the server forks one process as soon as it has imported
them, while it has no threads; that one forks itself for each version to try, with limits
(:mod:`modeldeck.jobs.limits`), and loads none itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from modeldeck.errors import ModelDeckError, UnavailableError, error_of_code
from modeldeck.jobs.apart import ask_apart
from modeldeck.jobs.inspect import look
from modeldeck.jobs.limits import confine
from modeldeck.services.base import processes

TIMEOUT_S = 60.0
"""A version that takes longer to load, or to answer its examples, is not served."""

Look = Callable[[Path], dict[str, object]]


def _loads(folder: Path) -> dict[str, object]:
    return look(folder, None, into=None)


class Trial:
    """The process that tries versions, as the server sees it; make it before threads, and close it.

    Parameters
    ----------
    load : callable, optional
        What is done with a version's folder; loading its model when left out.
    timeout_s : float
        Seconds after which a version is given up.
    """

    def __init__(self, load: Look = _loads, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._line, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            _be_trial(theirs, load, timeout_s=timeout_s)
        theirs.close()
        self._answers = self._line.makefile("rb")

    def look(self, folder: Path) -> None:
        """Load the model of a folder in a process of its own, and let it answer its examples.

        Where somebody killed the process that forks, a fresh one is started for the version.

        Raises
        ------
        ModelDeckError
            It is refused, takes too long, or brings the process down.
        """
        answer = b""
        with contextlib.suppress(OSError):
            self._line.sendall(json.dumps(str(folder)).encode() + b"\n")
            answer = self._answers.readline()
        if answer:
            code, message, hint = json.loads(answer)
            if code:
                raise error_of_code(code)(message, hint)
        elif self._pid:
            arguments = ["--folder", str(folder)]
            processes.ask("inspect", arguments, root=folder, timeout_s=self._timeout_s)
        else:
            msg = "The server ends; the version was not tried to its end."
            raise UnavailableError(msg)

    def close(self) -> None:
        """End the process, also while it tries a version."""
        pid, self._pid = self._pid, 0
        if pid:
            with contextlib.suppress(ProcessLookupError):  # it leads no group yet
                os.killpg(pid, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self._answers.close()
            self._line.close()


def _be_trial(line: socket.socket, load: Look, *, timeout_s: float) -> None:
    """Try what is asked for until the server is gone; never return."""
    try:
        _detach(line)
        with line.makefile("rb") as asked:
            for one in asked:
                answer = _tried(Path(json.loads(one)), load, timeout_s=timeout_s)
                line.sendall(json.dumps(answer).encode() + b"\n")
    finally:
        os._exit(0)


def _detach(line: socket.socket) -> None:
    """Keep nothing of the server's but the line to it: neither terminal, nor signals, nor files."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, line.fileno())
    os.closerange(line.fileno() + 1, os.sysconf("SC_OPEN_MAX"))


def _tried(folder: Path, load: Look, *, timeout_s: float) -> tuple[int, str, str]:
    """Return exit code, message and hint of a version's trial."""

    def work() -> dict[str, object]:
        confine()
        return load(folder)

    try:
        ask_apart(work, timeout_s=timeout_s)
    except ModelDeckError as error:
        return error.exit_code, error.message, error.hint
    return 0, "", ""
