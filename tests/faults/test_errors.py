"""System calls that fail: each of them, with each error; a disk that fails once; unsure ends."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

import modeldeck
from modeldeck.domain.entry import digest_of
from modeldeck.errors import NotFoundError, UnavailableError
from modeldeck.store import files, places
from modeldeck.store.ledger import numbers
from modeldeck.store.objects import ObjectStore
from modeldeck.store.runs import RunStore
from modeldeck.store.streams import StreamReader
from modeldeck.workspace import find_root
from tests.faults import strace
from tests.faults.children import Nursery
from tests.faults.deeds import again
from tests.faults.operations import OPERATIONS, Operation
from tests.store.faults import failing
from tests.store.ledger_writer import commit, opened, remark

ERRORS = ("EIO", "ENOSPC", "EINTR", "EDQUOT", "EMFILE")


def fail_each(
    nursery: Nursery,
    root: Path,
    *,
    operation: Operation,
    choices: Sequence[Sequence[str]],
    sample: int,
    rng: random.Random,
) -> None:
    """Let each call of an operation fail; what it says is true, and doing it again helps."""
    (root / "modeldeck.toml").write_text("")
    keys = (f"k{n}" for n in count())
    output = root.parent / "trace"
    for key in ("first", "warm"):
        strace.run(nursery.child(operation.deed, root=root, key=key), output=output)
    calls = strace.own_calls(output)
    for n in sorted(rng.sample(range(len(calls)), min(sample, len(calls)))):
        call = calls[n]
        for error in choices[n % len(choices)]:
            key = next(keys)
            child = nursery.child(operation.deed, root=root, key=key)
            inject = f"{call.name}:error={error}:when={call.nth}"
            said = strace.run(child, inject=inject, output=root.parent / "failed")
            assert len(said) == 1, (call, error, said)
            assert said[0].keys() <= {"ack", "error", "message", "hint", "perhaps"}, (
                f"{error} at {call} is no error of ours:\n{said[0].get('crash')}"
            )
            if "error" in said[0]:
                assert said[0]["message"]
                assert said[0]["hint"]
            operation.check(root, key, said)


@pytest.mark.usefixtures("needs_strace")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.deed)
def test_operation_of_which_any_call_fails_says_so_and_works_again(
    nursery: Nursery, root: Path, operation: Operation, rng: random.Random
) -> None:
    """At a call one of the errors: never acknowledged and absent, never half, always ours."""
    shuffled = rng.sample(ERRORS, len(ERRORS))
    fail_each(
        nursery,
        root,
        operation=operation,
        choices=[[one] for one in shuffled],
        sample=operation.sample,
        rng=rng,
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("needs_strace")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.deed)
def test_operation_of_which_any_call_fails_in_any_way_says_so(
    nursery: Nursery, root: Path, operation: Operation, rng: random.Random
) -> None:
    """The same with every error at every call."""
    fail_each(nursery, root, operation=operation, choices=[ERRORS], sample=1000, rng=rng)


class FailingSync:
    """The first fsync fails with EIO as Linux does it: the pages count as clean from then on.

    A second fsync on the same descriptor would succeed and prove nothing, so none may be tried.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.failed: tuple[int, int] | None = None
        self.is_tried_again = False
        self._real = os.fsync
        patch.setattr(os, "fsync", self)

    def __call__(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if self.failed is None:
            self.failed = (status.st_dev, status.st_ino)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.is_tried_again |= (status.st_dev, status.st_ino) == self.failed and status.st_nlink > 0
        self._real(descriptor)


def test_first_fsync_that_fails_acknowledges_nothing_and_is_not_trusted_later(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred times: neither entry nor object is there; the next try writes another file."""
    ledger, store = opened(root), ObjectStore(root)
    commit(ledger)  # so that the folder's names are known to be on the disk
    for n in range(1, 101):
        intent, data = remark(ledger), b"%d" % n
        with monkeypatch.context() as patch:
            disk = FailingSync(patch)
            with pytest.raises(UnavailableError, match="Input/output error"):
                ledger.commit(intent, host="h")
            assert numbers(root)[-1] == n + 1
            assert ledger.commit(intent, host="h").n == n + 2
            assert not disk.is_tried_again
        digest = digest_of(data)
        (store.folder / digest[:2]).mkdir(exist_ok=True)
        store._durable |= {digest[:2]}
        with monkeypatch.context() as patch:
            disk = FailingSync(patch)
            with pytest.raises(UnavailableError, match="Input/output error"):
                store.put(data)
            assert store.problem(digest) == "is missing"
            assert store.put(data) == digest
            assert not disk.is_tried_again


def retry_after_each_kill(nursery: Nursery, root: Path, *, runs: int, rng: random.Random) -> int:
    """Kill commits around their link and hand the same in again; return how many were unsure.

    The folders of all objects are there before, and the commit that is traced follows one that said
    that it is on the disk: so it makes no call that another one might not make.
    """
    output = root.parent / "trace"
    for n in range(256):
        files.make_folder(places.objects_folder(root) / f"{n:02x}")
    for key in ("warm", "warmer"):
        strace.run(nursery.child("commit", root=root, key=key), output=output)
    calls = strace.own_calls(output)
    link = next(n for n, call in enumerate(calls) if call.name == "link")
    unsure = 0
    for n in range(runs):
        call = calls[rng.randrange(link, len(calls))]
        key = f"unsure{n}"
        inject = f"{call.name}:signal=KILL:when={call.nth}"
        said = strace.run(nursery.child("commit", root=root, key=key), inject=inject, output=output)
        assert not said, f"{call} was not reached"
        ledger = opened(root)
        before = ledger.state.ids.get(key)
        unsure += before is not None
        done = ledger.commit(again(ledger, key), host="h")
        assert before in {None, done.n}
        assert opened(root).state.n == n + 4 == numbers(root)[-1]
    return unsure


@pytest.mark.usefixtures("needs_strace")
def test_commit_of_unsure_end_handed_in_again_is_one_entry(
    nursery: Nursery, root: Path, rng: random.Random
) -> None:
    """Killed at or after the link: the same once more is the same entry, of the same number."""
    assert retry_after_each_kill(nursery, root, runs=8, rng=rng)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("needs_strace")
def test_two_hundred_commits_of_unsure_end_are_one_entry_each(
    nursery: Nursery, root: Path, rng: random.Random
) -> None:
    """The same two hundred times."""
    assert retry_after_each_kill(nursery, root, runs=200, rng=rng)


def test_reader_that_fails_midway_returns_every_line_the_next_time(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before the disk failed is not skipped."""
    path = memory / "stream.jsonl"
    lines = [b"%07d" % n for n in range(300_000)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    reader = StreamReader(path)
    with (
        failing(monkeypatch, "pread", nth=3, number=errno.EIO),
        pytest.raises(UnavailableError, match="Input/output error"),
    ):
        reader.read()
    assert reader.read() == lines


def test_run_that_cannot_be_read_hides_no_other(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two live runs one has metrics on a bad sector: both are listed."""
    for name in ("one", "two"):
        run = modeldeck.start_run("churn", name=name, workspace=_opened(root), capture_output=False)
        run.log({"loss": 0.5})
    with failing(monkeypatch, "pread", nth=1, number=errno.EIO, lasts=True):
        assert len(RunStore(root).documents()) == 0  # not even run.json can be read
    real = StreamReader.read
    with monkeypatch.context() as patch:

        def read(reader: StreamReader) -> list[bytes]:
            if run.id in str(reader.path):
                raise UnavailableError(reader.path.name)
            return real(reader)

        patch.setattr(StreamReader, "read", read)
        found = {one["name"]: one["metrics"] for one in RunStore(root).documents()}
    assert found["two"] == {}
    assert found["one"]["loss"]["last"] == 0.5


def test_run_starts_where_the_working_directory_was_removed(
    root: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing about the run needs it; without a named workspace the error says what is missing."""
    gone = memory / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with modeldeck.start_run("churn", workspace=_opened(root), capture_output=False) as run:
        pass
    assert RunStore(root).document(run.id)["status"] == "finished"
    monkeypatch.delenv("MODELDECK_WORKSPACE", raising=False)
    with pytest.raises(NotFoundError, match="working directory is not there"):
        find_root()
    monkeypatch.chdir(memory)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("number", [errno.EINTR, errno.EMFILE, errno.EIO])
def test_workspace_that_cannot_be_looked_at_just_now_is_an_error_of_ours(
    root: Path, monkeypatch: pytest.MonkeyPatch, nth: int, number: int
) -> None:
    """Whether its ledger or its settings are there: unknown, which may be over in a moment."""
    _opened(root)
    with (
        failing(monkeypatch, "stat", nth=nth, number=number),
        pytest.raises(UnavailableError, match="could not be read"),
    ):
        find_root(root)
    assert find_root(root) == root


def _opened(root: Path) -> Path:
    (root / "modeldeck.toml").write_text("")
    return root
