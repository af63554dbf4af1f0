"""Listing, sorting and filtering runs, beside reading a file of the same size, and MLflow."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from modeldeck import clock, ids
from modeldeck.services.founding import init
from modeldeck.store.described import ended_document
from modeldeck.store.runs import RunStore
from modeldeck.store.views import Catalogue
from modeldeck.workspace import Workspace
from tests.benchmarks.harness import Row, homes, interleaved, printed_s, process_s

RUNS, MANY = 10_000, 100_000
WHERE = "metrics.auc > 0.9 and params.depth >= 4"
SORT = "-metrics.auc"
MLFLOW_RUNS = 500

_COLD = """
import gc, sys, time
from modeldeck.workspace import Workspace
gc.disable()  # as `modeldeck run list` does
workspace = Workspace.open(sys.argv[1], user="ann")
begun = time.perf_counter()
found = workspace.runs.list(where=sys.argv[2], sort=sys.argv[3])
print(time.perf_counter() - begun)
"""
_REFERENCE = """
import gc, sys, time
import orjson
gc.disable()
begun = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    orjson.loads(file.read())
print(time.perf_counter() - begun)
"""
_MEMORY = """
import re, sys
from modeldeck.workspace import Workspace
workspace = Workspace.open(sys.argv[1], user="ann")
workspace.runs.list(where=sys.argv[2])
with open("/proc/self/status") as file:  # ru_maxrss would be what started it, if that is larger
    print(int(re.search(r"VmHWM:\\s*(\\d+)", file.read())[1]) / 1024)
"""
_MLFLOW = """
import sys, time, warnings
warnings.simplefilter("ignore")
from mlflow.store.tracking.file_store import FileStore
from mlflow.entities import ViewType
store = FileStore(sys.argv[1])
begun = time.perf_counter()
found = store.search_runs(
    ["0"], "metrics.auc > 0.9 and params.depth = '8'", ViewType.ACTIVE_ONLY,
    max_results=1000, order_by=["metrics.auc DESC"])
