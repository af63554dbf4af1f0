"""Healing entries of the ledger from the copies that their writers, or later ones, kept.

Entry n+1 names the SHA-256 of entry n's bytes (``prev``), and whoever committed n+1, or closed the
workspace after n, kept them as an object. So the chain is walked from its end: each sound entry
says what the one before it must be, and where other bytes lie, or none, the object of that name is
the entry.

Three things are never guessed:

- An entry that is sound in itself and differs from what its successor names was changed by
  somebody, or its successor was. It is put back only where the head that this user saw before (see
  :mod:`modeldeck.store.witness`) proves which; where that head contradicts the chain nothing is.
- The account that owns an entry's file is evidence of its author. The file is put back under the
  owner of the damaged one. Where nothing is left of it, only if the entry is signed, owners do not
  count here, or all entries belong to one account; else somebody could have an entry taken for his
  own that he never wrote.
- What the last entry was, no other one says: it is put back where this user saw its digest before.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from modeldeck.domain.entry import Entry, read_entry
from modeldeck.errors import DamageError, ModelDeckError, NotFoundError, NotPermittedError
from modeldeck.store import files, places
from modeldeck.store.ledger import entry_path, numbers, read_file
from modeldeck.store.objects import ObjectStore
from modeldeck.store.upkeep import trash

DAMAGE, CHANGED = "damage", "changed"


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry whose file is not what it should be.

    Attributes
    ----------
    n : int
        Its number.
    kind : str
        ``damage``, or ``changed``: it is sound in itself and not what its successor names.
    text : str
        What is wrong.
    owner : int or None
        User id that owns what lies there; None when nothing does.
    wanted : str
        SHA-256 of the right bytes; empty when nobody knows it.
    data : bytes
        The right bytes, if a copy of them is here; else empty.
    """

    n: int
    kind: str
    text: str
    owner: int | None
    wanted: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class _File:
    """What lies in the place of an entry."""

    entry: Entry | None
    problem: str
    owner: int | None


def look(root: Path, *, seen: tuple[int, str] = (0, "")) -> list[Broken]:
    """Return the entries that are broken, the last one first; a gap of unknown ones is one of them.

    Parameters
    ----------
    root : Path
        The workspace.
    seen : (int, str)
        Number and digest of the last entry that this user saw before; 0 for none.

    Raises
    ------
    NotPermittedError, DamageError, UnavailableError
        The ledger's folder cannot be listed, or a file in it not be read just now.
    """
    known = numbers(root)
    n_seen, head = seen
    objects = ObjectStore(root)
    found: list[Broken] = []
    wanted = ""
    below = sorted({0, n_seen, *known})
    n = below[-1] + 1
    while n > 1:
        n -= 1
        while below[-1] > n:
            below.pop()
        wanted = wanted or (head if n == n_seen else "")
        if not wanted and below[-1] < n - 1:
            found.append(_gap(below[-1] + 1, n))
            n = below[-1] + 1
            continue
        there = _file(root, n)
        digest = there.entry.digest if there.entry else ""
        if there.entry is not None and wanted in {"", digest}:
            wanted = there.entry.prev
            continue
        data = _copy(objects, wanted, n=n)
        kind = CHANGED if there.entry is not None else DAMAGE
        text = there.problem or "has other bytes than were recorded"
        found.append(Broken(n, kind, text, there.owner, wanted, data))
        wanted = read_entry(data).prev if data else ""
    return found


def _gap(first: int, last: int) -> Broken:
    """Return entries that are not there, and of which nothing is known."""
    return Broken(first, DAMAGE, f"and all up to entry {last} are missing", None)


def _file(root: Path, n: int) -> _File:
    try:
        data, owner = read_file(root, n)
    except NotFoundError:
        return _File(None, "is missing", None)
    except (DamageError, NotPermittedError) as error:
        return _File(None, error.message, _owner(entry_path(root, n)))
    try:
        entry = read_entry(data)
    except DamageError as error:
        return _File(None, f"cannot be read: {error.message}", owner)
    if entry.n != n:
        return _File(None, f"holds entry {entry.n}", owner)
    return _File(entry, "", owner)


def _owner(path: Path) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _copy(objects: ObjectStore, digest: str, *, n: int) -> bytes:
    """Return the bytes of entry n if an object of that name holds them; else none."""
    if not digest:
        return b""
    with contextlib.suppress(ModelDeckError):
        if objects.rescue(digest):
            data = objects.read(digest, limit=4 << 20)
            if read_entry(data).n == n:
                return data
    return b""


def contradiction(root: Path, *, seen: tuple[int, str]) -> str:
    """Return how sound files contradict the head that this user saw before; empty if they do not.

    An entry that is damaged or missing contradicts nothing: it may be healed.
    """
    n_seen, head = seen
    if not n_seen:
        return ""
    there = _file(root, n_seen)
    if there.entry is None or there.entry.digest == head:
        return ""
    later = _file(root, n_seen + 1).entry
    if later is not None and later.prev == head:
        return ""  # this one was changed, and what follows it still names what was seen
    return f"entry {n_seen} is another one than was seen here before"


def reason_against(root: Path, one: Broken, *, seen: tuple[int, str]) -> str:
    """Return why an entry may not be put back; empty when it may."""
    if not one.data:
        if not one.wanted:
            return "nobody knows what it was"
        return "no copy of it is in this workspace"
    if one.kind == CHANGED and seen[0] < one.n:
        return "nothing that was seen before tells whether it was changed, or the entry after it"
    uid = os.geteuid()
    if one.owner is not None:
        if uid in {0, one.owner}:
            return ""
        return f"its file belongs to the user id {one.owner}"
    if read_entry(one.data).signature or not _owners_count(root):
        return ""
    owners = _owners(root)
    if len(owners) == 1 and uid in {0, *owners}:
        return ""
    return "nothing is left that tells which account wrote it"


def _owners_count(root: Path) -> bool:
    first = _file(root, 1).entry
    return first is None or first.body.get("file_owners") is not False


def _owners(root: Path) -> set[int]:
    owners = {_owner(entry_path(root, n)) for n in numbers(root)}
    return {one for one in owners if one is not None}


def heal(root: Path, one: Broken, *, now: datetime) -> None:
    """Put the right bytes of an entry back; what lies in its place goes into the trash.

    Raises
    ------
    NotPermittedError, UnavailableError
        It cannot be written.
    """
    path = entry_path(root, one.n)
    owner = one.owner
    if owner is None and os.geteuid() == 0:
        owners = _owners(root)
        owner = next(iter(owners)) if len(owners) == 1 else None
    with files.private_folder(places.tmp_folder(root)) as folder:
        temporary = files.write_temporary(folder, one.data, mode=0o444)
        try:
            if owner is not None and owner != os.geteuid():
                os.chown(temporary, owner, -1)
            if one.owner is None:
                files.link_new(temporary, path)
            else:
                _keep_aside(root, path, now=now)
                files.move(temporary, path)
            files.sync_folder(path.parent)
        except OSError as error:
            raise files.write_error(error, path) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _keep_aside(root: Path, path: Path, *, now: datetime) -> None:
    """Keep what lies in the place of an entry; readers find one or the other, never a gap."""
    if not path.is_file() or path.is_symlink():
        trash.aside(root, path, now=now)
        return
    folder = places.trash_folder(root) / now.date().isoformat()
    files.make_folder(folder)
    os.link(path, folder / f"ledger-{path.name}.damaged-{os.urandom(4).hex()}")
