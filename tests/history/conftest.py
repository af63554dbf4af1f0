"""Workspaces whose history is tampered with, copied and mended; no model is trained for them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from modeldeck.domain.entry import Json
from modeldeck.services.founding import init
from modeldeck.workspace import Workspace
from tests.cli.program import CONFIG, MEMBERS


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches, states and keys in the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("MODELDECK_KEY", "MODELDECK_WORKSPACE", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELDECK_USER", "alice")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace of alice's, with a few annotated models' worth of entries."""
    root = tmp_path / "ws"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG)
    (root / "members.toml").write_text(MEMBERS)
    init(root, owner="alice")
    register(root)
    return root


def register(root: Path, *, user: str = "alice", content: str = "one") -> str:
    """Register a version whose manifest names one object; return its id."""
    from modeldeck.services.base import manifests
    from modeldeck.store import files

    with Workspace.open(root, user=user) as workspace:
        deck = workspace.deck
        part = deck.objects.put(content.encode())
        statement = {
            "_type": manifests.STATEMENT,
            "subject": [{"name": "model.skops", "digest": {"sha256": part}}],
            "predicateType": manifests.PREDICATE,
            "predicate": {},
        }
        manifest = deck.objects.put(files.dumps(statement))
        body: dict[str, Json] = {"manifest": manifest, "run": "", "authors": [user]}
        return deck.commit("version.register", "model:churn", body=body).entity[8:]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a fresh key of ann's, without a passphrase."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen (openssh-client) is not installed")
    path = tmp_path / "ann"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return path
