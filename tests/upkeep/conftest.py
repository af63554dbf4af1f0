"""Homes of their own, and a small workspace that needs no training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.services.founding import init
from modeldeck.store import files
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

CONFIG = """
name = "team"
[environments.production]
approvals = 1
trust = "claimed"
gate = "production"
[[gates.production.checks]]
name = "loads"
kind = "loads"
"""
MODEL = b"the bytes of a model"


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches, states and keys in the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MODELDECK_USER", "ann")
    monkeypatch.delenv("MODELDECK_KEY", raising=False)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a run that kept a model's files, their version, and two remarks."""
    root = tmp_path_factory.mktemp("upkeep") / "ws"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(root.parent / name))
        init(root, owner="ann")
        with start_run("churn", workspace=root, user="ann", capture_output=False) as run:
            for step in range(3):
                run.log({"loss": 1.0 / (step + 1)}, step=step)
            folder = run.folder / "artifacts" / "model"
            files.make_folder(folder)
            (folder / "model.skops").write_bytes(MODEL)
            (folder / "metrics.json").write_text(json.dumps({"holdout": {"accuracy": 0.9}}))
        with Workspace.open(root, user="ann") as workspace:
            workspace.models.register(run.id, "churn")
            workspace.annotations.add("churn@1", "first")
            workspace.annotations.add("churn@1", "second")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a copy of it, of which this user remembers the head."""
    shutil.copytree(made, tmp_path / "ws", symlinks=True)
    with Workspace.open(tmp_path / "ws"):
        pass
    return tmp_path / "ws"


@pytest.fixture
def workspace(root: Path) -> Iterator[Workspace]:
    """Return it, open."""
    with Workspace.open(root) as found:
        yield found
