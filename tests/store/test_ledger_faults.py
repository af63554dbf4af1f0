"""The ledger when the system refuses: each call, each error, and what must hold afterwards."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from modeldeck.domain.entry import Intent, entry_bytes
from modeldeck.domain.levels import Level
from modeldeck.errors import ConflictError, ModelDeckError, UnavailableError
from modeldeck.store import files, places, queueing
from modeldeck.store.ledger import Ledger, entry_path, numbers
from modeldeck.store.verifying import Verifier
from tests.store.faults import failing
from tests.store.ledger_writer import commit, make, opened, remark

AT = "2026-11-23T07:10:11.123456Z"
CALLS = ("open", "fstat", "lstat", "write", "fchmod", "fsync", "link", "pread", "unlink", "close")
ERRORS = (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.ENOMEM)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a founded workspace."""
    return make(tmp_path / "ws")


def put(ledger: Ledger, intent: Intent) -> None:
    """Write an intent as the next entry, whatever the rules say, and fold it."""
    data = entry_bytes(intent, n=ledger.state.n + 1, prev=ledger.state.head, at=AT, host="h")
    files.write_new(entry_path(ledger.root, ledger.state.n + 1), data)
    ledger.refresh()


@pytest.mark.parametrize(
    "name", ["0000000000.json", "²²²²²²²²²².json", "٠٠٠٠٠٠٠٠٠٩.json", "000000002.json", "x.json"]
)
def test_foreign_names_in_the_ledgers_folder_are_no_entries(root: Path, name: str) -> None:
    """Whatever lies there and is not named like an entry neither counts nor stops anything."""
    commit(opened(root))
    (places.ledger_folder(root) / name).write_text("x")
    ledger = opened(root)
    assert (ledger.state.n, ledger.state.stopped) == (2, "")
    assert numbers(root) == [1, 2]
    assert commit(ledger).n == 3


def test_reader_without_descriptors_goes_on_when_there_are_some_again(root: Path) -> None:
    """Running out of descriptors for a moment is no damage."""
    ledger = opened(root)
    commit(opened(root))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(UnavailableError, match="Too many open files"):
            ledger.refresh()
        with pytest.raises(UnavailableError, match="Too many open files"):
            opened(root)
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert ledger.state.stopped == ""
    assert commit(ledger).n == 3


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize("lasts", [False, True])
@pytest.mark.parametrize("name", ["open", "fstat", "pread", "lstat", "listdir"])
def test_reader_that_fails_once_reads_the_same_afterwards(
    root: Path, name: str, lasts: bool, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At whichever call reading fails, it is an error of that call alone, if it is one at all."""
    for _ in range(3):
        commit(opened(root))
    failures = 0
    for nth in range(1, 40):
        ledger = Ledger(root, Verifier(None))
        with failing(monkeypatch, name, nth=nth, number=number, lasts=lasts) as calls:
            try:
                ledger.refresh()
            except UnavailableError:
                failures += 1
            done = calls[0] < nth
        ledger.refresh()
        assert (ledger.state.n, ledger.state.stopped) == (4, "")
        if done:
            break
    assert failures or not lasts


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("lasts", [False, True])
def test_commit_that_fails_at_any_call_may_be_tried_again(
    root: Path, name: str, number: int, lasts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded, or not and said so, or perhaps and said so; once again is one entry."""
    for nth in range(1, 60):
        ledger = opened(root)
        intent = remark(ledger)
        error: ModelDeckError | None = None
        with failing(monkeypatch, name, nth=nth, number=number, lasts=lasts) as calls:
            try:
                ledger.commit(intent, host="h")
            except ModelDeckError as caught:
                error = caught
            done = calls[0] < nth
        is_there = intent.id in opened(root).state.ids
        assert is_there or error is not None
        if error is not None and is_there:
            assert error.data["perhaps_saved"]
            assert "perhaps recorded" in error.message
        assert ledger.commit(intent, host="h").n == nth + 1
        assert not opened(root).state.stopped
        if done:
            break
    assert numbers(root) == [*range(1, opened(root).state.n + 1)]


def test_folder_that_fails_once_is_brought_to_the_disk_by_a_second_try(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is acknowledged only after its name is on the disk."""
    ledger = opened(root)
    monkeypatch.setattr(ledger, "keep", lambda n: None)  # what it brings to the disk is no name
    commit(ledger)
    with failing(monkeypatch, "fsync", nth=2, number=errno.EIO) as calls:
        assert commit(ledger).n == 3
    assert calls[0] == 3
    assert numbers(root) == [1, 2, 3]


def test_folder_with_the_entry_of_another_is_brought_to_the_disk_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody writes after an entry of which a loss of power could leave a hole; and says so."""
    ledger = opened(root)
    monkeypatch.setattr(ledger, "keep", lambda n: None)  # what it brings to the disk is no name
    commit(opened(root))
    places.lock_file(root).write_bytes(b"")  # as when the other one wrote without a turn
    with (
        failing(monkeypatch, "fsync", nth=2, number=errno.EIO),
        pytest.raises(UnavailableError, match="Nothing was written"),
    ):
        commit(ledger)
    assert numbers(root) == [1, 2]
    with failing(monkeypatch, "fsync", nth=0, number=errno.EIO) as calls:
        commit(ledger)
        commit(ledger)
    assert calls[0] == 3 + 2


def test_folder_that_the_writer_before_brought_to_the_disk_is_not_brought_there_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word counts for the last entry there alone, and in the folder where it was given."""
    monkeypatch.setattr(Ledger, "keep", lambda *_: None)  # what it brings to the disk is no name
    ledger = opened(root)
    commit(opened(root))
    with failing(monkeypatch, "fsync", nth=0, number=errno.EIO) as calls:
        commit(ledger)
    assert calls[0] == 2
    word = places.lock_file(root).read_bytes()
    inode, _, digest = word.decode().strip().partition(" ")
    assert digest == ledger.state.head
    for wrong in (f"{int(inode) + 1:020d} {digest}\n", f"{inode} {ledger.state.workspace}\n"):
        another = opened(root)
        places.lock_file(root).write_text(wrong)
        with failing(monkeypatch, "fsync", nth=0, number=errno.EIO) as calls:
            commit(another)
        assert calls[0] == 3


def test_retry_after_a_crash_brings_the_folder_to_the_disk(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was killed between link and fsync acknowledges nothing that is not on the disk."""
    ledger = opened(root)
    intent = remark(ledger)
    ledger.commit(intent, host="h")
    again = opened(root)
    monkeypatch.setattr(again, "keep", lambda n: None)  # what it brings to the disk is no name
    with failing(monkeypatch, "fsync", nth=0, number=errno.EIO) as calls:
        again.commit(intent, host="h")
    assert calls[0] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, by="server"),
        lambda one: replace(one, subject="model:fraud"),
        lambda one: replace(one, body={"object": "1" * 64}),
        lambda one: replace(one, action="run.stop", subject="run:x", body={"reason": ""}),
        lambda one: replace(one, head="f" * 64),
        lambda one: replace(one, signature="x"),
    ],
)
def test_entry_of_somebody_else_under_my_id_is_not_mine(
    root: Path, change: Callable[[Intent], Intent]
) -> None:
    """An id that a valid entry used for anything else is a conflict, not an acknowledgement."""
    ledger = opened(root)
    theirs = remark(ledger, "mine")
    ledger.commit(theirs, host="h")
    with pytest.raises(ConflictError, match="Entry 2"):
        ledger.commit(change(theirs), host="h")
    assert numbers(root) == [1, 2]


