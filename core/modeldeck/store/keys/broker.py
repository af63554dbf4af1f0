"""Asking a person on behalf of ``ssh-keygen``, which is given no terminal.

``ssh-keygen`` runs the program that ``SSH_ASKPASS`` names whenever it needs a passphrase or a PIN,
or wants a key touched. That program, :mod:`modeldeck.jobs.askpass`, connects to a socket here::

    <private folder, 0700>/socket    0600; only processes of the same user are answered
    <private folder, 0700>/askpass   0700; starts the program with the socket's path

It sends one line of JSON, ``{"prompt": …, "kind": …}`` (the kind is what ``SSH_ASKPASS_PROMPT``
says: empty for a secret, ``none`` for a notice), and gets ``+`` and the answer, or ``-``, up to the
end of the stream. Answers go through this socket alone: never through arguments, the environment,
a log or a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import shutil
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from modeldeck.domain.membership.questions import Asker, Question
from modeldeck.errors import UnavailableError

_MAX_PATH = 100
"""A socket's path may have 107 bytes."""

_MAX_LINE = 16_384
_PACKAGES = str(Path(__file__).resolve().parents[3])


class Broker:
    """Answers the questions of one ``ssh-keygen``; use it in a ``with`` block.

    Parameters
    ----------
    asker : Asker
        Who asks the person.
    about : Question
        The key that it is about; the prompt is filled in as it comes.
    cancel : callable
        Called when the person cancels a notice: nothing waits for its answer.

    Attributes
    ----------
    is_cancelled : bool
        Whether the person cancelled.

    Raises
    ------
    UnavailableError
        There is no folder here for a socket and a program.
    """

    def __init__(self, asker: Asker, about: Question, *, cancel: Callable[[], None]) -> None:
        self.is_cancelled = False
        self._asker, self._about, self._cancel = asker, about, cancel
        self._folder = _private_folder()
        self._listener = socket.socket(socket.AF_UNIX)
        self._wake, self._woken = socket.socketpair()
        self._is_closing = False
        self._thread = threading.Thread(target=self._serve, name="askpass", daemon=True)

    def environment(self) -> Mapping[str, str]:
        """Return the environment for ``ssh-keygen``."""
        known = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([_PACKAGES, *(one for one in known if one != _PACKAGES)]),
            "SSH_ASKPASS": str(self._folder / "askpass"),
            "SSH_ASKPASS_REQUIRE": "force",
        }

    def __enter__(self) -> Self:
        try:
            path = self._folder / "socket"
            self._listener.bind(str(path))
            path.chmod(0o600)
            self._listener.listen(4)
        except OSError as error:
            self._clean()
            msg = f"Nobody can be asked for a passphrase here: {error.strerror}."
            raise UnavailableError(msg, "Put the key into an agent: ssh-add.") from error
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closing = True
        self._wake.close()
        self._thread.join()
        self._clean()

    def _clean(self) -> None:
        for one in (self._listener, self._wake, self._woken):
            one.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        while not self._is_closing:
            ready, _, _ = select.select([self._listener, self._woken], [], [])
            if self._listener in ready and not self._is_closing:
                with contextlib.suppress(OSError), self._listener.accept()[0] as connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        credentials = connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
        )
        if struct.unpack("3i", credentials)[1] != os.geteuid():
            return
        question = self._question(connection)
        if question is None:
            return
        answer = None
        if not self.is_cancelled:
            answer = self._asker.ask(question, lambda: self._is_gone(connection))
        if answer is None and not self._is_gone(connection):
            self.is_cancelled = True
            if not question.has_answer:
                self._cancel()
        connection.sendall(
            b"-" if answer is None else b"+" + answer.encode("utf-8", "surrogateescape")
        )

    def _question(self, connection: socket.socket) -> Question | None:
        connection.settimeout(10)
        line = b""
        while not line.endswith(b"\n"):
            more = connection.recv(_MAX_LINE)
            line += more
            if not more or len(line) > _MAX_LINE:
                return None
        try:
            said = json.loads(line)
            prompt, kind = str(said["prompt"]), str(said["kind"])
        except (ValueError, KeyError, TypeError):
            return None
        return replace(self._about, prompt=prompt, has_answer=kind != "none")

    def _is_gone(self, connection: socket.socket) -> bool:
        """Say whether nobody waits for the answer any more."""
        if self._is_closing:
            return True
        try:
            return bool(select.select([connection], [], [], 0)[0]) and not connection.recv(
                1, socket.MSG_PEEK
            )
        except OSError:
            return True


def _private_folder() -> Path:
    """Make a folder where a socket fits and programs may run, with the program in it."""
    cache = os.environ.get("XDG_CACHE_HOME", "") or str(Path.home() / ".cache")
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), cache):
        if not place:
            continue
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="modeldeck-", dir=place))
            if _holds_program(folder):
                return folder
            shutil.rmtree(folder, ignore_errors=True)
    msg = "Nobody can be asked for a passphrase here: no folder takes a socket and a program."
    raise UnavailableError(msg, "Put the key into an agent: ssh-add.")


def _holds_program(folder: Path) -> bool:
    program = folder / "askpass"
    words = [sys.executable, "-P", "-m", "modeldeck.jobs.askpass", str(folder / "socket")]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    return os.access(program, os.X_OK) and len(os.fsencode(folder / "socket")) < _MAX_PATH
