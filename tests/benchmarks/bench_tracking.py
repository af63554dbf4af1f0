"""Logging a point, and short runs, beside what the system's ``write`` takes alone."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from tests.benchmarks.harness import Row, interleaved

POINTS = 50_000
RUNS = 100


def bench() -> list[Row]:
    """Measure in turn: one metric point, the same bytes by ``write``, and whole short runs."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "ws")
        init(root, owner="ann")
        run = start_run("points", workspace=root, capture_output=False)
        run.log({"loss": 0.123})
        record = (run.folder / "metrics.jsonl").read_bytes()
        descriptor = os.open(Path(folder, "raw"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def ours() -> float:
            begun = time.perf_counter()
            for _ in range(POINTS):
                run.log({"loss": 0.123})
            return (time.perf_counter() - begun) / POINTS

        def raw() -> float:
            begun = time.perf_counter()
            for _ in range(POINTS):
                os.write(descriptor, record)
            return (time.perf_counter() - begun) / POINTS

        def short() -> float:
            begun = time.perf_counter()
            for _ in range(RUNS):
                parameters = {f"p{n}": n for n in range(5)}
                with start_run(
                    "short", workspace=root, parameters=parameters, capture_output=False
                ) as one:
                    for n in range(5):
                        one.log({"loss": n})
            return (time.perf_counter() - begun) / RUNS

        taken = interleaved({"ours": ours, "raw": raw, "short": short}, rounds=5)
        run.finish()
        os.close(descriptor)
    return [
        {
            "case": "log one metric point",
            "value": taken["ours"] * 1e6,
            "unit": "µs",
            "budget": 3.0,
            "beside": "the same bytes by write",
            "beside_value": taken["raw"] * 1e6,
        },
        {
            "case": "a run of 5 parameters and 5 points",
            "value": taken["short"] * 1e3,
            "unit": "ms",
            "budget": 0.6,
            "beside": "",
            "beside_value": None,
        },
    ]
