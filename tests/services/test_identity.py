"""Who acts: signatures by SSH key, claimed names, and a policy that asks for signatures."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from modeldeck.errors import ModelDeckError, NotPermittedError
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)


def key(folder: Path, name: str) -> str:
    """Make a key pair without passphrase and return the private key's path."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return str(path)


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return a workspace that asks for signatures, and the keys of its people."""
    keys = {name: key(tmp_path, name) for name in ("ann", "ben", "stranger")}
    root = tmp_path / "signed"
    init(root, owner="ann", keys=[keys["ann"]], trust="signed")
    with Workspace.open(root, key=keys["ann"]) as workspace:
        workspace.members.add(NewMember("ben", keys=(keys["ben"],)))
    return root, keys


def test_owner_of_the_key_acts_whatever_the_account_says(
    signed: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key decides who acts, not MODELDECK_USER."""
    root, keys = signed
    monkeypatch.setenv("MODELDECK_USER", "ann")
    with Workspace.open(root, key=keys["ben"]) as workspace:
        assert workspace.actor.name == "ben"


def test_entries_are_signed_and_verify(signed: tuple[Path, dict[str, str]]) -> None:
    """Entries by key reach the level signed; verification holds."""
    root, keys = signed
    with start_run("x", workspace=root, user="ben", capture_output=False) as run:
        pass
    with Workspace.open(root, key=keys["ben"]) as workspace:
        workspace.annotations.add(f"run:{run.id}", "mine")
        assert workspace.activity.list(1)[0]["level"] == "signed"
        assert workspace.ledger_check.run()["ok"]


def test_key_of_nobody_may_nothing(signed: tuple[Path, dict[str, str]]) -> None:
    """A key that belongs to no member is refused with what to do."""
    root, keys = signed
    with pytest.raises(NotPermittedError, match="no member"):
        _ = Workspace.open(root, key=keys["stranger"]).actor


def test_claimed_name_cannot_decide_where_signatures_are_asked(
    signed: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key nobody becomes an owner by saying so."""
    root, _keys = signed
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    workspace = Workspace.open(root, user="ann")
    with pytest.raises(ModelDeckError):
        workspace.members.add(NewMember("mallory"))
    assert "mallory" not in [one["name"] for one in workspace.members.list()]
