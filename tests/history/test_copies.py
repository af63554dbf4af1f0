"""Copies: adopting them, backups and restoring them, upgrades of the rules."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modeldeck.domain import fold
from modeldeck.domain.fold import Rule
from modeldeck.domain.levels import Level
from modeldeck.domain.state import Act, State
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
    UnavailableError,
    UsageError,
)
from modeldeck.services.base import manifests
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.services.history.backup import backup, restore
from modeldeck.services.history.copying import Progress, Step
from modeldeck.store import files, places
from modeldeck.store.chain import folding
from modeldeck.store.ledger import entry_path, numbers, read_file
from modeldeck.workspace import Workspace
from tests.history.conftest import register

OTHER = 54_321


def tree(root: Path) -> dict[str, bytes]:
    """Return what a workspace holds, without the records of copies and the caches of locks."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith((".modeldeck/backup", ".modeldeck/lock")):
            found[name] = path.read_bytes()
    return found


@pytest.fixture
def owned(tmp_path: Path, key: Path) -> Path:
    """Return a workspace where file owners count; ann has a key, bob's entries are his."""
    root = tmp_path / "owned"
    init(root, owner="ann", keys=[str(key)], trust="owner")
    with Workspace.open(root, user="ann") as workspace:
        workspace.members.add(NewMember("bob", uid=os.geteuid()))
    with Workspace.open(root, user="bob") as workspace:
        workspace.annotations.add(register(root, user="bob"), "mine")
    return root


