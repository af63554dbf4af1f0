"""Where the system does not tell about changes they are looked for, and that is to be seen."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest
from watchdog.events import DirModifiedEvent
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from modeldeck.errors import UnavailableError
from modeldeck.store import filesystems, places, queueing
from modeldeck.watch import Watcher, event_problem
from modeldeck.workspace import Workspace

SOON_S = 10.0


def refusing(number: int) -> object:
    """Return a method that fails as the system does."""

    def refuse(self: object, *_arguments: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("method", ["start", "schedule"])
@pytest.mark.parametrize(
    ("number", "word"), [(errno.EMFILE, "instance"), (errno.ENOSPC, "max_user_watches")]
)
def test_watcher_without_inotify_polls_and_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch, method: str, number: int, word: str
) -> None:
    """No instance, or no watch, is left: changes of others are noticed all the same."""
    monkeypatch.setattr(Observer if method == "start" else BaseObserver, method, refusing(number))
    changed = threading.Event()
    with Workspace.open(root) as mine, Workspace.open(root, user="ann") as other:
        watcher = mine.watch(changed.set, interval_s=0.05)
        try:
            assert word in watcher.polls_because
            other.annotations.add("churn@1", "look")
            assert changed.wait(SOON_S)
        finally:
            watcher.close()
    assert word in event_problem(places.ledger_folder(root))


def test_watcher_that_gets_watches_again_says_nothing_any_more(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was used up may be free a moment later."""
    with monkeypatch.context() as patch:
        patch.setattr(BaseObserver, "schedule", refusing(errno.ENOSPC))
        watcher = Watcher(lambda: [root], lambda: None)
        assert watcher.polls_because
    try:
        deadline = time.monotonic() + SOON_S
        while watcher.polls_because:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        watcher.close()


@pytest.mark.parametrize("error", [OSError(errno.EIO, "disk"), UnavailableError("not now")])
def test_watcher_that_cannot_look_for_a_while_goes_on(root: Path, error: Exception) -> None:
    """Folders that could not be told at its start, and once later: changes are noticed still."""
    fails = True

    def folders() -> list[Path]:
        if fails:
            raise error
        return [root]

    changed = threading.Event()
    watcher = Watcher(folders, changed.set, interval_s=0.01)
    try:
        for _ in range(2):
            fails = False
            assert changed.wait(SOON_S)
            fails = True
            watcher.on_any_event(DirModifiedEvent(str(root)))
            changed.clear()
            (root / "new").touch()
            (root / "new").unlink()
    finally:
        watcher.close()


def test_watcher_on_another_computers_disk_starts_no_observer(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events would tell of this computer's own changes only; writers queue at no lock there."""
    table = tmp_path / "mountinfo"
    table.write_text("22 1 0:40 / / rw - fuse.sshfs host:/x rw\n")
    monkeypatch.setattr(filesystems, "MOUNTS", table)
    monkeypatch.setattr(Observer, "start", refusing(errno.EIO))
    monkeypatch.setattr(queueing, "_open_lock", refusing(errno.EIO))
    changed = threading.Event()
    with Workspace.open(root) as workspace:
        watcher = workspace.watch(changed.set, interval_s=0.05)
        try:
            assert "fuse.sshfs" in watcher.polls_because
            assert workspace.annotations.add("churn@1", "look")["by"] == "ann"
            assert changed.wait(SOON_S)
        finally:
            watcher.close()


@pytest.mark.parametrize("count", [2_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_watcher_still_tells_after_a_flood_of_files(root: Path, count: int) -> None:
    """The system's queue of events overflows; a decision after it is noticed."""
    folder = root / "endpoints" / "production" / "churn"
    folder.mkdir(parents=True)
    changed = threading.Event()
    with Workspace.open(root) as workspace:
        watcher = workspace.watch(changed.set, interval_s=0.05)
        try:
            for n in range(count):
                os.close(os.open(folder / str(n), os.O_CREAT | os.O_WRONLY))
            changed.clear()
            workspace.annotations.add("churn@1", "after the flood")
            assert changed.wait(SOON_S)
        finally:
            watcher.close()


def test_lock_that_holds_nothing_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers who get the same lock, or a system that has none, is seen by trying."""
    tmp = places.tmp_folder(root)
    assert filesystems.lock_problem(tmp) == ""
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", lambda *_arguments: None)
        assert "two writers" in filesystems.lock_problem(tmp)
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", refusing(errno.ENOLCK))
        assert "refuses" in filesystems.lock_problem(tmp)
    assert list(tmp.rglob("*.tmp")) == []
