"""Predicting off the event loop: requests that arrive together are predicted together.

::

    request ─► pending ──(the thread is idle)──► one batch ─► thread ─► answers
                  ▲                                                       │
                  └────────── what arrived meanwhile is the next batch ◄──┘

Nothing waits for a batch to fill: an idle thread gets a single row at once, a busy one finds all
that arrived while it was busy. The thread is woken once a batch, not once a request.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modeldeck.errors import UnavailableError
from modeldeck.serving.registry import Served
from modeldeck.serving.rows import Row

MAX_WAITING = 256
"""Requests that may wait for a prediction; more are told to come back."""

MAX_BATCH_ROWS = 512

Answers = list[dict[str, Any]]


@dataclass(slots=True, eq=False)
class _Job:
    served: Served
    rows: list[Row]
    future: asyncio.Future[Answers]
    until: float


class Predictor:
    """One thread that predicts for one event loop; close it."""

    def __init__(self) -> None:
        self._pending: deque[_Job] = deque()
        self._running: list[_Job] = []
        self._clock: asyncio.TimerHandle | None = None
        self._is_scheduled = False
        self._inbox: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """How many requests wait for an answer."""
        return len(self._pending) + len(self._running)

    async def predict(self, served: Served, rows: list[Row], *, within_s: float) -> Answers:
        """Predict rows with a version, within so many seconds.

        Raises
        ------
        UnavailableError
            Too many requests wait already, or the prediction takes too long.
        ModelDeckError
            The model refuses the rows.
        """
        if self.n_waiting >= MAX_WAITING:
            msg = f"{self.n_waiting} requests are waiting already."
            raise UnavailableError(msg, "Try again in a second.")
        loop = asyncio.get_running_loop()
        job = _Job(served, rows, loop.create_future(), loop.time() + within_s)
        self._pending.append(job)
        if self._clock is None:  # one timer for all: a timer for each request costs as much as it
            self._clock = loop.call_later(min(1.0, within_s), self._end_late, loop)
        if not self._running and not self._is_scheduled:
            self._is_scheduled = True
            loop.call_soon(self._hand_over)
        return await job.future

    def _end_late(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let nobody wait longer than it was said."""
        self._clock = None
        now = loop.time()
        left = [one for one in (*self._running, *self._pending) if not one.future.done()]
        for job in left:
            if job.until <= now:
                late = UnavailableError("The prediction took too long.", "Try again in a second.")
                job.future.set_exception(late)
        waits = [one.until - now for one in left if one.until > now]
        if waits:
            self._clock = loop.call_later(min(1.0, *waits), self._end_late, loop)

    def close(self) -> None:
        """End the thread."""
        self._inbox.put(None)
        self._thread.join(timeout=5)

    def _hand_over(self) -> None:
        """Give the thread what waits for one version, as far as it makes one batch."""
        self._is_scheduled = False
        batch: list[_Job] = []
        n_rows = 0
        while self._pending:
            job = self._pending[0]
            n_rows += len(job.rows)
            if batch and (job.served is not batch[0].served or n_rows > MAX_BATCH_ROWS):
                break
            self._pending.popleft()
            if not job.future.done():  # else nobody waits for it any more
                batch.append(job)
        self._running = batch
        if batch:
            self._inbox.put(batch)

    def _run(self) -> None:
        while (batch := self._inbox.get()) is not None:
            found = _answer(batch)
            try:
                batch[0].future.get_loop().call_soon_threadsafe(self._deliver, found)
            except RuntimeError:  # the loop was closed meanwhile
                return

    def _deliver(self, found: Sequence[tuple[_Job, Answers | Exception]]) -> None:
        self._hand_over()
        for job, outcome in found:
            if job.future.done():
                continue
            if isinstance(outcome, Exception):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome)


def _answer(batch: Sequence[_Job]) -> list[tuple[_Job, Answers | Exception]]:
    """Predict a batch; where that fails, each request alone, so that only the bad ones fail."""
    try:
        outputs = batch[0].served.predict([row for job in batch for row in job.rows])
    except Exception as error:  # noqa: BLE001 -- this thread goes on, whatever a model raises
        if len(batch) > 1:
            return [one for job in batch for one in _answer([job])]
        return [(batch[0], error)]
    found: list[tuple[_Job, Answers | Exception]] = []
    at = 0
    for job in batch:
        found.append((job, outputs[at : at + len(job.rows)]))
        at += len(job.rows)
    return found
