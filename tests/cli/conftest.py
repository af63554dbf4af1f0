"""A workspace that was really trained in, and the program as a subprocess."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.program import CONFIG, DECENT, MEMBERS, Program
from tests.once import once


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with one training run and one model version; it is copied by tests."""

    def build(base: Path) -> None:
        root = base / "ws"
        (root / "pipelines").mkdir(parents=True)
        (root / "modeldeck.toml").write_text(CONFIG)
        (root / "members.toml").write_text(MEMBERS)
        (root / "pipelines" / "good.toml").write_text(DECENT)
        program = Program(base, root)
        program("init", str(root), "--owner", "alice", user="alice")
        program("train", str(root / "pipelines" / "good.toml"), user="alice")

    return once(tmp_path_factory, "trained", build)


@pytest.fixture(scope="session")
def requested(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return such a workspace in which alice asked for the release cancer-1 to production."""

    def build(base: Path) -> None:
        shutil.copytree(trained / "ws", base / "ws", symlinks=True)
        program = Program(base, base / "ws")
        program("release", "request", "cancer@1", "--environment", "production", user="alice")

    return once(tmp_path_factory, "requested", build)


@pytest.fixture
def waiting(requested: Path, tmp_path: Path) -> Program:
    """Return the program on a copy of the workspace whose release waits for approvals."""
    shutil.copytree(requested / "ws", tmp_path / "ws", symlinks=True)
    return Program(tmp_path, tmp_path / "ws")


@pytest.fixture
def program(trained: Path, tmp_path: Path) -> Program:
    """Return the program on a copy of the trained workspace, with homes of its own."""
    shutil.copytree(trained / "ws", tmp_path / "ws", symlinks=True)
    return Program(tmp_path, tmp_path / "ws")
