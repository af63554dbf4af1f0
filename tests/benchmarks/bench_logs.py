"""The end of a large log, and following it, beside ``tail``."""

from __future__ import annotations

import os
import tempfile
import time
from functools import partial
from pathlib import Path

from modeldeck.store.logs import LogFollower, tail
from tests.benchmarks.harness import Row, interleaved, process_s

SIZE = 256 << 20
LINES = 20_000


def last_lines(path: Path) -> float:
    """Return the seconds that the last 200 lines take."""
    begun = time.perf_counter()
    assert len(tail(path, 200)) == 200
    return time.perf_counter() - begun


def follow(folder: Path) -> float:
    """Return the seconds of processor time that following 20,000 lines takes."""
    path = folder / "followed.log"
    path.touch()
    follower = LogFollower(path)
    block = b"2026-11-23T07:10:11.123456Z INFO  200 1 rows 0.85 ms version 1\n" * 200
    taken = 0.0
    with path.open("ab", buffering=0) as file:
        for _ in range(LINES // 200):
            file.write(block)
            begun = time.process_time()
            assert len(follower.poll()) == 200
            taken += time.process_time() - begun
    follower.close()
    path.unlink()
    return taken


def bench() -> list[Row]:
    """Measure on a file of 256 MB, in turn with ``tail``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.log")
        line = b"2026-11-23T07:10:11.123456Z INFO  200 1 rows 0.85 ms version 1 of tumour\n"
        with path.open("wb") as file:
            block = line * 10_000
            while file.tell() < SIZE:
                file.write(block)
        os.sync()
        cases = {
            "ours": partial(last_lines, path),
            "tail": partial(process_s, ["tail", "-n", "200", path]),
            "follow": partial(follow, Path(folder)),
        }
        taken = interleaved(cases, rounds=5)
    return [
        {
            "case": "last 200 lines of 256 MB, in the process",
            "value": taken["ours"] * 1e3,
            "unit": "ms",
            "budget": None,
            "beside": "tail -n 200, whole process",
            "beside_value": taken["tail"] * 1e3,
        },
        {
            "case": "follow 10,000 lines/s: share of a core, reading",
            "value": taken["follow"] / LINES * 10_000 * 100,
            "unit": "%",
            "budget": 25.0,
            "beside": "",
            "beside_value": None,
        },
    ]
