"""The logs of a workspace: of a run, of an endpoint's servers, or any text file."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from modeldeck.clock import to_text
from modeldeck.domain.documents import LogLine
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.services.logs.paths import Target, checked, of_path
from modeldeck.services.runs import Runs
from modeldeck.store import places
from modeldeck.store.logs import LogFollower, tail

POLL_S = 0.1
_MAX_SOURCES = 8
_PREDICTIONS = "predictions:"


class KnownLog(TypedDict):
    """A log of a workspace: what one types to read it, and what it is."""

    log: str
    kind: str
    n_files: int
    size_bytes: int
    written_at: str


class Logs:
    """The logs of one workspace."""

    def __init__(self, deck: Deck, runs: Runs) -> None:
        self.deck = deck
        self.runs = runs

    def known(self, n_runs: int = 20) -> list[KnownLog]:
        """Return which logs there are: those of endpoints, then those of the newest runs.

        Parameters
        ----------
        n_runs : int
            Of so many of the newest runs.
        """
        with self.deck.reading() as state:
            names = sorted(state.endpoints)
        found = []
        for name in names:
            model, _at, environment = name.partition("@")
            folder = places.endpoint_folder(self.deck.root, environment, model=model)
            found.append(_known(name, "endpoint", paths=folder.glob("server-*.log")))
            typed = f"{_PREDICTIONS}{name}"
            found.append(_known(typed, "predictions", paths=folder.glob("predictions-*.jsonl")))
        for run in self.runs.list(limit=n_runs):
            path = self.runs.folder(run["id"]) / "output.log"
            found.append(_known(run["id"], "run", paths=[path]))
        return [one for one in found if one["n_files"]]

    def sources(self, typed: str) -> Sequence[Path]:
        """Return the log files of a run, an endpoint, or the file itself; newest last.

        Raises
        ------
        NotFoundError
            There is no such thing, or it has no log yet.
        """
        if typed.startswith(_PREDICTIONS):
            return self._of_predictions(typed.removeprefix(_PREDICTIONS))
        name = typed.removeprefix("run:").removeprefix("endpoint:")
        if "@" in name and "/" not in name:
            return self._of_endpoint(name)
        if not typed.startswith("run:") and (found := of_path(typed)) is not None:
            return [one.path for one in found]
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

    def targets(self, things: Sequence[str]) -> list[Target]:
        """Return the files that runs, endpoints, paths, globs and ``-`` mean.

        Parameters
        ----------
        things : sequence of str
            What a person wrote; ``predictions:churn@production`` are an endpoint's predictions.

        Raises
        ------
        NotFoundError
            There is no such thing, or it has no log yet.
        InvalidInputError
            There are too many.
        """
        found: list[Target] = []
        for thing in things:
            is_own = thing.startswith(("run:", "endpoint:", _PREDICTIONS))
            some = None if is_own else of_path(thing)
            if some is None:
                some = [Target(one, one.name, is_named=False) for one in self.sources(thing)]
            found += some
        return checked(found)

    def _of_predictions(self, name: str) -> Sequence[Path]:
        model, _at, environment = name.replace("/", "").partition("@")
        folder = places.endpoint_folder(self.deck.root, environment, model=model)
        found = sorted(folder.glob("predictions-*.jsonl"), key=lambda path: path.stat().st_mtime)
        if not found:
            msg = f"There are no predictions of an endpoint {name[:80]!r}."
            raise NotFoundError(msg, "`modeldeck deploy list` shows which endpoints there are.")
        return found[-_MAX_SOURCES:]

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


def _known(log: str, kind: str, *, paths: Iterable[Path]) -> KnownLog:
    statuses = []
    for path in paths:
        with contextlib.suppress(OSError):  # it may be rotated away meanwhile
            statuses.append(path.stat())
    written = max((one.st_mtime for one in statuses), default=0.0)
    return KnownLog(
        log=log,
        kind=kind,
        n_files=len(statuses),
        size_bytes=sum(one.st_size for one in statuses),
        written_at=to_text(datetime.fromtimestamp(written, UTC)),
    )


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
