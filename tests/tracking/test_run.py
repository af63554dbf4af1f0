"""Runs as a training script sees them, and what is left on the disk."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import modeldeck
from modeldeck.domain.documents import RunDocument
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError
from modeldeck.ml.persistence import load_model
from modeldeck.workspace import Workspace

SCRIPT = Path(__file__).with_name("script.py")
PATIENCE_S = 30.0


def shown(root: Path, run_id: str) -> RunDocument:
    """Return a run as another process would see it."""
    with Workspace.open(root, user="ann") as workspace:
        return workspace.runs.show(run_id)


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(root: Path, mode: str) -> subprocess.Popen[bytes]:
    """Start the script."""
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root), mode],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_finished_run_is_one_file_with_everything(root: Path) -> None:
    """After the end, end.json alone tells parameters, tags, and each metric's summary."""
    loss_is = modeldeck.MetricDefinition("min", "nats")
    with modeldeck.start_run(
        "churn",
        name="first",
        workspace=root,
        user="ann",
        parameters={"model": {"depth": 3}},
        metrics={"loss": loss_is, "accuracy": "max"},
        seed=7,
        capture_output=False,
    ) as run:
        for step, loss in enumerate([0.5, 0.2, 0.3]):
            run.log({"loss": loss, "accuracy": 1 - loss}, step)
        run.log_parameters({"rows": 100})
        run.set_tags({"data": "june"})
    run_document = shown(root, run.id)
    ended = json.loads((run.folder / "end.json").read_text())
    assert run_document["status"] == ended["status"] == "finished"
    assert run_document["parameters"] == {"model.depth": 3, "rows": 100}
    assert run_document["tags"] == {"data": "june"}
    assert run_document["metrics"]["loss"] == {
        "last": 0.3,
        "min": 0.2,
        "max": 0.5,
        "best": 0.2,
        "step": 2,
    }
    assert run_document["metrics"]["accuracy"]["best"] == 0.8
    assert ended["seed"] == 7
    assert ended["packages"]["scikit-learn"]
    assert ended["definitions"]["loss"] == {"goal": "min", "unit": "nats"}


def test_step_left_out_counts_on_from_the_last_one(root: Path) -> None:
    """Without a step the record gets the next one, from zero."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        run.log({"a": 1})
        run.log({"a": 2}, 10)
        run.log({"a": 3})
    lines = (run.folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 10, 11]


def test_numbers_that_json_lacks_are_kept(root: Path) -> None:
    """NaN, infinities, NumPy's numbers and huge sums come back as what they were."""
    values = {
        "nan": math.nan,
        "up": math.inf,
        "down": -math.inf,
        "big": 1e308,
        "bigger": 1.7e308,
        "small": np.float32(0.5),
        "count": np.int64(3),
        "array": np.array(2.0),
    }
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        run.log(values)
    metrics = shown(root, run.id)["metrics"]
    assert {name: one["last"] for name, one in metrics.items()} == {
        "nan": "NaN",
        "up": "Infinity",
        "down": "-Infinity",
        "big": 1e308,
        "bigger": 1.7e308,
        "small": 0.5,
        "count": 3,
        "array": 2.0,
    }


@pytest.mark.parametrize(
    ("values", "step"),
    [({"a": "0.5"}, 0), ({"a": None}, 0), ({"a": [1]}, 0), ({"a": 1.0}, 0.5), ({"": 1.0}, 0)],
)
def test_metrics_that_are_none_are_refused(
    root: Path, values: dict[str, object], step: int
) -> None:
    """A text, nothing, a list, half a step or no name is an error that says so."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        with pytest.raises(InvalidInputError):
            run.log(values, step)
        assert (run.folder / "metrics.jsonl").read_bytes() == b""


def test_ended_run_takes_no_more(root: Path) -> None:
    """Logging after the end is refused; ending twice is not."""
    run = modeldeck.start_run("churn", workspace=root, capture_output=False)
    run.log({"a": 1.0})
    run.finish()
    run.finish("failed")
    with pytest.raises(ConflictError):
        run.log({"a": 2.0})
    with pytest.raises(ConflictError):
        run.set_tags({"late": "yes"})
    assert shown(root, run.id)["status"] == "finished"


def test_parameter_cannot_change(root: Path) -> None:
    """A parameter has one value; the same again is fine."""
    with modeldeck.start_run(
        "churn", workspace=root, parameters={"lr": 0.1}, capture_output=False
    ) as run:
        run.log_parameters({"lr": 0.1})
        with pytest.raises(ConflictError, match="lr is"):
            run.log_parameters({"lr": 0.2})


def test_exception_ends_the_run_as_failed_with_its_traceback(root: Path) -> None:
    """The error stands in the run, its traceback in the log, and what was logged stays."""
    assert start(root, "raise").wait(PATIENCE_S) == 1
    run = shown(root, (root / "run-id").read_text())
    log = (next((root / "runs").glob("*/*")) / "output.log").read_text()
    assert run["status"] == "failed"
    assert run["error"] == {
        "type": "RuntimeError",
        "message": "the data is gone",
        "hint": "",
        "exit_code": 1,
    }
    assert run["metrics"]["loss"]["step"] == 3
    assert "step 3" in log
    assert "RuntimeError: the data is gone" in log


def test_output_appears_in_the_log_and_where_it_did(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Python prints goes to both places, and only to the first after the end."""
    with modeldeck.start_run("churn", workspace=root) as run:
        sys.stdout.write("hello\n")
        sys.stderr.write("trouble\n")
    sys.stdout.write("later\n")
    captured = capsys.readouterr()
    assert captured.out == "hello\nlater\n"
    assert captured.err == "trouble\n"
    assert (run.folder / "output.log").read_text() == "hello\ntrouble\n"


