"""Predicting off the event loop: requests that arrive together are predicted together."""

from __future__ import annotations

import asyncio
import queue
import threading
from dataclasses import dataclass
from typing import Any

from modeldeck.errors import UnavailableError
from modeldeck.serving.registry import Served
from modeldeck.serving.rows import Row

MAX_WAITING = 256
"""Requests that may wait for a prediction; more are told to come back."""

MAX_BATCH_ROWS = 512

Answers = list[dict[str, Any]]


@dataclass(slots=True)
class _Job:
    served: Served
    rows: list[Row]
    future: asyncio.Future[Answers]


class Predictor:
    """One thread that predicts; close it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)
        self._thread.start()

    async def predict(self, served: Served, rows: list[Row]) -> Answers:
        """Predict rows with a version.

        Raises
        ------
        UnavailableError
            Too many requests wait already.
        ModelDeckError
            The model refuses the rows.
        """
        if self._waiting >= MAX_WAITING:
            msg = f"{self._waiting} requests are waiting already."
            raise UnavailableError(msg, "Try again in a second.")
        self._waiting += 1
        try:
            future: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
            self._queue.put(_Job(served, rows, future))
            return await future
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        held: _Job | None = None
        while True:
            job = held or self._queue.get()
            held = None
            if job is None:
                return
            batch, n_rows = [job], len(job.rows)
            while n_rows < MAX_BATCH_ROWS:
                try:
                    other = self._queue.get_nowait()
                except queue.Empty:
                    break
                if other is None:
                    self._queue.put(None)
                    break
                if other.served is not job.served:
                    held = other
                    break
                batch.append(other)
                n_rows += len(other.rows)
            _answer(batch)


def _answer(batch: list[_Job]) -> None:
    served = batch[0].served
    found: list[tuple[_Job, Answers | Exception]] = []
    try:
        outputs = served.predict([row for job in batch for row in job.rows])
        at = 0
        for job in batch:
            found.append((job, outputs[at : at + len(job.rows)]))
            at += len(job.rows)
    except Exception as error:  # noqa: BLE001 -- this thread goes on, whatever a model raises
        if len(batch) > 1:
            for job in batch:
                _answer([job])
            return
        found = [(batch[0], error)]
    loop = batch[0].future.get_loop()
    loop.call_soon_threadsafe(_deliver, found)


def _deliver(found: list[tuple[_Job, Answers | Exception]]) -> None:
    for job, outcome in found:
        if job.future.done():
            continue
        if isinstance(outcome, Exception):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)
