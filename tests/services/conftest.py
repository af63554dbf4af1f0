"""A workspace with two registered versions of a model, made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.cli.program import CONFIG, MEMBERS
from tests.once import once


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches and states in the test's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which alice registered cancer@1 and bob cancer@2."""

    def build(base: Path) -> None:
        root = base / "ws"
        root.mkdir()
        (root / "modeldeck.toml").write_text(CONFIG)
        (root / "members.toml").write_text(MEMBERS)
        init(root, owner="alice")
        features, target = load_breast_cancer(return_X_y=True)
        for user, strength in (("alice", 0.01), ("bob", 10.0)):
            model = LogisticRegression(solver="liblinear", C=strength)
            model.fit(features[:400], target[:400])
            with start_run("cancer", workspace=root, user=user, capture_output=False) as run:
                run.log_model(
                    model,
                    examples=features[:400],
                    target=target[:400],
                    holdout=(features[400:], target[400:]),
                )
            with Workspace.open(root, user=user) as workspace:
                workspace.models.register(run.id, "cancer")
                workspace.gates.run(f"cancer@{1 + (user == 'bob')}", "production")

    return once(tmp_path_factory, "services", build) / "ws"


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that workspace."""
    shutil.copytree(made, tmp_path / "ws", symlinks=True)
    return tmp_path / "ws"
