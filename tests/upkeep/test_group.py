"""A folder shared by a group: two accounts work in it, and neither changes what the other wrote."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.errors import NotFoundError, NotPermittedError, UnavailableError
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.services.upkeep import sharing
from modeldeck.store import ledger, places
from modeldeck.store.objects import ObjectStore
from modeldeck.workspace import Workspace
from tests.upkeep.conftest import CONFIG
from tests.warm import warm

ANN, BEN, TEAM = 54321, 54322, 54300
IS_ROOT = os.geteuid() == 0

WORK = """
import os, sys
from pathlib import Path
os.umask(0o077)
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
root, user = Path(sys.argv[1]), sys.argv[2]
with start_run("churn", workspace=root, user=user, capture_output=False) as run:
    run.log({"loss": 0.5})
with Workspace.open(root, user=user) as workspace:
    for n in range(3):
        workspace.annotations.add("run:" + run.id, f"{user} {n}")
    assert workspace.ledger_check.run(data=True)["ok"]
    later = [one for one in workspace.deck.state.activity if one.by == user and one.n > 1]
    assert {one.level.word for one in later} == {"owner"}
"""
ATTACK = """
import os, sys
from pathlib import Path
path, new = Path(sys.argv[1]), Path(sys.argv[2])
def attempt(what):
    try:
        what()
    except PermissionError:
        return True
    except FileExistsError:
        return True
    return False
new.write_bytes(b"{}")
tries = [
    lambda: path.write_bytes(b"{}"),
    lambda: path.chmod(0o666),
    lambda: path.unlink(),
    lambda: path.rename(path.with_name("moved")),
    lambda: new.rename(path),
    lambda: os.link(new, path),
    lambda: path.parent.rename(path.parent.with_name("moved")),
    lambda: path.parent.parent.rename(path.parent.parent.with_name("moved")),
    lambda: path.parent.chmod(0o777),
]
print([at for at, one in enumerate(tries) if not attempt(one)])
"""


def acting(uid: int, code: str, *arguments: str, home: Path) -> str:
    """Run Python code as an account of the team; return what it printed."""
    home.mkdir(exist_ok=True)
    os.chown(home, uid, TEAM)
    done = warm("tests.upkeep.acting").call(
        [str(uid), str(TEAM), code, *arguments],
        cwd=Path("/"),
        environment={"HOME": str(home), "PATH": os.defpath},
        timeout_s=60,
    )
    assert done[0] == 0, done[2].decode()
    return done[1].decode().strip()


@pytest.fixture(scope="module")
def founded() -> Iterator[Path]:
    """Return a folder with a workspace `ws` that ann founded for the team, ben being a member."""
    if not IS_ROOT:
        pytest.skip("needs root to act as two accounts")
    with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
        Path(folder).chmod(0o755)
        _found(Path(folder))
        yield Path(folder)


@pytest.fixture
def base() -> Iterator[Path]:
    """Return a folder that every account can come to."""
    with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def shared(founded: Path, base: Path) -> Path:
    """Return a copy of that workspace, every file with its account."""
    subprocess.run(["cp", "-a", str(founded / "ws"), str(base / "ws")], check=True)
    return base / "ws"


def _found(base: Path) -> None:
    root = base / "ws"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG.replace('"claimed"', '"owner"'))
    for path in (root, root / "modeldeck.toml"):
        os.chown(path, ANN, ANN)
    code = f"""
import os, sys
from pathlib import Path
os.umask(0o077)
from modeldeck.services import founding
from modeldeck.services.base.config import NewMember
from modeldeck.services.upkeep import sharing
from modeldeck.workspace import Workspace
sharing.group_id = lambda name: {TEAM}
root = Path(sys.argv[1])
founding.init(root, owner="ann", group="team")
with Workspace.open(root, user="ann") as workspace:
    workspace.members.add(NewMember("ben", kind="person", uid={BEN}))
    print(workspace.upkeep.level()["level"])
