"""A server's heartbeat: a file whose time of change says that the server lives.

``endpoints/<environment>/heartbeat-<member>-<host>.json`` is
``{"member", "host", "pid", "ended_at", "models": {"<model>": generation}, "rules"}``, touched every
five seconds; ``rules`` is the newest version of the ledger's rules that it knows. It stays when the
server has ended, with the time of its end, or untouched when it was killed: who looks at it can
tell a server that is silent from one that never was.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.errors import ModelDeckError
from modeldeck.store import files

BEAT_S = 5.0

Models = Callable[[], Mapping[str, int]]


class Heartbeat:
    """Keeps a server's heartbeat file; close it.

    Parameters
    ----------
    folder : Path
        The environment's folder.
    member : str
        Whom the server acts as.
    models : callable
        Returns the generation that is served of each model.
    """

    def __init__(self, folder: Path, member: str, *, models: Models) -> None:
        self.path = folder / f"heartbeat-{member}-{socket.gethostname()}.json"
        self._member = member
        self._models = models
        self._written: tuple[Mapping[str, int], int] = ({}, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._beat()
        self._thread.start()

    def close(self) -> None:
        """Say that the server has ended."""
        self._stop.set()
        self._thread.join(timeout=5)
        with contextlib.suppress(ModelDeckError, OSError):
            self._write(ended_at=clock.to_text(clock.utc_now()))

    def _run(self) -> None:
        while not self._stop.wait(BEAT_S):
            self._beat()

    def _beat(self) -> None:
        """Touch the file; write it anew when something changed, or when it is not ours."""
        with contextlib.suppress(ModelDeckError, OSError):
            try:
                is_ours = (self._models(), self.path.stat().st_ino) == self._written
            except OSError:
                is_ours = False
            if is_ours:
                os.utime(self.path)
            else:
                self._write()

    def _write(self, *, ended_at: str = "") -> None:
        models = dict(self._models())
        value = {
            "member": self._member,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "ended_at": ended_at,
            "models": models,
            "rules": fold.newest(),
        }
        files.replace(self.path, files.dumps(value), durable=False)
        self._written = (models, self.path.stat().st_ino)
