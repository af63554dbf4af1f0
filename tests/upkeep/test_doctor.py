"""The doctor names every damage, mends what is certain, and says what a person must do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Intent, digest_of, entry_bytes, read_entry
from modeldeck.errors import NotPermittedError, UsageError
from modeldeck.services.upkeep import surroundings
from modeldeck.store import files, filesystems, ledger, places, witness
from modeldeck.store.objects import ObjectStore
from modeldeck.store.upkeep import trash
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.upkeep.conftest import MODEL

OLD_S = 7200.0


def examined(root: Path, *, repair: bool = False) -> dict[str, Any]:
    """Return the doctor's report."""
    with Workspace.open(root) as workspace:
        return dict(workspace.upkeep.doctor(repair=repair))


def states(report: dict[str, Any], name: str) -> list[str]:
    """Return the states of the lines whose name begins so."""
    return [one["state"] for one in report["checks"] if one["name"].startswith(name)]


def overwrite(path: Path, data: bytes) -> None:
    """Put other bytes into a read-only file."""
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(0o444)


def run_of(root: Path) -> Path:
    """Return the folder of the workspace's run."""
    return next((root / "runs").glob("*/*"))


def aged(path: Path) -> Path:
    """Let a file be some hours old."""
    at = time.time() - OLD_S
    os.utime(path, (at, at))
    return path


def manifest_of(root: Path) -> Path:
    """Return the file of the version's manifest."""
    with Workspace.open(root) as workspace:
        return workspace.deck.objects.path(workspace.models.version("churn@1")["manifest"])


def test_sound_workspace_is_well_and_nothing_is_changed_by_looking(root: Path) -> None:
    """Each thing that was looked at has a line; repairing what is well changes nothing."""
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    found = examined(root)
    assert (found["ok"], found["exit_code"], found["n_repaired"]) == (True, 0, 0)
    assert {one["state"] for one in found["checks"]} <= {"ok", "note"}
    assert examined(root, repair=True)["n_repaired"] == 0
    tmp = places.tmp_folder(root)
    changed = {path for path, at in before.items() if path.lstat().st_mtime_ns != at}
    assert {path for path in changed if tmp not in (path, *path.parents)} == set()


