"""The files of a ledger's entries: their names, and reading them."""

from __future__ import annotations

import contextlib
import gc
import os
import re
from collections.abc import Iterator
from pathlib import Path

from modeldeck.store import files, places

_READ_LIMIT = 4 << 20
_NAME = re.compile(r"[0-9]{10}\.json")


def entry_path(root: Path, n: int) -> Path:
    """Return the file of entry ``n``."""
    return places.ledger_folder(root) / f"{n:010d}.json"


def numbers(root: Path) -> list[int]:
    """Return the numbers of all entry files there are, in order; other files are none.

    Raises
    ------
    NotPermittedError, DamageError, UnavailableError
        The folder cannot be listed.
    """
    folder = places.ledger_folder(root)
    try:
        names = [name for name in os.listdir(folder) if _NAME.fullmatch(name)]  # noqa: PTH208 -- of many
    except FileNotFoundError:
        return []
    except OSError as error:
        raise files.read_error(error, folder) from error
    return sorted(int(name[:10]) for name in names if name != f"{0:010d}.json")


def read_file(root: Path, n: int) -> tuple[bytes, int]:
    """Return the bytes of entry ``n`` and the user id that owns its file.

    Raises
    ------
    NotFoundError, NotPermittedError, DamageError
        It is not there, may not be read, or is not a plain file.
    UnavailableError
        It cannot be read just now.
    """
    path = f"{places.ledger_folder(root)}/{n:010d}.json"
    data, status = files.read_with_status(path, _READ_LIMIT)
    return data, status.st_uid


def mark(path: Path) -> tuple[int, ...]:
    """Return what tells one file in a place from another; nothing when there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def hole_in(known: list[int]) -> int:
    """Return the first number that is missing before the last one of a list; 0 for none."""
    if not known or known[-1] == len(known):
        return 0
    have = set(known)
    return next(n for n in range(1, known[-1] + 1) if n not in have)


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Keep the garbage collector from looking at what is made within while it is made.

    What is read holds no cycles, and reading much takes up to twice as long with it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
