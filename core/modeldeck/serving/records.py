"""Prediction logs and server logs, written off the request path by one thread.

A prediction log is a stream, ``predictions-<host>-<pid>-<n>.jsonl``, begun anew after 64 MiB. Each
record is ``{"id", "at", "model", "version", "latency_s", "inputs", "outputs", "status"}``; inputs
and outputs are lists of rows, empty when the request was refused. The server's log is
``server-<host>-<pid>.log``: time, level and text a line.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from modeldeck import clock

SEGMENT_BYTES = 64 << 20
MAX_QUEUED = 20_000
BUSY = 50
"""From so many predictions a batch on, the server's log counts them instead of listing them."""

_SYNC_EVERY_S = 1.0
_GATHER_S = 0.05  # one write for all of a moment; the thread wakes no oftener than that


class Stream(Protocol):
    """What is needed of :class:`modeldeck.store.streams.Stream`."""

    def write(self, record: bytes) -> None:
        """Append one record."""

    def sync(self) -> None:
        """Bring what was written to the disk."""

    def hold(self) -> None:
        """Let others see that it has a writer."""

    def close(self) -> None:
        """Close the file."""


Open = Callable[[Path], Stream]
Prediction = Mapping[str, Any]
_Item = tuple[str, str, Prediction | str]


class _Files:
    """The open streams of one model."""

    def __init__(self, folder: Path, open_stream: Open) -> None:
        self.folder = folder
        self.open_stream = open_stream
        self.closed: deque[Path] = deque()
        self.number = 0
        self.written = 0
        self.path = folder
        self.predictions: Stream | None = None
        self.log = open_stream(folder / f"server-{_who()}.log")

    def predict_stream(self) -> Stream:
        """Return the stream for predictions, a new one when the last is full."""
        if self.predictions is None or self.written >= SEGMENT_BYTES:
            self.end()
            self.number += 1
            self.path = self.folder / f"predictions-{_who()}-{self.number}.jsonl"
            self.predictions = self.open_stream(self.path)
            self.predictions.hold()
            self.written = 0
        return self.predictions

    def end(self) -> None:
        """Close the stream for predictions, if there is one, and note that."""
        if self.predictions is not None:
            self.predictions.close()
            self.predictions = None
            self.closed.append(self.path)

    def all(self) -> list[Stream]:
        """Return the open streams."""
        return [one for one in (self.log, self.predictions) if one is not None]


def _who() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class Records:
    """Writes the logs of a server; close it.

    Parameters
    ----------
    folder_of : callable
        Returns the folder of a model's endpoint, which is there.
    open_stream : callable
        Opens a stream for appending.
    """

    def __init__(self, folder_of: Callable[[str], Path], open_stream: Open) -> None:
        self._folder_of = folder_of
        self._open_stream = open_stream
        self._files: dict[str, _Files] = {}
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._end = threading.Event()
        self._n_full = self._n_failed = 0
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)
        self._thread.start()

    @property
    def n_lost(self) -> int:
        """How many predictions are in no log: there was no room, or they could not be written."""
        return self._n_full + self._n_failed

    def prediction(self, model: str, record: Prediction) -> None:
        """Log one prediction."""
        if not self._put((model, "", record)):
            self._n_full += 1

    def line(self, model: str, level: str, *, text: str) -> None:
        """Log a line about a model's endpoint."""
        self._put((model, level, text))

    def _put(self, item: _Item) -> bool:
        if self._queue.qsize() >= MAX_QUEUED:
            return False
        self._queue.put(item)
        return True

    def close(self) -> None:
        """Write what is left and end."""
        self._end.set()
        self._queue.put(None)
        self._thread.join(timeout=10)

    def closed(self) -> list[tuple[str, Path]]:
        """Return the prediction logs that were written to their end since the last call.

        Returns
        -------
        list of (str, Path)
            Each with its model.
        """
        found = []
        for model, files in list(self._files.items()):
            while files.closed:
                found.append((model, files.closed.popleft()))
        return found

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch: list[_Item] = []
            with contextlib.suppress(queue.Empty):
                item = self._queue.get(timeout=_SYNC_EVERY_S)
                self._end.wait(_GATHER_S)
                while item is not None and len(batch) < MAX_QUEUED:
                    batch.append(item)
                    item = self._queue.get_nowait()
                is_open = item is not None
            self._write(batch)
            if not batch:
                self._sync()
        self._sync()
        for files in self._files.values():
            files.log.close()
            files.end()

    def _sync(self) -> None:
        for files in self._files.values():
            for stream in files.all():
                stream.sync()

    def _write(self, batch: list[_Item]) -> None:
        by_model: dict[str, list[Prediction]] = {}
        for model, level, item in batch:
            if isinstance(item, str):
                with contextlib.suppress(Exception):  # a line less, never the end of the log
                    self._of(model).log.write(log_line(level, item))
            else:
                by_model.setdefault(model, []).append(item)
        for model, records in by_model.items():
            try:
                written = self._predictions(self._of(model), records)
            except Exception:  # noqa: BLE001 -- a full disk, or anything else, ends no thread
                written = 0
            self._n_failed += len(records) - written

    def _predictions(self, files: _Files, records: list[Prediction]) -> int:
        """Write predictions to both logs; return how many there was a way to write down."""
        stream = files.predict_stream()
        lines = [line for line in map(_line_of, records) if line]
        data = b"".join(lines)
        stream.write(data)
        files.written += len(data)
        with contextlib.suppress(Exception):
            files.log.write(_summary(records))
        return len(lines)

    def _of(self, model: str) -> _Files:
        if model not in self._files:
            self._files[model] = _Files(self._folder_of(model), self._open_stream)
        return self._files[model]


class Stamps:
    """Tells the time as :mod:`modeldeck.clock` writes it, the second's text made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self) -> str:
        """Return the time."""
        now = time.time_ns() // 1000
        second, microseconds = divmod(now, 1_000_000)
        if second != self._second:
            self._second = second
            at = datetime.fromtimestamp(second, UTC)
            self._text = clock.to_text(at).removesuffix("000000Z")
        return f"{self._text}{microseconds:06d}Z"


def _line_of(record: Prediction) -> bytes:
    """Return a record as a line; empty when JSON cannot hold it."""
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return b""


def _summary(records: list[Prediction]) -> bytes:
    """Return what the server's log says about predictions."""
    if len(records) >= BUSY:
        bad = sum(1 for one in records if one["status"] != 200)
        return log_line("INFO", f"{len(records)} predictions, {bad} refused")
    lines = []
    for one in records:
        level = "INFO" if one["status"] == 200 else "WARN"
        took = f"{one['latency_s'] * 1000:.2f} ms"
        n_rows = len(one["inputs"])
        rows = "1 row" if n_rows == 1 else f"{n_rows} rows"
        problem = f" {one['error']}" if "error" in one else ""
        text = f"{one['status']} {rows} {took} version {one['version']} {one['id']}{problem}"
        lines.append(log_line(level, text))
    return b"".join(lines)


def log_line(level: str, text: str) -> bytes:
    """Return a line of a server's log; control characters become escapes."""
    shown = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
    return f"{clock.to_text(clock.utc_now())} {level:<5} {shown}\n".encode(errors="replace")
