"""The tables among contents: profiling them in a job, finding them again."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from modeldeck.domain.datasets import formats
from modeldeck.domain.datasets.documents import ColumnDocument
from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.services.base import processes
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.descriptions import Description
from modeldeck.services.datasets import paths
from modeldeck.store import contents, files
from modeldeck.store.contents import Contents, File

PATIENCE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Table:
    """A profile: how many rows (None where no file is a table), and the columns."""

    rows: int | None
    columns: list[ColumnDocument]


@dataclass(frozen=True, slots=True)
class TableFile:
    """One file of a table: where it lies, how it is called, its format."""

    path: Path
    name: str
    format: str

    def spec(self) -> dict[str, str]:
        """Return it as the job takes it."""
        return {"path": str(self.path), "name": self.name, "format": self.format}


def format_of(file: File) -> str:
    """Return the format of a file; empty when it is no table."""
    return formats.format_of(file.name)


def of(found: Contents) -> list[TableFile]:
    """Return the tables among contents, where they lie.

    Raises
    ------
    InvalidInputError
        A single file is no table.
    """
    tables = [
        TableFile(found.place(one), one.name, format_of(one))
        for one in found.files
        if format_of(one)
    ]
    if not tables and not found.is_folder:
        msg = f"{found.path.name} is no table that can be read."
        raise InvalidInputError(msg, f"Tables end in {', '.join(formats.FORMATS)}.")
    return tables


def profile(root: Path, found: Contents) -> Table:
    """Return the profile of the tables among contents.

    Raises
    ------
    InvalidInputError
        A table cannot be read.
    """
    tables = of(found)
    if not tables:
        return Table(None, [])
    answer = ask(root, {"do": "profile", "files": [one.spec() for one in tables]})
    return Table(cast("int", answer["rows"]), cast("list[ColumnDocument]", answer["columns"]))


def ask(root: Path, spec: Mapping[str, object]) -> dict[str, object]:
    """Let the job read tables; a crash there is the fault of what it read.

    Raises
    ------
    InvalidInputError
        A table cannot be read.
    UnavailableError
        The job could not be started, or did not end within an hour.
    """
    with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
        path = Path(folder, "spec")
        files.write_new(path, files.dumps(spec), mode=0o600)
        try:
            return processes.ask("dataset", ["--spec", str(path)], root=root, timeout_s=PATIENCE_S)
        except ModelDeckError as error:
            if "exit code -" in error.message:
                msg = "Reading the table ended its process: it is damaged, or needs too much room."
                raise InvalidInputError(msg, "Write it anew, or use a part of it.") from error
            raise


def check_columns(table: Table, *, target: str, key: Sequence[str]) -> None:
    """Refuse a target or key that is no column.

    Raises
    ------
    InvalidInputError
        There is no such column.
    """
    names = [one["name"] for one in table.columns]
    for name in (*([target] if target else []), *key):
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            hint = f"Did you mean {', '.join(near)}?" if near else f"It has: {_few(names)}."
            msg = f"There is no column {name[:80]!r}."
            raise InvalidInputError(msg, hint)
    if len(set(key)) != len(key):
        msg = "A key column is named twice."
        raise InvalidInputError(msg, "Name each once.")


def _few(names: Sequence[str]) -> str:
    return ", ".join(one[:60] for one in names[:10]) or "no columns"


def at_hand(deck: Deck, known: Description) -> tuple[list[TableFile] | None, str]:
    """Return the tables of a version: its objects, else the file that it came from, unchanged.

    Without either, None and the reason.
    """
    described: list[dict[str, Any]] = known["files"]
    if known["snapshot"] != "none":
        return [
            TableFile(deck.objects.path(one["sha256"]), one["name"], formats.format_of(one["name"]))
            for one in described
            if formats.format_of(one["name"])
        ], ""
    path = paths.working(deck.root, known["source"])
    if path is None:
        return None, "only digest and profile were kept"
    try:
        found = contents.read(path)
    except ModelDeckError as error:
        return None, f"only digest and profile were kept, and {error.message.rstrip('.')}"
    if [(one.name, one.sha256) for one in found.files] != [
        (one["name"], one["sha256"]) for one in described
    ]:
        return None, f"only digest and profile were kept, and {known['source']} changed since"
    return of(found), ""
