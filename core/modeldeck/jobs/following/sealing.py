"""Sealing prediction logs: the digest of each file that is written to its end goes into the ledger.

A server seals its own files when it begins another one and when it ends; what a server left that
was killed is sealed by the next one of its environment. Whether a file has still a writer shows by
its lock, so where locks do not hold nothing is sealed but own files.
"""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from modeldeck.domain.entry import Json
from modeldeck.domain.history import seals
from modeldeck.errors import (
    ConflictError,
    DamageError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
)
from modeldeck.serving.records import Records
from modeldeck.store import closing, filesystems, places, streams
from modeldeck.workspace import Workspace

AGAIN_AFTER_S = 60.0
"""How long a seal that could not be recorded waits."""


class Sealer:
    """Seals the prediction logs of one environment, a little at each look.

    Parameters
    ----------
    workspace : Workspace
        Opened as the server's member.
    environment : str
        Whose endpoints are served.
    records : Records
        What writes the server's own files.
    """

    def __init__(self, workspace: Workspace, environment: str, *, records: Records) -> None:
        self.workspace = workspace
        self.environment = environment
        self._records = records
        self._due: deque[tuple[str, Path]] | None = None
        self._made: dict[str, list[Json]] = {}
        self._not_before = 0.0

    def look(self) -> None:
        """Take one file's digest, and record the seals once none is left to take.

        Raises
        ------
        ModelDeckError
            It cannot be done now; a minute later it is tried again.
        """
        if time.monotonic() < self._not_before:
            return
        try:
            if self._take():
                self._commit()
        except ModelDeckError:
            self._not_before = time.monotonic() + AGAIN_AFTER_S
            raise

    def end(self) -> None:
        """Seal the files that were closed just now, after the last prediction was written.

        Nobody waits for what others left: the next server seals it.

        Raises
        ------
        ModelDeckError
            It cannot be done now; the next server does it.
        """
        self._due = deque()
        while not self._take():
            pass
        self._commit()

    def _take(self) -> bool:
        """Take the digest of one file that is due; say whether none is left."""
        if self._due is None:
            self._due = deque(self._left_behind())
        self._due += self._records.closed()
        while self._due:
            model, path = self._due[0]
            made = self._seal_of(f"{model}@{self.environment}", path)
            self._due.popleft()
            if made:
                break
        return not self._due

    def _seal_of(self, endpoint: str, path: Path) -> bool:
        """Keep what a file holds for the next entry; say whether there was anything to read."""
        if self._is_sealed(endpoint, path.name):
            return False
        try:
            digest, size = closing.digest_of(path)
        except (NotFoundError, DamageError, NotPermittedError):  # others are sealed all the same
            return False
        if size:
            seal: Json = {"name": path.name, "sha256": digest, "size_bytes": size}
            self._made.setdefault(endpoint, []).append(seal)
        return True

    def _commit(self) -> None:
        for endpoint, made in list(self._made.items()):
            while made:
                try:
                    self.workspace.deployments.seal(endpoint, made[: seals.MOST])
                except ConflictError:  # another server was first
                    del made[:]
                del made[: seals.MOST]
            del self._made[endpoint]

    def _left_behind(self) -> list[tuple[str, Path]]:
        """Return the files that servers which are gone left unsealed."""
        if not filesystems.of(self.workspace.root).is_local:
            return []
        with self.workspace.deck.reading() as state:
            models = [
                one.model for one in state.endpoints.values() if one.environment == self.environment
            ]
        found = []
        for model in models:
            folder = places.endpoint_folder(self.workspace.root, self.environment, model=model)
            for path in sorted(folder.glob("predictions-*.jsonl")):
                is_known = self._is_sealed(f"{model}@{self.environment}", path.name)
                if seals.NAME.fullmatch(path.name) and not is_known and not streams.is_held(path):
                    found.append((model, path))
        return found

    def _is_sealed(self, endpoint: str, name: str) -> bool:
        with self.workspace.deck.reading() as state:
            return (endpoint, name) in state.seals
