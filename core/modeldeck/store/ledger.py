"""The ledger on disk: entries read in order, folded, and committed by put-if-absent.

One file an entry, ``.modeldeck/ledger/0000000001.json`` and so on, mode 0444; the bytes are
specified in :mod:`modeldeck.domain.entry`. To commit is to write a temporary file, bring it to the
disk, ``link`` it to the next number, and bring the folder to the disk. A number that is taken means
that somebody was first: the new entries are folded, the decision is taken again, and the next
number tried. No safety rests on the lock file: it only keeps local writers from racing in vain, and
where the file system does not hold locks for sure none is taken.

Whoever committed an entry also keeps the bytes of the one before as an object, in a file of another
writer than the entry usually, and on closing the workspace those of the entry itself, if it is
still the last one: :mod:`modeldeck.store.upkeep.mending` heals a damaged entry from it.

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
import re
import sys
import threading
from pathlib import Path

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.domain.entry import (
    MAX_BYTES,
    NO_PREV,
    Entry,
    Intent,
    digest_of,
    entry_bytes,
    read_entry,
    signed_bytes,
)
from modeldeck.domain.history import breaks
from modeldeck.domain.history.places import Adoption
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.state import Activity, State
from modeldeck.errors import (
    ConflictError,
    DamageError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
    UnavailableError,
)
from modeldeck.store import files, places
from modeldeck.store.objects import ObjectStore
from modeldeck.store.queueing import Queue, Turn
from modeldeck.store.verifying import Verifier, key_in

_READ_LIMIT = 4 << 20
_TRIES = 10_000
_NAME = re.compile(r"[0-9]{10}\.json")


def entry_path(root: Path, n: int) -> Path:
    """Return the file of entry ``n``."""
    return places.ledger_folder(root) / f"{n:010d}.json"


def numbers(root: Path) -> list[int]:
    """Return the numbers of all entry files there are, in order; other files are none.

    Raises
    ------
    NotPermittedError, DamageError, UnavailableError
        The folder cannot be listed.
    """
    folder = places.ledger_folder(root)
    try:
        with os.scandir(folder) as listing:
            names = [item.name for item in listing if _NAME.fullmatch(item.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise files.read_error(error, folder) from error
    return sorted(int(name[:10]) for name in names if name != f"{0:010d}.json")


def read_file(root: Path, n: int) -> tuple[bytes, int]:
    """Return the bytes of entry ``n`` and the user id that owns its file.

    Raises
    ------
    NotFoundError, NotPermittedError, DamageError
        It is not there, may not be read, or is not a plain file.
    UnavailableError
        It cannot be read just now.
    """
    name = f"{n:010d}.json"
    descriptor, status = files.open_with_status(f"{places.ledger_folder(root)}/{name}")
    try:
        return files.read_descriptor(descriptor, _READ_LIMIT, name=name), status.st_uid
    finally:
        files.close(descriptor)


def _mark(path: Path) -> tuple[int, ...]:
    """Return what tells one file in a place from another; nothing when there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


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


def _hole_in(known: list[int]) -> int:
    """Return the first number that is missing before the last one of a list; 0 for none."""
    if not known or known[-1] == len(known):
        return 0
    have = set(known)
    return next(n for n in range(1, known[-1] + 1) if n not in have)


