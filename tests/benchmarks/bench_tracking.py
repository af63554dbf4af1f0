"""Logging a point, short runs, and what tracking adds to a training, beside what else there is."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import modeldeck
from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from tests.benchmarks.harness import Row, interleaved

POINTS = 50_000
RUNS = 100
PAIRS = 7
MLFLOW_POINTS = 300
MLFLOW_RUNS = 20


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

        lone = partial(bare, Path(folder))
        taken = interleaved({"ours": ours, "raw": raw, "short": short, "bare": lone}, rounds=5)
        run.finish()
        os.close(descriptor)
        waiting = beside_waiting(root)
        tracking, logged = (
            added_share(root, with_autolog=False),
            added_share(root, with_autolog=True),
        )
        mlflow = _mlflow(Path(folder, "mlruns"))
    point_us, run_ms = taken["ours"] * 1e6, taken["short"] * 1e3
    write = ("the same bytes by write", taken["raw"] * 1e6)
    files = ("its folder, files and writes alone", taken["bare"] * 1e3)
    return [
        _row("log one metric point", point_us, unit="µs", budget=3.0, beside=write),
        _row("log one metric point", point_us, unit="µs", beside=mlflow[0]),
        _row("a run of 5 parameters and 5 points", run_ms, unit="ms", budget=0.6, beside=files),
        _row("a run of 5 parameters and 5 points", run_ms, unit="ms", beside=mlflow[1]),
        _row("tracking beside a second of waiting: share of a core", waiting, unit="%", budget=1.0),
        _row("tracking, added to a fit", tracking * 100, unit="%", budget=1.0),
        _row("tracking and autolog, added to a fit", logged * 100, unit="%"),
    ]


Beside = tuple[str, float | None]


def _row(
    case: str, value: float, *, unit: str, budget: float | None = None, beside: Beside = ("", None)
) -> Row:
    return Row(
        case=case, value=value, unit=unit, budget=budget, beside=beside[0], beside_value=beside[1]
    )


def bare(base: Path) -> float:
    """Return the seconds of the system calls that a short run cannot do without."""
    begun = time.perf_counter()
    for _ in range(RUNS):
        folder = f"{base}/bare-{os.urandom(6).hex()}"
        os.mkdir(folder)  # noqa: PTH102 -- as little as there is
        for name, count in (("run.json", 1), ("metrics.jsonl", 5), (".end.tmp", 1)):
            descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for _ in range(count):
                os.write(descriptor, b"x" * (60 if count > 1 else 600))
            os.close(descriptor)
        os.rename(f"{folder}/.end.tmp", f"{folder}/end.json")  # noqa: PTH104 -- as above
    return (time.perf_counter() - begun) / RUNS


def beside_waiting(root: Path) -> float:
    """Return the processor time that a tracked second of waiting takes, in percent.

    It is what tracking takes from a training of that second: starting, 100 records, the thread in
    the background with its first sample, git, and the end.
    """
    shares = []
    for _ in range(PAIRS):
        begun = sum(os.times()[:4])
        with start_run("waiting", workspace=root, capture_output=False) as run:
            for step in range(100):
                run.log({"loss": 1.0 / (step + 1)})
            time.sleep(1.1)
        shares.append(sum(os.times()[:4]) - begun)
    return statistics.median(shares) * 100


def added_share(root: Path, *, with_autolog: bool) -> float:
    """Return what a tracked fit of about a second takes longer than a plain one, as a share.

    Each pair of fits is measured one after the other, in an order that alternates, in this process,
    by the processor time of the whole process, so that others on the machine do not count.
    """
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    features, target = make_classification(6000, 20, random_state=0)

    def fit() -> None:
        RandomForestClassifier(40, random_state=0).fit(features, target)

    def tracked() -> None:
        if with_autolog:
            modeldeck.autolog()
        with start_run("added", workspace=root, capture_output=False) as run:
            for step in range(100):
                run.log({"loss": 1.0 / (step + 1)})
            fit()
        modeldeck.autolog(enabled=False)

    def taken(work: Callable[[], None]) -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    fit()
    tracked()
    shares = []
    for pair in range(PAIRS):
        if pair % 2:
            plain, more = taken(fit), taken(tracked)
        else:
            more, plain = taken(tracked), taken(fit)
        shares.append(more / plain - 1)
    return statistics.median(shares)


_MLFLOW = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import mlflow
points, runs = int(sys.argv[2]), int(sys.argv[3])
mlflow.set_tracking_uri("file:" + sys.argv[1])
mlflow.set_experiment("points")
def short():
    with mlflow.start_run():
        mlflow.log_params({f"p{n}": n for n in range(5)})
        for n in range(5):
            mlflow.log_metric("loss", n, step=n)
short()
begun = time.perf_counter()
for _ in range(runs):
    short()
each_run = (time.perf_counter() - begun) / runs
with mlflow.start_run():
    begun = time.perf_counter()
    for step in range(points):
        mlflow.log_metric("loss", 0.123, step=step)
    each_point = (time.perf_counter() - begun) / points
print(each_point, each_run)
"""


def _mlflow(folder: Path) -> tuple[Beside, Beside]:
    """Return what MLflow takes for a point and a run, in a process of its own; or why not."""
    if find_spec("mlflow") is None:
        missing = ("MLflow: not installed, not measured", None)
        return missing, missing
    arguments = [str(folder), str(MLFLOW_POINTS), str(MLFLOW_RUNS)]
    done = subprocess.run(
        [sys.executable, "-c", _MLFLOW, *arguments],
        env={
            **os.environ,
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        broken = (f"MLflow could not be measured: {said[:60]}", None)
        return broken, broken
    point, run = (float(one) for one in done.stdout.split())
    return ("MLflow's file store", point * 1e6), ("MLflow's file store", run * 1e3)
