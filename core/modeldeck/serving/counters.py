"""Counters of a server in Prometheus' text format.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from modeldeck.serving.registry import Registry

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the latency histogram's buckets, in seconds."""

Key = tuple[str, str]


class Counters:
    """Counts requests; used from the event loop alone."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._rows: Counter[Key] = Counter()
        self._seconds: dict[Key, float] = {}
        self._buckets: dict[Key, list[int]] = {}
        self._refused: Counter[int] = Counter()

    def refuse(self, status: int) -> None:
        """Count one request that was refused before it reached a model."""
        self._refused[status] += 1

    def count(self, key: Key, status: int, *, seconds: float, n_rows: int) -> None:
        """Count one answered request of a model and version."""
        self._requests[(*key, status)] += 1
        self._rows[key] += n_rows
        self._seconds[key] = self._seconds.get(key, 0.0) + seconds
        buckets = self._buckets.setdefault(key, [0] * (len(BOUNDS_S) + 1))
        buckets[bisect_left(BOUNDS_S, seconds)] += 1

    def text(self, registry: Registry, *, unlogged: int) -> str:
        """Return everything as text, with the number of predictions that are in no log."""
        return "\n".join([*self._lines(registry), *_last(registry, unlogged), ""])

    def _lines(self, registry: Registry) -> Iterator[str]:
        yield "# HELP modeldeck_requests_total Prediction requests answered."
        yield "# TYPE modeldeck_requests_total counter"
        for (model, version, status), count in sorted(self._requests.items()):
            labels = f'model="{model}",version="{version}",status="{status}"'
            yield f"modeldeck_requests_total{{{labels}}} {count}"
        yield "# HELP modeldeck_rows_total Rows in those requests."
        yield "# TYPE modeldeck_rows_total counter"
        for (model, version), count in sorted(self._rows.items()):
            yield f'modeldeck_rows_total{{model="{model}",version="{version}"}} {count}'
        yield "# HELP modeldeck_refused_total Requests refused before they reached a model."
        yield "# TYPE modeldeck_refused_total counter"
        for status, count in sorted(self._refused.items()):
            yield f'modeldeck_refused_total{{status="{status}"}} {count}'
        yield from self._histogram()
        yield "# HELP modeldeck_generation Generation of the pointer that is served."
        yield "# TYPE modeldeck_generation gauge"
        for one in registry.all():
            labels = f'model="{one.model}",version="{one.version}"'
            yield f"modeldeck_generation{{{labels}}} {one.generation}"

    def _histogram(self) -> Iterator[str]:
        name = "modeldeck_request_seconds"
        yield f"# HELP {name} Time from the request's last byte to its answer."
        yield f"# TYPE {name} histogram"
        for key, buckets in sorted(self._buckets.items()):
            labels = f'model="{key[0]}",version="{key[1]}"'
            total = 0
            for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), buckets, strict=True):
                total += count
                yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
            yield f"{name}_sum{{{labels}}} {self._seconds[key]}"
            yield f"{name}_count{{{labels}}} {total}"


def _last(registry: Registry, unlogged: int) -> Iterator[str]:
    yield "# HELP modeldeck_swaps_total Versions swapped in since the start."
    yield "# TYPE modeldeck_swaps_total counter"
    yield f"modeldeck_swaps_total {registry.swaps}"
    yield "# HELP modeldeck_following Whether the ledger is followed: 1, or 0 while it cannot be."
    yield "# TYPE modeldeck_following gauge"
    yield f"modeldeck_following {0 if registry.problem else 1}"
    yield "# HELP modeldeck_unlogged_total Predictions that are in no log."
    yield "# TYPE modeldeck_unlogged_total counter"
    yield f"modeldeck_unlogged_total {unlogged}"
