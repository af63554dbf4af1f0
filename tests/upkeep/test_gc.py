"""Garbage collection takes what nothing names, and nothing else, whoever writes meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Intent, digest_of, entry_bytes
from modeldeck.errors import (
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
    UsageError,
)
from modeldeck.services.upkeep import gc
from modeldeck.store import files, ledger, places
from modeldeck.store.objects import ObjectStore
from modeldeck.store.upkeep import trash
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.upkeep.conftest import MODEL

STOPPED = """
import os, signal, sys
from pathlib import Path
from modeldeck.store.objects import ObjectStore
from modeldeck.workspace import Workspace
real = ObjectStore.put
def put(self, data):
    digest = real(self, data)
    if b"text" in data:
        sys.stdout.write(digest + "\\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGSTOP)
    return digest
ObjectStore.put = put
workspace = Workspace.open(sys.argv[1])
for n in range(int(sys.argv[2])):
    workspace.annotations.add("churn@1", f"remark {n}")
"""


def put(root: Path, data: bytes, *, days: float = 2) -> str:
    """Store an object that was written some days ago, as far as its times tell."""
    store = ObjectStore(root)
    digest = store.put(data)
    at = clock.utc_now().timestamp() - days * 86400
    os.utime(store.path(digest), (at, at))
    return digest


def later(root: Path, days: float) -> Workspace:
    """Open a workspace some days from now."""
    return Workspace.open(root, now=lambda: clock.utc_now() + timedelta(days=days))


def test_dry_run_names_what_nobody_needs_and_changes_nothing(root: Path) -> None:
    """The default only says what would be done."""
    digest = put(root, b"of nobody")
    with later(root, 2) as workspace:
        found = workspace.upkeep.gc()
    assert found["objects"] == {digest: 9}
    assert found["objects_bytes"] == 9
    assert not found["applied"]
    assert found["n_needed"] >= 4
    assert ObjectStore(root).path(digest).exists()
    assert not places.trash_folder(root).exists()


def test_what_entries_and_runs_name_stays_and_the_rest_comes_back_when_put_again(
    root: Path,
) -> None:
    """Manifests, their files, remarks, copies of entries and what a run names are needed."""
    garbage = put(root, b"of nobody")
    named = put(root, b"of a run")
    run = next((root / "runs").glob("*/*"))
    (run / "artifacts" / "pointer.json").write_text(json.dumps({"sha256": named}))
    before = set(ObjectStore(root).digests())
    with later(root, 2) as workspace:
        found = workspace.upkeep.gc(apply=True)
        assert set(found["objects"]) == {garbage}
        assert workspace.ledger_check.run(data=True)["ok"]
        again = workspace.upkeep.gc(apply=True)
    assert again["objects"] == {}
    store = ObjectStore(root)
    assert set(store.digests()) == before - {garbage}
    assert digest_of(MODEL) in before
    assert [one.name for _day, folder in trash.days(root) for one in folder.iterdir()] == [garbage]
    assert store.put(b"of nobody") == garbage
    assert store.read(garbage) == b"of nobody"


def test_what_a_void_entry_names_stays(root: Path) -> None:
    """A void entry keeps its objects: somebody may want to look at what was tried."""
    digest = put(root, b"of a void entry")
    known = ledger.Ledger(root, Workspace.open(root).deck.verifier)
    known.refresh()
    state = known.state
    intent = Intent(
        id="void",
        by="stranger",
        action="annotation.add",
        subject="model:churn",
        body={"object": digest},
        workspace=state.workspace,
        head=state.head,
    )
    data = entry_bytes(
        intent, n=state.n + 1, prev=state.head, at=clock.to_text(clock.utc_now()), host="h"
    )
    files.write_new(ledger.entry_path(root, state.n + 1), data, tmp=places.tmp_folder(root))
    with later(root, 2) as workspace:
        assert workspace.activity.list(1)[0]["void"]
        assert digest not in workspace.upkeep.gc()["objects"]


def test_young_objects_stay_and_putting_again_makes_young(root: Path) -> None:
    """Within the grace nothing is taken, however little it is needed."""
    digest = put(root, b"of nobody", days=9)
    with Workspace.open(root) as workspace:
        found = workspace.upkeep.gc(apply=True)
        assert (found["objects"], found["n_young"]) == ({}, 1)
        ObjectStore(root).put(b"of nobody")
        assert os.lstat(ObjectStore(root).path(digest)).st_mtime > 0
        assert (
            clock.utc_now().timestamp() - os.lstat(ObjectStore(root).path(digest)).st_mtime < 3600
        )


def test_trash_is_emptied_after_a_week(root: Path) -> None:
    """What was moved away is there for seven whole days, and gone after them."""
    digest = put(root, b"of nobody")
    with later(root, 2) as workspace:
        workspace.upkeep.gc(apply=True)
    with later(root, 9) as workspace:
        assert workspace.upkeep.gc(apply=True)["n_emptied"] == 0
        assert [path.name for path in trash.copies(root, digest)] == [digest]
    with later(root, 30) as workspace:
        assert workspace.upkeep.gc(apply=False)["n_emptied"] == 1
        found = workspace.upkeep.gc(apply=True)
    assert (found["n_emptied"], found["emptied_bytes"]) == (1, 9)


def test_needed_object_in_the_trash_comes_back_instead_of_being_emptied(root: Path) -> None:
    """Whoever was killed between committing and looking loses nothing."""
    store = ObjectStore(root)
    digest = digest_of(MODEL)
    with later(root, 0) as workspace:
        trash.move(root, store.path(digest), now=workspace.deck.now())
    with later(root, 30) as workspace:
        assert workspace.upkeep.gc()["n_restored"] == 1
        assert not store.path(digest).exists()
        assert workspace.upkeep.gc(apply=True)["n_restored"] == 1
    assert store.read(digest) == MODEL


def test_removed_text_does_not_come_back_from_the_trash(root: Path) -> None:
    """A remark's text that was removed is removed from the trash too, and garbage if it stays."""
    store = ObjectStore(root)
    with later(root, 0) as workspace:
        said = workspace.annotations.add("churn@1", "call me at 555-0199")
        digest = workspace.deck.state.annotations[said["id"]].object
        kept = store.read(digest)
        trash.move(root, store.path(digest), now=workspace.deck.now())
        assert [*trash.copies(root, digest)]
        assert workspace.annotations.redact(said["id"], "a private number")["removed"]
        assert not [*trash.copies(root, digest)]
    store.put(kept)  # somebody's copy of the folder was written back
    with later(root, 30) as workspace:
        assert digest in workspace.upkeep.gc(apply=True)["objects"]
    with later(root, 31) as workspace:
        assert workspace.upkeep.gc(apply=True)["n_restored"] == 0
    assert not store.path(digest).exists()


def test_object_of_somebody_else_is_left_to_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one's own files move, unless one owns the folder."""
    digest = put(root, b"of nobody")
    with later(root, 2) as workspace:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        found = workspace.upkeep.gc()
    assert (found["objects"], found["n_foreign"]) == ({}, 1)
    assert ObjectStore(root).path(digest).exists()


def test_broken_ledger_stops_collecting(root: Path) -> None:
    """Where entries cannot be read nobody knows what they need."""
    path = ledger.entry_path(root, 3)
    path.chmod(0o644)
    path.write_bytes(b"{}")
    put(root, b"of nobody")
    with later(root, 2) as workspace, pytest.raises(TamperingError, match="cannot be known"):
        workspace.upkeep.gc()


@pytest.mark.parametrize("grace", ["soon", "-1h", "", "1.5h"])
def test_grace_that_is_no_time_span_is_refused(workspace: Workspace, grace: str) -> None:
    """It is not guessed what somebody meant."""
    with pytest.raises(InvalidInputError, match="no time span"):
        workspace.upkeep.gc(grace=grace)


def test_past_and_read_only_are_refused(root: Path) -> None:
    """What is needed is seen from the present; a read-only workspace keeps everything."""
    with Workspace.open(root, as_of="3") as past, pytest.raises(UsageError):
        past.upkeep.gc()
    with Workspace.open(root, is_read_only=True) as mine:
        assert not mine.upkeep.gc()["applied"]
        with pytest.raises(NotPermittedError):
            mine.upkeep.gc(apply=True)


@pytest.mark.parametrize(
    "count", [4, pytest.param(100, marks=pytest.mark.slow)], ids=["sample", "full"]
)
def test_writer_that_was_stopped_between_object_and_entry_loses_nothing(
    root: Path, count: int
) -> None:
    """A writer sleeps after each object, all of them are collected, and it goes on."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", STOPPED, str(root), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    digests = []
    try:
        for _ in range(count):
            digests.append(child.stdout.readline().strip())
            os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
            with later(root, 1) as workspace:
                found = workspace.upkeep.gc(apply=True, grace="1h")
            assert digests[-1] in found["objects"]
            assert not ObjectStore(root).path(digests[-1]).exists()
            child.send_signal(signal.SIGCONT)
        assert child.wait(60) == 0
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with Workspace.open(root) as workspace:
        texts = [one["text"] for one in workspace.annotations.list()]
        assert workspace.ledger_check.run(data=True)["ok"]
    assert texts[-count:] == [f"remark {n}" for n in range(count)]
    assert all(ObjectStore(root).path(one).exists() for one in digests)


def test_entry_that_comes_while_objects_move_brings_its_object_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer killed right after its entry is helped by the collector that looks again."""
    store = ObjectStore(root)
    writer = Workspace.open(root)
    monkeypatch.setattr(ObjectStore, "ensure", lambda self, digests: None)  # killed before it
    real = gc._move
    made: list[str] = []

    def move(deck: object, found: object) -> None:
        real(deck, found)  # type: ignore[arg-type]
        writer.deck.commit("annotation.add", "model:churn", body={"object": digest})
        made.append(digest)

    digest = put(root, b"somebody is about to name this")
    monkeypatch.setattr(gc, "_move", move)
    with later(root, 2) as workspace:
        found = workspace.upkeep.gc(apply=True)
    assert made == [digest]
    assert (found["objects"], found["n_restored"]) == ({}, 1)
    assert store.path(digest).exists()


def deleted_run(root: Path) -> str:
    """Make a run and delete it; return its id."""
    with start_run("tries", workspace=root, user="ann", capture_output=False) as run:
        run.log({"loss": 1.0})
    with Workspace.open(root) as workspace:
        workspace.shelf.delete([run.id], reason="a slip")
    return run.id


def test_deleted_run_goes_into_the_trash_after_the_grace_and_is_removed_a_week_later(
    root: Path,
) -> None:
    """Within the grace it stays where it is; until it is emptied the deletion can be taken back."""
    run = deleted_run(root)
    with Workspace.open(root) as workspace:
        folder = workspace.deck.runs.folder(run)
        assert workspace.upkeep.gc(apply=True)["runs"] == {}
    with later(root, 2) as workspace:
        planned = workspace.upkeep.gc()
        assert list(planned["runs"]) == [run]
        assert planned["runs_bytes"] == planned["runs"][run] > 0
        assert folder.is_dir()
        assert list(workspace.upkeep.gc(apply=True)["runs"]) == [run]
        assert not folder.exists()
    with later(root, 3) as workspace:
        workspace.shelf.undelete([run[-6:]])
        assert workspace.runs.show(run)["metrics"]["loss"]["last"] == 1.0
        workspace.shelf.delete([run])
    with later(root, 5) as workspace:
        workspace.upkeep.gc(apply=True)
    with later(root, 14) as workspace:
        assert workspace.upkeep.gc(apply=True)["n_emptied"] == 1
        with pytest.raises(NotFoundError, match="removed"):
            workspace.shelf.undelete([run])
    assert not list(places.trash_folder(root).glob("*/*"))


def test_run_that_is_taken_back_while_it_is_collected_comes_back(root: Path) -> None:
    """Whichever looks last sees what the other one did; what is running, or was used, stays."""
    run = deleted_run(root)
    with later(root, 2) as workspace:
        folder = workspace.deck.runs.folder(run)
        trashed = trash.move(root, folder, now=clock.utc_now() - timedelta(days=30))
        workspace.deck.commit("run.undelete", f"run:{run}", body={"runs": [run], "reason": ""})
        assert workspace.upkeep.gc()["n_restored"] == 1
        found = workspace.upkeep.gc(apply=True)
    assert (found["n_restored"], found["runs"], found["n_emptied"]) == (1, {}, 0)
    assert folder.is_dir()
    assert not trashed.exists()
