"""Garbage collection: what nothing needs any more moves into the trash, for a week.

That is objects that nothing names, and runs that were deleted (:mod:`.shelved`).

What is needed follows from every entry, void ones included, and from what lies in the folder now:
runs, endpoints, data sets, pipelines and configuration. Whatever stands there as a SHA-256 is taken
for the name of an object, and so is what stands in those objects if they are JSON (manifests,
reports). That keeps too much rather than too little.

::

    a writer:     put objects ── commit an entry ── are they there? ── no: out of the trash again
    a collector:  read entries ── move objects ── read entries again ── named by now: back again

Whichever of the two looks last sees what the other one did, however long one of them was stopped.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modeldeck.domain.entry import is_digest
from modeldeck.domain.history.documents import GcDocument
from modeldeck.domain.policy import span_s
from modeldeck.errors import InvalidInputError, ModelDeckError, TamperingError, UsageError
from modeldeck.services.base.deck import Deck
from modeldeck.services.base.removed import removed
from modeldeck.services.upkeep import shelved
from modeldeck.services.upkeep.shelved import may_remove
from modeldeck.store import files, places
from modeldeck.store.ledger import Ledger, numbers
from modeldeck.store.objects import MAX_NAMING, file_digest, named_in
from modeldeck.store.upkeep import trash

GRACE = "24h"
_NAMING = (".json", ".toml")
_LOOKED_THROUGH = ("runs", "endpoints", "datasets", "pipelines")


@dataclass
class _Found:
    """Objects by what is to become of them, and deleted runs, with their sizes in bytes."""

    garbage: dict[str, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    n_needed: int = 0
    n_young: int = 0
    n_foreign: int = 0


def collect(deck: Deck, *, apply: bool = False, grace: str = GRACE) -> GcDocument:
    """Find objects that nothing needs, and deleted runs; move them into the trash if asked to.

    Parameters
    ----------
    deck : Deck
        The open workspace.
    apply : bool
        Move them, and empty the trash of what lies there for more than a week; else only say what
        would be done.
    grace : str
        Objects that were written, or put again, and runs that were deleted, within this time are
        kept: "24h", "7d".

    Returns
    -------
    GcDocument
        What was found and done.

    Raises
    ------
    InvalidInputError
        That is no time span.
    UsageError
        The workspace is looked at as it was.
    TamperingError
        The ledger cannot be read to its end, so that nobody knows what is needed.
    NotPermittedError, UnavailableError
        The workspace is read-only; something could not be looked at.
    """
    grace_s = span_s(grace)
    if grace_s is None:
        msg = f"{grace[:40]!r} is no time span."
        raise InvalidInputError(msg, "Write one such as 24h or 7d.")
    if deck.as_of:
        msg = "What is needed is seen from the present only."
        raise UsageError(msg, "Leave --as-of out.")
    if apply:
        deck.need_writable()
    needed = marks(deck)
    found = _sorted_out(deck, needed, grace_s=grace_s)
    with deck.reading() as state:
        found.runs = shelved.outdated(deck, state, grace_s=grace_s)
    restored = _restore(deck, needed) if apply else _to_restore(deck, needed)
    if apply:
        _move(deck, found)
        restored |= _restore(deck, marks(deck))
        for name in restored:
            found.garbage.pop(name, None)
            found.runs.pop(name, None)
    n_emptied, emptied_bytes = _empty(deck, needed, apply=apply)
    return GcDocument(
        applied=apply,
        grace_s=grace_s,
        objects=found.garbage,
        objects_bytes=sum(found.garbage.values()),
        runs=found.runs,
        runs_bytes=sum(found.runs.values()),
        n_needed=found.n_needed,
        n_young=found.n_young,
        n_foreign=found.n_foreign,
        n_restored=len(restored),
        n_emptied=n_emptied,
        emptied_bytes=emptied_bytes,
        trash=str(places.trash_folder(deck.root)),
    )


def marks(deck: Deck) -> set[str]:
    """Return the digests of all objects that something needs, whether they are there or not.

    Raises
    ------
    TamperingError
        The ledger cannot be read to its end.
    UnavailableError, NotPermittedError
        Something cannot be looked at just now.
    """
    before = numbers(deck.root)
    ledger = Ledger(deck.root, deck.verifier)
    ledger.refresh()
    state = ledger.state
    problem = state.stopped or deck.history_problem
    if not problem and before and before[-1] > state.n:
        problem = f"Entries end at {state.n}, files at {before[-1]}."
    if problem:
        msg = f"What is needed cannot be known: {problem}"
        raise TamperingError(msg, "`modeldeck doctor --repair` mends what can be mended.")
    entries = set(state.heads)  # their copies: what they name is taken from the entries themselves
    named = {one for line in state.activity for one in named_in(files.dumps(line.body))}
    for path in _texts(deck.root):
        named |= named_in(_read(path))
    needed = entries | deck.objects.reached(named, but=entries)
    return needed - removed(deck.objects, state)  # a removed text does not come back


def _texts(root: Path) -> Iterator[Path]:
    """Yield the files of a workspace, outside of its own folder, that may name objects."""
    yield from sorted(root.glob("*.toml"))
    for name in _LOOKED_THROUGH:
        for folder, inner, names in os.walk(root / name):
            inner.sort()
            for one in sorted(names):
                if one.endswith(_NAMING):
                    yield Path(folder, one)


def _read(path: Path) -> bytes:
    """Return a file's bytes; none of one that is gone, or that nobody of ours wrote."""
    try:
        if os.lstat(path).st_size > MAX_NAMING:
            return b""
        return files.read_bytes(path, MAX_NAMING)
    except (FileNotFoundError, ModelDeckError):
        return b""