print((time.perf_counter() - begun) / int(sys.argv[2]))
"""


def fill(root: Path, count: int) -> None:
    """Make finished runs as tracking leaves them."""
    for number in range(count):
        ended = _ended(number)
        run_id = str(ended["id"])
        folder = root / "runs" / ids.month_of(run_id) / run_id
        folder.mkdir(parents=True)
        (folder / "end.json").write_bytes(orjson.dumps(ended))


def _ended(number: int) -> dict[str, object]:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number * 3)
    value = number * 7919 % 10_000 / 10_000
    summary = {"last": value, "min": 0.1, "max": 0.99, "best": value, "step": 99}
    return {
        "v": 1,
        "id": ids.new_id(at),
        "experiment": f"churn{number % 5}",
        "name": f"run {number}",
        "kind": "run",
        "parent": "",
        "user": "ann",
        "host": "gpu01",
        "tags": {"stage": "x"},
        "parameters": {"lr": 0.1, "depth": number % 12, "kernel": "rbf"},
        "started_at": clock.to_text(at),
        "ended_at": clock.to_text(at + timedelta(minutes=2)),
        "status": "finished" if number % 7 else "failed",
        "metrics": {"auc": summary, "loss": {**summary, "last": 1 - value}},
    }


def made(base: Path, count: int) -> tuple[Path, Path]:
    """Return a workspace with so many runs and a warm catalogue, and one file with all of them."""
    root = base / f"ws{count}"
    init(root, owner="ann")
    fill(root, count)
    _settle(root)
    with Workspace.open(root, user="ann") as workspace:
        found = workspace.runs.list()
    reference = base / f"runs{count}.json"
    reference.write_bytes(orjson.dumps(found))
    return root, reference


def remembered(base: Path, count: int) -> tuple[Path, Path]:
    """Return the same where only the catalogue knows the runs, and their months are empty.

    Nobody looks into the folders of runs that have ended, or lists a month that did not change, so
    that it makes no difference but for the minutes that making all those folders takes.
    """
    root = base / f"ws{count}"
    init(root, owner="ann")
    found = [
        ended_document(str(one["id"]), one) for one in (_ended(number) for number in range(count))
    ]
    months = {ids.month_of(one["id"]) for one in found}
    for month in months:
        (root / "runs" / month).mkdir(parents=True)
    _settle(root)
    status = {month: (root / "runs" / month).stat() for month in months}
    about = {month: [one.st_mtime_ns, one.st_ctime_ns, [], {}] for month, one in status.items()}
    with Workspace.open(root, user="ann") as workspace:
        catalogue = Catalogue(workspace.deck.cache / "runs.json")
        catalogue.put_all("runs", found)
        catalogue.save(0, "", about=about)
        assert len(workspace.runs.list()) == count
    reference = base / f"runs{count}.json"
    reference.write_bytes(orjson.dumps(found))
    return root, reference


def _settle(root: Path) -> None:
    """Let the months' folders be as old as those of a workspace that somebody comes back to."""
    old = time.time() - 60
    for month in (root / "runs").iterdir():
        os.utime(month, (old, old))
    deadline = time.monotonic() + 10
    while any(
        time.time_ns() - one.stat().st_ctime_ns < 2_100_000_000 for one in (root / "runs").iterdir()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def anew(root: Path) -> float:
    """Return the seconds to read all runs without the catalogue."""
    begun = time.perf_counter()
    assert RunStore(root).documents()
    return time.perf_counter() - begun


def warm(workspace: Workspace, where: str, *, sort: str = "") -> float:
    """Return the seconds to filter, or sort, in a process that has read the runs."""
    begun = time.perf_counter()
    workspace.runs.list(where=where, sort=sort)
    return time.perf_counter() - begun


def script(code: str, *arguments: str | Path) -> Callable[[], float]:
    """Return what runs a script with arguments in a fresh interpreter and gives what it prints."""
    words = ["script", *(str(one) for one in arguments)]
    return partial(printed_s, f"import sys; sys.argv = {words!r}\n{code}")


def row(
    case: str, value: float, unit: str, *, budget: float | None, beside: tuple[str, float] | None
) -> Row:
    """Return a row of the table."""
    name, other = beside if beside is not None else ("", None)
    return {
        "case": case,
        "value": value,
        "unit": unit,
        "budget": budget,
        "beside": name,
        "beside_value": other,
    }


def _mlflow(base: Path) -> float | None:
    """Return the seconds a run that MLflow's file store takes to search; None without MLflow."""
    if find_spec("mlflow") is None:
        return None
    folder = base / "mlruns"
    entities: Any = import_module("mlflow.entities")
    store: Any = import_module("mlflow.store.tracking.file_store").FileStore(str(folder))
    for number in range(MLFLOW_RUNS):
        run = store.create_run("0", "ann", number, [], f"run {number}")
        value = number * 7919 % 10_000 / 10_000
        store.log_batch(
            run.info.run_id,
            [entities.Metric("auc", value, number, 99)],
            [entities.Param("lr", "0.1"), entities.Param("depth", str(number % 12))],
            [],
        )
    return script(_MLFLOW, folder, str(MLFLOW_RUNS))()


def bench() -> list[Row]:
    """Measure in turn with reading one JSON file of the same documents."""
    with tempfile.TemporaryDirectory() as folder, homes(Path(folder)):
        base = Path(folder)
        root, reference = made(base, RUNS)
        command = [sys.executable, "-P", "-m", "modeldeck_tui.cli", "-w", str(root)]
        taken = interleaved(
            {
                "cold": script(_COLD, root, WHERE, SORT),
                "file": script(_REFERENCE, reference),
                "command": partial(process_s, [*command, "run", "list"]),
                "some": partial(process_s, [*command, "run", "list", "--limit", "50"]),
                "json": partial(process_s, [*command, "--json", "run", "list"]),
                "help": partial(process_s, [*command[:4], "--help"]),
            },
            rounds=5,
        )
        anew_s = interleaved({"anew": partial(anew, root)}, rounds=2)["anew"]
        many, many_file = remembered(base, MANY)
        opened = interleaved(
            {
                "cold": script(_COLD, many, "", ""),
                "file": script(_REFERENCE, many_file),
                "memory": script(_MEMORY, many, WHERE),
            },
            rounds=3,
        )
        with Workspace.open(many, user="ann", is_read_only=True) as workspace:
            workspace.runs.list()
            gc.freeze()
            shown = interleaved(
                {
                    "filter": partial(warm, workspace, WHERE),
                    "sort": partial(warm, workspace, "", sort=SORT),
                },
                rounds=7,
            )
            gc.unfreeze()
        peer = _mlflow(base)
    return [
        *_small(taken, anew_s=anew_s, peer=peer),
        *_large({**opened, **shown}),
    ]


def _small(taken: dict[str, float], *, anew_s: float, peer: float | None) -> list[Row]:
    file = ("orjson of one file", taken["file"] * 1e3)
    program = ("modeldeck --help", taken["help"])
    rows = [
        row("filter and sort 10,000 runs, cold", taken["cold"] * 1e3, "ms", budget=60, beside=file),
        row(
            "modeldeck run list, 10,000 runs",
            taken["command"],
            "s",
            budget=0.4,
            beside=program,
        ),
        row("the same, --limit 50", taken["some"], "s", budget=0.4, beside=program),
        row("the same, --json", taken["json"], "s", budget=None, beside=program),
        row("read 10,000 runs without the catalogue", anew_s * 1e3, "ms", budget=None, beside=file),
    ]
    if peer is not None:
        beside = ("MLflow file store", peer * 1e6)
        ours = taken["cold"] / RUNS * 1e6
        rows.append(row("filter and sort, cold, a run", ours, "µs", budget=None, beside=beside))
    return rows


def _large(taken: dict[str, float]) -> list[Row]:
    file = ("orjson of one file", taken["file"])
    return [
        row("open 100,000 runs, cold", taken["cold"], "s", budget=1.0, beside=file),
        row("filter 100,000 runs", taken["filter"] * 1e3, "ms", budget=100, beside=None),
        row("sort 100,000 runs", taken["sort"] * 1e3, "ms", budget=400, beside=None),
        row("memory with 100,000 runs", taken["memory"], "MB", budget=400, beside=None),
    ]
