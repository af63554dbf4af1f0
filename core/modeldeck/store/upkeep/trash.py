"""The trash: what garbage collection and repairs moved away, for some days.

``.modeldeck/trash/<yyyy-mm-dd>/`` holds what was moved on that day (UTC): objects under their own
name, the SHA-256, folders of deleted runs under their id, and damaged files under a name that tells
what they were. Moving is a rename, so
that owner, mode and bytes stay, and nothing is ever half there.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from modeldeck.store import files, places

KEPT_DAYS = 7
"""What was moved away is kept for so many whole days."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def move(root: Path, path: Path, *, now: datetime, name: str = "") -> Path:
    """Move a file or folder into the trash; return where it is now.

    Raises
    ------
    NotPermittedError
        It belongs to somebody else in a sticky folder.
    UnavailableError
        The system cannot move it just now; or it is not there.
    """
    folder = places.trash_folder(root) / now.date().isoformat()
    files.make_folder(folder)
    target = folder / (name or path.name)
    try:
        path.rename(target)
    except OSError as error:
        raise files.write_error(error, path) from error
    return target


def aside(root: Path, path: Path, *, now: datetime) -> Path:
    """Move a damaged file into the trash, under a name that nothing takes for a good one."""
    name = f"{path.parent.name}-{path.name}.damaged-{os.urandom(4).hex()}"
    return move(root, path, now=now, name=name)


def days(root: Path) -> list[tuple[date, Path]]:
    """Return the days on which something was moved, oldest first, with their folders."""
    try:
        names = sorted(os.listdir(places.trash_folder(root)))  # noqa: PTH208 -- names only
    except OSError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(ValueError):
            if _DAY.fullmatch(name):
                found.append((date.fromisoformat(name), places.trash_folder(root) / name))
    return found


def copies(root: Path, digest: str) -> Iterator[Path]:
    """Yield where an object lies in the trash, newest first; its bytes are not looked at."""
    for _day, folder in reversed(days(root)):
        path = folder / digest
        if os.path.lexists(path):
            yield path


def outdated(root: Path, *, now: datetime) -> Iterator[Path]:
    """Yield what lies in the trash for longer than :data:`KEPT_DAYS` whole days."""
    last = now.date() - timedelta(days=KEPT_DAYS)
    for day, folder in days(root):
        if day < last:
            with contextlib.suppress(OSError):
                yield from sorted(folder.iterdir())