"""
    assert acting(ANN, code, str(root), home=base / "ann") == "L1"


def test_two_accounts_commit_and_log_whatever_their_umask(shared: Path, base: Path) -> None:
    """What each one writes carries his account, belongs to the group, and can be read by all."""
    acting(BEN, WORK, str(shared), "ben", home=base / "ben")
    acting(ANN, WORK, str(shared), "ann", home=base / "ann")
    acting(BEN, WORK, str(shared), "ben", home=base / "ben")
    owners = [ledger.entry_path(shared, n).stat().st_uid for n in ledger.numbers(shared)]
    assert owners[-9:] == [BEN] * 3 + [ANN] * 3 + [BEN] * 3
    for n in ledger.numbers(shared):
        status = ledger.entry_path(shared, n).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o444, TEAM)
    months = list((shared / "runs").iterdir())
    assert [stat.S_IMODE(one.stat().st_mode) for one in months] == [sharing.SHARED]
    assert sharing.problems(shared) == []
    objects = ObjectStore(shared)
    assert {stat.S_IMODE(objects.path(one).stat().st_mode) for one in objects.digests()} == {0o444}


def test_account_cannot_change_what_another_one_wrote(shared: Path, base: Path) -> None:
    """Overwriting, chmod, removing, renaming, replacing, linking over: all refused."""
    acting(ANN, WORK, str(shared), "ann", home=base / "ann")
    entry = ledger.entry_path(shared, len(ledger.numbers(shared)))
    objects = ObjectStore(shared)
    mine = next(one for one in objects.digests() if objects.path(one).stat().st_uid == ANN)
    for path in (entry, objects.path(mine)):
        before = path.read_bytes()
        new = shared / ".modeldeck" / "ledger" / "new"
        assert acting(BEN, ATTACK, str(path), str(new), home=base / "ben") == "[]"
        assert path.read_bytes() == before
        new.unlink()


def test_forged_author_is_seen_by_the_account_that_owns_the_file(shared: Path, base: Path) -> None:
    """Ben writes as ann: the entry is only claimed, and void where an account is asked for."""
    code = """
import sys
from modeldeck.errors import ModelDeckError
from modeldeck.workspace import Workspace
with Workspace.open(sys.argv[1], user="ann") as workspace:
    print(workspace.deck.ledger.level_here("ann", is_signed=False).word)
"""
    assert acting(BEN, code, str(shared), home=base / "ben") == "claimed"


def test_doctor_mends_modes_of_a_shared_folder_by_its_owner_alone(shared: Path, base: Path) -> None:
    """A folder that lost its bits shuts others out, until its owner repairs it."""
    code = """
import sys
from modeldeck.workspace import Workspace
with Workspace.open(sys.argv[1], user=sys.argv[2]) as workspace:
    found = workspace.upkeep.doctor(repair=True)
    print(*(one["state"] for one in found["checks"] if one["name"] == "permissions"))
"""
    places.objects_folder(shared).joinpath("ab").chmod(0o755)
    ben = acting(BEN, code, str(shared), "ben", home=base / "ben")
    assert ben.split()[0] == "not-repairable"
    ann = acting(ANN, code, str(shared), "ann", home=base / "ann")
    assert ann.split()[0] == "repaired"
    assert sharing.problems(shared) == []


def test_owner_of_the_folder_collects_what_others_left(shared: Path, base: Path) -> None:
    """Ben may move his own objects only; ann, whose folder it is, also his."""
    put = """
import sys
from pathlib import Path
from modeldeck.store.objects import ObjectStore
print(ObjectStore(Path(sys.argv[1])).put(sys.argv[2].encode()))
"""
    collect = """
import sys
from modeldeck.workspace import Workspace
with Workspace.open(sys.argv[1], user=sys.argv[2]) as workspace:
    found = workspace.upkeep.gc(apply=True, grace="0s")
    print(",".join(found["objects"]), found["n_foreign"])
