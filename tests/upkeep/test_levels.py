"""The level of protection follows from the folder and the policy, with reasons."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from modeldeck.domain.history.documents import LevelDocument
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.store import filesystems, places
from modeldeck.workspace import Workspace
from tests.upkeep.conftest import CONFIG


@pytest.fixture
def key(tmp_path: Path) -> str:
    """Return a key without a passphrase."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen")
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(path)], check=True)
    return str(path)


def founded(root: Path, *, key: str = "", group: bool = False) -> Path:
    """Found a workspace, with signatures where there is a key."""
    root.mkdir()
    trust = "signed" if key else "owner"
    (root / "modeldeck.toml").write_text(CONFIG.replace('"claimed"', f'"{trust}"'))
    name = grp.getgrgid(os.getegid()).gr_name if group else ""
    init(root, owner="ann", keys=[key] if key else [], trust=trust, group=name)
    with Workspace.open(root, user="ann", key=key) as workspace:
        workspace.members.add(NewMember("ben", kind="person", uid=os.geteuid() + 1))
    return root


def level(root: Path) -> LevelDocument:
    """Return the level of a workspace."""
    with Workspace.open(root, user="ann") as workspace:
        return workspace.upkeep.level()


def rung(found: LevelDocument, name: str) -> tuple[bool, str]:
    """Return whether a step holds, and why."""
    return next((o["holds"], o["because"]) for o in found["rungs"] if o["level"] == name)


def test_folder_of_one_account_is_l0_and_says_what_is_missing(tmp_path: Path) -> None:
    """Each step tells what it lacks."""
    found = level(founded(tmp_path / "ws"))
    assert found["level"] == "L0"
    assert "init --group" in rung(found, "L1")[1]
    assert "no signatures" in rung(found, "L2")[1]
    assert any("any name" in one for one in found["does_not_cover"])


def test_shared_folder_is_l1_and_with_signatures_l2(tmp_path: Path, key: str) -> None:
    """Signatures stand on guarded folders; what they prevent is said also without these."""
    assert level(founded(tmp_path / "a", group=True))["level"] == "L1"
    both = level(founded(tmp_path / "b", group=True, key=key))
    assert both["level"] == "L2"
    alone = level(founded(tmp_path / "c", key=key))
    assert alone["level"] == "L0"
    assert any("another's name" in one for one in alone["prevents"])


def test_folder_that_lost_its_sticky_bit_is_l1_no_more(tmp_path: Path) -> None:
    """One folder on the way that others may rename is enough."""
    root = founded(tmp_path / "ws", group=True)
    hidden = root / places.HIDDEN
    hidden.chmod(stat.S_IMODE(hidden.stat().st_mode) & ~stat.S_ISVTX)
    assert level(root)["level"] == "L0"


def test_people_who_share_an_account_are_l0(tmp_path: Path) -> None:
    """Guarded folders say nothing about who of them it was."""
    root = founded(tmp_path / "ws", group=True)
    with Workspace.open(root, user="ann") as workspace:
        workspace.members.add(NewMember("cat", kind="person", uid=os.geteuid()))
    assert "same account" in rung(level(root), "L1")[1]


def test_closed_folder_of_a_service_account_is_l3_and_seen_elsewhere_l4(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only as far as files tell: how people enter is for sshd to say."""
    root = founded(tmp_path / "ws", key=key)
    root.chmod(0o700)
    found = level(root)
    assert found["level"] == "L3"
    assert pwd.getpwuid(os.geteuid()).pw_name in rung(found, "L3")[1]
    table = tmp_path / "mountinfo"
    table.write_text("22 1 0:40 / / rw - nfs4 host:/x rw\n")
    monkeypatch.setattr(filesystems, "MOUNTS", table)
    assert level(root)["level"] == "L4"
