"""A workspace made once, copied for each test that changes it, and one server for reading."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.once import once
from tests.serving.running import Server, found_workspace, release


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose version 1 is released; nothing serves it yet."""

    def build(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(folder / "state"))
            patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
            patch.setenv("MODELDECK_USER", "alice")
            found_workspace(folder / "shop")
            release(folder / "shop", "churn@1")

    return once(tmp_path_factory, "serving", build) / "shop"


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the workspace, with a state folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MODELDECK_USER", raising=False)
    shutil.copytree(template, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def serving(root: Path) -> Iterator[Server]:
    """Return a server that serves version 1 already, of a workspace of its own."""
    with Server(root, "--user", "server") as server:
        server.until_live("1")
        yield server


@pytest.fixture(scope="module")
def server(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that a module's tests only ask."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(template, folder / "shop")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        made = Server(folder / "shop", "--user", "server")
    with made:
        made.until_live("1")
        yield made