class Ledger:
    """The ledger of one workspace, folded into :attr:`state` as far as it was read.

    One instance may be used by several threads; :attr:`lock` guards the state while it changes.
    Entries after number :attr:`last` are not read, for looking at the workspace as it was.
    :attr:`n_anew` counts how often the fold began anew, so that views do too.
    """

    def __init__(self, root: Path, verifier: Verifier) -> None:
        self.root = root
        self.verifier = verifier
        self.objects = ObjectStore(root)
        self.last = sys.maxsize
        self.state = State()
        self.lock = threading.RLock()
        self.owners_differ = False
        self.n_anew = 0
        self._adopted: dict[int, Adoption] = {}
        self._contradictory: set[int] = set()
        self._hole = 0
        self._stopped_by: tuple[int, ...] = ()
        self._is_swept = False
        self._queue = Queue(root)
        self._durable_n = 0
        self._own_n = 0

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
                self._hole = _hole_in(numbers(self.root)) or self._hole
            self._go_on_if_mended()
            until = min(until, self.last)
            while self.state.n < until and not self.state.stopped and self._fold_next():
                self._follow_adoptions()
            if self.state.n == self.last:
                self._look_behind()
            return self.state.n - before

    def _go_on_if_mended(self) -> None:
        """Try the entry that stopped the fold again once another file lies in its place."""
        there = _mark(entry_path(self.root, self.state.n + 1)) if self.state.stopped else ()
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
            while self.state.n < until and not self.state.stopped and self._fold_next():
                self._follow_adoptions()
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
        fold.apply(self.state, entry, evidence=self._evidence(entry, owner))
        return not self.state.stopped

    def _came_late(self, n: int) -> bool:
        """Say whether an entry is there after all; one that is missing in the middle stops.

        Entries are linked in order: whoever saw a later one and looks again sees this one too.
        """
        if self._hole != n and not files.is_there(entry_path(self.root, n + 1)):
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
        if any(one.covers(n) for one in self._adopted.values()):
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

    def commit(self, intent: Intent, *, host: str, now: clock.Clock = clock.utc_now) -> Activity:
        """Record an intent as the next entry; return what became of it.

        An intent whose id is recorded already is not recorded again: after a crash or a time-out
        the same intent may be handed in once more.

        Raises
        ------
        ConflictError
            Its id is that of an entry that says something else; nothing was written.
        UnavailableError
            The disk failed. Nothing was written, unless ``perhaps_saved`` is in the error's data.
        ModelDeckError
            It was refused; nothing was written.
        """
        done = self._commit_surely(intent, host=host, now=now)
        with contextlib.suppress(ModelDeckError):  # it only helps to heal: the next one tries again
            self.keep(done.n - 1)
        self._own_n = done.n
        return done

    def _commit_surely(self, intent: Intent, *, host: str, now: clock.Clock) -> Activity:
        try:
            return self._commit(intent, host=host, now=now)
        except UnavailableError as error:
            if not error.data.get("perhaps_saved"):
                raise
        try:  # what was written is found by its id
            return self._commit(intent, host=host, now=now)
        except UnavailableError as error:
            msg = f"The entry is perhaps recorded: {error.message}"
            hint = "`modeldeck activity` shows whether it is; look before doing it again."
            raise UnavailableError(msg, hint, perhaps_saved=True) from error

    def keep(self, n: int) -> None:
        """Keep the bytes of an entry that was folded as an object too, so that it can be healed.

        Nobody waits for the disk to have the copy: it has the entry itself.

        Raises
        ------
        ModelDeckError
            It cannot be read or written just now.
        """
        if n < 1:
            return
        digest = self.state.activity[n - 1].digest
        if files.is_there(self.objects.path(digest)):
            return
        data, _owner = read_file(self.root, n)
        if digest_of(data) == digest:
            self.objects.put_copy(data)

    def keep_last(self) -> None:
        """Keep the last entry so as well, if it was recorded here and nobody followed.

        Raises
        ------
        ModelDeckError
            As for :meth:`keep`.
        """
        if self._own_n == self.state.n:
            self.keep(self._own_n)

    def _commit(self, intent: Intent, *, host: str, now: clock.Clock) -> Activity:
        for _ in range(_TRIES):
            with self._queue.taken(self.refresh) as turn, self.lock:
                self.refresh()
                self._refuse_if_stopped()
                if intent.id in self.state.ids:
                    return self._recorded(intent)
                n = self.state.n + 1
                is_mine = self._try(intent, host=host, at=clock.to_text(now()), turn=turn)
            if is_mine:
                return self._outcome(n)
        msg = "Others were first ten thousand times in a row."
        raise UnavailableError(msg, "Try again.")

    def _recorded(self, intent: Intent) -> Activity:
        """Return the entry that an intent became before, once that is sure to be on the disk."""
        done = self.state.activity[self.state.ids[intent.id] - 1]
        entry = read_entry(read_file(self.root, done.n)[0])
        is_same = signed_bytes(entry) == signed_bytes(intent)
        if entry.digest != done.digest or not is_same or entry.signature != intent.signature:
            msg = f"Entry {done.n} has this id already: {done.action} {done.subject} by {done.by}."
            hint = "Nothing was written. Do it again: it will have an id of its own."
            raise ConflictError(msg, hint, n=done.n)
        files.sync_folder(places.ledger_folder(self.root))
        self._durable_n = max(self._durable_n, done.n)
        return done

    def _try(self, intent: Intent, *, host: str, at: str, turn: Turn) -> bool:
        state = self.state
        if state.n:
            level = self.level_here(intent.by, is_signed=bool(intent.signature))
            fold.decide(state, intent, level=level, at=at, key=key_in(intent.signature))
        prev = state.head or NO_PREV
        data = entry_bytes(intent, n=state.n + 1, prev=prev, at=at, host=host, v=state.rules)
        tmp = places.tmp_folder(self.root)
        if not self._is_swept:
            files.sweep(tmp)
            self._is_swept = True
        if state.n > self._durable_n and not turn.is_sure(prev):
            self._make_durable(state.n)
        is_mine = files.write_new(entry_path(self.root, state.n + 1), data, tmp=tmp)
        if is_mine:
            self._durable_n = state.n + 1
            turn.say_sure(digest_of(data))
        return is_mine

    def _make_durable(self, n: int) -> None:
        """Bring the names up to entry ``n`` to the disk.

        Whoever linked the last one may not have come so far, and a disk may keep the name of a
        later entry without that of an earlier one: a hole, over which nobody could go on.
        """
        try:
            files.sync_folder(places.ledger_folder(self.root))
        except UnavailableError as error:
            msg = f"{error.message} Nothing was written."
            raise UnavailableError(msg, "Try again; if it stays so, look at the disk.") from error
        self._durable_n = n

    def _outcome(self, n: int) -> Activity:
        """Return what our entry became: between link and fold others may have followed."""
        with self.lock:
            try:
                self.refresh()
            except UnavailableError as error:
                error.data["perhaps_saved"] = True
                raise
            if self.state.n < n:
                self._refuse_if_stopped()
                msg = f"Entry {n} was written and is not there."
                raise UnavailableError(msg, perhaps_saved=True)
            done = self.state.activity[n - 1]
        if done.is_void:
            msg = "The entry was written but counts for nothing."
            raise NotPermittedError(msg, f"Reason: {done.reason.rstrip('.')}.")
        return done

    def _refuse_if_stopped(self) -> None:
        if self.state.stopped:
            msg = f"{self.state.stopped} Nothing more is recorded."
            raise TamperingError(msg, "`modeldeck doctor --repair` mends what can be mended.")


def found(root: Path, intent: Intent, *, host: str, now: clock.Clock = clock.utc_now) -> str:
    """Write entry 1 of a new workspace; return its digest, the workspace's id.

    Raises
    ------
    ConflictError
        There is one already.
    """
    data = entry_bytes(intent, n=1, prev=NO_PREV, at=clock.to_text(now()), host=host)
    if not files.write_new(entry_path(root, 1), data, tmp=places.tmp_folder(root)):
        msg = f"{root} is a workspace already."
        raise ConflictError(msg, "Choose another folder.")
    return read_entry(data).digest
