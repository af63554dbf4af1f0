"""Running ``ssh-keygen``: without a terminal, at one, or with a person asked at a screen."""

from __future__ import annotations

import contextlib
import getpass
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from modeldeck.domain.membership.questions import Asker, Question
from modeldeck.errors import NotPermittedError, UnavailableError
from modeldeck.store.keys.broker import Broker

TIMEOUT_S = 120
ASKING_TIMEOUT_S = 600
"""How long a person may take for an answer."""

Done = subprocess.CompletedProcess[bytes]


def keygen(arguments: list[str], payload: bytes, *, may_ask: bool) -> Done:
    """Run ``ssh-keygen`` to its end.

    Parameters
    ----------
    arguments : list of str
        Its arguments.
    payload : bytes
        Its standard input.
    may_ask : bool
        Whether it may ask at the terminal; without, it gets a session of its own.

    Raises
    ------
    UnavailableError
        There is none here, or it did not end in time.
    """
    with _failures():
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=payload,
            capture_output=True,
            timeout=ASKING_TIMEOUT_S if may_ask else TIMEOUT_S,
            check=False,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},  # the terminal, no other window
            start_new_session=not may_ask,
        )


def asked(arguments: list[str], payload: bytes, *, asker: Asker, about: Question) -> Done:
    """Run ``ssh-keygen`` to its end, away from any terminal, with the person asked by ``asker``.

    Raises
    ------
    NotPermittedError
        The person cancelled.
    UnavailableError
        There is none here, it did not end in time, or nobody can be asked here.
    """
    running: list[subprocess.Popen[bytes]] = []

    def cancel() -> None:
        for one in running:
            one.terminate()

    with Broker(asker, about, cancel=cancel) as broker, _failures():
        done = _run(arguments, payload, environment=broker.environment(), running=running)
        if broker.is_cancelled and done.returncode:
            msg = "Signing was cancelled."
            raise NotPermittedError(msg, "Nothing was written.")
        return done


def _run(
    arguments: list[str],
    payload: bytes,
    *,
    environment: Mapping[str, str],
    running: list[subprocess.Popen[bytes]],
) -> Done:
    process = subprocess.Popen(
        ["ssh-keygen", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    with process:
        running.append(process)
        try:
            out, err = process.communicate(payload, timeout=ASKING_TIMEOUT_S)
        except BaseException:
            process.kill()
            raise
    return Done(process.args, process.returncode, out, err)


def tell_terminal(text: str) -> None:
    """Say something at the terminal at which ``ssh-keygen`` is about to ask."""
    with contextlib.suppress(OSError), Path("/dev/tty").open("w", encoding="utf-8") as terminal:
        terminal.write(f"\r\x1b[K{text}\n")  # over what said that something is being done


def ask_terminal(prompt: str) -> str:
    """Ask for a secret at the terminal of this process, which shows nothing of it.

    Raises
    ------
    NotPermittedError
        The person ended the input.
    """
    try:
        return getpass.getpass(prompt)
    except (EOFError, OSError):
        msg = "Signing was cancelled."
        raise NotPermittedError(msg, "Nothing was written.") from None


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        msg = "There is no ssh-keygen here, which makes and checks signatures."
        raise UnavailableError(msg, "Install OpenSSH's client (Debian: openssh-client).") from None
    except OSError as error:
        msg = f"ssh-keygen could not be started: {error.strerror}."
        raise UnavailableError(msg, "Try again when the machine is less busy.") from error
    except subprocess.TimeoutExpired:
        msg = "ssh-keygen did not answer in time."
        raise UnavailableError(msg, "Is a hardware key waiting to be touched? Try again.") from None
