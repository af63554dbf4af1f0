"""Voting by a key that only a real agent holds, and verifying it with OpenSSH's own program."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.domain.entry import read_entry, signed_bytes
from modeldeck.errors import ModelDeckError
from modeldeck.store.ledger import entry_path, numbers
from modeldeck.store.verifying import key_in, verifier, verify
from modeldeck.workspace import Workspace
from tests.approvals.keys import make
from tests.approvals.signed import Signed
from tests.store.agents import running_agent

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-agent") is None, reason="ssh-agent (openssh-client) is not installed"
)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run an agent that holds no key."""
    with running_agent() as address:
        monkeypatch.setenv("SSH_AUTH_SOCK", address)
        yield


def hold(path: str, folder: Path, *, passphrase: str = "") -> None:
    """Add a key to the agent, whose passphrase a program knows; then remove it from the disk."""
    askpass = folder / "askpass"
    askpass.write_text(f"#!/bin/sh\necho '{passphrase}'\n")
    askpass.chmod(0o700)
    if passphrase:
        command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f", path]
        subprocess.run(command, check=True, timeout=30, stdout=subprocess.DEVNULL)
    environment = {**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", path], check=True, timeout=30, env=environment)
    Path(path).unlink()
    Path(f"{path}.pub").unlink()


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_vote_by_a_key_in_an_agent_decides_and_verifies(
    world: Signed, tmp_path: Path, kind: str
) -> None:
    """Its private half was encrypted, and is nowhere on the disk; both verifiers accept it."""
    world.keys["ada"] = make(kind)
    world.member("ada", ("risk",))
    release = world.waiting()
    world.fold(world.ballot(release, "dave"))
    n = world.state.n
    with Workspace.open(world.root, user="ada", now=lambda: world.now) as workspace:
        with pytest.raises(ModelDeckError):
            workspace.releases.approve(release, "fine")
        assert numbers(world.root)[-1] == n
    hold(world.key_file("ada", tmp_path), tmp_path, passphrase="correct horse")
    with Workspace.open(world.root, now=lambda: world.now) as workspace:
        assert workspace.actor.name == "ada"
        assert workspace.releases.approve(release, "fine")["status"] == "deploying"
        assert workspace.ledger_check.run(data=True)["ok"]
    entry = read_entry(entry_path(world.root, n + 1).read_bytes())
    assert key_in(entry.signature) == world.key("ada").public
    assert verify(signed_bytes(entry), entry.signature, key=world.key("ada").public)
    assert verifier.vouches(signed_bytes(entry), entry.signature)
    changed = signed_bytes(entry).replace(b"fine", b"nice")
    assert not verify(changed, entry.signature, key=world.key("ada").public)
    assert world.look().level.word == "signed"
    assert world.pointer == "churn@1"


@pytest.mark.usefixtures("agent")
def test_agent_that_holds_anothers_key_votes_for_nobody(world: Signed, tmp_path: Path) -> None:
    """A stranger's key in the agent is not carol's, whoever says so."""
    world.keys["stranger"] = make("ed25519")
    hold(world.key_file("stranger", tmp_path), tmp_path)
    release = world.waiting()
    with (
        Workspace.open(world.root, user="carol", now=lambda: world.now) as workspace,
        pytest.raises(ModelDeckError),
    ):
        workspace.releases.approve(release, "fine")
    assert numbers(world.root)[-1] == world.state.n
