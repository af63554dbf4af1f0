"""MLflow's own client logging into a workspace: values, searches, failures, kills, two writers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from modeldeck.services.founding import init
from modeldeck.workspace import Workspace
from tests.moving.conftest import PATIENCE_S, PROGRAM, environment, has, mlflow


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what MLflow's client was answered by a workspace, and the workspace's folder."""
    base = tmp_path_factory.mktemp("plugin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELDECK_USER", "alice")
        patch.setenv("XDG_CACHE_HOME", str(base / "cache"))
        patch.setenv("XDG_STATE_HOME", str(base / "state"))
        init(base / "ws", owner="alice")
        found = mlflow("plugin", f"modeldeck://{base}/ws", cwd=base)
    return {**found, "root": base / "ws"}


def test_run_logged_by_mlflow_is_read_back_equal(answers: dict[str, Any], made: Path) -> None:
    """The same program leaves the same runs in a workspace as in MLflow's own store."""
    theirs = mlflow("read", f"file://{made}/files/mlruns", cwd=made / "files")
    plain = {"experiment", "name", "status", "params", "latest", "artifacts", "stage", "user"}

    def comparable(runs: dict[str, Any]) -> list[dict[str, Any]]:
        kept = [{key: run[key] for key in plain} for run in runs.values()]
        for one in kept:
            if one["name"] not in {"inner", "outer"}:
                one["name"] = "a random one"
            one["user"] = "" if one["status"] != "FINISHED" else one["user"]
        return sorted(kept, key=lambda one: json.dumps(one, sort_keys=True))

    ours = {key: one for key, one in answers["read"].items() if one["experiment"] != "Default"}
    assert comparable(ours) == comparable(theirs)
    outer = answers["read"][answers["outer"]]
    steps = [[step, value] for _at, step, value in outer["history"]["val/loss"]]
    assert sorted(steps) == [[step, repr(1 / (step + 1))] for step in range(5)]
    assert outer["tags"]["mlflow.note.content"] == "A note\nin two lines: yes"


def test_runs_logged_by_mlflow_are_runs_of_the_workspace(answers: dict[str, Any]) -> None:
    """Lists show them with experiment, parent, state, latest values, artifacts and user."""
    with Workspace.open(answers["root"], is_read_only=True) as workspace:
        runs = {one["name"]: one for one in workspace.runs.list()}
        files = workspace.runs.files(answers["outer"])
    assert runs["outer"]["id"] == answers["outer"]
    assert runs["outer"]["experiment"] == "team-churn-study"
    assert runs["outer"]["metrics"]["back"]["last"] == 5.0
    assert runs["outer"]["parameters"] == {"lr": 0.1, "depth": 3, "a/b": "x y", "word": "007"}
    assert runs["inner"]["parent"] == answers["outer"]
    assert runs["fails"]["status"] == "failed"
    assert files == [("artifacts/sub/note.txt", 5)]


def test_search_by_mlflow_filters_and_orders(answers: dict[str, Any]) -> None:
    """Metrics, parameters, tags, states and views are filtered by MLflow's own language."""
    found = answers["searched"]
    assert found["metric"] == found["parameter"] == found["tag"] == ["outer"]
    assert (len(found["status"]), len(found["deleted"])) == (1, 1)
    assert found["ordered"] == ["inner", "outer"]


def test_calls_that_cannot_be_answered_fail_in_mlflows_words(answers: dict[str, Any]) -> None:
    """Each refusal has the code that MLflow's callers look for; the program goes on."""
    assert answers["refused"] == {
        "other value": "INVALID_PARAMETER_VALUE",
        "ended": "INVALID_STATE",
        "missing": "RESOURCE_DOES_NOT_EXIST",
        "odd": "RESOURCE_DOES_NOT_EXIST",
        "twice": "RESOURCE_ALREADY_EXISTS",
        "version": "RESOURCE_DOES_NOT_EXIST",
        "alias": "FEATURE_DISABLED told",
        "stage": "FEATURE_DISABLED told",
        "renamed": "FEATURE_DISABLED",
        "removed": "FEATURE_DISABLED",
        "elsewhere": "INVALID_PARAMETER_VALUE",
    }
    assert answers["failed"] == "FAILED"


def test_experiments_are_renamed_deleted_and_restored(answers: dict[str, Any]) -> None:
    """An experiment keeps its id under another name, goes and comes back."""
    before, name, without, back = answers["experiments"]
    assert (before, name, back) == (None, "second", ["second"])
    assert "second" not in without
    assert {"Default", "Team/Churn study"} <= set(without)