def test_void_entry_uses_up_no_id(root: Path) -> None:
    """A stranger who takes an id first takes nothing."""
    ledger = opened(root)
    mine = remark(ledger, "mine")
    put(ledger, replace(mine, by="eve"))
    assert ledger.state.activity[-1].is_void
    assert ledger.commit(mine, host="h").n == 3


def test_writer_that_was_stopped_with_the_lock_delays_only(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits too long for the lock goes on without it, as no safety rests on it."""
    monkeypatch.setattr(queueing, "PATIENCE_S", 0.05)
    descriptor = os.open(places.lock_file(root), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert commit(opened(root)).n == 2
    finally:
        os.close(descriptor)


class CountingVerifier(Verifier):
    """Takes every signature for a good one, and counts them."""

    def __init__(self) -> None:
        super().__init__(None)
        self.calls = 0

    def key(self, payload: bytes, signature: str, *, keys: tuple[str, ...]) -> str:  # type: ignore[override]
        self.calls += 1
        return "ssh-ed25519 AAAA"


def test_signature_of_an_entry_that_is_void_anyway_is_not_checked(root: Path) -> None:
    """Another workspace, another chain, a used id or too many bytes cost no check."""
    ledger = opened(root)
    ledger.verifier = counting = CountingVerifier()
    good = replace(remark(ledger, "good"), signature="s")
    put(ledger, good)
    assert (counting.calls, ledger.state.activity[-1].level) == (1, Level.SIGNED)
    for bad in (
        replace(good, id="a", workspace="f" * 64),
        replace(good, id="b", head="e" * 64),
        good,
    ):
        put(ledger, bad)
        assert ledger.state.activity[-1].is_void
        assert ledger.state.activity[-1].level < Level.SIGNED
    assert counting.calls == 1


def test_files_on_their_way_are_seen_by_nobody_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until an entry appears, its bytes lie in a folder that only its author can enter."""
    seen: list[int] = []
    real = os.link

    def link(source: Path, target: Path) -> None:
        seen.append(source.parent.stat().st_mode & 0o777)
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    commit(opened(root))
    mine = places.tmp_folder(root) / f"u{os.geteuid()}"
    mine.chmod(0o755)  # as if somebody else had made it first
    commit(opened(root))
    mine.rmdir()
    mine.symlink_to(root)
    commit(opened(root))
    assert (len(seen) >= 3, set(seen)) == (True, {0o700})
    assert list(places.tmp_folder(root).iterdir()) == [mine]


def test_files_left_on_their_way_are_swept_when_old(root: Path) -> None:
    """What a killed writer left is removed an hour later; what is not ours, or new, stays."""
    commit(opened(root))
    folder = places.tmp_folder(root)
    old = [folder / ".1-aa.tmp", folder / f"u{os.geteuid()}" / ".1-bb.tmp", folder / "other"]
    for path in old:
        path.write_text("x")
        os.utime(path, (time.time() - 7200,) * 2)
    new = folder / f"u{os.geteuid()}" / ".1-cc.tmp"
    new.write_text("x")
    commit(opened(root))
    assert [path.exists() for path in (*old, new)] == [False, False, True, True]
