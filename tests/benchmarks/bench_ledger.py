"""Committing decisions durably, by one process and by eight, and verifying, beside the limit."""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from functools import partial
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.domain.entry import Intent, digest_of, entry_bytes
from modeldeck.services.founding import init
from modeldeck.store.ledger import Ledger, entry_path, numbers
from modeldeck.store.verifying import Verifier
from modeldeck.workspace import Workspace
from tests.benchmarks.harness import Row, homes, interleaved

ENTRIES = 10_000
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


def fill(root: Path, count: int) -> None:
    """Write entries as commits leave them, tags and requests to stop in turn, without waiting."""
    ledger = Ledger(root, Verifier(None))
    ledger.refresh()
    n, prev, workspace = ledger.state.n, ledger.state.head, ledger.state.workspace
    bodies = (("run.stop", {"reason": "too slow"}), ("tag.add", {"tag": "stage", "value": "x"}))
    while n < count:
        n += 1
        now = clock.utc_now()
        action, body = bodies[n % 2]
        intent = Intent(
            id=uuid.uuid4().hex,
            by="ann",
            action=action,
            subject=f"run:{ids.new_id(now)}",
            body={**body},
            workspace=workspace,
            head=prev,
        )
        data = entry_bytes(intent, n=n, prev=prev, at=clock.to_text(now), host="gpu01")
        entry_path(root, n).write_bytes(data)
        prev = digest_of(data)


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


def verified(workspace: Workspace) -> float:
    """Verify the whole ledger; return seconds an entry."""
    begun = time.perf_counter()
    found = workspace.ledger_check.run()
    assert found["ok"]
    return (time.perf_counter() - begun) / found["entries"]


def hashed(root: Path) -> float:
    """Read and hash every file of the ledger; return seconds a file."""
    known = numbers(root)
    names = [str(entry_path(root, n)) for n in known]
    begun = time.perf_counter()
    for name in names:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        hashlib.sha256(os.pread(descriptor, 1 << 14, 0)).hexdigest()
        os.close(descriptor)
    return (time.perf_counter() - begun) / len(known)


def bench() -> list[Row]:
    """Measure one writer and eight in turn with the disk, and verifying in turn with reading."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, homes(Path(folder)):
        root, raw = Path(folder, "ws"), Path(folder, "raw")
        init(root, owner="ann")
        fill(root, ENTRIES)
        raw.mkdir()
        with Workspace.open(root, user="ann") as workspace:
            cases = {"one": partial(one, workspace), "disk": partial(disk, raw)}
            taken = interleaved(cases, rounds=5)
            both = {"verified": partial(verified, workspace), "hashed": partial(hashed, root)}
            read = interleaved(both, rounds=3)
        together = [(*eight(root), 1 / disk(raw)) for _ in range(3)]
    rate, p99, limit = (statistics.median(column) for column in zip(*together, strict=True))
    at_once = "one process: write, fsync, rename, fsync"
    return [
        _row(
            f"commit one decision, after {ENTRIES:,}",
            taken["one"] * 1e3,
            unit="ms",
            budget=1.0,
            beside=("write, fsync, rename, fsync", taken["disk"] * 1e3),
        ),
        _row(
            "eight processes at once", rate, unit="commits/s", budget=600, beside=(at_once, limit)
        ),
        _row("eight processes, slowest 1 %", p99 * 1e3, unit="ms", budget=100),
        _row(
            f"ledger verify, {ENTRIES:,} entries",
            1 / read["verified"],
            unit="entries/s",
            budget=30_000,
            beside=("read and hash the files", 1 / read["hashed"]),
        ),
    ]


def _row(
    case: str,
    value: float,
    *,
    unit: str,
    budget: float,
    beside: tuple[str, float | None] = ("", None),
) -> Row:
    return Row(
        case=case, value=value, unit=unit, budget=budget, beside=beside[0], beside_value=beside[1]
    )