@pytest.fixture
def copied(owned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return that workspace as a copy whose files belong to somebody else."""
    known = read_file
    there = {entry_path(owned, n) for n in numbers(owned)}

    def read(root: Path, n: int) -> tuple[bytes, int]:
        data, owner = known(root, n)
        return data, OTHER if entry_path(root, n) in there else owner

    monkeypatch.setattr(folding, "read_file", read)
    return owned


def levels(root: Path) -> list[str]:
    """Return the levels of all entries, oldest first."""
    with Workspace.open(root, user="ann", is_read_only=True) as workspace:
        return [one["level"] for one in workspace.activity.list()][::-1]


def test_copy_says_what_helps_and_adopting_it_brings_its_entries_back(
    copied: Path, key: Path
) -> None:
    """Before: read-only, owners' entries void. One signed entry later they count again."""
    with Workspace.open(copied, user="bob") as workspace:
        assert "ledger adopt" in workspace.read_only_because
        assert "ledger adopt" in workspace.history.notices()[0]
        assert [one["name"] for one in workspace.members.list()] == ["ann", "server"]
    with Workspace.open(copied, key=str(key)) as workspace:
        with pytest.raises(UsageError, match="who owned"):
            workspace.history.adopt()
        workspace.history.adopt(is_every=True)
        assert workspace.history.notices() == []
        assert [one["name"] for one in workspace.members.list()] == ["ann", "bob", "server"]
        assert workspace.models.versions()[0]["level"] == "owner"
        assert workspace.ledger_check.run()["ok"]
    with Workspace.open(copied, key=str(key)) as workspace:
        assert [one["name"] for one in workspace.members.list()] == ["ann", "bob", "server"]
        assert workspace.read_only_because == ""
    assert levels(copied)[-1] == "signed"


def test_signed_entries_of_a_copy_count_without_anything(copied: Path, key: Path) -> None:
    """Signatures survive a copy: what was signed needs nobody's word."""
    assert levels(copied)[0] == "signed"
    with Workspace.open(copied, key=str(key)) as workspace:
        assert workspace.deck.member is not None


def test_adoption_is_for_owners_and_signed(copied: Path) -> None:
    """Without a key there is no adoption, whoever asks."""
    for user in ("ann", "bob"):
        with (
            Workspace.open(copied, user=user) as workspace,
            pytest.raises(NotPermittedError),
        ):
            workspace.history.adopt(is_every=True)


def test_entries_that_were_claimed_in_the_original_stay_so(owned: Path, key: Path) -> None:
    """A backup records what was forged in the original; adopting the copy does not believe it."""
    with Workspace.open(owned, user="ann") as workspace:
        workspace.members.add(NewMember("eve", uid=OTHER))
    with Workspace.open(owned, user="eve") as workspace:
        done = workspace.deck.commit("tag.add", "model:churn", body={"tag": "a", "value": ""})
        assert done.level is Level.CLAIMED
        made = backup(workspace.deck, owned.parent / "bak")
    assert made["n"] == done.n
    restore(owned.parent / "bak", owned.parent / "back")
    with Workspace.open(owned.parent / "back", key=str(key)) as workspace:
        workspace.history.adopt()
        (adopted,) = workspace.deck.state.adoptions.values()
        assert adopted.excluded == frozenset({done.n})
    assert levels(owned.parent / "back")[done.n - 1] == "claimed"


@pytest.mark.skipif(os.geteuid() != 0, reason="changing a file's owner needs root")
def test_restored_by_one_member_others_entries_are_told_to_count_for_less(
    owned: Path, key: Path, tmp_path: Path
) -> None:
    """Entry 1 is its owner's here too, and yet what others wrote is not theirs any more."""
    with Workspace.open(owned, user="ann") as workspace:
        assert workspace.history.notices() == []
        backup(workspace.deck, tmp_path / "bak")
    os.chown(entry_path(tmp_path / "bak", 3), OTHER, -1)  # bob was added by ann, at level owner
    restore(tmp_path / "bak", tmp_path / "back")
    with Workspace.open(tmp_path / "back", key=str(key)) as workspace:
        assert "ledger adopt" in workspace.history.notices()[0]
        assert "count" in workspace.history.notices()[0]
        workspace.history.adopt()
        assert workspace.history.notices() == []


def test_adopting_with_the_original_compares_both(owned: Path, key: Path, tmp_path: Path) -> None:
    """The original says itself who owned its files; another workspace is none."""
    shutil.copytree(owned, tmp_path / "copy", symlinks=True)
    init(tmp_path / "stranger", owner="ann")
    with Workspace.open(tmp_path / "copy", key=str(key)) as workspace:
        with pytest.raises(ConflictError, match="another workspace"):
            workspace.history.adopt(original=str(tmp_path / "stranger"))
        with pytest.raises(ConflictError, match="no original"):
            workspace.history.adopt(original=str(tmp_path / "nowhere"))
        workspace.history.adopt(original=str(owned))
        assert workspace.deck.state.adoptions
        with pytest.raises(ConflictError, match="already"):
            workspace.history.adopt(original=str(owned))


@pytest.mark.skipif(os.geteuid() != 0, reason="changing a file's owner needs root")
def test_files_that_changed_their_owner_in_a_real_copy_are_adopted(
    owned: Path, key: Path, tmp_path: Path
) -> None:
    """The same with ``cp`` and ``chown``, as a plain copy by another account makes it."""
    subprocess.run(["cp", "-r", str(owned), str(tmp_path / "copy")], check=True)
    for path in places.ledger_folder(tmp_path / "copy").iterdir():
        os.chown(path, OTHER, -1)
    copy = tmp_path / "copy"
    assert levels(copy)[0] == "signed"
    assert "owner" not in levels(copy)
    with Workspace.open(copy, key=str(key)) as workspace:
        workspace.history.adopt(original=str(owned))
    assert levels(copy)[:-1] == levels(owned)


def test_backup_of_a_live_workspace_is_a_workspace_and_goes_on(root: Path, tmp_path: Path) -> None:
    """It holds what the workspace does, opens where it lies, and the next one adds what is new."""
    target = tmp_path / "bak"
    steps: list[Step] = []
    with Workspace.open(root) as workspace:
        planned = backup(workspace.deck, target, is_dry_run=True)
        assert not target.exists()
        made = backup(workspace.deck, target, progress=steps.append)
        assert (made["n_files"], made["n_bytes"]) == (planned["n_files"], planned["n_bytes"])
        assert steps[-1] == Step(planned["n_bytes"], planned["n_bytes"], "")
        assert tree(target) == tree(root)
        workspace.annotations.add("churn", "later")
        again = backup(workspace.deck, target)
        assert (again["n_files"], again["n"]) == (2, made["n"] + 1)  # the entry and its text
        assert backup(workspace.deck, target)["n_files"] == 0
    with Workspace.open(target, is_read_only=True) as workspace:
        assert workspace.ledger_check.run(data=True)["ok"]
        assert workspace.annotations.list()[0]["text"] == "later"


def test_backup_without_logs_leaves_out_what_servers_wrote(root: Path, tmp_path: Path) -> None:
    """Runs stay, endpoints go; links are named and not followed."""
    log = root / "endpoints" / "production" / "churn" / "server-a-1.log"
    log.parent.mkdir(parents=True)
    log.write_text("served\n")
    (root / "datasets" / "link.csv").symlink_to("/etc/hostname")
    with Workspace.open(root) as workspace:
        made = backup(workspace.deck, tmp_path / "one", with_logs=False)
        backup(workspace.deck, tmp_path / "two")
    assert made["left_out"] == ["datasets/link.csv"]
    assert not (tmp_path / "one" / log.relative_to(root)).exists()
    assert (tmp_path / "two" / log.relative_to(root)).read_text() == "served\n"


def test_backup_refuses_folders_that_hold_something_else(root: Path, tmp_path: Path) -> None:
    """Itself, a folder within, a full folder, a file, another workspace: nothing is written."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    init(tmp_path / "stranger", owner="alice")
    with Workspace.open(root) as workspace:
        for bad in (root, root / "bak", tmp_path / "full", tmp_path / "full" / "x"):
            with pytest.raises(InvalidInputError):
                backup(workspace.deck, bad)
        with pytest.raises(ConflictError, match="another workspace"):
            backup(workspace.deck, tmp_path / "stranger")
    assert [one.name for one in (tmp_path / "full").iterdir()] == ["x"]


def test_backup_is_a_witness_of_what_was_there(root: Path, tmp_path: Path) -> None:
    """A backup of entries that the workspace lost is never overwritten; the entry is named."""
    with Workspace.open(root) as workspace:
        workspace.annotations.add("churn", "lost")
        made = backup(workspace.deck, tmp_path / "bak")
    entry_path(root, made["n"]).unlink()
    with (
        Workspace.open(root) as workspace,
        pytest.raises(TamperingError, match=f"Entry {made['n']} ") as caught,
    ):
        backup(workspace.deck, tmp_path / "bak")
    assert caught.value.data["n"] == made["n"]


def test_copy_that_was_cut_short_goes_on(root: Path, tmp_path: Path) -> None:
    """Cut short at each file in turn, a backup is no workspace, and in the end it is whole."""
    target = tmp_path / "bak"

    class CutError(Exception):
        pass

    def cut_after(n_files: int) -> Progress:
        def cut(step: Step) -> None:
            if sum(1 for one in target.rglob("*") if one.is_file()) > n_files:
                raise CutError(step.path)

        return cut

    with Workspace.open(root) as workspace:
        for n_files in range(1, 40, 3):
            try:
                backup(workspace.deck, target, progress=cut_after(n_files))
            except CutError:
                assert not places.ledger_folder(target).exists()
                with pytest.raises(NotFoundError, match="unfinished"):
                    restore(target, tmp_path / "back")
    assert tree(target) == tree(root)


def test_killed_backup_leaves_nothing_behind_in_the_end(root: Path, tmp_path: Path) -> None:
    """A backup killed with -9 in the middle goes on, and its half-written files are swept."""
    target = tmp_path / "bak"
    (root / "datasets" / "big.csv").write_bytes(b"1\n" * 1_000_000)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from modeldeck.workspace import Workspace\n"
        "from modeldeck.services.history import copying\n"
        "from modeldeck.services.history.backup import backup\n"
        "os.utime = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup(Workspace.open(sys.argv[1]).deck, Path(sys.argv[2]))\n"
    )
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), str(target)],
        env={**os.environ, "PYTHONPATH": paths},
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert list(target.rglob("*.tmp"))
    with Workspace.open(root) as workspace:
        backup(workspace.deck, target)
    assert tree(target) == tree(root)


def test_second_backup_into_the_same_folder_waits_its_turn(root: Path, tmp_path: Path) -> None:
    """Two at once would be in each other's way: the second one is told so."""
    with Workspace.open(root) as workspace:

        def again(step: Step) -> None:
            if not step.done:
                with pytest.raises(UnavailableError, match="Somebody else copies"):
                    backup(workspace.deck, tmp_path / "bak")

        backup(workspace.deck, tmp_path / "bak", progress=again)
    assert tree(tmp_path / "bak") == tree(root)


def test_restored_backup_is_what_was_saved(root: Path, tmp_path: Path) -> None:
    """Restored, it holds the same, and names the commands that an owner may need."""
    with Workspace.open(root) as workspace:
        backup(workspace.deck, tmp_path / "bak")
    assert restore(tmp_path / "bak", tmp_path / "back", is_dry_run=True)["n_files"] > 0
    assert not (tmp_path / "back").exists()
    made = restore(tmp_path / "bak", tmp_path / "back")
    assert made["problems"] == []
    assert any("ledger restore" in one for one in made["next"])
    assert not any("ledger adopt" in one for one in made["next"])
    assert tree(tmp_path / "back") == tree(root)
    assert restore(tmp_path / "bak", tmp_path / "back")["n_files"] == 0
    with Workspace.open(tmp_path / "back") as workspace:
        workspace.annotations.add("churn", "going on")
    with pytest.raises(ConflictError, match="nothing was copied"):
        restore(tmp_path / "bak", tmp_path / "back")
    with pytest.raises(NotFoundError, match="no copy"):
        restore(tmp_path / "nowhere", tmp_path / "x")


def test_restoring_names_what_was_damaged_in_the_backup(root: Path, tmp_path: Path) -> None:
    """A changed object, and a changed file of people's, are told; what is whole is restored."""
    (root / "datasets" / "a.csv").write_text("1\n")
    with Workspace.open(root) as workspace:
        backup(workspace.deck, tmp_path / "bak")
    victim = next(
        path for path in (tmp_path / "bak/.modeldeck/objects").rglob("*") if path.is_file()
    )
    victim.chmod(0o644)
    victim.write_bytes(b"other")
    (tmp_path / "bak/datasets/a.csv").write_text("2\n")
    found = [one["problem"] for one in restore(tmp_path / "bak", tmp_path / "back")["problems"]]
    assert any(victim.name in one for one in found)
    assert any("datasets/a.csv" in one for one in found)
    assert not (tmp_path / "back" / victim.relative_to(tmp_path / "bak")).exists()


def test_backup_holds_what_entries_need_indirectly(root: Path, tmp_path: Path) -> None:
    """A data set's contents, which its description names, and the entries of another workspace."""
    (root / "datasets" / "texts").mkdir()
    (root / "datasets" / "texts" / "one.txt").write_text("one\n")
    init(tmp_path / "other", owner="bob")
    register(tmp_path / "other", user="bob", content="theirs")
    with Workspace.open(root) as workspace:
        workspace.datasets.add("texts", root / "datasets" / "texts", snapshot="copy")
        workspace.moving.sync(tmp_path / "other")
        assert backup(workspace.deck, tmp_path / "bak")["problems"] == []
        assert tree(tmp_path / "bak") == tree(root)
    with Workspace.open(tmp_path / "bak", is_read_only=True) as workspace:
        assert workspace.ledger_check.run(data=True)["ok"]


def test_backup_keeps_a_models_file_that_a_removed_remark_named(root: Path, tmp_path: Path) -> None:
    """Whoever has a remark removed that names a model's file removes it from no copy."""
    with Workspace.open(root) as workspace:
        deck = workspace.deck
        (version,) = deck.state.versions.values()
        (part,) = manifests.parts(manifests.read(deck.objects, version.manifest)).values()
        deck.commit("annotation.add", "model:churn", body={"object": part})
        (remark,) = deck.state.annotations
        deck.commit("annotation.redact", f"annotation:{remark}", body={"reason": "x"})
        backup(deck, tmp_path / "bak")
        deck.objects.path(part).unlink()
        problems = workspace.ledger_check.run()["problems"]
        assert {(one["kind"], one["digest"]) for one in problems} == {("object", part)}
    with Workspace.open(tmp_path / "bak", is_read_only=True) as workspace:
        assert workspace.ledger_check.run(data=True)["problems"] == []


def test_backup_without_room_says_so_before_it_copies(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much is missing is told; doing it again on a larger disk goes on."""
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with (
        Workspace.open(root) as workspace,
        pytest.raises(UnavailableError, match="room for 10 bytes"),
    ):
        backup(workspace.deck, tmp_path / "bak")


class Later:
    """The rules of a second version, as a later program would know them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rule = Rule({"text": str}, lambda _state, _act: None, self.shout)
        monkeypatch.setitem(fold.RULES, 2, {**fold.ACTIONS, "model.shout": rule})
        self.heard: list[str] = []

    def shout(self, _state: State, act: Act) -> str:
        self.heard.append(act.text("text"))
        return act.subject


def test_version_one_is_the_newest_and_the_upgrade_says_so(root: Path) -> None:
    """Nothing is to be done, and what this program does not know is refused."""
    with Workspace.open(root) as workspace:
        plan = workspace.history.plan_upgrade()
        assert (plan["current"], plan["newest"], plan["is_needed"]) == (1, 1, False)
        with pytest.raises(InvalidInputError, match="up to version 1"):
            workspace.history.upgrade("now", to=2)
        with pytest.raises(ConflictError, match="no later one"):
            workspace.history.upgrade("now", to=1)


def test_entries_of_a_version_are_void_until_owners_allow_it_and_others_afterwards(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening changes no format: only the owners' entry does, and from there on all have it."""
    later = Later(monkeypatch)
    with Workspace.open(root) as workspace:
        deck = workspace.deck
        body = {"text": "now"}
        with pytest.raises(InvalidInputError, match="no action"):
            deck.commit("model.shout", "model:churn", body=body)
        assert workspace.history.plan_upgrade()["is_needed"]
        with Workspace.open(root, user="bob") as bob, pytest.raises(NotPermittedError):
            bob.history.upgrade("now")
        workspace.history.upgrade("louder")
        deck.commit("model.shout", "model:churn", body=body)
        assert later.heard == ["now"]
        assert b'"v":2' in entry_path(root, deck.state.n).read_bytes()
        plain = entry_path(root, deck.state.n).read_bytes()
        old = plain.replace(b'"v":2', b'"v":1').replace(
            f'"n":{deck.state.n},'.encode(), f'"n":{deck.state.n + 1},'.encode()
        )
        prev = deck.state.activity[-2].digest.encode()
        old = old.replace(prev, deck.state.head.encode(), 1).replace(b'"id":"', b'"id":"x')
        files.write_new(entry_path(root, deck.state.n + 1), old)
        deck.ledger.refresh()
        assert "version 1 of the rules; version 2 is in force" in deck.state.activity[-1].reason


def test_program_that_does_not_know_the_rules_opens_read_only(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older program stops at the upgrade: it shows what was before, and writes nothing."""
    with monkeypatch.context() as patch:
        Later(patch)
        with Workspace.open(root) as workspace:
            before = workspace.history.upgrade("louder")["n"]
            workspace.annotations.add("churn", "in the new form")
    with Workspace.open(root) as workspace:
        assert workspace.deck.state.n == before
        assert "Update it" in workspace.read_only_because
        assert workspace.models.versions()[0]["id"] == "churn@1"
        with pytest.raises(NotPermittedError, match="read-only"):
            workspace.annotations.add("churn", "x")


def test_upgrade_names_servers_that_would_be_locked_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a heartbeat says is told; of what says nothing, that it is unknown."""
    Later(monkeypatch)
    folder = root / "endpoints" / "production"
    folder.mkdir(parents=True)
    for name, rules in (("old", {"rules": 1}), ("new", {"rules": 2}), ("mute", {})):
        value = {"member": name, "host": "gpu", "pid": 1, "ended_at": "", "models": {}, **rules}
        (folder / f"heartbeat-{name}-gpu.json").write_bytes(files.dumps(value))
    with Workspace.open(root) as workspace:
        readers = workspace.history.plan_upgrade()["readers"]
    found = {one["name"].split()[0]: one["verdict"] for one in readers}
    assert found["old"].startswith("locked out")
    assert (found["new"], found["mute"], found["alice"]) == ("knows it", "unknown", "unknown")
