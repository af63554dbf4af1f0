"""A workspace made once in a process of its own, and copied for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.once import once
from tests.warm import SERVER, warm

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace that ``making`` describes."""

    def build(folder: Path) -> None:
        maker = warm("tests.screen.making")
        known = {**os.environ, **_people(folder)}
        made = maker.call([str(folder / "shop")], cwd=folder, environment=known, timeout_s=110)
        assert made[0] == 0, made

    return once(tmp_path_factory, "making", build) / "shop"


def made(module: str, factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that a module beside this one makes in an interpreter of its own."""

    def build(folder: Path) -> None:
        warm(SERVER)  # its nursery outlives what is made
        command = [sys.executable, "-m", f"tests.screen.{module}", str(folder / "shop")]
        known = {**os.environ, **_people(folder)}
        subprocess.run(command, cwd=REPOSITORY, env=known, check=True, timeout=110)

    return once(factory, module, build) / "shop"


def _people(folder: Path) -> dict[str, str]:
    """Return what is different in the environment of whoever makes a workspace."""
    return {
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "MODELDECK_USER": "alice",
    }


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the workspace, with state and cache folders of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MODELDECK_USER", "alice")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    (tmp_path / "config/modeldeck").mkdir(parents=True)
    (tmp_path / "config/modeldeck/config.toml").write_text("[alerts]\nbell = false\n")
    shutil.copytree(template, tmp_path / "shop")
    return tmp_path / "shop"
