"""What benchmarks share: the row that they return, and fair ways to take the time."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict


class Row(TypedDict):
    """One measured figure, with what it is compared to."""

    case: str
    value: float
    unit: str
    """``"…/s"`` is better when higher; every other unit when lower."""
    budget: float | None
    beside: str
    """What ``beside_value`` is: a peer, a limit, the way not taken; empty for none."""
    beside_value: float | None


def within_budget(row: Row) -> bool | None:
    """Say whether a row keeps its budget; None when it has none."""
    if row["budget"] is None:
        return None
    if row["unit"].endswith("/s"):
        return row["value"] >= row["budget"]
    return row["value"] <= row["budget"]


def process_s(command: Sequence[str | Path]) -> float:
    """Run a program to its end, output read from a pipe, and return the wall time.

    Into ``/dev/null`` grep would stop at the first hit.
    """
    begun = time.perf_counter()
    subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=_plain()
    )
    return time.perf_counter() - begun


def printed_s(code: str) -> float:
    """Run Python code in a fresh interpreter and return the number that it prints."""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_plain()
    )
    return float(done.stdout)


def interleaved(cases: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """Measure cases in turn, so that a busy moment hits all of them, and return the medians.

    One round is thrown away: it warms the disk cache.
    """
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, measure in cases.items():
            value = measure()
            if number:
                taken[name].append(value)
    return {name: statistics.median(values) for name, values in taken.items()}


@contextmanager
def homes(base: Path) -> Iterator[None]:
    """Keep caches below a folder, and let MLflow measure what it would rather not be used for."""
    before = dict(os.environ)
    os.environ.update(
        XDG_CACHE_HOME=str(base / "cache"),
        XDG_STATE_HOME=str(base / "state"),
        MODELDECK_USER="ann",
        MLFLOW_ALLOW_FILE_STORE="true",
        MLFLOW_DISABLE_TELEMETRY="true",
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _plain() -> dict[str, str]:
    """Return an environment in which a terminal's width or colours change nothing."""
    return {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
