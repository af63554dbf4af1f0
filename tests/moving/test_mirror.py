"""Looking at a store of MLflow before importing it: read-only, fresh, and told as such."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from modeldeck.errors import NotPermittedError
from modeldeck.services.moving import mirror
from modeldeck.workspace import Workspace
from tests.moving.conftest import PATIENCE_S, Write, meta


def test_store_of_mlflow_opens_as_a_read_only_workspace(made: Path, tmp_path: Path) -> None:
    """Both kinds of store show their runs; the reason names MLflow, nothing is written there."""
    for path in (made / "files" / "mlruns", made / "files", made / "database" / "mlflow.db"):
        before = {one: one.stat().st_mtime_ns for one in path.parent.rglob("*")}
        with Workspace.open(path) as workspace:
            assert len(workspace.runs.list()) == 3
            assert workspace.read_only_because == f"MLflow's {path} is only shown"
            assert not workspace.root.is_relative_to(made)
        assert {one: one.stat().st_mtime_ns for one in path.parent.rglob("*")} == before


def test_write_to_what_is_only_shown_is_refused_with_how_to_import(write: Write) -> None:
    """Every write says that the store has to be brought in, and how."""
    path = write("7/aa11/metrics/loss", "5 0.5 1\n").parents[3]
    with Workspace.open(path) as workspace:
        (run,) = workspace.runs.list()
        for deed in (
            lambda: workspace.annotations.add(f"run:{run['id']}", "hello"),
            lambda: workspace.annotations.tag(f"run:{run['id']}", "good"),
            lambda: workspace.models.register(run["id"], "churn"),
            lambda: workspace.moving.take_mlflow(path),
        ):
            with pytest.raises(NotPermittedError) as caught:
                deed()
            assert f"modeldeck import mlflow {path}" in caught.value.hint


def test_store_that_changed_is_shown_as_it_is_now(write: Write) -> None:
    """New runs, values of live ones and changes of ended ones show when it is opened again."""
    write("7/aa11/tags/old", "1")
    path = write("7/bb22/meta.yaml", meta("bb22", status=1, end_time=None)).parents[2]
    write("7/bb22/metrics/loss", "5 0.5 1\n")
    with Workspace.open(path) as workspace:
        assert len(workspace.runs.list()) == 2
    write("7/bb22/metrics/loss", "5 0.5 1\n6 0.25 2\n")
    write("7/cc33/meta.yaml", meta("cc33"))
    with Workspace.open(path) as workspace:
        losses = [one["metrics"]["loss"]["last"] for one in workspace.runs.list() if one["metrics"]]
        assert (len(workspace.runs.list()), losses) == (3, [0.25])
    write("7/aa11/tags/new", "2")
    with Workspace.open(path) as workspace:
        assert {"old": "1", "new": "2"} in [one["tags"] for one in workspace.runs.list()]


def test_open_screen_on_a_store_follows_its_live_runs(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What MLflow logs while somebody looks wakes the watcher, and shows."""
    monkeypatch.setattr(mirror, "FOLLOW_EVERY_S", 0.05)
    path = write("7/bb22/meta.yaml", meta("bb22", status=1, end_time=None)).parents[2]
    write("7/bb22/metrics/loss", "5 0.5 1\n")
    woken: list[float] = []
    with Workspace.open(path) as workspace:
        watcher = workspace.watch(lambda: woken.append(time.monotonic()), interval_s=0.05)
        try:
            write("7/bb22/metrics/loss", "5 0.5 1\n6 0.25 2\n")
            deadline = time.monotonic() + PATIENCE_S
            while not woken and time.monotonic() < deadline:
                time.sleep(0.02)
            shown = {one["name"]: one for one in workspace.runs.list() if one["metrics"]}
        finally:
            watcher.close()
    assert woken
    assert [one["metrics"]["loss"]["last"] for one in shown.values()] == [0.25]


def test_workspace_beside_a_store_is_opened_as_itself(root: Path) -> None:
    """A workspace that happens to hold an mlruns folder is writable as ever."""
    (root / "mlruns" / "0").mkdir(parents=True)
    (root / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\nname: Default\n")
    with Workspace.open(root) as workspace:
        assert workspace.is_writable
    with Workspace.open(root / "runs") as workspace:
        assert workspace.root == root
    with Workspace.open(root / "mlruns") as workspace:
        assert not workspace.is_writable
