"""Logs: of a run, of an endpoint's servers, or any text file, by one reader."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from modeldeck.domain.documents import LogLine
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.services.runs import Runs
from modeldeck.store import places
from modeldeck.store.logs import LogFollower, tail

POLL_S = 0.1
_MAX_SOURCES = 8


class Logs:
    """The logs of one workspace."""

    def __init__(self, deck: Deck, runs: Runs) -> None:
        self.deck = deck
        self.runs = runs

    def sources(self, typed: str) -> Sequence[Path]:
        """Return the log files of a run, an endpoint, or the file itself; newest last.

        Raises
        ------
        NotFoundError
            There is no such thing, or it has no log yet.
        """
        name = typed.removeprefix("run:").removeprefix("endpoint:")
        if "@" in name and "/" not in name:
            return self._of_endpoint(name)
        path = Path(typed)
        if path.is_file() and not typed.startswith("run:"):
            return [path]
        try:
            log = self.runs.folder(name) / "output.log"
        except NotFoundError:
            msg = f"There is no run, endpoint or file {typed[:120]!r}."
            hint = "Name a run's ending, an endpoint such as churn@production, or a path."
            raise NotFoundError(msg, hint) from None
        if not log.is_file():
            msg = f"Run {name} has no log yet."
            raise NotFoundError(msg, "Try again when it has begun.")
        return [log]

    def _of_endpoint(self, name: str) -> Sequence[Path]:
        model, _at, environment = name.partition("@")
        folder = places.endpoint_folder(self.deck.root, environment, model=model)
        found = sorted(folder.glob("server-*.log"), key=lambda path: path.stat().st_mtime)
        if found:
            return found[-_MAX_SOURCES:]
        with self.deck.reading() as state:
            is_known = name in state.endpoints
        what = f"Endpoint {name} has no log" if is_known else f"There is no endpoint {name[:80]!r}"
        hint = f"`modeldeck serve {environment}` starts a server." if is_known else ""
        msg = f"{what}."
        raise NotFoundError(msg, hint or "`modeldeck deploy list` shows those there are.")

    def tail(self, typed: str, n: int = 200, *, numbers: bool = False) -> Sequence[LogLine]:
        """Return the last lines of a log; of several files those of the newest come last.

        Parameters
        ----------
        typed : str
            A run, an endpoint or a file.
        n : int
            At most so many lines.
        numbers : bool
            Also count the lines before, which costs reading the whole file.
        """
        found: list[LogLine] = []
        for path in reversed(self.sources(typed)):
            if len(found) < n:
                found = [*tail(path, n - len(found), numbers=numbers), *found]
        return found

    def follower(self, typed: str, n: int = 200, *, numbers: bool = False) -> Following:
        """Return the last lines of a log and what comes after them; see :class:`Following`."""
        return Following(self, typed, n=n, numbers=numbers)

    def follow(self, typed: str, n: int = 200) -> Iterator[LogLine]:
        """Yield the last lines of a log, then each new one as it comes, for ever."""
        following = self.follower(typed, n)
        while True:
            yield from following.poll()
            time.sleep(POLL_S)


class Following:
    """Follows the log of a run, an endpoint (also servers that start later) or a file."""

    def __init__(self, logs: Logs, typed: str, *, n: int, numbers: bool) -> None:
        self._logs = logs
        self._typed = typed
        self._followers: dict[Path, LogFollower] = {}
        self._first = n
        self._numbers = numbers

    def poll(self) -> Sequence[LogLine]:
        """Return the lines that are new: the first time the last ``n`` ones."""
        found: list[LogLine] = []
        try:
            paths = self._logs.sources(self._typed)
        except ModelDeckError:
            if not self._followers:
                raise
            paths = list(self._followers)
        n = self._first
        for path in paths:
            if path not in self._followers:
                self._followers[path] = LogFollower(path, last=n, numbers=self._numbers)
        for follower in self._followers.values():
            found += follower.poll()
        self._first = sys.maxsize
        return found[-n:]

    def close(self) -> None:
        """Close the files."""
        for follower in self._followers.values():
            follower.close()
