"""The screen as a program: first useful screen, keys, idle bytes, memory, beside Textual's own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.services.founding import init
from modeldeck.store.runs import RunStore
from tests.benchmarks.harness import Row, interleaved
from tests.benchmarks.terminal import terminal

FEW, MANY = 10_000, 100_000
N_KEYS = 20
"""Down and up in turn, so that the table never scrolls, which draws all of its rows."""

_BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App[None]):
    n_keys = 0

    def compose(self):
        yield Static("Latest activity")

    def on_key(self):
        self.n_keys += 1
        self.query_one(Static).update(f"{self.n_keys} keys")

Bare().run()
"""

_DATA_TABLE = """
import sys
from textual.app import App
from textual.widgets import DataTable

class Theirs(App[None]):
    def compose(self):
        yield DataTable(cursor_type="row")

    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns(*(f"column {n}" for n in range(8)))
        for row in range(int(sys.argv[1])):
            table.add_row(*(f"{row * 7919 % 100_003} {n}" for n in range(8)), key=str(row))
        self.call_after_refresh(lambda: table.move_cursor(row=0))

Theirs().run()
"""


def fill(root: Path, count: int = FEW) -> None:
    """Make finished runs as tracking leaves them."""
    begun = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(count):
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
    assert len(RunStore(root).documents()) == FEW
    return time.perf_counter() - begun


def until_shown(command: Sequence[str], text: bytes, *, environment: dict[str, str]) -> float:
    """Start a program in a terminal of 160 by 50 and return when it first shows a text."""
    begun = time.perf_counter()
    with terminal(command, environment=environment) as shown:
        shown.until_shown(text)
        return time.perf_counter() - begun


def memory(command: Sequence[str], text: bytes, *, environment: dict[str, str]) -> float:
    """Return the megabytes that a program has when it has shown all and came to rest."""
    with terminal(command, environment=environment) as shown:
        shown.until_shown(text)
        shown.until_quiet(3.0)
        return shown.resident_mb


def keys(
    command: Sequence[str], *, environment: dict[str, str], page: bytes = b""
) -> dict[str, float]:
    """Return a cursor key's median time to the first byte and bytes, and idle bytes per second."""
    with terminal(command, environment=environment, columns=80, rows=24) as shown:
        shown.until_quiet(4.0)
        if page:
            shown.press(page)
            shown.until_quiet(3.0)
        begun = time.perf_counter()
        idle = shown.until_quiet(2.0) / (time.perf_counter() - begun)
        taken = [shown.press((b"\x1b[B", b"\x1b[A")[at % 2]) for at in range(N_KEYS)]
    waits, sizes = zip(*taken, strict=True)
    return {
        "wait_ms": statistics.median(waits) * 1e3,
        "bytes": statistics.median(sizes),
        "idle": idle,
    }


def _row(case: str, value: float, unit: str, *, budget: float | None = None) -> Row:
    return {
        "case": case,
        "value": value,
        "unit": unit,
        "budget": budget,
        "beside": "",
        "beside_value": None,
    }


def _beside(row: Row, what: str, value: float) -> Row:
    row["beside"], row["beside_value"] = what, value
    return row


def _of_size(folder: Path, count: int) -> list[Row]:
    """Measure a workspace of so many runs, in turn with Textual's own."""
    home = folder / str(count)
    root = home / "ws"
    home.mkdir()
    init(root, owner="ann")
    fill(root, count)
    homes = {"HOME": str(home), "MODELDECK_USER": "ann", "TERM": "xterm-256color"}
    environment = {**os.environ, **homes, "COLORTERM": "truecolor"}
    ours = [sys.executable, "-P", "-m", "modeldeck_tui.cli", "-w", str(root)]
    bare = [sys.executable, "-P", "-c", _BARE]
    theirs = [sys.executable, "-P", "-c", _DATA_TABLE, str(count)]
    subprocess.run([*ours, "run", "list"], check=True, env=environment, capture_output=True)
    cases = {
        "ours": partial(until_shown, ours, b"founded", environment=environment),
        "bare": partial(until_shown, bare, b"Latest activity", environment=environment),
    }
    if count == FEW:
        cases["list"] = partial(listing, root)
    first = interleaved(cases, rounds=5)
    ours_mb = memory(ours, b"founded", environment=environment)
    bare_mb = memory(bare, b"Latest activity", environment=environment)
    theirs_mb = memory(theirs, b"column 7", environment=environment)
    pressed = keys(ours, environment=environment, page=b"2")
    theirs_pressed = keys(theirs, environment=environment)
    bare_pressed = keys(bare, environment=environment)
    runs = f"{count:,} runs"
    budgets = {"first": 0.6, "memory": None} if count == FEW else {"first": 1.2, "memory": 400}
    key = f"cursor key to first byte, {runs}"
    table, empty = "Textual's DataTable", "an empty Textual program"
    rows = [
        _beside(
            _row(f"first useful screen, {runs}", first["ours"], "s", budget=budgets["first"]),
            empty,
            first["bare"],
        ),
        _beside(_row(key, pressed["wait_ms"], "ms", budget=5), table, theirs_pressed["wait_ms"]),
        _beside(
            _row(
                f"… above an empty one, {runs}", pressed["wait_ms"] - bare_pressed["wait_ms"], "ms"
            ),
            empty,
            bare_pressed["wait_ms"],
        ),
        _beside(
            _row(f"cursor key, 80×24, {runs}", pressed["bytes"], "bytes", budget=400),
            table,
            theirs_pressed["bytes"],
        ),
        _row(f"idle, 80×24, {runs}", pressed["idle"], "bytes a second", budget=200),
        _beside(_row(f"memory, {runs}", ours_mb, "MB", budget=budgets["memory"]), table, theirs_mb),
        _beside(
            _row(f"memory above an empty one, {runs}", ours_mb - bare_mb, "MB"), empty, bare_mb
        ),
    ]
    if "list" in first:
        rows.append(_row(f"read {runs} anew", first["list"] * 1e3, "ms"))
    return rows


def bench() -> list[Row]:
    """Measure 10,000 and 100,000 runs."""
    with tempfile.TemporaryDirectory() as folder:
        return [row for count in (FEW, MANY) for row in _of_size(Path(folder), count)]
