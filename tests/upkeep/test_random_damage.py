"""Damage at random places of every kind of file: what must be detected is, and views do not lie."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.domain.entry import digest_of
from modeldeck.services.founding import init
from modeldeck.store import ledger, witness
from modeldeck.store.objects import ObjectStore
from modeldeck.store.upkeep import mending
from modeldeck.store.verifying import Verifier
from modeldeck.workspace import Workspace
from tests.upkeep.conftest import CONFIG
from tests.upkeep.test_doctor import examined


@contextlib.contextmanager
def damaged(path: Path, data: bytes | None) -> Iterator[None]:
    """Put other bytes in a file's place, or nothing, for a while."""
    right, mode = path.read_bytes(), path.stat().st_mode & 0o7777
    path.chmod(0o644)
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(right)
        path.chmod(mode)


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Return bytes of which one bit is another."""
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def shortened(data: bytes, rng: random.Random) -> bytes:
    """Return the beginning of bytes."""
    return data[: rng.randrange(len(data))]


def seen(root: Path) -> tuple[int, str]:
    """Return the head that is remembered of a workspace."""
    found = witness.seen(digest_of(ledger.entry_path(root, 1).read_bytes()))
    assert found is not None
    return found[:2]


def is_noticed(root: Path, head: tuple[int, str]) -> bool:
    """Say whether the doctor's look at the chain finds something."""
    return bool(mending.look(root, seen=head) or mending.contradiction(root, seen=head))


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_every_flipped_bit_of_an_entry_or_object_is_noticed(
    root: Path, rng: random.Random, seed: int, count: int
) -> None:
    """Of 2,000 flips, at random places of entries, signatures among them, and objects: all."""
    head, store = seen(root), ObjectStore(root)
    entries = [ledger.entry_path(root, n) for n in ledger.numbers(root)]
    objects = [store.path(digest) for digest in store.digests()]
    missed = []
    for _ in range(count):
        path = rng.choice(entries + objects)
        with damaged(path, flipped(path.read_bytes(), rng)):
            if path in entries:
                found = is_noticed(root, head)
            else:
                found = bool(store.problem(path.name, data=True))
        if not found:
            missed.append(path)
    assert missed == [], seed


@pytest.mark.parametrize("count", [30, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("is_gone", [False, True])
def test_every_cut_or_missing_entry_or_object_is_noticed(
    root: Path, rng: random.Random, count: int, *, is_gone: bool
) -> None:
    """Cut at a random place, or removed: the last entry too, whose number is remembered."""
    head, store = seen(root), ObjectStore(root)
    entries = [ledger.entry_path(root, n) for n in ledger.numbers(root)]
    objects = [store.path(digest) for digest in store.digests()]
    for _ in range(count):
        path = rng.choice(entries + objects)
        with damaged(path, None if is_gone else shortened(path.read_bytes(), rng)):
            if path in entries:
                assert is_noticed(root, head), path
            else:
                assert store.problem(path.name, data=True), path


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.slow)])
def test_flipped_bits_of_signed_entries_are_noticed_without_any_memory(
    tmp_path: Path, rng: random.Random, count: int
) -> None:
    """Of the last entry, that no other one names, all that its signature covers is safe as well."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", str(key)], check=True)
    root = tmp_path / "signed"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG.replace('"claimed"', '"signed"'))
    init(root, owner="ann", keys=[str(key)], trust="signed")
    with Workspace.open(root, key=str(key)) as workspace:
        workspace.deck.commit(
            "annotation.add", "model:churn", body={"object": workspace.deck.objects.put(b"{}")}
        )
        n = workspace.deck.state.n
    path = ledger.entry_path(root, n)
    data = path.read_bytes()
    unsigned = ('"at":"', '"host":"')
    spans = [
        (data.index(name.encode()), data.index(b'",', data.index(name.encode())) + 2)
        for name in unsigned
    ]
    verifier = Verifier(None)
    for _ in range(count):
        changed = flipped(data, rng)
        at = next(i for i, (a, b) in enumerate(zip(data, changed, strict=True)) if a != b)
        if any(begin <= at < end for begin, end in spans):
            continue
        with damaged(path, changed):
            known = ledger.Ledger(root, verifier)
            known.refresh()
            is_void = known.state.n == n and known.state.activity[-1].is_void
            assert known.state.stopped or is_void or known.state.breaks, changed


def kinds(root: Path, cache: Path) -> list[Path]:
    """Return a file of every kind that is stored."""
    run = next((root / "runs").glob("*/*"))
    store = ObjectStore(root)
    return [
        root / "modeldeck.toml",
        *(run / name for name in ("run.json", "end.json", "metrics.jsonl", "output.log")),
        *(ledger.entry_path(root, n) for n in ledger.numbers(root)),
        *(store.path(digest) for digest in store.digests()),
        cache / "catalogue.json",
        witness.path_of(digest_of(ledger.entry_path(root, 1).read_bytes())),
    ]


def test_doctor_ends_with_a_report_whatever_is_damaged(
    root: Path, rng: random.Random, seed: int
) -> None:
    """A flip, a cut or a loss anywhere: a whole report, with exit codes that are documented."""
    with Workspace.open(root) as workspace:
        cache = workspace.deck.cache
        before = workspace.models.versions()
    for path in kinds(root, cache):
        if not path.exists() or not path.stat().st_size or path.name == "modeldeck.toml":
            continue
        data = path.read_bytes()
        bad = rng.choice([flipped(data, rng), shortened(data, rng), None])
        with damaged(path, bad):
            found = examined(root)
            assert found["exit_code"] in {0, 10, 11, 12}, (path, seed)
            assert len(found["checks"]) >= 15
        shutil.rmtree(cache, ignore_errors=True)
        with Workspace.open(root) as workspace:
            assert workspace.models.versions() == before, (path, seed)


def test_repairs_of_a_random_damage_leave_no_damage_of_entries_with_copies(
    root: Path, rng: random.Random, seed: int
) -> None:
    """Whichever entry but the last is damaged, and however: it has its bytes again."""
    right = {n: ledger.entry_path(root, n).read_bytes() for n in ledger.numbers(root)[:-1]}
    head = seen(root)
    for _ in range(20):
        n = rng.choice(list(right))
        path = ledger.entry_path(root, n)
        path.chmod(0o644)
        path.write_bytes(rng.choice([flipped, shortened])(right[n], rng))
        for one in mending.look(root, seen=head):
            assert mending.reason_against(root, one, seen=head) == "", seed
            with Workspace.open(root) as workspace:
                mending.heal(root, one, now=workspace.deck.now())
        assert path.read_bytes() == right[n], seed
