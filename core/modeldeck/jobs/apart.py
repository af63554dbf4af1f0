"""A part of a job in a process of its own, which has imported what the job has.

Importing scikit-learn takes one to two seconds of processor time; a forked process does not pay it
again. It is forked before the job loads any model and before it has threads of Python, so nothing
that a crafted model does to it reaches the job.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from modeldeck.errors import UnavailableError, error_of_code
from modeldeck.jobs.limits import answered

_PIECE = 1 << 16


def ask_apart(work: Callable[[], dict[str, object]], *, timeout_s: float) -> dict[str, object]:
    """Call a function in a forked process and return what it returns.

    Parameters
    ----------
    work : callable
        What to do there; its result has to be what JSON can hold.
    timeout_s : float
        The process is killed after so many seconds.

    Raises
    ------
    ModelDeckError
        The function raised it, or the process ended before it returned.
    UnavailableError
        It did not return in time, or there can be no other process now.
    """
    mine, theirs = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(mine)
        os.close(theirs)
        msg = f"No other process could be started: {error.strerror}."
        raise UnavailableError(msg, "Try again when the machine is less busy.") from error
    if child == 0:
        _be_child(work, theirs)
    os.close(theirs)
    try:
        out = _read(mine, child, until=time.monotonic() + timeout_s)
    except UnavailableError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(mine)
    return _answer(out, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _be_child(work: Callable[[], dict[str, object]], output: int) -> None:
    """Do the work, write the answer, and never return to what the parent does."""
    code = 1
    try:
        os.dup2(output, 1)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        code = answered(work)
    finally:
        os._exit(code)


def _read(descriptor: int, child: int, *, until: float) -> bytes:
    found = b""
    while True:
        left = max(0.0, until - time.monotonic())
        if not select.select([descriptor], [], [], left)[0]:
            msg = f"Process {child} did not answer in time."
            raise UnavailableError(msg, "Try again when the machine is less busy.")
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return found
        found += piece


def _answer(out: bytes, code: int) -> dict[str, object]:
    try:
        answer = json.loads(out)
    except ValueError:
        answer = None
    if code == 0 and isinstance(answer, dict):
        return answer
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        error = answer["error"]
        raise error_of_code(code)(str(error["message"]), str(error["hint"]))
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    msg = f"The process that did it ended with {how}."
    raise error_of_code(code)(msg)
