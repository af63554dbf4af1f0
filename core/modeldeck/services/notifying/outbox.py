"""The outbox of one member on one account: what still has to be sent, and what was.

``~/.local/state/modeldeck/notifications/<workspace>/<member>/`` holds ``outbox.json``::

    {"n": 42, "head": "<digest of entry 42>", "pending": [...], "reminded": {...}, "log": [...]}

All entries up to ``n`` were looked at; what of them has to be sent is in ``pending`` or was sent.
Both are in one file, which appears whole: a kill at any moment loses nothing and sends nothing
twice, but for the one delivery that was just on its way, which is sent again under the same id.

``lock`` is held by the one process that delivers. ``wake`` tells it that there are new entries:
whoever finds the lock taken writes it, and who held the lock looks for it once more after giving it
back.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from modeldeck import ids
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.store import files, places

MOST_LOG = 500
MOST_PENDING = 10_000
_MOST_BYTES = 64 << 20
_LOCK = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Pending(TypedDict):
    """A delivery that is still to be made: an event to a receiver.

    ``next_at`` is when it is tried (again), in seconds since 1970; ``since`` when it came up.
    """

    id: str
    receiver: str
    event: dict[str, object]
    tries: int
    since: float
    next_at: float
    problem: str


class Logged(TypedDict):
    """What became of a try: delivered, failed (it is tried again), or given up."""

    id: str
    at: str
    receiver: str
    event: str
    title: str
    tries: int
    outcome: str
    detail: str
    took_s: NotRequired[float]


@dataclass
class Box:
    """What an outbox holds; ``n`` is -1 while there is none."""

    n: int = -1
    head: str = ""
    pending: list[Pending] = field(default_factory=list)
    reminded: dict[str, str] = field(default_factory=dict)
    log: list[Logged] = field(default_factory=list)


class Outbox:
    """The files of one outbox.

    Parameters
    ----------
    workspace : str
        The workspace's id.
    member : str
        Whose events are sent.
    """

    def __init__(self, workspace: str, member: str) -> None:
        name = ids.check_name(member, "a member")
        folder = places.user_state() / "notifications" / workspace[:16] / name
        self.folder, self.member = folder, name
        self._file, self._lock, self._wake = (
            folder / "outbox.json",
            folder / "lock",
            folder / "wake",
        )

    def begin(self, n: int, head: str) -> None:
        """Make the outbox, of which all entries up to ``n`` are looked at, unless it is there."""
        if files.is_there(self._file):
            return
        files.make_folder(self.folder)
        data = files.dumps({"n": n, "head": head, "pending": [], "reminded": {}, "log": []})
        files.write_new(self._file, data, mode=0o600)

    def load(self) -> Box:
        """Return what it holds.

        Raises
        ------
        NotFoundError
            There is none yet.
        DamageError, NotPermittedError, UnavailableError
            It cannot be read.
        """
        data = files.read_bytes(self._file, _MOST_BYTES)
        try:
            known = json.loads(data)
            return Box(
                n=int(known["n"]),
                head=str(known["head"]),
                pending=cast("list[Pending]", _whole(known["pending"], Pending)),
                reminded={str(key): str(at) for key, at in known["reminded"].items()},
                log=cast("list[Logged]", _whole(known["log"], Logged)),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            msg = f"{self._file} is damaged."
            raise NotFoundError(msg, "It is made anew; what it held is lost.") from None

    def look(self) -> Box:
        """Return what it holds; nothing when there is none."""
        with contextlib.suppress(ModelDeckError):
            return self.load()
        return Box()

    def save(self, box: Box) -> None:
        """Write it whole."""
        del box.log[:-MOST_LOG]
        value = {
            "n": box.n,
            "head": box.head,
            "pending": box.pending,
            "reminded": box.reminded,
            "log": box.log,
        }
        files.replace(self._file, files.dumps(value), mode=0o600, durable=False)

    def reset(self, box: Box) -> None:
        """Write an outbox over one that is damaged."""
        files.make_folder(self.folder)
        self.save(box)

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Give whether this process is the one that delivers; it is until the block ends."""
        files.make_folder(self.folder)
        try:
            descriptor = os.open(self._lock, _LOCK, 0o600)
        except OSError as error:
            raise files.write_error(error, self._lock) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            files.close(descriptor)

    def is_tended(self) -> bool:
        """Say whether a process delivers just now."""
        try:
            with self.alone() as is_free:
                return not is_free
        except ModelDeckError:
            return False

    def wake(self) -> None:
        """Tell whoever delivers that there is something new."""
        files.replace(self._wake, b"", mode=0o600, durable=False)

    def was_woken(self) -> bool:
        """Say whether somebody told so since the last call."""
        try:
            self._wake.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise files.write_error(error, self._wake) from error
        return True

    @property
    def path(self) -> Path:
        """The file."""
        return self._file


def _whole(values: object, kind: type) -> list[dict[str, object]]:
    """Return those entries of a list that have all their fields."""
    needed = kind.__required_keys__  # type: ignore[attr-defined]
    given = values if isinstance(values, list) else []
    return [one for one in given if isinstance(one, dict) and needed <= one.keys()]
