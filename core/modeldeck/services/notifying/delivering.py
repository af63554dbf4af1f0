"""Delivering what an outbox holds: each receiver in a thread of its own.

So one that hangs holds up nobody else.

Who sends? Where the settings name a sender, that member's account sends everything: of its own
commits at once, of others' while ``modeldeck notify watch`` runs there. Where they do not, each
account sends what its member committed, in a process that the commit starts, and reminders of the
releases that its member asked for. What was missed (a process was killed, the machine went down) is
made up for by that account's next commit, by ``notify send`` or by ``notify watch``. Ids depend on
the event and the receiver alone, so a receiver that is told twice, by two senders that overlap,
can tell.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from modeldeck.domain.notifying import payloads
from modeldeck.domain.notifying.events import Event
from modeldeck.domain.notifying.settings import Settings
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, UnavailableError
from modeldeck.services.base import builders, config
from modeldeck.services.base.deck import Deck
from modeldeck.services.notifying import begin
from modeldeck.services.notifying.following import Following
from modeldeck.services.notifying.outbox import MOST_PENDING, Box, Outbox, Pending
from modeldeck.services.notifying.trying import LONGEST_WAIT_S, Trying
from modeldeck.store import files

PATIENCE_S = 600.0
"""How long a process that was started for a decision goes on trying."""

LOOK_EVERY_S = 0.5
REMIND_EVERY_S = 10.0
"""How often what runs out of time is looked for."""


class Delivering:
    """Takes a ledger's events into an outbox and delivers them; one process at a time.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    member : str
        Whose events are sent; where the settings name a sender, only that member sends, all.
    patience_s : float
        How long to go on while something fails; without end: infinity.

    Attributes
    ----------
    trying : Trying
        The outbox, as it is in memory, and its tries.
    """

    def __init__(self, root: Path, member: str, *, patience_s: float = PATIENCE_S) -> None:
        self.root = root
        self.member = member
        self.patience_s = patience_s
        self.deck = Deck(root, user=member, is_read_only=True)
        self.workspace = self.deck.state.workspace
        self.outbox = Outbox(self.workspace, member)
        self._mark = begin.mark(root)
        self._remind_at = 0.0
        self._following = Following(self.deck)
        self._changed = threading.Condition()
        self.trying = Trying(self.workspace, self.deck.state.name, changed=self._changed)
        self.trying.settings = config.load(root).notifications
        self._is_ending = self._is_stopped = False
        self._threads: dict[str, threading.Thread] = {}

    def run(self, *, is_over: Callable[[], bool] = lambda: False, is_at_once: bool = False) -> bool:
        """Deliver until nothing is left, patience ends, or it is over.

        Parameters
        ----------
        is_over : callable
            Asked about twice a second.
        is_at_once : bool
            Try also what would be tried later.

        Returns
        -------
        bool
            Whether this process was the one that delivers; another one does, where it was not.
        """
        was_alone = False
        while True:
            with self.outbox.alone() as is_alone:
                if not is_alone:
                    return was_alone
                was_alone = True
                self._open()
                for one in self.box.pending if is_at_once else ():
                    one["next_at"] = 0.0
                self._deliver(is_over)
            if is_over() or not self.outbox.was_woken():
                return True

    @property
    def box(self) -> Box:
        """What the outbox holds."""
        return self.trying.box

    def _deliver(self, is_over: Callable[[], bool]) -> None:
        until = time.monotonic() + self.patience_s
        self._is_ending = False
        try:
            while not is_over():
                self.outbox.was_woken()
                self._take_in_if_readable()
                with self._changed:
                    self._start_threads()
                    if not self._goes_on(until, is_left=bool(self.box.pending)):
                        break
                    self._changed.wait(LOOK_EVERY_S)
        except KeyboardInterrupt:  # what is on its way is sent again, under the same id
            self._is_stopped = True
            raise
        self._is_stopped = is_over()
        self._end_threads()

    def _take_in_if_readable(self) -> None:
        """Take in what is new; what cannot be read just now comes the next time."""
        try:
            self.take_in()
        except UnavailableError:
            if not files.is_folder(self.root):
                raise

    def _goes_on(self, until: float, *, is_left: bool) -> bool:
        """Say whether there is anything to wait for."""
        is_endless = self.patience_s == float("inf")
        return is_endless or (is_left and time.monotonic() < until)

    def _end_threads(self) -> None:
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        for thread in self._threads.values():
            thread.join()
        self._threads.clear()

    def _open(self) -> None:
        """Read the outbox; one that is damaged, or of another history, begins at the end."""
        try:
            self.trying.box = self.outbox.load()
        except ModelDeckError:
            self.trying.box = Box()
        if not self._following.begin(self.box.n, self.box.head):
            self.box.n = self._following.state.n
            self.box.head = self._following.state.head
            self.outbox.reset(self.box)

    def take_in(self) -> None:
        """Make deliveries of what is new in the ledger, and of what runs out of time."""
        self._read_settings()
        box, found = self.box, list[Event]()
        try:
            for _n, events in self._following.events():
                found += events
        finally:
            state = self._following.state
            reminders = self._new_reminders()
            with self._changed:
                if found or reminders or box.n != state.n:
                    self._add([*filter(self._is_mine, found), *reminders])
                    box.n, box.head = state.n, state.head
                    self._forget(state)
                    self.outbox.save(box)

    def _read_settings(self) -> None:
        there = begin.mark(self.root)
        if there != self._mark:
            with contextlib.suppress(ModelDeckError):  # being edited: the last right ones go on
                self.trying.settings = config.load(self.root).notifications
            self._mark = there

    def _is_mine(self, event: Event) -> bool:
        return sends(self.trying.settings, self.member, event=event)

    def _new_reminders(self) -> list[Event]:
        """Return the reminders that were not made yet; those of decided releases are forgotten."""
        if time.monotonic() < self._remind_at or not self.trying.settings.receivers:
            return []
        self._remind_at = time.monotonic() + REMIND_EVERY_S
        state, box = self._following.state, self.box
        due = self._following.reminders()
        mine = [one for one in due if self._is_mine(one) and one.key not in box.reminded]
        box.reminded.update({one.key: one.subject.partition(":")[2] for one in mine})
        there = {one.id for one in state.releases.values() if one.status in _UNDECIDED}
        box.reminded = {key: name for key, name in box.reminded.items() if name in there}
        return mine

    def _add(self, events: Iterable[Event]) -> None:
        now = time.time()
        for event in events:
            for receiver in self.trying.settings.receivers:
                if receiver.wants(event.kind, event.people):
                    identifier = payloads.delivery_id(
                        self.workspace, event.key, receiver=receiver.name
                    )
                    self.box.pending.append(
                        Pending(
                            id=identifier,
                            receiver=receiver.name,
                            event=event.document(),
                            tries=0,
                            since=now,
                            next_at=now,
                            problem="",
                        )
                    )
        for one in self.box.pending[:-MOST_PENDING]:
            self.trying.log(one, "given up", detail=f"more than {MOST_PENDING:,} wait")
        del self.box.pending[:-MOST_PENDING]

    def _forget(self, state: State) -> None:
        """Take texts that were removed out of what still has to be sent."""
        for one in self.box.pending:
            known = state.annotations.get(str(one["event"].get("remark", "")))
            if known is not None and known.redacted_by:
                one["event"]["text"] = builders.redacted_text(known)

    def _start_threads(self) -> None:
        for name in {one["receiver"] for one in self.box.pending}:
            known = self._threads.get(name)
            if known is None or not known.is_alive():
                thread = threading.Thread(
                    target=self._serve, args=(name,), name=f"notify-{name}", daemon=True
                )
                self._threads[name] = thread
                thread.start()

    def _serve(self, name: str) -> None:
        """Deliver to one receiver until nothing is left; at the end only what is due."""
        with self._changed:
            while not self._is_stopped:
                mine = [one for one in self.box.pending if one["receiver"] == name]
                if not mine:
                    return
                one = min(mine, key=lambda each: each["next_at"])
                left = one["next_at"] - time.time()
                if left > 0 and self._is_ending:
                    return
                if left > 0:
                    self._changed.wait(min(left, LONGEST_WAIT_S))
                    continue
                self.trying.make(one, mine)
                with contextlib.suppress(ModelDeckError):  # a full disk: it is known in memory
                    self.outbox.save(self.box)
                self._changed.notify_all()


_UNDECIDED = frozenset({"checking", "waiting", "changes-requested", "approved"})


def sends(settings: Settings, member: str, *, event: Event) -> bool:
    """Say whether a member's account is the one that sends an event.

    Where the settings name a sender it sends all; else whoever committed the entry, and of a
    reminder whoever asked for the release.
    """
    return member == (settings.sender or event.responsible)
