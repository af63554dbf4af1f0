"""A workspace that asks for signatures, used from its first entry to an approved release."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import DECENT, Program

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not installed"
)


@pytest.fixture
def signed(tmp_path: Path) -> Program:
    """Return the program in a workspace of ann's, where ben and cat are members with keys."""
    for name in ("ann", "ben", "cat", "stranger"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name]
        subprocess.run([*command, "-f", str(tmp_path / name)], check=True, timeout=30)
    program = Program(tmp_path, tmp_path / "ws")
    program("init", str(program.root), "--owner", "ann", "--key", str(tmp_path / "ann"))
    for name in ("ben", "cat"):
        public = str(tmp_path / f"{name}.pub")
        program("member", "add", name, "--public-key", public, "--key", "../ann")
    (program.root / "pipelines" / "good.toml").write_text(DECENT)
    return program


def test_every_decision_is_signed_and_the_claimed_are_refused(signed: Program) -> None:
    """From founding to the deciding vote each entry is signed; a claimed vote is not taken."""
    signed("train", "pipelines/good.toml", "--key", "../ben")
    request = ("release", "request", "cancer@1", "-e", "production", "--key", "../ben", "--json")
    assert signed(*request).json["status"] == "waiting"
    assert (
        "may not vote" in signed("release", "approve", "cancer-1", "--key", "../ben", expect=6).err
    )
    assert "--key" in signed("release", "approve", "cancer-1", user="cat", expect=6).err
    signed("release", "approve", "cancer-1", "--key", "../stranger", expect=6)
    approved = signed("release", "approve", "cancer-1", "--key", "../cat", "--json").json
    assert approved["status"] == "deploying"
    assert approved["approvals"][0]["level"] == "signed"
    assert {one["level"] for one in signed("activity", "--json").json} == {"signed"}
    assert signed("ledger", "verify", "--data", "--json").json["ok"]


def test_version_registered_by_a_claimed_name_is_registered_again_by_key(signed: Program) -> None:
    """The same content by a surer identity raises the version's level; both are its authors."""
    signed("train", "pipelines/good.toml", user="ann")
    run = next(one for one in signed("run", "list", "--json").json if not one["parent"])
    refused = signed(
        "release", "request", "cancer@1", "-e", "production", "--key", "../ben", expect=6
    )
    assert "Register" in refused.err
    again = ("model", "register", run["id"], "--name", "cancer", "--key", "../ben", "--json")
    version = signed(*again).json
    assert (version["id"], version["level"]) == ("cancer@1", "signed")
    assert "ann" in version["authors"]
