"""The first useful screen of a workspace with 10,000 runs, and listing them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from datetime import UTC, datetime, timedelta
from fcntl import ioctl
from functools import partial
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.services.founding import init
from modeldeck.store.runs import RunStore
from tests.benchmarks.harness import Row, interleaved

RUNS = 10_000
PATIENCE_S = 30.0

_BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App[None]):
    def compose(self):
        yield Static("Latest activity")

Bare().run()
"""


def fill(root: Path) -> None:
    """Make finished runs as tracking leaves them."""
    begun = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(RUNS):
        at = begun + timedelta(seconds=number)
        run_id = ids.new_id(at)
        folder = root / "runs" / ids.month_of(run_id) / run_id
        folder.mkdir(parents=True)
        summary = {"last": 0.1, "min": 0.1, "max": 0.9, "best": 0.1, "step": 99}
        document = {
            "v": 1,
            "id": run_id,
            "experiment": "churn",
            "name": "",
            "kind": "run",
            "parent": "",
            "user": "ann",
            "host": "gpu01",
            "parameters": {"lr": 0.1},
            "tags": {},
            "started_at": clock.to_text(at),
            "ended_at": clock.to_text(at),
            "status": "finished",
            "metrics": {"loss": summary},
        }
        (folder / "end.json").write_text(json.dumps(document))


def listing(root: Path) -> float:
    """Return the seconds to read all runs anew."""
    begun = time.perf_counter()
    assert len(RunStore(root).documents()) == RUNS
    return time.perf_counter() - begun


def until_shown(command: list[str], text: bytes, *, environment: dict[str, str]) -> float:
    """Start a program in a terminal of 160 by 50 and return when it first shows a text."""
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, environment)  # noqa: S606 -- our own interpreter
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    shown = b""
    try:
        while text not in shown:
            ready, _, _ = select.select([terminal], [], [], PATIENCE_S)
            assert ready, shown[-2000:]
            shown += os.read(terminal, 1 << 16)
        return time.perf_counter() - begun
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def bench() -> list[Row]:
    """Measure in turn with an empty Textual program."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "ws")
        init(root, owner="ann")
        fill(root)
        homes = {"HOME": folder, "MODELDECK_USER": "ann", "TERM": "xterm-256color"}
        environment = {**os.environ, **homes, "COLORTERM": "truecolor"}
        ours = [sys.executable, "-P", "-m", "modeldeck_tui.cli", "-w", str(root)]
        cases = {
            "ours": partial(until_shown, ours, b"founded", environment=environment),
            "bare": partial(
                until_shown,
                [sys.executable, "-c", _BARE],
                b"Latest activity",
                environment=environment,
            ),
            "list": partial(listing, root),
        }
        subprocess.run([*ours, "run", "list"], check=True, env=environment, capture_output=True)
        taken = interleaved(cases, rounds=5)
    return [
        {
            "case": "first useful screen, 10,000 runs",
            "value": taken["ours"],
            "unit": "s",
            "budget": 0.6,
            "beside": "an empty Textual program",
            "beside_value": taken["bare"],
        },
        {
            "case": "read 10,000 runs anew",
            "value": taken["list"] * 1e3,
            "unit": "ms",
            "budget": None,
            "beside": "",
            "beside_value": None,
        },
    ]