def truncated(path: Path) -> None:
    """Cut a file."""
    overwrite(path, path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    """Leave nothing in a file."""
    overwrite(path, b"")


def deleted(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def zeroed(path: Path) -> None:
    """Fill a file with zeros, as a loss of power may."""
    overwrite(path, bytes(path.stat().st_size))


def linked(path: Path) -> None:
    """Put a link in a file's place."""
    elsewhere = path.parents[2] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


DAMAGES = [truncated, emptied, deleted, zeroed, linked]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("n", [1, 3])
def test_damaged_entry_is_healed_from_the_copy_that_the_next_writer_kept(
    root: Path, n: int, damage: Callable[[Path], None]
) -> None:
    """Without --repair it is damage that says what to do; with it writing goes on."""
    path = ledger.entry_path(root, n)
    right = path.read_bytes()
    damage(path)
    found = examined(root)
    assert found["exit_code"] == 10
    assert states(found, f"ledger entry {n}") == ["problem"]
    again = examined(root, repair=True)
    assert again["exit_code"] == 0
    assert states(again, f"ledger entry {n}") == ["repaired"]
    assert path.read_bytes() == right
    assert path.stat().st_mode & 0o777 == 0o444
    with Workspace.open(root) as workspace:
        workspace.annotations.add("churn@1", "it goes on")
        assert workspace.ledger_check.run(data=True)["ok"]


def test_open_workspace_goes_on_once_an_entry_was_healed(root: Path) -> None:
    """A screen or a server that stopped at the damage needs no restart."""
    path = ledger.entry_path(root, 3)
    truncated(path)
    with Workspace.open(root) as waiting:
        assert waiting.read_only_because
        assert waiting.refresh() == 0
        examined(root, repair=True)
        assert waiting.refresh() > 0
        assert waiting.read_only_because == ""


def test_several_damaged_entries_are_healed_from_the_end_to_the_beginning(root: Path) -> None:
    """Each healed entry names the bytes of the one before it."""
    right = {n: ledger.entry_path(root, n).read_bytes() for n in (2, 3, 4)}
    for n in right:
        emptied(ledger.entry_path(root, n))
    found = examined(root, repair=True)
    assert (found["exit_code"], found["n_repaired"]) == (0, 3)
    assert {n: ledger.entry_path(root, n).read_bytes() for n in right} == right


def edited(path: Path) -> None:
    """Change an entry so that it is still one."""
    entry = read_entry(path.read_bytes())
    intent = Intent(
        id=entry.id,
        by="eve",
        action=entry.action,
        subject=entry.subject,
        body=entry.body,
        workspace=entry.workspace,
        head=entry.head,
    )
    overwrite(path, entry_bytes(intent, n=entry.n, prev=entry.prev, at=entry.at, host=entry.host))


def test_entry_that_was_changed_is_put_back_where_a_remembered_head_proves_it(
    root: Path,
) -> None:
    """What this user saw before tells which of the two entries was changed; the other is kept."""
    path = ledger.entry_path(root, 3)
    right = path.read_bytes()
    edited(path)
    wrong = path.read_bytes()
    assert examined(root)["exit_code"] == 10
    assert examined(root, repair=True)["exit_code"] == 0
    assert path.read_bytes() == right
    kept = [one for _day, folder in trash.days(root) for one in folder.iterdir()]
    assert [one.read_bytes() for one in kept] == [wrong]


def test_entry_that_was_changed_is_tampering_where_nothing_was_seen_before(
    root: Path, tmp_path: Path
) -> None:
    """Nobody can tell which of two sound entries was changed: a person decides."""
    shutil.rmtree(tmp_path / "state")
    path = ledger.entry_path(root, 3)
    edited(path)
    wrong = path.read_bytes()
    found = examined(root, repair=True)
    assert found["exit_code"] == 11
    assert states(found, "ledger entry 3") == ["not-repairable"]
    assert path.read_bytes() == wrong


def test_rewritten_history_is_tampering_and_nothing_is_healed(root: Path) -> None:
    """A chain that holds but is another one than was seen is shown as such."""
    last = len(ledger.numbers(root))
    edited(ledger.entry_path(root, last))
    emptied(ledger.entry_path(root, 2))
    found = examined(root, repair=True)
    assert found["exit_code"] == 11
    assert ledger.entry_path(root, 2).read_bytes() == b""


def test_end_of_history_that_was_cut_off_is_tampering(root: Path) -> None:
    """Where its copy is gone too, that it was there is remembered."""
    path = ledger.entry_path(root, len(ledger.numbers(root)))
    ObjectStore(root).path(digest_of(path.read_bytes())).unlink()
    path.unlink()
    found = examined(root, repair=True)
    assert found["exit_code"] == 11
    assert states(found, "remembered head") == ["note"]
    assert "ledger" in found["checks"][0]["name"]
    assert found["checks"][0]["state"] == "not-repairable"


@pytest.mark.parametrize("damage", [emptied, Path.unlink])
def test_last_entry_is_healed_where_its_digest_was_seen(
    root: Path, damage: Callable[[Path], None]
) -> None:
    """Who closed the workspace kept a copy; who never saw it before cannot know what it was."""
    path = ledger.entry_path(root, len(ledger.numbers(root)))
    right = path.read_bytes()
    damage(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(root / "nobody"))
        assert examined(root, repair=True)["exit_code"] == (10 if damage is emptied else 0)
    assert examined(root, repair=True)["exit_code"] == 0
    assert path.read_bytes() == right


def test_end_that_was_cut_off_comes_back_as_far_as_copies_go(root: Path) -> None:
    """Of two entries that are missing at the end only the first one was seen."""
    count = len(ledger.numbers(root))
    right = ledger.entry_path(root, count - 1).read_bytes()
    seen = digest_of(right)
    for n in (count - 1, count):
        ledger.entry_path(root, n).unlink()
    with Workspace.open(root) as workspace:
        path = witness.path_of(workspace.id)
    path.write_bytes(files.dumps({"n": count - 1, "head": seen}))
    assert examined(root)["exit_code"] == 10
    assert examined(root, repair=True)["exit_code"] == 0
    assert ledger.entry_path(root, count - 1).read_bytes() == right


def test_missing_entry_is_not_adopted_where_accounts_differ(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets an entry for his own that he may never have written."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file to another account")
    os.chown(ledger.entry_path(root, 2), 12345, -1)
    ledger.entry_path(root, 3).unlink()
    found = examined(root, repair=True)
    assert found["exit_code"] == 10
    assert states(found, "ledger entry 3") == ["not-repairable"]
    assert not ledger.entry_path(root, 3).exists()


def test_healed_entry_keeps_the_account_that_wrote_it(root: Path) -> None:
    """The owner of the file is evidence of its author, and stays."""
    if os.geteuid() != 0:
        pytest.skip("needs root to give a file to another account")
    path = ledger.entry_path(root, 3)
    emptied(path)
    os.chown(path, 12345, -1)
    assert examined(root, repair=True)["exit_code"] == 0
    assert path.stat().st_uid == 12345


def test_file_that_never_was_an_entry_is_told_to_be_moved_away(root: Path) -> None:
    """Whoever may write into the folder can put anything there; nobody has a copy of that."""
    examined(root)
    n = max(ledger.numbers(root)) + 1
    ledger.entry_path(root, n).write_bytes(b'{"v":1}')
    (line,) = [one for one in examined(root)["checks"] if one["name"] == f"ledger entry {n}"]
    assert f"nobody's `modeldeck ledger anchor` names entry {n}, it never was one" in line["hint"]
    ledger.entry_path(root, n).unlink()
    assert examined(root)["ok"]


def test_entry_without_a_copy_gets_one_and_an_old_workspace_loses_nothing(root: Path) -> None:
    """A workspace of an older program has no copies; that is no damage, and can be made good."""
    store = ObjectStore(root)
    for n in ledger.numbers(root)[:-1]:
        store.path(digest_of(ledger.entry_path(root, n).read_bytes())).unlink()
    found = examined(root)
    assert (found["exit_code"], states(found, "ledger copies")) == (0, ["note"])
    assert states(examined(root, repair=True), "ledger copies") == ["repaired"]
    emptied(ledger.entry_path(root, 2))
    assert examined(root, repair=True)["exit_code"] == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_object_is_restored_from_what_the_run_kept(
    root: Path, damage: Callable[[Path], None]
) -> None:
    """The model's file lies with the run that made it."""
    path = ObjectStore(root).path(digest_of(MODEL))
    damage(path)
    assert examined(root)["exit_code"] == 10
    assert examined(root, repair=True)["exit_code"] == 0
    assert path.read_bytes() == MODEL
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("damage", DAMAGES)
def test_manifest_is_made_again_from_its_run(root: Path, damage: Callable[[Path], None]) -> None:
    """The same files give the same manifest, and it has the same digest, or it is not taken."""
    path = manifest_of(root)
    right = path.read_bytes()
    damage(path)
    ObjectStore(root).path(digest_of(MODEL)).unlink()
    assert examined(root)["exit_code"] == 10
    assert examined(root, repair=True)["exit_code"] == 0
    assert path.read_bytes() == right
    with Workspace.open(root) as workspace:
        assert workspace.models.verify("churn@1") == 2


def test_copy_of_an_entry_that_power_took_is_worth_a_note(root: Path) -> None:
    """Nobody waited for the disk to have it; the entry is sound, and gives it again."""
    copy = ObjectStore(root).path(digest_of(ledger.entry_path(root, 2).read_bytes()))
    emptied(copy)
    found = examined(root)
    assert (found["exit_code"], states(found, f"object {copy.name[:12]}")) == (0, ["note"])
    assert examined(root, repair=True)["exit_code"] == 0
    assert copy.read_bytes() == ledger.entry_path(root, 2).read_bytes()


def test_object_is_restored_from_the_trash_and_from_an_entry(root: Path) -> None:
    """Whatever intact copy the workspace still holds is taken."""
    store = ObjectStore(root)
    shutil.rmtree(run_of(root) / "artifacts")
    trash.move(root, store.path(digest_of(MODEL)), now=clock.utc_now())
    copy = store.path(digest_of(ledger.entry_path(root, 2).read_bytes()))
    truncated(copy)
    assert examined(root, repair=True)["exit_code"] == 0
    assert store.read(digest_of(MODEL)) == MODEL
    assert copy.read_bytes() == ledger.entry_path(root, 2).read_bytes()


def test_object_without_a_copy_is_named_with_what_needs_it(root: Path) -> None:
    """What cannot be mended says what depends on it and what to do."""
    shutil.rmtree(run_of(root) / "artifacts")
    path = ObjectStore(root).path(digest_of(MODEL))
    truncated(path)
    found = examined(root, repair=True)
    line = next(one for one in found["checks"] if one["name"].startswith("object "))
    assert found["exit_code"] == 10
    assert line["state"] == "not-repairable"
    assert "version.register churn@1" in line["text"] or "version:churn@1" in line["text"]
    assert str(path) in line["hint"]
    assert path.exists()


def test_damaged_object_that_nobody_needs_goes_into_the_trash(root: Path) -> None:
    """It is moved, not removed."""
    digest = ObjectStore(root).put(b"of nobody")
    truncated_path = ObjectStore(root).path(digest)
    overwrite(truncated_path, b"of")
    assert examined(root)["exit_code"] == 10
    assert examined(root, repair=True)["exit_code"] == 0
    assert not truncated_path.exists()
    assert len(list(trash.days(root)[0][1].iterdir())) == 1


def test_remark_whose_text_was_removed_is_no_damage(root: Path) -> None:
    """One that somebody deleted is missing; an entry that removes it makes that right for good."""
    with Workspace.open(root) as workspace:
        last = workspace.deck.state.activity[-1]
    ObjectStore(root).path(str(last.body["object"])).unlink()
    assert examined(root, repair=True)["exit_code"] == 10
    with Workspace.open(root) as workspace:
        workspace.annotations.redact(f"entry:{last.n}", "nobody's business")
    assert examined(root, repair=True)["exit_code"] == 0


def test_foreign_file_among_the_objects_is_noted(root: Path) -> None:
    """What nothing uses is left to people."""
    (places.objects_folder(root) / "notes.txt").write_text("mine")
    (places.objects_folder(root) / "ab").mkdir(exist_ok=True)
    (places.objects_folder(root) / "ab" / "cd").write_text("mine")
    found = examined(root, repair=True)
    assert found["exit_code"] == 0
    assert "note" in states(found, "objects")
    assert (places.objects_folder(root) / "notes.txt").exists()


def test_wrong_modes_are_set_right(root: Path) -> None:
    """Entries and objects are read-only for everybody, and can be read by everybody."""
    entry = ledger.entry_path(root, 2)
    obj = ObjectStore(root).path(digest_of(MODEL))
    entry.chmod(0o644)
    obj.chmod(0o400)
    found = examined(root)
    assert (states(found, "ledger modes"), states(found, "object modes")) == (
        ["problem"],
        ["problem"],
    )
    assert examined(root, repair=True)["exit_code"] == 0
    assert {path.stat().st_mode & 0o777 for path in (entry, obj)} == {0o444}


def test_leftovers_are_swept_when_old(root: Path) -> None:
    """What a killed writer left is no damage; young files may be somebody's who works."""
    mine = places.tmp_folder(root) / f"u{os.geteuid()}"
    old, young = mine / ".1-old.tmp", mine / ".1-young.tmp"
    for path in (old, young):
        path.write_bytes(b"x")
    aged(old)
    found = examined(root)
    assert (found["exit_code"], states(found, "leftovers")) == (0, ["note"])
    assert states(examined(root, repair=True), "leftovers") == ["repaired"]
    assert (old.exists(), young.exists()) == (False, True)


def test_missing_folder_of_files_on_their_way_is_made(root: Path) -> None:
    """Nothing can be recorded without it."""
    shutil.rmtree(places.tmp_folder(root))
    assert examined(root)["exit_code"] == 10
    examined(root, repair=True)
    assert examined(root)["exit_code"] == 0


@pytest.mark.parametrize("what", ["damaged", "cut", "future", "format", "folder"])
def test_catalogue_that_does_not_fit_is_built_anew(root: Path, what: str) -> None:
    """It is never damage: it holds nothing that the ledger does not."""
    with Workspace.open(root) as workspace:
        path = workspace.deck.cache / "catalogue.json"
        before = workspace.models.versions()
    data = path.read_bytes()
    header = json.loads(data.partition(b"\n")[0])
    changed = {
        "damaged": data.replace(b"churn", b"chury"),
        "cut": data[:-20],
        "future": files.dumps({**header, "applied": 99}) + data.partition(b"\n")[2],
        "format": files.dumps({**header, "v": 99}) + data.partition(b"\n")[2],
    }
    if what == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(changed[what])
    found = examined(root)
    assert (found["exit_code"], states(found, "catalogue")) == (0, ["note"])
    if what != "folder":
        path.write_bytes(changed[what])
        assert states(examined(root, repair=True), "catalogue") == ["repaired"]
        with Workspace.open(root) as workspace:
            assert workspace.models.versions() == before
        assert states(examined(root), "catalogue") == ["ok"]


def test_run_documents_are_mended_from_each_other_where_that_is_certain(root: Path) -> None:
    """end.json repeats run.json; an end that was written and did not appear is put in place."""
    folder = run_of(root)
    end = (folder / "end.json").read_bytes()
    (folder / "run.json").write_bytes(b"{")
    (folder / "end.json").unlink()
    (folder / ".end.json-7.tmp").write_bytes(end)
    (folder / "end.json").write_bytes(end[:30])
    assert examined(root)["exit_code"] == 10
    examined(root, repair=True)
    assert (folder / "end.json").read_bytes() == end
    assert examined(root, repair=True)["exit_code"] == 0
    begun = json.loads((folder / "run.json").read_bytes())
    assert begun["id"] == folder.name
    assert "status" not in begun
    assert examined(root)["exit_code"] == 0


def test_run_documents_that_are_lost_are_named(root: Path) -> None:
    """How a run ended is never guessed."""
    folder = run_of(root)
    (folder / "end.json").write_bytes(b"{}")
    found = examined(root, repair=True)
    assert found["exit_code"] == 10
    assert states(found, "run ") == ["not-repairable"]
    (folder / "run.json").unlink()
    assert states(examined(root, repair=True), "run ") == ["not-repairable"] * 2


@pytest.mark.parametrize("tail", [b'{"at":1,"step', bytes(100)])
def test_torn_stream_of_a_run_that_ended_is_closed(root: Path, tail: bytes) -> None:
    """Readers skip the torn record, and read the same before and after."""
    path = run_of(root) / "metrics.jsonl"
    with path.open("ab") as stream:
        stream.write(tail)
    with Workspace.open(root) as workspace:
        before = workspace.deck.runs.metrics(path.parent.name)
    assert examined(root)["exit_code"] == 10
    assert examined(root, repair=True)["exit_code"] == 0
    assert path.read_bytes().endswith(tail + b"\n")
    with Workspace.open(root) as workspace:
        assert workspace.deck.runs.metrics(path.parent.name) == before
    assert len(before) == 3


def test_lost_run_is_noted_and_a_living_writer_is_left_alone(root: Path) -> None:
    """A run that stopped without a word is no damage; its stream is closed once its pid is gone."""
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    paths = []
    for pid in (int(done.stdout), os.getpid()):
        run = start_run("churn", workspace=root, user="ann", capture_output=False)
        run.log({"loss": 1.0})
        path = run.folder / "run.json"
        begun = {**json.loads(path.read_bytes()), "pid": pid, "host": socket.gethostname()}
        run.disown()
        path.write_bytes(files.dumps(begun))
        stream = run.folder / "metrics.jsonl"
        with stream.open("ab") as file:
            file.write(b"{")
        for one in run.folder.iterdir():
            aged(one)
        paths.append(stream)
    found = examined(root, repair=True)
    assert found["exit_code"] == 0
    assert "note" in states(found, "runs")
    assert [path.read_bytes().endswith(b"{\n") for path in paths] == [True, False]


def test_torn_prediction_log_of_a_server_that_is_gone_is_closed(root: Path) -> None:
    """A server that runs closes its own."""
    folder = root / "endpoints" / "production" / "churn"
    folder.mkdir(parents=True)
    host = socket.gethostname()
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    dead = folder / f"predictions-{host}-{gone}-0.jsonl"
    alive = folder / f"predictions-{host}-{os.getpid()}-0.jsonl"
    for path in (dead, alive):
        path.write_bytes(b'{"at":1}\n{"at')
    assert states(examined(root), "prediction logs") == ["problem"]
    assert examined(root, repair=True)["exit_code"] == 0
    assert dead.read_bytes().endswith(b'{"at\n')
    assert alive.read_bytes().endswith(b'{"at')


@pytest.mark.parametrize("data", [b"", b"{", b'{"n":0,"head":""}', b'{"n":"2","head":1}'])
def test_damaged_memory_of_the_head_is_said_and_begun_anew(root: Path, data: bytes) -> None:
    """What it remembered is lost, and that is said; from then on the head of now is remembered."""
    with Workspace.open(root) as workspace:
        path = witness.path_of(workspace.id)
        n = workspace.deck.state.n
    path.write_bytes(data)
    with Workspace.open(root) as workspace:
        assert workspace.upkeep.doctor()["exit_code"] == 10
        found = workspace.upkeep.doctor(repair=True)
    assert states(dict(found), "remembered head") == ["repaired"]
    assert json.loads(path.read_bytes())["n"] == n
    assert examined(root)["exit_code"] == 0


def test_broken_configuration_is_named_with_its_line(root: Path) -> None:
    """It is people's own file: they mend it."""
    (root / "modeldeck.toml").write_text("name = [")
    found = examined(root, repair=True)
    assert found["exit_code"] == 10
    assert states(found, "configuration") == ["problem"]


def test_clock_that_is_behind_the_ledger_is_a_problem(root: Path) -> None:
    """Votes are refused here then, and the doctor says why."""
    with Workspace.open(root, now=lambda: clock.utc_now() - timedelta(hours=2)) as workspace:
        found = workspace.upkeep.doctor()
    assert states(dict(found), "clock") == ["problem"]
    assert found["exit_code"] == 10


def test_clock_of_the_disk_is_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's time that is far from this computer's clock is a problem."""
    monkeypatch.setattr(surroundings, "_disk_skew_s", lambda tmp: -3600.0)
    found = examined(root)
    assert states(found, "clock") == ["problem"]


@pytest.mark.parametrize(
    ("kind", "word"),
    [("nfs4", "NFS"), ("cifs", "CIFS"), ("fuse.sshfs", "FUSE"), ("odd", "unknown")],
)
def test_file_system_of_another_computer_is_noted_and_polled(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, word: str
) -> None:
    """Its kind follows from the table of mounts; what is not known counts as another computer's."""
    table = tmp_path / "mountinfo"
    point = str(root.parent).replace(" ", "\\040")
    table.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        f"23 22 0:40 / {point} rw - {kind} host:/x rw\n"
        "24 22 0:41 / /elsewhere rw - tmpfs tmpfs rw\n"
    )
    monkeypatch.setattr(filesystems, "MOUNTS", table)
    system = filesystems.of(root)
    assert (system.kind, system.type, system.is_local) == (word, kind, False)
    assert filesystems.of(Path("/usr")).kind == "local"
    found = examined(root)
    assert states(found, "file system") == ["note"]
    assert found["exit_code"] == 0


def test_past_and_repairs_of_a_read_only_workspace_are_refused(root: Path) -> None:
    """The doctor looks at the folder of now, and writes only where it may."""
    with Workspace.open(root, as_of="2") as past, pytest.raises(UsageError):
        past.upkeep.doctor()
    with Workspace.open(root, is_read_only=True) as workspace:
        assert workspace.upkeep.doctor()["exit_code"] == 0
        with pytest.raises(NotPermittedError):
            workspace.upkeep.doctor(repair=True)


def test_check_that_cannot_look_says_so_and_the_others_go_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be looked at is 12, unless something worse was found."""

    def refuse(self: ObjectStore) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(ObjectStore, "digests", refuse)
    found = examined(root)
    assert found["exit_code"] == 12
    assert states(found, "identity") == ["ok"]


def test_file_far_beyond_the_last_entry_is_one_line_and_not_a_line_for_each_number(
    root: Path,
) -> None:
    """A file that somebody touched in the ledger's folder does not keep the doctor for hours."""
    last = ledger.numbers(root)[-1]
    ledger.entry_path(root, 9_999_999_999).touch()
    with Workspace.open(root) as workspace:
        found = workspace.upkeep.doctor()
    names = {one["name"]: one for one in found["checks"] if one["name"].startswith("ledger entry")}
    assert list(names) == ["ledger entry 9999999999", f"ledger entry {last + 1}"]
    gap = names[f"ledger entry {last + 1}"]
    assert "all up to entry 9999999998 are missing" in gap["text"]
    assert f"If nobody ever saw more than {last} entries" in gap["hint"]


@pytest.mark.parametrize(
    ("name", "put", "said"),
    [
        ("metrics.jsonl", os.mkfifo, "is a pipe"),
        ("metrics.jsonl", lambda path: path.symlink_to("/etc/passwd"), "is a link"),
        ("output.log", Path.mkdir, "is a folder"),
        ("metrics.jsonl", lambda _path: None, "is missing, though it logged 1 metric"),
    ],
)
def test_stream_of_a_run_that_is_gone_or_no_file_is_named(
    root: Path, name: str, put: Callable[[Path], None], said: str
) -> None:
    """What cannot be read any more is damage, though the run still shows its last values."""
    path = run_of(root) / name
    path.unlink(missing_ok=True)
    put(path)
    found = examined(root, repair=True)
    (line,) = [one for one in found["checks"] if one["name"].startswith("run ")]
    assert (found["exit_code"], line["state"]) == (10, "not-repairable")
    assert f"{name} {said}" in line["text"]
    assert str(path) in line["hint"]
