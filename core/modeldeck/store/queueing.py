"""The queue of local writers of one ledger: a lock file, on which no safety rests."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from modeldeck.store import files, filesystems, places

PATIENCE_S = 1.0


class Queue:
    """The queue of one workspace; where locks hold nothing, it has no order and costs only tries.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._locks_hold: bool | None = None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for one's turn, but not for a holder that keeps it too long."""
        descriptor = -1
        try:
            if self._locks_hold is None:
                self._locks_hold = filesystems.of(self.root).is_local
            with contextlib.suppress(OSError):
                if self._locks_hold:
                    descriptor = _open_lock(places.lock_file(self.root))
                    descriptor = _wait_for_lock(descriptor)
            yield
        finally:
            if descriptor >= 0:
                files.close(descriptor)


def _open_lock(path: Path) -> int:
    """Open the lock file, which may be somebody else's; reading is enough for a lock.

    ``O_CREAT`` comes second: Linux refuses it on another's file in a sticky folder that a group may
    write (proc(5), ``protected_regular``).
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        return os.open(path, flags | os.O_CREAT, 0o644)


def _wait_for_lock(descriptor: int) -> int:
    """Take a lock; return the descriptor that holds it, or -1 when its holder keeps it too long.

    The wait is the system's own queue, in which nobody is overtaken. It has no time limit, so a
    thread waits: a holder that was stopped keeps that thread, which closes the file when it comes.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _wait_aside(descriptor)
    return descriptor


def _wait_aside(descriptor: int) -> int:
    guard, is_mine, is_late = threading.Lock(), threading.Event(), threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with guard:
            if is_late.is_set():
                files.close(descriptor)
            is_mine.set()

    threading.Thread(target=wait, name="modeldeck-queue", daemon=True).start()
    if is_mine.wait(PATIENCE_S):
        return descriptor
    with guard:
        if is_mine.is_set():
            return descriptor
        is_late.set()
    return -1
