"""Committing decisions durably, by one process and by eight, beside what the disk takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.services.founding import init
from modeldeck.workspace import Workspace
from tests.benchmarks.harness import Row, interleaved

COMMITS = 100
WRITERS = 8

_WRITER = """
import sys, time
from pathlib import Path
from modeldeck import clock, ids
from modeldeck.workspace import Workspace
root, count = Path(sys.argv[1]), int(sys.argv[2])
workspace = Workspace.open(root, user="ann")
print("ready", flush=True)
sys.stdin.readline()
slowest = []
for n in range(count):
    begun = time.perf_counter()
    subject = "run:" + ids.new_id(clock.utc_now())
    workspace.deck.commit("run.stop", subject, body={"reason": "x"})
    slowest.append(time.perf_counter() - begun)
slowest.sort()
print(slowest[int(len(slowest) * 0.99)], flush=True)
"""


def one(workspace: Workspace) -> float:
    """Commit one after the other; return seconds a commit."""
    begun = time.perf_counter()
    for _ in range(COMMITS):
        subject = f"run:{ids.new_id(clock.utc_now())}"
        workspace.deck.commit("run.stop", subject, body={"reason": "x"})
    return (time.perf_counter() - begun) / COMMITS


def disk(folder: Path) -> float:
    """Write, fsync, rename and fsync the folder; return seconds a file."""
    data = b"x" * 600
    at = os.open(folder, os.O_RDONLY)
    begun = time.perf_counter()
    for n in range(COMMITS):
        descriptor = os.open(folder / "tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.close(descriptor)
        (folder / "tmp").rename(folder / str(n))
        os.fsync(at)
    taken = (time.perf_counter() - begun) / COMMITS
    os.close(at)
    return taken


def eight(root: Path) -> tuple[float, float]:
    """Let eight processes commit at once; return commits a second and the worst p99 in seconds."""
    command = [sys.executable, "-c", _WRITER, str(root), str(COMMITS)]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    begun = time.perf_counter()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    answers = [float(writer.communicate()[0]) for writer in writers]
    taken = time.perf_counter() - begun
    return WRITERS * COMMITS / taken, max(answers)


def bench() -> list[Row]:
    """Measure one writer beside the disk, then eight."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        root, raw = Path(folder, "ws"), Path(folder, "raw")
        init(root, owner="ann")
        raw.mkdir()
        with Workspace.open(root, user="ann") as workspace:
            cases = {"one": partial(one, workspace), "disk": partial(disk, raw)}
            taken = interleaved(cases, rounds=5)
        rate, p99 = eight(root)
    return [
        {
            "case": "commit one decision",
            "value": taken["one"] * 1e3,
            "unit": "ms",
            "budget": 1.0,
            "beside": "write, fsync, rename, fsync",
            "beside_value": taken["disk"] * 1e3,
        },
        {
            "case": "eight processes at once",
            "value": rate,
            "unit": "commits/s",
            "budget": 600.0,
            "beside": "",
            "beside_value": None,
        },
        {
            "case": "eight processes, slowest 1 %",
            "value": p99 * 1e3,
            "unit": "ms",
            "budget": 100.0,
            "beside": "",
            "beside_value": None,
        },
    ]