def test_running_script_is_seen_live_and_stops_when_asked(root: Path) -> None:
    """Another process sees the metrics grow; `run.stop` ends the script as cancelled."""
    process = start(root, "endless")
    until(lambda: (root / "run-id").exists() and (root / "run-id").read_text() != "")
    run_id = (root / "run-id").read_text()
    with Workspace.open(root, user="ann") as workspace:
        until(lambda: workspace.runs.show(run_id)["metrics"] != {})
        assert workspace.runs.show(run_id)["status"] == "running"
        before = workspace.runs.show(run_id)["metrics"]["loss"]["step"]
        until(lambda: workspace.runs.show(run_id)["metrics"]["loss"]["step"] > before)
        workspace.runs.stop(run_id, "enough")
        assert process.wait(PATIENCE_S) != 0
        assert workspace.runs.show(run_id)["status"] == "cancelled"


def test_killed_script_keeps_what_it_logged_and_becomes_lost(root: Path) -> None:
    """After kill -9 all whole records are there; a silent minute later the run is lost."""
    process = start(root, "endless")
    until(lambda: (root / "run-id").exists() and (root / "run-id").read_text() != "")
    run_id = (root / "run-id").read_text()
    with Workspace.open(root, user="ann") as workspace:
        until(lambda: workspace.runs.show(run_id)["metrics"] != {})
        process.kill()
        process.wait()
        records = workspace.runs.metrics(run_id)
        folder = workspace.runs.folder(run_id)
    lines = (folder / "metrics.jsonl").read_bytes().splitlines()
    assert len(records) >= len(lines) - 1
    long_ago = time.time() - 3600
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))
    assert shown(root, run_id)["status"] == "lost"


def test_artifacts_are_kept_once_and_inside(root: Path, tmp_path: Path) -> None:
    """Files, folders and bytes are kept; names that lead out, or exist, are refused."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        run.log_artifact(tmp_path / "folder")
        run.log_artifact(b"bytes", "notes/b.txt")
        with pytest.raises(ConflictError):
            run.log_artifact(b"other", "notes/b.txt")
        for name in ("../out", "/etc/x", "a/../../b", ""):
            with pytest.raises(InvalidInputError):
                run.log_artifact(b"x", name)
        with pytest.raises(InvalidInputError, match="no file"):
            run.log_artifact(tmp_path / "missing.txt")
    kept = {
        path.relative_to(run.folder / "artifacts").as_posix(): path.read_text()
        for path in (run.folder / "artifacts").rglob("*")
        if path.is_file()
    }
    assert kept == {"folder/a.txt": "a", "notes/b.txt": "bytes"}


def test_logged_model_can_be_registered(root: Path) -> None:
    """A model from any script becomes a version that loads and predicts the same."""
    features, target = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(features, target)
    with modeldeck.start_run("iris", workspace=root, user="ann", capture_output=False) as run:
        folder = run.log_model(model, examples=features, target=target)
    with Workspace.open(root, user="ann") as workspace:
        version = workspace.models.register(run.id, "iris")
    assert version["id"] == "iris@1"
    assert version["authors"] == ["ann"]
    assert version["parameters"] == {"estimator": "LogisticRegression"}
    assert (load_model(folder).predict(features) == model.predict(features)).all()


def test_start_run_says_what_is_wrong(root: Path, tmp_path: Path) -> None:
    """No workspace, a bad name, goal or id, or an id that is taken: each a clear error."""
    with pytest.raises(NotFoundError, match="no workspace"):
        modeldeck.start_run("churn", workspace=tmp_path)
    with pytest.raises(InvalidInputError, match="experiment"):
        modeldeck.start_run("../churn", workspace=root)
    with pytest.raises(InvalidInputError, match="goal"):
        modeldeck.start_run("churn", workspace=root, metrics={"a": "up"})
    with pytest.raises(InvalidInputError, match="id"):
        modeldeck.start_run("churn", workspace=root, run_id="x")
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        pass
    with pytest.raises(ConflictError, match="already"):
        modeldeck.start_run("churn", workspace=root, run_id=run.id)
