"""Delivering what an outbox holds: each receiver in a thread of its own, tried until it works.

A try that fails is made again after 1, 2, 4 … seconds, at most five minutes, each shortened by
chance by up to half so that senders do not fall into step (exponential backoff with jitter:
M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). After three days it is
given up, and the log says so. A receiver that nobody answers for is not tried for other events
meanwhile; one that hangs holds up nobody else.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.notifying import payloads
from modeldeck.domain.notifying.events import Event
from modeldeck.domain.notifying.settings import Receiver, Settings
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, UnavailableError
from modeldeck.services.base import builders, config
from modeldeck.services.base.deck import Deck
from modeldeck.services.notifying import begin, consent, sending
from modeldeck.services.notifying.following import Following
from modeldeck.services.notifying.outbox import MOST_PENDING, Box, Logged, Outbox, Pending
from modeldeck.services.notifying.sending import Attempt
from modeldeck.store import files

GIVE_UP_S = 3 * 86_400.0
LONGEST_WAIT_S = 300.0
PATIENCE_S = 600.0
"""How long a process that was started for a decision goes on trying."""

HELD_S = 30.0
"""How soon a receiver that may not, or cannot, be contacted is looked at again."""

LOOK_EVERY_S = 0.5
REMIND_EVERY_S = 10.0
"""How often what runs out of time is looked for."""


def wait_s(tries: int, rng: random.Random) -> float:
    """Return how long to wait after so many tries that failed, in seconds.

    >>> rng = random.Random(1)
    >>> all(2.0 <= wait_s(3, rng) <= 4.0 for _ in range(100)), wait_s(99, rng) <= 300
    (True, True)
    """
    longest = min(LONGEST_WAIT_S, 2.0 ** min(tries - 1, 30))
    return longest * rng.uniform(0.5, 1.0)


def attempt(receiver: Receiver, one: Pending, *, workspace: str, name: str) -> Attempt:
    """Make one try to deliver.

    Raises
    ------
    ModelDeckError
        The address or secret is not there.
    """
    identifier = one["id"]
    if receiver.kind == "command":
        body = payloads.webhook_body(one["event"], workspace=workspace, name=name)
        return sending.run(
            receiver.command, body, identifier=identifier, timeout_s=receiver.timeout_s
        )
    if receiver.kind == "slack":
        body = payloads.chat_body(one["event"], name=name)
    else:
        body = payloads.webhook_body(one["event"], workspace=workspace, name=name)
    url = consent.address(receiver)
    secret = consent.resolve(receiver.secret).encode() if receiver.secret else b""
    timestamp = str(int(time.time()))
    headers = payloads.headers(body, identifier=identifier, timestamp=timestamp, secret=secret)
    return sending.post(url, body, headers=headers, timeout_s=receiver.timeout_s)


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
    told : callable
        Gets each line that the delivery log gets.
    """

    def __init__(self, root: Path, member: str, *, patience_s: float = PATIENCE_S) -> None:
        self.root = root
        self.member = member
        self.patience_s = patience_s
        self.deck = Deck(root, user=member, is_read_only=True)
        self.workspace = self.deck.state.workspace
        self.outbox = Outbox(self.workspace, member)
        self.settings = config.load(root).notifications
        self.told: Callable[[Logged], None] = lambda _: None
        self._mark = begin.mark(root)
        self._remind_at = 0.0
        self._box = Box()
        self._following = Following(self.deck)
        self._changed = threading.Condition()
        self._is_ending = self._is_stopped = False
        self._threads: dict[str, threading.Thread] = {}
        self._rng = random.Random()  # noqa: S311 -- when to try again is no secret

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
                for one in self._box.pending if is_at_once else ():
                    one["next_at"] = 0.0
                self._deliver(is_over)
            if is_over() or not self.outbox.was_woken():
                return True

    @property
    def box(self) -> Box:
        """What the outbox holds."""
        return self._box

    def _deliver(self, is_over: Callable[[], bool]) -> None:
        until = time.monotonic() + self.patience_s
        self._is_ending = False
        try:
            while not is_over():
                self.outbox.was_woken()
                self._take_in_if_readable()
                with self._changed:
                    self._start_threads()
                    if not self._goes_on(until, is_left=bool(self._box.pending)):
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
            self._box = self.outbox.load()
        except ModelDeckError:
            self._box = Box()
        if not self._following.begin(self._box.n, self._box.head):
            self._box.n = self._following.state.n
            self._box.head = self._following.state.head
            self.outbox.reset(self._box)

    def take_in(self) -> None:
        """Make deliveries of what is new in the ledger, and of what runs out of time."""
        self._read_settings()
        box, found = self._box, list[Event]()
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
                self.settings = config.load(self.root).notifications
            self._mark = there

    def _is_mine(self, event: Event) -> bool:
        return sends(self.settings, self.member, event)

    def _new_reminders(self) -> list[Event]:
        """Return the reminders that were not made yet; those of decided releases are forgotten."""
        if time.monotonic() < self._remind_at or not self.settings.receivers:
            return []
        self._remind_at = time.monotonic() + REMIND_EVERY_S
        state, box = self._following.state, self._box
        due = self._following.reminders(self.settings.remind_before_s)
        mine = [one for one in due if self._is_mine(one) and one.key not in box.reminded]
        box.reminded.update({one.key: one.subject.partition(":")[2] for one in mine})
        there = {one.id for one in state.releases.values() if one.status in _UNDECIDED}
        box.reminded = {key: name for key, name in box.reminded.items() if name in there}
        return mine

    def _add(self, events: Iterable[Event]) -> None:
        now = time.time()
        for event in events:
            for receiver in self.settings.receivers:
                if receiver.wants(event.kind, event.people):
                    identifier = payloads.delivery_id(
                        self.workspace, event.key, receiver=receiver.name
                    )
                    self._box.pending.append(
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
        for one in self._box.pending[:-MOST_PENDING]:
            self._log(one, "given up", detail=f"more than {MOST_PENDING:,} wait")
        del self._box.pending[:-MOST_PENDING]

    def _forget(self, state: State) -> None:
        """Take texts that were removed out of what still has to be sent."""
        for one in self._box.pending:
            known = state.annotations.get(str(one["event"].get("remark", "")))
            if known is not None and known.redacted_by:
                one["event"]["text"] = builders.redacted_text(known)

    def _start_threads(self) -> None:
        for name in {one["receiver"] for one in self._box.pending}:
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
                mine = [one for one in self._box.pending if one["receiver"] == name]
                if not mine:
                    return
                one = min(mine, key=lambda each: each["next_at"])
                left = one["next_at"] - time.time()
                if left > 0 and self._is_ending:
                    return
                if left > 0:
                    self._changed.wait(min(left, LONGEST_WAIT_S))
                    continue
                self._try(one, mine)
                with contextlib.suppress(ModelDeckError):  # a full disk: it is known in memory
                    self.outbox.save(self._box)
                self._changed.notify_all()

    def _try(self, one: Pending, mine: list[Pending]) -> None:
        """Try one delivery; the lock is given back meanwhile."""
        receiver = self.settings.receiver(one["receiver"])
        if receiver is None:
            self._drop(one, "given up", detail="there is no such receiver any more")
            return
        problem = consent.problem_of(self.workspace, receiver)
        if problem:
            self._hold(mine, problem)
            return
        began = time.monotonic()
        self._changed.release()
        try:
            result = attempt(
                receiver, one, workspace=self.workspace, name=self._following.state.name
            )
        except ModelDeckError as error:
            result = Attempt(is_delivered=False, detail=error.message, is_reached=False)
        finally:
            self._changed.acquire()
        one["tries"] += 1
        took_s = round(time.monotonic() - began, 3)
        if result.is_delivered:
            self._drop(one, "delivered", detail=result.detail, took_s=took_s)
        elif time.time() - one["since"] > GIVE_UP_S:
            self._drop(one, "given up", detail=result.detail, took_s=took_s)
        else:
            self._again(one, mine, result=result, took_s=took_s)

    def _again(self, one: Pending, mine: list[Pending], *, result: Attempt, took_s: float) -> None:
        """Have a delivery tried later, and with it all others where nobody answers."""
        later = time.time() + max(result.wait_s, wait_s(one["tries"], self._rng))
        one["problem"], one["next_at"] = result.detail, later
        self._log(one, "failed", detail=result.detail, took_s=took_s)
        if not result.is_reached or result.wait_s:
            for other in mine:
                other["next_at"] = max(other["next_at"], later)

    def _hold(self, mine: list[Pending], problem: str) -> None:
        for one in mine:
            one["problem"], one["next_at"] = problem, time.time() + HELD_S
            if time.time() - one["since"] > GIVE_UP_S:
                self._drop(one, "given up", detail=problem)

    def _drop(self, one: Pending, outcome: str, *, detail: str, took_s: float = 0.0) -> None:
        self._box.pending.remove(one)
        self._log(one, outcome, detail=detail, took_s=took_s)

    def _log(self, one: Pending, outcome: str, *, detail: str, took_s: float = 0.0) -> None:
        line = Logged(
            id=one["id"],
            at=clock.to_text(self.deck.now()),
            receiver=one["receiver"],
            event=str(one["event"].get("kind", "")),
            title=str(one["event"].get("title", "")),
            tries=one["tries"],
            outcome=outcome,
            detail=detail,
            took_s=took_s,
        )
        self._box.log.append(line)
        self.told(line)


_UNDECIDED = frozenset({"checking", "waiting", "changes-requested", "approved"})


def sends(settings: Settings, member: str, event: Event) -> bool:
    """Say whether a member's account is the one that sends an event.

    Where the settings name a sender it sends all; else whoever committed the entry, and of a
    reminder whoever asked for the release.
    """
    return member == (settings.sender or event.responsible)