def test_run_that_ended_is_tagged_deleted_and_restored_by_the_ledger(
    answers: dict[str, Any],
) -> None:
    """What MLflow says about a run after its end is said by entries, under the user's name."""
    assert answers["later"] == ["deleted", "active", "yes"]
    with Workspace.open(answers["root"], is_read_only=True) as workspace:
        actions = [one["action"] for one in workspace.activity.list()]
        assert workspace.runs.show(answers["outer"])["tags"]["seen"] == "yes"
    assert actions.count("tag.add") == 3
    assert actions.count("tag.remove") == 1


def begun(root: Path, tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that begins a run and waits; return it and the run's id."""
    if not has("mlflow"):
        pytest.skip("mlflow-skinny is not installed")
    said = tmp_path / "said"
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), "wait", f"modeldeck://{root}", str(said)],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    while not said.exists() or not said.read_text():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, said.read_text()


@pytest.mark.slow  # the other tests hold one process always
def test_two_processes_log_to_one_run_and_nothing_is_lost(root: Path, tmp_path: Path) -> None:
    """A run of a living process takes what two others log, is live, and ends with all of it."""
    process, run_id = begun(root, tmp_path)
    uri = f"modeldeck://{root}"
    others = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), "join", uri, run_id, name],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        for name in ("one", "two")
    ]
    try:
        assert [one.wait(PATIENCE_S) for one in others] == [0, 0]
        with Workspace.open(root) as workspace:
            assert workspace.runs.show(run_id)["status"] == "running"
        mlflow("end", uri, run_id, cwd=tmp_path)
        with Workspace.open(root) as workspace:
            run = workspace.runs.show(run_id)
            records: Any = workspace.runs.metrics(run_id)
    finally:
        process.kill()
        process.communicate()
    assert run["status"] == "finished"
    for name in ("one", "two"):
        logged = [one["metrics"][name] for one in records if name in one["metrics"]]
        assert logged == list(range(200))
        assert (run["parameters"][name], run["tags"][name]) == ("x", "y")
        assert run["metrics"][name]["last"] == 199
    assert run["metrics"]["loss"]["last"] == 0.5


def test_process_killed_while_it_logs_leaves_a_run_that_goes_on(root: Path, tmp_path: Path) -> None:
    """What was logged is there; the run counts as lost later, and can be ended by another one."""
    process, run_id = begun(root, tmp_path)
    process.kill()
    process.communicate()
    with Workspace.open(root) as workspace:
        run = workspace.runs.show(run_id)
        assert (run["status"], run["metrics"]["loss"]["last"]) == ("running", 0.5)
    mlflow("end", f"modeldeck://{root}", run_id, cwd=tmp_path)
    with Workspace.open(root) as workspace:
        assert workspace.runs.show(run_id)["status"] == "finished"


@pytest.mark.skipif(not has("mlflow", "pandas"), reason="mlflow-skinny or pandas is missing")
def test_autologging_of_scikit_learn_fills_a_run(root: Path, tmp_path: Path) -> None:
    """Parameters, training scores and the model that autologging keeps lie in the workspace."""
    found = mlflow("autolog", f"modeldeck://{root}", cwd=tmp_path)
    assert found["params"]["C"] == "0.5"
    assert float(found["latest"]["training_score"]) > 0.9
    assert found["models"] == ["READY"]
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs.list()
        paths = [path for path, _size in workspace.runs.files(run["id"])]
    assert any(path.endswith("/MLmodel") for path in paths)


MLMODEL = """artifact_path: model
flavors:
  sklearn:
    code: null
    pickled_model: {name}
    serialization_format: {form}
"""


def test_model_is_registered_by_mlflows_calls_as_a_version_of_its_run(
    root: Path, tmp_path: Path
) -> None:
    """A skops file becomes a version in the ledger, once; a pickle is refused, with what to do."""
    from sklearn.linear_model import LogisticRegression
    from skops.io import dump

    for form, name in (("skops", "model.skops"), ("cloudpickle", "model.pkl")):
        folder = tmp_path / form
        folder.mkdir()
        (folder / "MLmodel").write_text(MLMODEL.format(name=name, form=form))
        dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), folder / name)
    found = mlflow("register", f"modeldeck://{root}", "skops", "cloudpickle", cwd=tmp_path)
    run = found["run"]
    assert found["made"] == ["Team Churn", "1", run, "READY"]
    assert (found["again"], found["latest"]) == ("1", ["1"])
    assert "runs code when it is loaded" in found["refused"]
    assert "serialization_format='skops'" in found["refused"]
    assert found["found"] == ["the first", {"team": "a"}, "alice", True]
    assert (found["searched"], found["models"]) == ([["Team Churn", "1"]], ["Team Churn"])
    with Workspace.open(root) as workspace:
        (known,) = workspace.models.versions()
        assert (known["id"], known["run"], known["registered_by"]) == ("team-churn@1", run, "alice")
        assert known["authors"] == ["al", "alice"]  # the second one's account wrote the run
        assert workspace.models.verify("team-churn@1") >= 1
        assert [one["action"] for one in workspace.activity.list()].count("version.register") == 1
