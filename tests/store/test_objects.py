"""Objects on disk: whole or not at all, durable with their folders, mended when damaged."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from modeldeck.domain.entry import digest_of
from modeldeck.errors import DamageError, NotPermittedError, UnavailableError
from modeldeck.store import files
from modeldeck.store.objects import ObjectStore
from tests.store.faults import failing

Put = Callable[[ObjectStore, bytes], str]
DATA = b"hello world"
WRITER = """
import sys
from pathlib import Path
from modeldeck.store.objects import ObjectStore
store = ObjectStore(Path(sys.argv[1]))
for n in range(60):
    store.put(b"%d" % (n % 20))
"""


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    """Return an empty store."""
    found = ObjectStore(tmp_path)
    files.make_folder(found.tmp)
    return found


def put_file(store: ObjectStore, data: bytes) -> str:
    """Store bytes by way of a file."""
    source = store.folder.parent.parent / "source"
    source.write_bytes(data)
    digest, size = store.put_file(source)
    assert size == len(data)
    return digest


def put(store: ObjectStore, data: bytes) -> str:
    """Store bytes."""
    return store.put(data)


PUTS = pytest.mark.parametrize("how", [put, put_file])


@PUTS
def test_object_is_read_only_and_reads_back(store: ObjectStore, how: Put) -> None:
    """Its name is the digest of its bytes; nothing else stays behind."""
    digest = how(store, DATA)
    assert digest == digest_of(DATA)
    assert store.read(digest) == DATA
    assert store.path(digest).stat().st_mode & 0o777 == 0o444
    assert how(store, DATA) == digest
    assert not list(store.tmp.rglob("*.tmp"))


@PUTS
@pytest.mark.parametrize("damage", [b"hel", b"hello worle", b"", b"hello world and more"])
def test_damaged_object_is_mended_by_storing_it_again(
    store: ObjectStore, how: Put, damage: bytes
) -> None:
    """Nobody is told that an object is there when other bytes lie in its place."""
    digest = how(store, DATA)
    path = store.path(digest)
    path.chmod(0o644)
    path.write_bytes(damage)
    assert how(store, DATA) == digest
    assert store.read(digest) == DATA
    assert path.stat().st_mode & 0o777 == 0o444


@PUTS
def test_link_in_the_place_of_an_object_is_replaced(store: ObjectStore, how: Put) -> None:
    """A link is no object, even if it leads to the right bytes."""
    path = store.path(digest_of(DATA))
    path.parent.mkdir(parents=True)
    elsewhere = store.tmp / "elsewhere"
    elsewhere.write_bytes(DATA)
    path.symlink_to(elsewhere)
    how(store, DATA)
    assert not path.is_symlink()
    assert store.read(digest_of(DATA)) == DATA


@PUTS
def test_damaged_object_that_may_not_be_replaced_is_named(
    store: ObjectStore, how: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a sticky folder only its owner can remove it."""
    path = store.path(how(store, DATA))
    path.chmod(0o644)
    path.write_bytes(b"hel")

    def refuse(temporary: Path, target: Path) -> None:
        raise NotPermittedError(str(target))

    monkeypatch.setattr(files, "move", refuse, raising=False)
    with pytest.raises(DamageError, match="other bytes"):
        how(store, DATA)


@PUTS
def test_folders_of_objects_are_brought_to_the_disk(
    store: ObjectStore, how: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before put returns, every name on the way to the object is durable, whoever made it."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    path = store.path(how(store, DATA))
    on_the_way = [str(path.parent), str(store.folder), str(store.folder.parent)]
    assert set(on_the_way) <= set(synced)
    synced.clear()
    how(ObjectStore(store.folder.parent.parent), DATA)  # another process made it all
    assert set(on_the_way[:2]) <= set(synced)


@PUTS
@pytest.mark.parametrize("name", ["open", "write", "fchmod", "fsync", "link", "lstat", "fstat"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EMFILE])
def test_put_that_fails_at_any_call_may_be_tried_again(
    store: ObjectStore,
    how: Put,
    name: str,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error is one of ours, half of an object is never there, and once again helps."""
    for nth in range(1, 30):
        data = b"%d" % nth
        with failing(monkeypatch, name, nth=nth, number=number) as calls:
            with suppress(UnavailableError):
                how(store, data)
            done = calls[0] < nth
        path = store.path(digest_of(data))
        assert not path.exists() or path.read_bytes() == data
        assert store.read(how(store, data)) == data
        if done:
            break


def test_writers_at_once_store_each_object_once_and_whole(store: ObjectStore) -> None:
    """Four processes that store the same contents do not meet."""
    root = store.folder.parent.parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, str(root)]
    writers = [subprocess.Popen(command, env=environment) for _ in range(4)]
    assert [one.wait(60) for one in writers] == [0] * 4
    stored = [path for path in store.folder.rglob("*") if path.is_file()]
    assert len(stored) == 20
    assert all(digest_of(path.read_bytes()) == path.name for path in stored)
    assert not list(store.tmp.rglob("*.tmp"))


def test_any_changed_bit_is_noticed(store: ObjectStore, rng: random.Random) -> None:
    """Wherever a bit flips, neither reading nor verifying takes it."""
    data = rng.randbytes(400)
    digest = store.put(data)
    path = store.path(digest)
    path.chmod(0o644)
    for _ in range(100):
        bit = rng.randrange(len(data) * 8)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        assert store.problem(digest, data=True)
        with pytest.raises(DamageError):
            store.read(digest)
