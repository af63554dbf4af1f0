"""Starting jobs: processes of their own, which outlive the screen and a lost connection."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from modeldeck.errors import ModelDeckError, UnavailableError, error_of_code
from modeldeck.store import files

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
_STARTED: list[subprocess.Popen[bytes]] = []
"""Jobs that this process started and that may still run."""


def command(job: str, arguments: list[str]) -> list[str]:
    """Return the command line of a job; ``-P`` keeps the working directory out of imports."""
    return [sys.executable, "-P", "-m", f"modeldeck.jobs.{job}", *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a job: ours, with the folders our packages come from."""
    package = str(Path(__file__).resolve().parents[2])
    known = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    if package not in known:
        known.insert(0, package)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(known)}


def spawn(
    job: str, arguments: list[str], *, root: Path, log: Path | int | None = None
) -> subprocess.Popen[bytes]:
    """Start a job in a session of its own.

    Parameters
    ----------
    job : str
        Name of a module of :mod:`modeldeck.jobs`.
    arguments : list of str
        Its arguments.
    root : Path
        Its working directory.
    log : Path, int or None
        The file, or a descriptor, that its output is added to; None throws it away.

    Raises
    ------
    NotPermittedError, UnavailableError
        It could not be started.
    """
    _STARTED[:] = [one for one in _STARTED if one.poll() is None]  # no zombies stay
    path = log if isinstance(log, Path) else Path(os.devnull)
    try:
        target = os.dup(log) if isinstance(log, int) else os.open(path, _APPEND, 0o644)
    except OSError as error:
        raise files.write_error(error, path) from error
    try:
        process = subprocess.Popen(
            command(job, arguments),
            cwd=root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=target,
            start_new_session=True,
        )
        _STARTED.append(process)
        return process
    except OSError as error:
        msg = f"The job {job} could not be started: {error.strerror}."
        raise UnavailableError(msg) from error
    finally:
        files.close(target)


def ask(job: str, arguments: list[str], *, root: Path, timeout_s: float = 600) -> dict[str, object]:
    """Run a job to its end and return the JSON object that it prints.

    Raises
    ------
    ModelDeckError
        It failed; the class follows from its exit code, the message is its own.
    UnavailableError
        It could not be started, or did not end in time.
    """
    try:
        done = subprocess.run(
            command(job, arguments),
            cwd=root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        msg = f"The job {job} did not end within {timeout_s:.0f} seconds."
        raise UnavailableError(msg, "Try again when the machine is less busy.") from None
    except OSError as error:
        msg = f"The job {job} could not be started: {error.strerror}."
        raise UnavailableError(msg, "Try again when the machine is less busy.") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if done.returncode == 0 and isinstance(answer, dict):
        return answer
    raise _failure(job, done, answer=answer)


def _failure(
    job: str, done: subprocess.CompletedProcess[bytes], *, answer: object
) -> ModelDeckError:
    kind = error_of_code(done.returncode)
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        error = answer["error"]
        return kind(str(error.get("message", "")), str(error.get("hint", "")))
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else "it printed nothing"
    return kind(f"The job {job} ended with exit code {done.returncode}: {last[:300]}")
