"""The ledger on disk: races, kills, damage, tampering, evidence; with real processes and files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.entry import (
    NO_PREV,
    Intent,
    Json,
    canonical,
    entry_bytes,
    read_entry,
    signed_bytes,
)
from modeldeck.domain.levels import Level
from modeldeck.errors import (
    ConflictError,
    DamageError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
)
from modeldeck.store import files, places
from modeldeck.store.chain import folding
from modeldeck.store.ledger import entry_path, found, numbers, read_file
from modeldeck.store.signing import Signer, signer_from_file
from tests.store.ledger_writer import commit, make, opened, remark

HOLD = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""
AT = "2026-11-23T07:10:11.123456Z"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a founded workspace."""
    return make(tmp_path / "ws")


def test_commit_again_after_an_uncertain_end_is_one_entry(root: Path) -> None:
    """An intent whose acknowledgement was lost may be handed in again: it is one entry."""
    ledger = opened(root)
    intent = remark(ledger, "once")
    first = ledger.commit(intent, host="h")
    again = opened(root).commit(intent, host="h")
    assert (first.n, again.n) == (2, 2)
    assert numbers(root) == [1, 2]


def test_entry_files_are_read_only_and_chained(root: Path) -> None:
    """Mode 0444 whatever the umask; prev is the digest of the bytes before."""
    before = os.umask(0o077)
    try:
        commit(opened(root))
    finally:
        os.umask(before)
    assert entry_path(root, 2).stat().st_mode & 0o777 == 0o444
    first, second = (entry_path(root, n).read_bytes() for n in (1, 2))
    assert read_entry(second).prev == read_entry(first).digest
    assert not list(places.tmp_folder(root).rglob("*.tmp"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"\0" * len(data),
        lambda data: b"[" * 5000,
    ],
)
def test_damaged_entry_stops_the_fold_and_writing(
    root: Path, damage: Callable[[bytes], bytes]
) -> None:
    """A reader stops before what it cannot read, and writes no more."""
    ledger = opened(root)
    for _ in range(3):
        commit(ledger)
    path = entry_path(root, 3)
    data = damage(path.read_bytes())
    path.chmod(0o644)
    path.write_bytes(data)
    again = opened(root)
    assert again.state.n == 2
    assert again.state.stopped
    with pytest.raises(TamperingError, match="Nothing more is recorded"):
        commit(again)
    assert numbers(root) == [1, 2, 3, 4]


def test_missing_entry_in_the_middle_is_noticed(root: Path) -> None:
    """A hole in the numbers stops the fold there, however many entries are missing."""
    ledger = opened(root)
    for _ in range(4):
        commit(ledger)
    entry_path(root, 3).unlink()
    entry_path(root, 4).unlink()
    again = opened(root)
    assert "Entry 3 is missing" in again.state.stopped
    with pytest.raises(TamperingError):
        commit(again)


def test_entries_that_come_while_one_reads_are_not_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a look at a number and a look at the next, others commit both: nothing is wrong."""
    reader, writer = opened(root), opened(root)
    late = iter((True, False))

    def slow(folder: Path, n: int) -> tuple[bytes, int]:
        try:
            return read_file(folder, n)
        except NotFoundError:
            if n == 2 and next(late):
                with monkeypatch.context() as patch:
                    patch.setattr(folding, "read_file", read_file)
                    commit(writer)
                    commit(writer)
            raise

    monkeypatch.setattr(folding, "read_file", slow)
    assert reader.refresh() == 2
    assert reader.state.stopped == ""


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_damaged_entry_ends_the_reading_wherever_it_lies(
    root: Path, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read ahead, some entries at once, ends where one after the other would."""
    monkeypatch.setattr(folding, "_AHEAD", 2)
    writer = opened(root)
    for _ in range(6):
        commit(writer)
    entry_path(root, n).chmod(0o644)
    entry_path(root, n).write_bytes(b"{}\n")
    reader = opened(root)
    assert (reader.state.n, reader.state.stopped[:7]) == (n - 1, f"Entry {n}")
    assert reader.state.head == writer.state.activity[n - 2].digest


def test_entry_of_another_kind_of_file_is_refused_without_hanging(root: Path) -> None:
    """A pipe or a link in the ledger neither hangs the reader nor is followed."""
    os.mkfifo(entry_path(root, 2))
    assert "cannot be read" in opened(root).state.stopped
    entry_path(root, 2).unlink()
    entry_path(root, 2).symlink_to(entry_path(root, 1))
    assert "cannot be read" in opened(root).state.stopped


def test_void_entries_change_nothing_and_stop_nothing(root: Path) -> None:
    """A stranger's entry, an unknown action, another workspace: visible with a reason, no more."""
    ledger = opened(root)
    state = ledger.state
    here, head = state.workspace, state.head
    known: tuple[str, str, dict[str, Json]] = (
        "annotation.add",
        "model:churn",
        {"object": "0" * 64},
    )
    bad = [
        Intent("v1", "eve", *known, here, head),
        Intent("v2", "ann", "world.end", "model:churn", {}, here, head),
        Intent("v3", "ann", *known, "f" * 64, head),
        Intent("v4", "ann", *known, here, "e" * 64),
        Intent("v5", "ann", *known, here, head, "x"),
    ]
    for intent in bad:
        data = entry_bytes(
            intent,
            n=ledger.state.n + 1,
            prev=ledger.state.head,
            at=AT,
            host="h",
        )
        files.write_new(entry_path(root, ledger.state.n + 1), data)
        ledger.refresh()
    lines = ledger.state.activity[1:]
    assert [line.is_void for line in lines] == [True] * 5
    assert [bool(line.reason) for line in lines] == [True] * 5
    assert not ledger.state.annotations
    assert not commit(ledger).is_void


