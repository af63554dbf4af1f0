"""The queue of local writers of one ledger: a lock file, on which no safety rests.

Who had a turn leaves a word in the file: the inode of the ledger's folder, and the digest of the
entry up to which all names are on the disk for sure. It comes after the turn, while the next writer
brings the bytes of the next entry to the disk, and saves that one from asking the disk for the same
again. A word that is not of the last entry there is, because it is late, somebody wrote without a
turn, was killed, or copied the workspace, says nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from modeldeck.errors import ModelDeckError
from modeldeck.store import files, filesystems, places

PATIENCE_S = 1.0
_LOOK_S = 0.01
_WORD_LIMIT = 128


class Turn:
    """One's turn; without a lock that holds (descriptor -1) nothing is said or heard.

    Parameters
    ----------
    descriptor : int
        The lock file, locked.
    folder : Path
        The ledger's.
    """

    def __init__(self, descriptor: int, folder: Path) -> None:
        self._descriptor = descriptor
        self._folder = folder

    def is_sure(self, digest: str) -> bool:
        """Say whether the writer before brought all names up to an entry to the disk."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                return os.pread(self._descriptor, _WORD_LIMIT, 0) == self._word(digest)
        return False

    def say_sure(self, digest: str) -> None:
        """Say so to the next one, if the file may be written."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.pwrite(self._descriptor, self._word(digest), 0)

    def end(self) -> None:
        """Let the next one begin; a word may still follow."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _word(self, digest: str) -> bytes:
        return f"{self._folder.stat().st_ino:020d} {digest}\n".encode()


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
    def taken(self, meanwhile: Callable[[], object]) -> Iterator[Turn]:
        """Wait for one's turn, but not for a holder that keeps it too long.

        ``meanwhile`` is called every ten milliseconds of waiting, for what can be done already.
        """
        descriptor = -1
        try:
            if self._locks_hold is None:
                self._locks_hold = filesystems.of(self.root).is_local
            with contextlib.suppress(OSError):
                if self._locks_hold:
                    descriptor = _open_lock(places.lock_file(self.root))
                    descriptor = _wait_for_lock(descriptor, meanwhile)
            yield Turn(descriptor, places.ledger_folder(self.root))
        finally:
            if descriptor >= 0:
                files.close(descriptor)


def _open_lock(path: Path) -> int:
    """Open the lock file, which may be somebody else's; reading is enough for a lock.

    ``O_CREAT`` comes last: Linux refuses it on another's file in a sticky folder that a group may
    write (proc(5), ``protected_regular``).
    """
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_RDWR)
    except PermissionError:
        return os.open(path, flags | os.O_RDONLY)
    except FileNotFoundError:
        return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o644)


def _wait_for_lock(descriptor: int, meanwhile: Callable[[], object]) -> int:
    """Take a lock; return the descriptor that holds it, or -1 when its holder keeps it too long.

    The wait is the system's own queue, in which nobody is overtaken. It has no time limit, so a
    thread waits: a holder that was stopped keeps that thread, which closes the file when it comes.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _wait_aside(descriptor, meanwhile)
    return descriptor


def _wait_aside(descriptor: int, meanwhile: Callable[[], object]) -> int:
    guard, is_mine, is_late = threading.Lock(), threading.Event(), threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with guard:
            if is_late.is_set():
                files.close(descriptor)
            is_mine.set()

    threading.Thread(target=wait, name="modeldeck-queue", daemon=True).start()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if is_mine.wait(_LOOK_S):
            return descriptor
        with contextlib.suppress(ModelDeckError):  # it is done again at one's turn
            meanwhile()
    with guard:
        if is_mine.is_set():
            return descriptor
        is_late.set()
    return -1
