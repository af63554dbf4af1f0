"""Exporting runs so that MLflow itself reads equal values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.moving.conftest import mlflow


def given(root: Path, target: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Export runs; return what was written."""
    with Workspace.open(root) as workspace:
        return dict(workspace.moving.give_mlflow(target, **options))


@pytest.fixture
def logged(root: Path) -> str:
    """Return a run of the workspace that logged one of everything."""
    with start_run(
        "churn",
        name="first",
        parameters={"lr": 0.1, "deep": {"n": 3}, "on": True, "word": "x\ny"},
        tags={"team": "blue"},
        workspace=root,
        capture_output=False,
    ) as run:
        for step in range(3):
            run.log({"loss": 1 / (step + 1), "nan": math.nan}, step=step)
        run.log({"F1 (macro)": 0.5, "a": 1.0, "a/b": 2.0, "../up": 3.0})
        run.log_text("printed\n")
        run.log_artifact(b"kept", "deep/file.bin")
    with start_run("churn", parent=run.id, workspace=root, capture_output=False) as child:
        child.log({"loss": 5})
    return run.id


def test_exported_runs_are_read_by_mlflow_with_equal_values(
    root: Path, logged: str, tmp_path: Path
) -> None:
    """Parameters, metrics with history, tags, artifacts, parents and states are the run's."""
    found = given(root, tmp_path / "out" / "mlruns")
    assert (found["runs"], found["experiments"]) == (2, 1)
    read = mlflow("read", f"file://{tmp_path}/out/mlruns", cwd=tmp_path)
    by_home = {one["tags"]["modeldeck.run"]: (key, one) for key, one in read.items()}
    key, run = by_home.pop(logged)
    assert run["experiment"] == "churn"
    assert run["status"] == "FINISHED"
    assert run["params"] == {"lr": "0.1", "deep.n": "3", "on": "True", "word": "x\ny"}
    assert run["tags"]["team"] == "blue"
    losses = [[step, value] for _at, step, value in run["history"]["loss"]]
    assert losses == [[0, "1.0"], [1, "0.5"], [2, repr(1 / 3)]]
    assert run["latest"]["nan"] == "nan"
    assert run["latest"]["F1 _macro_"] == "0.5"
    assert {run["latest"]["a"], run["latest"]["a_b_"], run["latest"]["__/up"]} == {
        "1.0",
        "2.0",
        "3.0",
    }
    assert run["artifacts"] == ["deep/file.bin", "output.log"]
    ((_child, child),) = by_home.values()
    assert child["tags"]["mlflow.parentRunId"] == key
    told = {one["what"].partition(" of run")[0] for one in found["skipped"]}
    assert {"F1 (macro)", "a/b", "../up"} <= told


def test_imported_runs_exported_are_what_mlflow_had(made: Path, root: Path, tmp_path: Path) -> None:
    """From MLflow, through a workspace, back to MLflow: every value is the same."""
    there = mlflow("read", f"file://{made}/files/mlruns", cwd=made / "files")
    with Workspace.open(root) as workspace:
        workspace.moving.take_mlflow(made / "files")
    given(root, tmp_path / "back")
    back = mlflow("read", f"file://{tmp_path}/back", cwd=tmp_path)
    assert back == {key: one for key, one in there.items() if one["stage"] == "active"}


def test_export_done_again_adds_only_what_is_new(root: Path, logged: str, tmp_path: Path) -> None:
    """Runs that are there are left alone; a later one is added beside them."""
    assert given(root, tmp_path / "out")["runs"] == 2
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with start_run("churn", workspace=root, capture_output=False):
        pass
    again = given(root, tmp_path / "out")
    assert (again["runs"], again["there"]) == (1, 2)
    assert all(path.read_bytes() == data for path, data in before.items())


def test_exported_runs_brought_in_again_are_the_same_runs(
    root: Path, logged: str, tmp_path: Path
) -> None:
    """A workspace takes its own runs from MLflow's folder as those it has."""
    given(root, tmp_path / "out")
    with Workspace.open(root) as workspace:
        found = workspace.moving.take_mlflow(tmp_path / "out")
        assert (found["runs"], found["there"]) == (0, 2)
        assert len(workspace.runs.list()) == 2


def test_export_of_some_runs_writes_those_alone(root: Path, logged: str, tmp_path: Path) -> None:
    """Runs are chosen by id or by a filter; one that is not there is an error."""
    assert given(root, tmp_path / "one", runs=[logged[-6:]])["runs"] == 1
    assert given(root, tmp_path / "two", where="lr=0.1")["runs"] == 1
    with pytest.raises(NotFoundError):
        given(root, tmp_path / "three", runs=["zzzzzz"])


def test_export_as_a_dry_run_writes_nothing(root: Path, logged: str, tmp_path: Path) -> None:
    """What would be written is counted, and no folder is made."""
    assert given(root, tmp_path / "out", is_dry=True)["runs"] == 2
    assert not (tmp_path / "out").exists()


def test_export_into_a_folder_of_something_else_is_refused(
    root: Path, logged: str, tmp_path: Path
) -> None:
    """A folder that is no store of MLflow is not written into."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidInputError):
        given(root, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_long_values_exported_are_cut_and_told(root: Path, tmp_path: Path) -> None:
    """What is longer than MLflow allows is cut to its limit, and the export says so."""
    with start_run("churn", workspace=root, capture_output=False) as run:
        (run.folder / "run.json").write_bytes(
            (run.folder / "run.json")
            .read_bytes()
            .replace(b'"parameters":{}', b'"parameters":{"k":"' + b"x" * 9000 + b'"}')
        )
        found = given(root, tmp_path / "out")
    assert [one["reason"] for one in found["skipped"]] == ["cut from 9,000 to 6,000 characters"]


def test_exported_versions_aliases_and_tags_are_read_by_mlflow(
    root: Path, logged: str, tmp_path: Path
) -> None:
    """MLflow's registry has them under their numbers; again only what moved is written."""
    uri = f"file://{tmp_path}/out"
    with Workspace.open(root) as workspace:
        folder = workspace.runs.folder(logged) / "artifacts" / "model"
        folder.mkdir()
        for weights in (b"one", b"two"):
            (folder / "model.skops").write_bytes(weights)
            workspace.models.register(logged, "churn")
        for tag, value in (("mlflow.alias/champion", ""), ("mlflow.alias/v1", ""), ("team", "a")):
            body: dict[str, Any] = {"tag": tag, "value": value}
            workspace.deck.commit("tag.add", "version:churn@2", body=body)
    dry = given(root, tmp_path / "out", is_dry=True)
    assert (dry["models"], dry["versions"]) == (1, 2)
    assert not (tmp_path / "out").exists()
    found = given(root, tmp_path / "out")
    assert (found["models"], found["versions"]) == (1, 2)
    assert "alias v1 of version churn@2" in [one["what"] for one in found["skipped"]]
    read = mlflow("registry", uri, cwd=tmp_path)["churn"]
    assert read["aliases"] == {"champion": "2"}
    assert set(read["versions"]) == {"1", "2"}
    second = read["versions"]["2"]
    assert second["home"] == logged
    assert (second["tags"]["team"], second["files"]) == ("a", ["MLmodel", "model.skops"])
    files = tmp_path / "out" / "models" / "churn" / "version-2" / "model"
    assert (files / "model.skops").read_bytes() == b"two"
    assert given(root, tmp_path / "out")["versions"] == 0
    (files.parent / "tags" / "modeldeck.manifest").write_text("another")
    again = given(root, tmp_path / "out")["skipped"]
    assert "another version of that number is there" in [one["reason"] for one in again]