def test_oversized_entry_is_void_and_refused_to_write(root: Path) -> None:
    """More than 64 KiB is refused when written and void when found."""
    ledger = opened(root)
    with pytest.raises(Exception, match="at most 65,536"):
        commit(ledger, size=70_000)
    intent = remark(ledger, "big", size=65_000)
    data = entry_bytes(intent, n=2, prev=ledger.state.head, at=AT, host="h")
    value = json.loads(data)
    value["subject"] += "x" * 2000
    files.write_new(entry_path(root, 2), canonical(value) + b"\n")
    ledger.refresh()
    assert ledger.state.activity[-1].reason == "it is larger than an entry may be"


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":1.5}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":"\\u007f"}',
        b'{"a":"\\ud800"}',
        b'{"a":null}',
        b"[]",
        b"",
        b"\xff",
    ],
)
def test_loose_json_is_no_entry(text: bytes) -> None:
    """Duplicate keys, fractions, huge numbers, odd characters and other shapes are refused."""
    with pytest.raises(DamageError):
        read_entry(text)


def test_found_twice_is_a_conflict(root: Path) -> None:
    """Entry 1 exists once."""
    intent = Intent("again", "ann", "workspace.found", "workspace:test", {}, "", "")
    with pytest.raises(ConflictError, match="already"):
        found(root, intent, host="h")


def test_readers_take_no_lock(root: Path) -> None:
    """A reader folds everything while another process holds the writers' lock."""
    commit(opened(root))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD,
            str(places.lock_file(root)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert opened(root).state.n == 2
    finally:
        holder.kill()
        holder.communicate()


def test_owner_evidence_follows_the_files_owner(tmp_path: Path) -> None:
    """An entry whose file belongs to its author's account is at level owner; others are claimed."""
    root = make(tmp_path / "ws", uid=os.geteuid())
    ledger = opened(root)
    assert commit(ledger).level == Level.OWNER
    if os.geteuid() != 0:
        pytest.skip("changing a file's owner needs root")
    commit(ledger)
    os.chown(entry_path(root, 3), 4711, -1)
    assert [line.level for line in opened(root).state.activity[1:]] == [Level.OWNER, Level.CLAIMED]


def test_owner_evidence_is_absent_when_entry_1_has_another_owner(tmp_path: Path) -> None:
    """After a copy under another account, owners say nothing."""
    root = make(tmp_path / "ws", uid=os.geteuid() + 1)
    ledger = opened(root)
    assert ledger.owners_differ
    assert commit(ledger).level == Level.CLAIMED


needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing")


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    """Return a fresh key without a passphrase."""
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), "-C", "ann"]
    subprocess.run(command, check=True)
    return signer_from_file(str(path))


@needs_ssh
def test_signed_entry_reaches_the_level_signed(tmp_path: Path, signer: Signer) -> None:
    """A signature by the author's key lifts the entry; it survives a lost race for the number."""
    root = make(tmp_path / "ws", keys=(signer.public,))
    ledger = opened(root)
    intent = remark(ledger)
    signature = signer.sign(signed_bytes(intent), may_ask=False)
    signed = _changed(intent, signature=signature)
    commit(opened(root))
    assert ledger.commit(signed, host="h").level == Level.SIGNED


@needs_ssh
@pytest.mark.parametrize("field", ["id", "subject", "head", "body"])
def test_signature_over_other_bytes_is_void(tmp_path: Path, signer: Signer, field: str) -> None:
    """Changing any signed field afterwards makes the entry void."""
    root = make(tmp_path / "ws", keys=(signer.public,))
    ledger = opened(root)
    commit(ledger)
    intent = remark(ledger)
    signature = signer.sign(signed_bytes(intent), may_ask=False)
    changed: dict[str, object] = {
        "id": "other",
        "subject": "model:other",
        "head": read_entry(entry_path(root, 1).read_bytes()).digest,
        "body": {"object": "1" * 64},
    }
    forged = _changed(intent, **{"signature": signature, field: changed[field]})
    with pytest.raises(NotPermittedError, match="counts for nothing") as raised:
        ledger.commit(forged, host="h")
    assert "signature" in raised.value.hint


@needs_ssh
def test_signature_by_a_strangers_key_is_void(tmp_path: Path, signer: Signer) -> None:
    """A valid signature under a key that the author does not have counts for nothing."""
    root = make(tmp_path / "ws")
    ledger = opened(root)
    intent = remark(ledger)
    signature = signer.sign(signed_bytes(intent), may_ask=False)
    with pytest.raises(NotPermittedError, match="counts for nothing"):
        ledger.commit(_changed(intent, signature=signature), host="h")


@needs_ssh
@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is missing")
def test_signed_bytes_are_what_jq_prints(root: Path) -> None:
    """An auditor gets the signed bytes of an entry with jq alone."""
    ledger = opened(root)
    intent = Intent("i", "ann", "a.b", 'model:é\n\u2028\t"', {"b": ["x", True], "a": -1}, "w", "h")
    data = entry_bytes(intent, n=2, prev=NO_PREV, at=AT, host="h")
    picked = "{action, body, by, head, id, subject, workspace}"
    done = subprocess.run(["jq", "-cjS", picked], input=data, capture_output=True, check=True)
    assert done.stdout == signed_bytes(intent)
    assert ledger.state.n == 1


def _changed(intent: Intent, **values: Any) -> Intent:  # noqa: ANN401 -- a hostile writer may put anything there
    return replace(intent, **values)
