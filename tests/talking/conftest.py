"""A small workspace in which people discuss; nothing is trained for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.cli.program import CONFIG, MEMBERS
from tests.history.conftest import register
from tests.talking.inside import Inside


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches, states and settings in the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("MODELDECK_KEY", "MODELDECK_WORKSPACE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return alice's workspace with churn@1 of hers."""
    root = tmp_path / "ws"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG)
    (root / "members.toml").write_text(MEMBERS)
    init(root, owner="alice")
    register(root)
    return root


@pytest.fixture
def run(root: Path) -> str:
    """Return a run of bob's that logged auc at the steps 0, 10, 20, and two lines."""
    with start_run("exp", workspace=root, user="bob", capture_output=False) as run:
        for n in range(3):
            run.log({"auc": n / 10}, step=10 * n)
        (
            Workspace.open(root, is_read_only=True).deck.runs.folder(run.id) / "output.log"
        ).write_text("one\ntwo")
    return run.id


@pytest.fixture
def inside(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Inside:
    """Return the program within this process."""
    return Inside(root, monkeypatch, capsys=capsys)