"""
    anns = acting(ANN, put, str(shared), "of ann", home=base / "ann")
    bens = acting(BEN, put, str(shared), "of ben", home=base / "ben")
    done = acting(BEN, collect, str(shared), "ben", home=base / "ben")
    assert done == f"{bens} 1"
    again = acting(BEN, put, str(shared), "of ben", home=base / "ben")
    done = acting(ANN, collect, str(shared), "ann", home=base / "ann")
    assert done == f"{','.join(sorted([anns, again]))} 0"


def test_unknown_group_and_one_that_one_is_not_in_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is founded then, and the message says what to do."""
    with pytest.raises(NotFoundError, match="no group"):
        init(tmp_path / "a", owner="ann", group="no-such-group-here")
    assert not (tmp_path / "a").exists()
    other = next(
        one.gr_name for one in grp.getgrall() if one.gr_gid not in {os.getegid(), *os.getgroups()}
    )
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(NotPermittedError, match="not in the group"):
        init(tmp_path / "a", owner="ann", group=other)


def test_file_system_that_keeps_no_modes_founds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was set is read back before the first entry is written."""
    mine = grp.getgrgid(os.getegid()).gr_name
    monkeypatch.setattr(Path, "chmod", lambda self, mode: None)
    with pytest.raises(UnavailableError, match="should have mode"):
        init(tmp_path / "a", owner="ann", group=mine)
    assert not ledger.entry_path(tmp_path / "a", 1).exists()


def test_group_of_ones_own_is_set_up_on_every_folder(tmp_path: Path) -> None:
    """Setgid everywhere, sticky where nobody may touch what others wrote."""
    mine = grp.getgrgid(os.getegid()).gr_name
    init(tmp_path / "a", owner="ann", group=mine)
    root = tmp_path / "a"
    assert sharing.is_shared(root)
    assert sharing.problems(root) == []
    assert stat.S_IMODE(places.ledger_folder(root).stat().st_mode) == 0o3775
    assert stat.S_IMODE((root / "runs").stat().st_mode) == 0o2775
    with Workspace.open(root, user="ann") as workspace:
        workspace.members.add(NewMember("ben", kind="person", uid=12345))
        level = workspace.upkeep.level()
    assert level["level"] == "L1"
    assert any("removing" in one for one in level["prevents"])


def test_workspace_that_is_there_is_shared_later(tmp_path: Path) -> None:
    """All that init sets up, again without a change, and what is on its way stays private."""
    mine = grp.getgrgid(os.getegid()).gr_name
    root = tmp_path / "a"
    init(root, owner="ann")
    month = root / "runs" / "2026-11"
    month.mkdir(mode=0o700)
    (month / "notes").write_text("x")
    (month / "notes").chmod(0o600)
    (month / "link").symlink_to("/etc/passwd")
    private = places.tmp_folder(root) / "u0"
    private.mkdir(mode=0o700, exist_ok=True)
    before = {n: ledger.entry_path(root, n).read_bytes() for n in ledger.numbers(root)}
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.upkeep.share(mine)["n_changed"] > 256
        assert workspace.upkeep.share(mine)["n_changed"] == 0
    assert sharing.problems(root) == []
    assert sharing.is_shared(root)
    assert stat.S_IMODE(month.stat().st_mode) == 0o2770
    assert stat.S_IMODE((month / "notes").stat().st_mode) == 0o640
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert {n: ledger.entry_path(root, n).read_bytes() for n in before} == before
    with (
        Workspace.open(root, user="ann", is_read_only=True) as workspace,
        pytest.raises(NotPermittedError, match="read-only"),
    ):
        workspace.upkeep.share(mine)


@pytest.mark.skipif(not IS_ROOT, reason="needs root to act as two accounts")
def test_folder_of_another_account_is_shared_by_that_one_alone(base: Path) -> None:
    """Whoever may write there changes no mode of what is not his."""
    root = base / "ws"
    init(root, owner="ann")
    for path in (root, *root.rglob("*")):
        os.chown(path, ANN, TEAM)
    root.chmod(0o777)
    code = f"""
import sys
from pathlib import Path
from modeldeck.errors import NotPermittedError
from modeldeck.services.upkeep import sharing
sharing.group_id = lambda name: {TEAM}
try:
    print(sharing.open_to(Path(sys.argv[1]), "team") > 0)
except NotPermittedError as error:
    print("another account" in str(error))
"""
    assert acting(BEN, code, str(root), home=base / "ben") == "True"
    assert not sharing.is_shared(root)
    assert acting(ANN, code, str(root), home=base / "ann") == "True"
    assert sharing.is_shared(root)
    assert sharing.problems(root) == []
