"""Traffic: what an endpoint's servers answered lately, from the ends of their prediction logs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.documents import TrafficBucket, TrafficDocument
from modeldeck.errors import ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.store import files, places

WINDOW_S = 60.0
N_BUCKETS = 60
_TAIL_BYTES = 1 << 18
_SERIES_BYTES = 4 << 20
_N_FILES = 4

Record = dict[str, object]


class Traffic:
    """The traffic of one workspace's endpoints."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck

    def last_minute(self, endpoint: str) -> TrafficDocument:
        """Return what an endpoint's servers answered in the last minute."""
        records = self._records(endpoint, _TAIL_BYTES)
        since = clock.to_text(self.deck.now() - timedelta(seconds=WINDOW_S))
        recent = [one for one in records if str(one["at"]) >= since]
        bucket = _bucket(since, recent, seconds=WINDOW_S)
        return TrafficDocument(
            requests_per_s=bucket["requests_per_s"],
            errors_share=bucket["errors_share"],
            p95_s=bucket["p95_s"],
            last_at=max((str(one["at"]) for one in records), default=""),
        )

    def series(self, endpoint: str, *, window_s: float = 600.0) -> Sequence[TrafficBucket]:
        """Return the traffic of a recent window in 60 equal parts, oldest first.

        Parameters
        ----------
        endpoint : str
            As ``churn@production``.
        window_s : float
            How far back, in seconds. At most the last 4 MiB of each prediction log are read, so
            that the oldest parts of a busy endpoint may be empty.
        """
        now, width = self.deck.now(), window_s / N_BUCKETS
        edges = [
            clock.to_text(now - timedelta(seconds=width * n)) for n in range(N_BUCKETS, -1, -1)
        ]
        parts: list[list[Record]] = [[] for _ in range(N_BUCKETS)]
        begun = (now - timedelta(seconds=window_s)).timestamp()
        for one in self._records(endpoint, _SERIES_BYTES):
            if edges[0] <= str(one["at"]) < edges[-1] and clock.is_instant(str(one["at"])):
                age = clock.from_text(str(one["at"])).timestamp() - begun
                parts[min(N_BUCKETS - 1, max(0, int(age / width)))].append(one)
        return [_bucket(at, part, seconds=width) for at, part in zip(edges, parts, strict=False)]

    def _records(self, endpoint: str, n_bytes: int) -> list[Record]:
        model, _at, environment = endpoint.removeprefix("endpoint:").partition("@")
        folder = places.endpoint_folder(self.deck.root, environment, model=model)
        return [
            one
            for path in _newest(folder.glob("predictions-*.jsonl"))
            for one in _tail(path, n_bytes)
            if isinstance(one.get("at"), str)
        ]


def _bucket(at: str, records: Sequence[Record], *, seconds: float) -> TrafficBucket:
    latencies = sorted(
        float(value) for one in records if isinstance(value := one.get("latency_s"), int | float)
    )
    errors = sum(1 for one in records if one.get("status", 200) != 200)
    return TrafficBucket(
        at=at,
        requests_per_s=len(records) / seconds,
        errors_share=errors / len(records) if records else 0.0,
        p50_s=latencies[int(0.5 * (len(latencies) - 1))] if latencies else None,
        p95_s=latencies[int(0.95 * (len(latencies) - 1))] if latencies else None,
    )


def _newest(paths: Iterable[Path]) -> list[Path]:
    found = []
    for path in paths:
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:
            continue
    return [path for _mtime, path in sorted(found)[-_N_FILES:]]


def _tail(path: Path, n_bytes: int) -> list[Record]:
    """Return the whole records at the end of a prediction log."""
    try:
        descriptor = files.open_regular(path)
    except ModelDeckError:
        return []
    with os.fdopen(descriptor, "rb") as reader:
        size = reader.seek(0, 2)
        reader.seek(max(0, size - n_bytes))
        lines = reader.read(n_bytes).split(b"\n")
    found = []
    for line in lines[1 if size > n_bytes else 0 : -1]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
