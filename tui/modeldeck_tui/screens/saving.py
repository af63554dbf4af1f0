"""Taking what is shown out of the screen: the clipboard, files, plain text."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TextIO

from modeldeck_tui.output import to_json
from modeldeck_tui.present.export.sheets import csv_text
from modeldeck_tui.present.rows import Rows

MOST_COPIED = 74_000
"""Characters that terminals take by OSC 52; what is longer only goes into the file."""


def state_folder() -> Path:
    """Return the folder of what this person's screen keeps."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".local" / "state"
    return base / "modeldeck"


def write_clipboard(text: str) -> Path:
    """Write what was copied into a file too, for terminals without OSC 52; return its path."""
    path = state_folder() / "clipboard.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path


def write_new(name: str, ending: str, *, text: str) -> Path:
    """Write a text into a new file of the working directory; return its path."""
    with new_file(name, ending) as file:
        file.write(text)
        return Path(file.name)


def new_file(name: str, ending: str) -> TextIO:
    """Open a new file of the working directory for writing."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(100):
        extra = f"-{number}" if number else ""
        path = Path.cwd() / f"modeldeck-{name}-{stamp}{extra}.{ending}"
        with contextlib.suppress(FileExistsError):
            return path.open("x", encoding="utf-8", errors="backslashreplace", newline="")
    msg = f"There are a hundred files modeldeck-{name}-{stamp} already."
    raise FileExistsError(msg)


def save_rows(name: str, rows: Rows) -> str:
    """Save what a table shows as CSV, and its documents as JSON lines; say where."""
    titles = [one.title for one in rows.columns]
    cells = ([one.text for one in rows[at].cells] for at in range(len(rows)))
    lines = [to_json(document) for document in rows.documents]
    table = write_new(name, "csv", text=csv_text([titles, *cells]))
    if any(not isinstance(one, dict) for one in rows.documents[:1]):
        return f"Saved {len(rows):,} rows in {table}"
    documents = write_new(name, "jsonl", text="\n".join(lines) + "\n")
    return f"Saved {len(rows):,} rows in {table} and {documents.name}"


def row_text(rows: Rows, at: int) -> str:
    """Return a row as it is shown, its cells apart by two spaces."""
    return "  ".join(one.text for one in rows[at].cells if one.text)
