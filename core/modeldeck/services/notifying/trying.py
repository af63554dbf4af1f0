"""Tries to deliver: making one, and what follows from how it went.

A try that fails is made again after 1, 2, 4 … seconds, at most five minutes, each shortened by
chance by up to half so that senders do not fall into step (exponential backoff with jitter:
M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). After three days it is
given up, and the log says so. A receiver that nobody answers for is not tried for other events
meanwhile.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from modeldeck import clock
from modeldeck.domain.notifying import payloads
from modeldeck.domain.notifying.settings import Receiver, Settings
from modeldeck.errors import ModelDeckError
from modeldeck.services.notifying import consent, sending
from modeldeck.services.notifying.outbox import Box, Logged, Pending
from modeldeck.services.notifying.sending import Attempt

GIVE_UP_S = 3 * 86_400.0
LONGEST_WAIT_S = 300.0
HELD_S = 30.0
"""How soon a receiver that may not, or cannot, be contacted is looked at again."""


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


class Trying:
    """Makes the tries of one outbox, which ``changed`` guards.

    Parameters
    ----------
    workspace, name : str
        The workspace's id and name.
    changed : Condition
        Held by the caller; it is given back while a receiver is waited for.

    Attributes
    ----------
    told : callable
        Gets each line that the delivery log gets.
    """

    def __init__(self, workspace: str, name: str, *, changed: threading.Condition) -> None:
        self.workspace = workspace
        self.name = name
        self.box = Box()
        self.settings = Settings()
        self.told: Callable[[Logged], None] = lambda _: None
        self._changed = changed
        self._rng = random.Random()  # noqa: S311 -- when to try again is no secret

    def make(self, one: Pending, mine: list[Pending]) -> None:
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
            result = attempt(receiver, one, workspace=self.workspace, name=self.name)
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
        self.log(one, "failed", detail=result.detail, took_s=took_s)
        if not result.is_reached or result.wait_s:
            for other in mine:
                other["next_at"] = max(other["next_at"], later)

    def _hold(self, mine: list[Pending], problem: str) -> None:
        for one in mine:
            one["problem"], one["next_at"] = problem, time.time() + HELD_S
            if time.time() - one["since"] > GIVE_UP_S:
                self._drop(one, "given up", detail=problem)

    def _drop(self, one: Pending, outcome: str, *, detail: str, took_s: float = 0.0) -> None:
        self.box.pending.remove(one)
        self.log(one, outcome, detail=detail, took_s=took_s)

    def log(self, one: Pending, outcome: str, *, detail: str, took_s: float = 0.0) -> None:
        """Write a line of the delivery log."""
        line = Logged(
            id=one["id"],
            at=clock.to_text(clock.utc_now()),
            receiver=one["receiver"],
            event=str(one["event"].get("kind", "")),
            title=str(one["event"].get("title", "")),
            tries=one["tries"],
            outcome=outcome,
            detail=detail,
            took_s=took_s,
        )
        self.box.log.append(line)
        self.told(line)
