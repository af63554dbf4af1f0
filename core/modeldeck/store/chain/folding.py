"""Folding a ledger's entries in order, with the evidence that is found about each.

Readers take no lock. A file that is missing while later ones exist, or cannot be read, stops the
fold there, and the workspace is read-only until that is mended. One that does not continue the
chain is marked, with the one before (:mod:`modeldeck.domain.history.breaks`). What may be over in a
moment (no descriptor left, a disk that fails) stops nothing: it is an error of that one call, and
the next one goes on.

Where owners adopted a copy of a workspace, who owned the files of the original is evidence that
concerns entries read long before: the fold begins anew with it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path

from modeldeck.domain import fold
from modeldeck.domain.entry import MAX_BYTES, Entry, read_entry, signed_bytes
from modeldeck.domain.history import breaks
from modeldeck.domain.history.places import Adoption
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.state import State
from modeldeck.errors import DamageError, ModelDeckError, NotFoundError, NotPermittedError
from modeldeck.store import files, places
from modeldeck.store.chain.entries import (
    entry_path,
    hole_in,
    mark,
    numbers,
    read_file,
    unwatched,
)
from modeldeck.store.verifying import Verifier

_AHEAD, _AHEAD_BYTES = 100, 1 << 20


def _is_void_anyway(state: State, entry: Entry) -> bool:
    """Say whether an entry is void whatever its signature says, so that none is checked.

    A check takes milliseconds; whoever borrows a signature for many entries shall not make
    everybody pay for it.
    """
    is_foreign = entry.workspace != state.workspace or not fold.is_known_head(state, entry)
    is_used = entry.id in state.ids
    return entry.size > MAX_BYTES or is_used or bool(state.n and is_foreign)


def _keys_of(state: State, entry: Entry) -> tuple[tuple[str, ...], int]:
    """Return the keys and the user id of an entry's author; those of entry 1 are in itself."""
    if entry.n > 1:
        member = state.members.get(entry.by)
        return (member.keys, member.uid) if member else ((), -1)
    owners = entry.body.get("owners")
    for one in owners if isinstance(owners, list) else []:
        if isinstance(one, dict) and one.get("name") == entry.by:
            keys, uid = one.get("keys"), one.get("uid")
            texts = tuple(str(key) for key in keys) if isinstance(keys, list) else ()
            return texts, uid if isinstance(uid, int) else -1
    return (), -1