def _sorted_out(deck: Deck, needed: set[str], *, grace_s: int) -> _Found:
    found = _Found()
    since = deck.now().timestamp() - grace_s
    for digest in deck.objects.digests():
        if digest in needed:
            found.n_needed += 1
            continue
        try:
            status = os.lstat(deck.objects.path(digest))
        except OSError:  # somebody else collects too
            continue
        if max(status.st_mtime, status.st_ctime) > since:
            found.n_young += 1
        elif not may_remove(deck.root, status):
            found.n_foreign += 1
        else:
            found.garbage[digest] = status.st_size
    return found


def _move(deck: Deck, found: _Found) -> None:
    for digest in list(found.garbage):
        path = deck.objects.path(digest)
        try:
            if _lies_in_the_trash_since_today(deck, digest):
                path.unlink()  # in its place may lie somebody else's, which cannot be replaced
            else:
                trash.move(deck.root, path, now=deck.now())
        except (ModelDeckError, OSError):
            found.n_foreign += 1
            del found.garbage[digest]
    for run in shelved.move(deck, list(found.runs)):
        found.n_foreign += 1
        del found.runs[run]


def _lies_in_the_trash_since_today(deck: Deck, digest: str) -> bool:
    path = places.trash_folder(deck.root) / deck.now().date().isoformat() / digest
    try:
        return file_digest(path) == digest
    except ModelDeckError:
        return False


def _trashed(deck: Deck) -> set[str]:
    names: set[str] = set()
    for _day, folder in trash.days(deck.root):
        with contextlib.suppress(OSError):
            names |= {path.name for path in folder.iterdir() if is_digest(path.name)}
    return names


def _to_restore(deck: Deck, needed: set[str]) -> set[str]:
    """Return what is needed and lies in the trash alone: objects, and runs taken back."""
    with deck.reading() as state:
        runs = shelved.taken_back(deck, state)
    return runs | {
        digest
        for digest in _trashed(deck) & needed
        if not files.is_there(deck.objects.path(digest))
    }


def _restore(deck: Deck, needed: set[str]) -> set[str]:
    wanted = _to_restore(deck, needed)
    came = {one for one in wanted if is_digest(one) and deck.objects.rescue(one)}
    return came | shelved.bring_back(deck, wanted - came)


def _empty(deck: Deck, needed: set[str], *, apply: bool) -> tuple[int, int]:
    """Remove from the trash what lies there for more than a week; return count and bytes."""
    count, size = 0, 0
    wanted = _to_restore(deck, needed)  # what could not be brought back is kept at least
    for path in trash.outdated(deck.root, now=deck.now()):
        if path.name in wanted:
            continue
        with contextlib.suppress(OSError):
            if not may_remove(deck.root, os.lstat(path)):
                continue
            bytes_there = shelved.bytes_below(path)
            if apply:
                shelved.remove(path)
            count, size = count + 1, size + bytes_there
    if apply:
        for _day, folder in trash.days(deck.root):
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()
    return count, size
