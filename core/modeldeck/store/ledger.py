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

Reading and folding entries is :mod:`modeldeck.store.chain`.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.domain.entry import (
    NO_PREV,
    Intent,
    digest_of,
    entry_bytes,
    read_entry,
    signed_bytes,
)
from modeldeck.domain.state import Activity
from modeldeck.errors import (
    ConflictError,
    ModelDeckError,
    NotPermittedError,
    TamperingError,
    UnavailableError,
)
from modeldeck.store import files, places
from modeldeck.store.chain.entries import entry_path, numbers, read_file
from modeldeck.store.chain.folding import Fold
from modeldeck.store.objects import ObjectStore
from modeldeck.store.queueing import Queue, Turn
from modeldeck.store.verifying import Verifier, key_in

__all__ = ["Ledger", "entry_path", "found", "numbers", "read_file"]

_TRIES = 10_000


class Ledger(Fold):
    """The ledger of one workspace: its entries, folded, and committing the next one."""

    def __init__(self, root: Path, verifier: Verifier) -> None:
        super().__init__(root, verifier)
        self.objects = ObjectStore(root)
        self._is_swept = False
        self._queue = Queue(root)
        self._durable_n = 0
        self._own_n = 0

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
        data = self._recent.get(digest) or read_file(self.root, n)[0]
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
            with self._queue.taken(self.refresh) as turn:
                with self.lock:
                    self.refresh()
                    self._refuse_if_stopped()
                    if intent.id in self.state.ids:
                        return self._recorded(intent)
                    n = self.state.n + 1
                    digest = self._try(intent, host=host, at=clock.to_text(now()), turn=turn)
                turn.end()
                if digest:
                    files.sync_folder(places.ledger_folder(self.root))
                    turn.say_sure(digest)
            if digest:
                self._durable_n = max(self._durable_n, n)
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

    def _try(self, intent: Intent, *, host: str, at: str, turn: Turn) -> str:
        """Link an intent as the next entry; return its digest, or nothing if another was first.

        Its name has to come to the disk still, which others need not wait for: meanwhile the next
        writer brings the bytes of the next entry there.
        """
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
        with files.private_folder(tmp) as folder:
            temporary = files.write_temporary(folder, data, mode=0o444)
            try:
                if state.n > self._durable_n and not turn.is_sure(prev):
                    self._make_durable(state.n)
                is_mine = files.link_new(temporary, entry_path(self.root, state.n + 1))
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink()
        return digest_of(data) if is_mine else ""

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
        self._durable_n = max(self._durable_n, n)

    def _outcome(self, n: int) -> Activity:
        """Return what our entry became; others that followed it meanwhile are read later."""
        with self.lock:
            try:
                self.refresh(until=n)
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
