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
    assert [one["kind"] for one in signed("inbox", "--key", "../cat", "--json").json] == ["approve"]
    who = signed("release", "who", "cancer-1", "--key", "../ben", "--json").json
    assert ("cat" in who["eligible"], who["can_approve"]) == (True, False)
    assert signed("release", "status", "cancer-1").out == "waiting\n"
    still = signed("release", "wait", "cancer-1", "--timeout", "0.1", expect=12)
    assert still.out.startswith("cancer-1 is waiting; it lacks")
    approved = signed("release", "approve", "cancer-1", "--key", "../cat", "--json").json
    assert approved["status"] == "deploying"
    assert approved["approvals"][0]["level"] == "signed"
    assert {one["level"] for one in signed("activity", "--json").json} == {"signed"}
    assert signed("ledger", "verify", "--data", "--json").json["ok"]
    check_evidence(signed)


def check_evidence(signed: Program) -> None:
    """The folder of evidence is checked by sh, sha256sum and ssh-keygen; any change is told."""
    folder = signed.root.parent / "proof"
    written = signed("release", "evidence", "cancer-1", "-o", str(folder), "--json").json
    assert (written["entries"], written["signatures"]) == (
        len(signed("activity", "--json").json),
    ) * 2
    assert (
        "is there already"
        in signed("release", "evidence", "cancer-1", "-o", str(folder), expect=5).err
    )
    assert verdict(folder) == (0, "OK\n")
    text = (folder / "README.md").read_text()
    assert "| cat | approve |" in text
    assert written["head"] in text
    (folder / "ledger").chmod(0o755)
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and one.suffix != ".md"):
        if path.name in {"check.sh", "release.json"}:
            continue
        whole = path.read_bytes()
        at = len(whole) // 2
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert verdict(folder)[0], path
        path.write_bytes(whole)
    assert verdict(folder) == (0, "OK\n")


def verdict(folder: Path) -> tuple[int, str]:
    """Run the folder's script; return its exit code and what it printed."""
    done = subprocess.run(
        ["sh", str(folder / "check.sh")], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout


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
