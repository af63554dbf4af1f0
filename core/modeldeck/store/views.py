"""The catalogue: TinyDB documents about what the ledger says, kept in memory, saved as a snapshot.

The snapshot is a file of JSON lines: first ``{"v": 5, "applied": n, "head": digest, "sha256":
digest}``, then one ``[table, key, document]`` a line. ``sha256`` is of all bytes after the first
line: without it a cut or changed file would read as an emptier or another workspace. The file is
replaced whole by ``rename``, belongs to one user and may be deleted or damaged at any time: then it
is built anew, so it needs neither locks nor fsync. Documents are keyed by ``id`` (or ``name``).

TinyDB's own tables copy everything at each write and hand out numbers as ids. Here a table keeps
its documents by their own key and changes in place; nothing reads the storage in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.storages import MemoryStorage
from tinydb.table import Document, Table

from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.store import files

FORMAT = 5
MAX_SNAPSHOT = 1 << 30


class KeyedTable(Table):
    """A table whose documents are known by a key of their own; a change costs one document."""

    document_id_class = str  # type: ignore[assignment]  # TinyDB's annotation knows only int

    def __init__(self, storage: MemoryStorage, name: str, **_options: object) -> None:
        super().__init__(storage, name, cache_size=0)
        self._documents: dict[str, dict[str, Any]] = {}

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Insert a document, or put it in the place of the one with this key."""
        self._documents[key] = dict(document)

    def _read_table(self) -> dict[str, Mapping[str, Any]]:
        return dict(self._documents)

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return the documents by key; they are shared, not copied."""
        return self._documents

    def all(self) -> list[Document]:
        """Return all documents."""
        return [Document(one, key) for key, one in self._documents.items()]  # type: ignore[arg-type]  # ids are texts here

    def __len__(self) -> int:
        return len(self._documents)


class Catalogue:
    """The documents of one workspace as one user sees it.

    Parameters
    ----------
    path : Path or None
        The snapshot; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.applied = 0
        self.head = ""
        self._database = TinyDB(storage=MemoryStorage)
        self._tables: dict[str, KeyedTable] = {}
        self._is_saved = False
        self._load()

    def table(self, name: str) -> KeyedTable:
        """Return a table, for TinyDB's queries; it is made when it is not there."""
        if name not in self._tables:
            storage = self._database.storage
            self._tables[name] = KeyedTable(storage, name)  # type: ignore[arg-type]  # a Storage
        return self._tables[name]

    def clear(self) -> None:
        """Forget everything: the ledger is another one than the snapshot was made from."""
        self._tables.clear()
        self.applied, self.head = 0, ""
        self._is_saved = False

    def upsert(self, name: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Put documents under their ``id`` or ``name``."""
        table = self.table(name)
        for one in documents:
            table.put(str(one.get("id") or one["name"]), one)
        self._is_saved = False

    def put_all(self, name: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Put documents in the place of all that a table holds."""
        self._tables.pop(name, None)
        self.upsert(name, documents)

    def all(self, name: str) -> list[Document]:
        """Return the documents of a table."""
        return self.table(name).all()

    def save(self, applied: int, head: str) -> None:
        """Write the snapshot, unless nothing changed; a failure is not worth a word."""
        if self.path is None:
            return
        if self._is_saved and (applied, head) == (self.applied, self.head):
            return
        lines: list[str] = []
        for name, table in self._tables.items():
            lines += [json.dumps([name, key, one]) for key, one in table.documents().items()]
        rest = "\n".join(lines).encode()
        digest = hashlib.sha256(rest).hexdigest()
        header = {"v": FORMAT, "applied": applied, "head": head, "sha256": digest}
        whole = b"\n".join((json.dumps(header).encode(), rest))
        with contextlib.suppress(ModelDeckError):
            files.make_folder(self.path.parent)
            files.replace(self.path, whole, mode=0o600, durable=False)
            self.applied, self.head = applied, head
            self._is_saved = True

    def _load(self) -> None:
        if self.path is None:
            return
        try:
            first, _, rest = files.read_bytes(self.path, MAX_SNAPSHOT).partition(b"\n")
            header = json.loads(first)
            if header["v"] != FORMAT or header["sha256"] != hashlib.sha256(rest).hexdigest():
                return
            applied, head = int(header["applied"]), str(header["head"])
            for line in rest.splitlines():  # one by one, so that other threads run in between
                name, key, one = json.loads(line)
                self.table(name).put(key, one)
        except (ModelDeckError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.clear()
            return
        self.applied, self.head = applied, head
        self._is_saved = True


def snapshot_problem(path: Path, *, n: int) -> str:
    """Return what is wrong with a snapshot of a ledger of ``n`` entries; empty if nothing, or none.

    Whatever it is, the snapshot is built anew by whoever opens the workspace next.
    """
    try:
        first, _, rest = files.read_bytes(path, MAX_SNAPSHOT).partition(b"\n")
        header = json.loads(first)
        version, applied, digest = header["v"], header["applied"], header["sha256"]
    except NotFoundError:
        return ""
    except ModelDeckError as error:
        return error.message
    except (ValueError, KeyError, TypeError, RecursionError):
        return "it is damaged"
    if version != FORMAT:
        return f"it is of format {str(version)[:20]}, this program writes {FORMAT}"
    if digest != hashlib.sha256(rest).hexdigest():
        return "it is damaged"
    if type(applied) is not int or applied > n:
        return f"it knows entry {str(applied)[:20]}, and there are {n}"
    return ""
