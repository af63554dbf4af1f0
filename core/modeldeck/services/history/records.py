"""The record of a backup: how far its ledger goes, and who owned the files of the original.

``.modeldeck/backup.json`` is ``{"workspace", "n", "head", "at", "claimed": [numbers], "n_void",
"with_logs"}``, written last: a copy without it is not finished. ``claimed`` are entries that had
neither their author's signature nor their author's file. ``.modeldeck/backup-files.jsonl`` has
``[path, bytes, sha256]`` for each file that no entry names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from modeldeck.errors import ModelDeckError
from modeldeck.store import files, places

RECORD = f"{places.HIDDEN}/backup.json"
LISTED = f"{places.HIDDEN}/backup-files.jsonl"
_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of a backup."""

    workspace: str
    n: int
    head: str
    at: str
    claimed: tuple[int, ...]
    n_void: int
    with_logs: bool


def read(root: Path) -> Record | None:
    """Return the record of a copy; None when there is none that can be read."""
    try:
        known = json.loads(files.read_bytes(root / RECORD, _LIMIT))
        return Record(
            workspace=str(known["workspace"]),
            n=int(known["n"]),
            head=str(known["head"]),
            at=str(known["at"]),
            claimed=tuple(int(one) for one in known["claimed"]),
            n_void=int(known["n_void"]),
            with_logs=bool(known["with_logs"]),
        )
    except (ModelDeckError, ValueError, KeyError, TypeError):
        return None


def write(root: Path, record: Record) -> None:
    """Write the record, whole."""
    files.replace(root / RECORD, files.dumps(asdict(record)))


def listed(root: Path) -> dict[str, str]:
    """Return the digests of a copy's other files by path; empty where none were recorded."""
    found: dict[str, str] = {}
    try:
        for line in files.read_bytes(root / LISTED, 1 << 30).splitlines():
            path, _size, digest = json.loads(line)
            found[str(path)] = str(digest)
    except (ModelDeckError, ValueError, TypeError):
        return {}
    return found


def write_listed(root: Path, digests: Mapping[str, tuple[int, str]]) -> None:
    """Write the digests of a copy's other files, whole."""
    lines = [json.dumps([path, size, sha]) for path, (size, sha) in sorted(digests.items())]
    files.replace(root / LISTED, ("\n".join(lines) + "\n").encode())