class Fold:
    """The entries of one workspace's ledger, folded into :attr:`state` as far as they were read.

    One instance may be used by several threads; :attr:`lock` guards the state while it changes.
    Entries after number :attr:`last` are not read, for looking at the workspace as it was.
    :attr:`n_anew` counts how often the fold began anew, so that views do too.
    """

    def __init__(self, root: Path, verifier: Verifier) -> None:
        self.root = root
        self.verifier = verifier
        self.last = sys.maxsize
        self.state = State()
        self.lock = threading.RLock()
        self.owners_differ = False
        self.n_anew = 0
        self._adopted: dict[int, Adoption] = {}
        self._contradictory: set[int] = set()
        self._hole = 0
        self._listed = 0
        self._recent: dict[str, bytes] = {}
        self._stopped_by: tuple[int, ...] = ()

    def refresh(self, until: int = sys.maxsize) -> int:
        """Fold the entries that are new, up to number ``until``; return how many there were.

        Raises
        ------
        UnavailableError
            The next one cannot be read, or its signature not be checked, just now; those before
            it are folded, and another call goes on.
        """
        with self.lock:
            before = self.state.n
            if not before:  # look once, when opening, whether the numbers have a hole
                known = numbers(self.root)
                self._hole = hole_in(known) or self._hole
                self._listed = known[-1] if known else 0
            self._go_on_if_mended()
            is_long = self._listed > self.state.n
            with unwatched() if is_long else contextlib.nullcontext():
                self._fold_until(min(until, self.last))
            if self.state.n == self.last:
                self._look_behind()
            return self.state.n - before

    def _go_on_if_mended(self) -> None:
        """Try the entry that stopped the fold again once another file lies in its place."""
        there = mark(entry_path(self.root, self.state.n + 1)) if self.state.stopped else ()
        if fold.unknown_rules(self.state):
            return
        if self.state.stopped and there != self._stopped_by:
            self._stopped_by = there
            self.state.stopped = ""

    def _follow_adoptions(self) -> None:
        """Begin anew with the evidence of a copy that owners adopted, or without one that fails."""
        found = self.state.adoptions
        if not found and not self._adopted:
            return
        fails = {n for n in self._adopted if n not in found and n <= self.state.n}
        if fails or found.keys() - self._adopted.keys():
            self._contradictory |= fails
            known = {**self._adopted, **found}
            self._adopted = {n: one for n, one in known.items() if n not in fails}
            until, stopped = self.state.n, self.state.stopped
            self.state = State()
            self.n_anew += 1
            self._fold_until(until)
            self.state.stopped = self.state.stopped or stopped

    def _look_behind(self) -> None:
        """Mark the last entry that is looked at where the one behind does not continue it."""
        try:
            behind = read_entry(read_file(self.root, self.last + 1)[0])
        except (NotFoundError, DamageError, NotPermittedError):
            return
        state = self.state
        if behind.n == self.last + 1 and behind.prev != state.head and state.n not in state.breaks:
            breaks.mark(state, wanted=behind.prev)

    def _fold_until(self, until: int) -> None:
        while self.state.n < until and not self.state.stopped:
            if not all(self._fold(*one) for one in self._read_ahead(until)):
                return
            if self.state.n < until and not self._fold_next():
                return

    def _fold(self, entry: Entry, owner: int) -> bool:
        fold.apply(self.state, entry, evidence=self._evidence(entry, owner))
        if not self.state.stopped:
            self._follow_adoptions()
        return not self.state.stopped

    def _read_ahead(self, until: int) -> list[tuple[Entry, int]]:
        """Return entries from the next one on that are there for sure, with their files' owners.

        A hundred are read, then parsed, then folded, which is twice as fast as one after the other:
        the code of each step stays at hand in the processor. What cannot be read ends them, and
        is left to :meth:`_fold_next`.
        """
        found: list[tuple[bytes, int]] = []
        entries = []
        n, size = self.state.n + 1, 0
        with contextlib.suppress(ModelDeckError):
            while n <= min(until, self._listed) and len(found) < _AHEAD and size < _AHEAD_BYTES:
                found.append(read_file(self.root, n))
                n, size = n + 1, size + len(found[-1][0])
        with contextlib.suppress(DamageError):
            for data, owner in found:
                entries.append((read_entry(data), owner))
        return entries

    def _fold_next(self) -> bool:
        n = self.state.n + 1
        try:
            data, owner = read_file(self.root, n)
            entry = read_entry(data)
        except NotFoundError:
            return self._came_late(n) and self._fold_next()
        except (DamageError, NotPermittedError) as error:
            self.state.stopped = f"Entry {n} cannot be read: {error.message}"
            return False
        before = self._recent.get(self.state.head, b"")
        self._recent = {self.state.head: before, entry.digest: data}  # who commits next keeps them
        return self._fold(entry, owner)

    def _came_late(self, n: int) -> bool:
        """Say whether an entry is there after all; one that is missing in the middle stops.

        Entries are linked in order: whoever saw a later one and looks again sees this one too.
        """
        folder = places.ledger_folder(self.root)
        if self._hole != n and not files.is_there(f"{folder}/{n + 1:010d}.json"):
            return False
        self._hole = 0
        if files.is_there(entry_path(self.root, n)):
            return True
        self.state.stopped = f"Entry {n} is missing although later ones are there."
        return False

    def _evidence(self, entry: Entry, owner: int) -> Evidence:
        keys, uid = _keys_of(self.state, entry)
        if entry.n == 1:
            self.owners_differ = owner != uid
        key = ""
        is_checked = bool(entry.signature) and not _is_void_anyway(self.state, entry)
        if is_checked:
            key = self.verifier.key(signed_bytes(entry), entry.signature, keys=keys)
        return Evidence(
            owner=self._owner(entry.n, owner, uid=uid),
            key=key,
            is_forged=is_checked and not key,
            is_contradictory=entry.n in self._contradictory,
        )

    def _owner(self, n: int, owner: int, *, uid: int) -> int | None:
        """Return who owned an entry's file: in the original, where owners vouched for that."""
        if self._adopted and any(one.covers(n) for one in self._adopted.values()):
            return uid if uid >= 0 else None
        return None if self.owners_differ else owner

    def level_here(self, by: str, *, is_signed: bool) -> Level:
        """Return the level that an entry written by this process for a member would have."""
        if is_signed:
            return Level.SIGNED
        member = self.state.members.get(by)
        same = member is not None and member.uid == os.geteuid()
        if self.state.owners_count and not self.owners_differ and same:
            return Level.OWNER
        return Level.CLAIMED
