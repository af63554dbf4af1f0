"""Jobs that the product starts are forked from one that has loaded them, in tests.

A fresh interpreter that loads scikit-learn costs two to three seconds of processor time, and tests
start some hundred jobs. What is replaced is :mod:`subprocess` as ``modeldeck.services.base.
processes`` sees it, and that alone: arguments, environment, folder, output, exit code and session
of a job are what they are in a fresh interpreter. Tests under :func:`fresh` start real ones.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from tests.warm import WHERE, Process, warm

FRESH = "TESTS_START_FRESH"
"""The variable under which jobs are interpreters of their own, as they are for people."""

_START = [sys.executable, "-P", "-m"]
_USER = os.geteuid()


class Job(Process):
    """A forked job, as :class:`subprocess.Popen` would show it."""

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it ended.

        Raises
        ------
        subprocess.TimeoutExpired
            It runs still.
        """
        try:
            return super().wait(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired("job", timeout or 0) from None

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _module(command: Sequence[str]) -> str:
    """Return the job of a command line; nothing if that has to be started as it is."""
    if WHERE not in os.environ or FRESH in os.environ or os.geteuid() != _USER:
        return ""
    if [*command[:3]] != _START or not command[3].startswith("modeldeck.jobs."):
        return ""
    return command[3]


def _run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    **options: Any,  # noqa: ANN401 -- what subprocess takes
) -> subprocess.CompletedProcess[bytes]:
    module = _module(command)
    if not module:
        return subprocess.run(command, cwd=cwd, env=env, timeout=timeout, **options)  # noqa: PLW1510 -- among the options
    assert options == {"stdin": subprocess.DEVNULL, "capture_output": True, "check": False}
    program = warm(module)
    try:
        code, out, err = program.call(command[4:], cwd=cwd, environment=env, timeout_s=timeout)
    except TimeoutError:
        raise subprocess.TimeoutExpired(command, timeout) from None
    return subprocess.CompletedProcess(command, code, out, err)


def _popen(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    **options: Any,  # noqa: ANN401 -- what subprocess takes
) -> Process | subprocess.Popen[bytes]:
    module = _module(command)
    if not module:
        return subprocess.Popen(command, cwd=cwd, env=env, **options)
    assert options["stdin"] == subprocess.DEVNULL
    assert options["start_new_session"]
    streams = options["stdout"], options["stderr"]
    return warm(module).start(command[4:], cwd=cwd, environment=env, streams=streams, kind=Job)


def _become(path: str, command: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Stand for a job that this process would have become: end when it does, and as it does."""
    module = _module(command)
    if not module:
        os.execve(path, [*command], env)  # noqa: S606 -- what the product asks for
    job = warm(module).start(command[4:], cwd=Path.cwd(), environment=env, streams=(1, 2))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: job.send_signal(number))
    code = job.wait()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def fork_them() -> None:
    """Let this process, and all that it forks, fork its jobs."""
    from modeldeck.services.base import processes

    vars(processes)["subprocess"] = SimpleNamespace(
        **{**vars(subprocess), "run": _run, "Popen": _popen}
    )


def become_them() -> None:
    """Let a command fork the job that it would become."""
    from modeldeck_tui.commands import deployments

    vars(deployments)["os"] = SimpleNamespace(**{**vars(os), "execve": _become})
