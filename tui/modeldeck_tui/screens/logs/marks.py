"""Bookmarks in logs, in the person's state folder: ``log-marks.json``.

``{path: [[offset, time, digest of the line], …]}``; the time is in microseconds since 1970, or
null. The file is replaced whole; one that cannot be read counts as empty. A bookmark is dropped
when another line stands at its offset, as after a rotation.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import NamedTuple

from modeldeck.services.logs import Line
from modeldeck_tui.screens.saving import state_folder

MOST_PATHS, MOST_MARKS = 200, 500
_MOST_BYTES = 8 << 20


class Mark(NamedTuple):
    """A bookmark."""

    offset: int
    time: int | None
    digest: str


def of_line(line: Line) -> Mark:
    """Return a bookmark for a line."""
    return Mark(line.offset, line.time, hashlib.sha256(line.data).hexdigest()[:16])


def load(path: str) -> list[Mark]:
    """Return the bookmarks of a log."""
    return [Mark(*one) for one in _read().get(path, [])]


def save(path: str, marks: list[Mark]) -> None:
    """Keep the bookmarks of a log.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    whole = _read()
    whole.pop(path, None)
    if marks:
        whole[path] = [(one.offset, one.time, one.digest) for one in marks[-MOST_MARKS:]]
    kept = dict([*whole.items()][-MOST_PATHS:])
    target = state_folder() / "log-marks.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(kept) + "\n", "utf-8")
    temporary.replace(target)


def _read() -> dict[str, list[tuple[int, int | None, str]]]:
    path = state_folder() / "log-marks.json"
    whole: object = None
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= _MOST_BYTES:
            whole = json.loads(path.read_text("utf-8"))
    if not isinstance(whole, dict):
        return {}
    return {
        str(name): [(one[0], one[1], one[2]) for one in marks if _is_mark(one)]
        for name, marks in whole.items()
        if isinstance(marks, list)
    }


def _is_mark(one: object) -> bool:
    return (
        isinstance(one, list)
        and len(one) == 3
        and isinstance(one[0], int)
        and isinstance(one[1], int | None)
        and isinstance(one[2], str)
    )
