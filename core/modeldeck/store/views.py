"""The catalogue: TinyDB documents about what the ledger says, kept in memory, saved as a snapshot.

The snapshot is a file of JSON lines: first ``{"v": 7, "applied": n, "head": digest, "sha256":
digest}``, then ``{"tables": [[name, n, n_odd], …], "about": {…}}``, then the documents in arrays of
up to 200, an array a line, table after table. A table takes ``n`` lines; the last ``n_odd`` of them
hold what only the standard library's JSON keeps exactly (integers of more than 64 bits, halves of
characters). ``about`` is what the user of the catalogue wants kept beside it. ``sha256`` is of all
bytes after the first line: without it a cut or changed file would read as an emptier or another
workspace. The file is replaced whole by ``rename``, belongs to one user and may be deleted or
damaged at any time: then it is built anew, so it needs neither locks nor fsync. Documents are keyed
by ``id`` (or ``name``).

TinyDB's own tables copy everything at each write and hand out numbers as ids. Here a table keeps
its documents by their own key and changes in place; nothing reads the storage in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from tinydb import TinyDB
from tinydb.storages import MemoryStorage
from tinydb.table import Document, Table

from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.store import files
from modeldeck.store.chain.entries import unwatched

FORMAT = 7
MAX_SNAPSHOT = 1 << 30
_DAMAGED = (
    *(ModelDeckError, ValueError, KeyError, TypeError, AttributeError),
    *(RecursionError, StopIteration),
)
_AT_ONCE = 200  # about a millisecond: other threads run in between


class KeyedTable(Table):
    """A table whose documents are known by a key of their own; a change costs one document."""

    document_id_class = str  # type: ignore[assignment]  # TinyDB's annotation knows only int

    def __init__(self, storage: MemoryStorage, name: str, **_options: object) -> None:
        super().__init__(storage, name, cache_size=0)
        self._documents: dict[str, dict[str, Any]] = {}

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Insert a document, or put it in the place of the one with this key."""
        self._documents[key] = dict(document)

    def take(self, documents: Sequence[dict[str, Any]]) -> None:
        """Put documents that nobody else holds under their ``id`` or ``name``."""
        try:
            self._documents.update({one["id"]: one for one in documents})
        except KeyError:
            self._documents.update({_key_of(one): one for one in documents})

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


def _key_of(document: Mapping[str, Any]) -> str:
    return str(document.get("id") or document["name"])


class Catalogue:
    """The documents of one workspace as one user sees it.

    Parameters
    ----------
    path : Path or None
        The snapshot; None keeps everything in memory.

    Attributes
    ----------
    about : Mapping
        What was kept beside the documents, by whoever saved them.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.applied = 0
        self.head = ""
        self.about: Mapping[str, Any] = {}
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
            table.put(_key_of(one), one)
        self._is_saved = False

    def put_all(self, name: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Put documents in the place of all that a table holds."""
        self._tables.pop(name, None)
        self.upsert(name, documents)

    def all(self, name: str) -> list[Document]:
        """Return the documents of a table."""
        return self.table(name).all()

    def save(self, applied: int, head: str, *, about: Mapping[str, Any] | None = None) -> None:
        """Write the snapshot, unless nothing changed; a failure is not worth a word."""
        if self.path is None:
            return
        about = {} if about is None else about
        if self._is_saved and (applied, head, about) == (self.applied, self.head, self.about):
            return
        lines: list[bytes] = []
        tables: list[list[object]] = []
        for name, table in self._tables.items():
            plain, odd = _lines(list(table.documents().values()))
            tables.append([name, len(plain) + len(odd), len(odd)])
            lines += [*plain, *odd]
        second = json.dumps({"tables": tables, "about": about}).encode()
        rest = b"\n".join([second, *lines])
        digest = hashlib.sha256(rest).hexdigest()
        header = {"v": FORMAT, "applied": applied, "head": head, "sha256": digest}
        whole = b"\n".join((json.dumps(header).encode(), rest))
        with contextlib.suppress(ModelDeckError):
            files.make_folder(self.path.parent)
            files.replace(self.path, whole, mode=0o600, durable=False)
            self.applied, self.head, self.about = applied, head, about
            self._is_saved = True

    def _load(self) -> None:
        if self.path is None:
            return
        try:
            first, _, rest = files.read_bytes(self.path, MAX_SNAPSHOT).partition(b"\n")
            header = json.loads(first)
            if header["v"] != FORMAT or header["sha256"] != hashlib.sha256(rest).hexdigest():
                return
            lines = _lines_of(rest)
            kept = json.loads(bytes(next(lines)))
            applied, head, about = int(header["applied"]), str(header["head"]), kept["about"]
            with unwatched():
                self._take(lines, kept["tables"])
        except _DAMAGED:
            self.clear()
            return
        self.applied, self.head, self.about = applied, head, about
        self._is_saved = True

    def _take(self, lines: Iterator[memoryview], tables: Sequence[tuple[str, int, int]]) -> None:
        for name, count, n_odd in tables:
            table = self.table(name)
            for number in range(count):
                line = next(lines)
                is_plain = number < count - n_odd
                table.take(orjson.loads(line) if is_plain else json.loads(bytes(line)))


def _lines_of(whole: bytes) -> Iterator[memoryview]:
    """Return lines one after the other without a copy of any: they may be all that memory holds."""
    view, begun = memoryview(whole), 0
    while begun <= len(whole):
        end = whole.find(b"\n", begun)
        end = len(whole) if end < 0 else end
        yield view[begun:end]
        begun = end + 1


def _lines(documents: Sequence[Mapping[str, Any]]) -> tuple[list[bytes], list[bytes]]:
    """Return documents as lines, and lines of those that only the standard library keeps exactly.

    orjson writes neither integers of more than 64 bits nor halves of characters, and says so.
    """
    plain: list[bytes] = []
    odd: list[bytes] = []
    for at in range(0, len(documents), _AT_ONCE):
        block = documents[at : at + _AT_ONCE]
        try:
            plain.append(orjson.dumps(block))
        except TypeError:
            odd.append(json.dumps(block).encode())
    return plain, odd


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
