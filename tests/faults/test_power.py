"""Power that is lost at any moment, with any part of what was not brought to the disk."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from modeldeck.store.runs import RunStore
from modeldeck.store.streams import Stream, StreamReader
from tests.faults import strace
from tests.faults.children import Nursery, Said
from tests.faults.crashes import Step, Tree, put_down, states, steps, synced, tree_of, without_sync
from tests.faults.deeds import RECORDS
from tests.faults.operations import (
    check_bytes,
    check_finish,
    check_found,
    check_head,
    check_ledger,
    check_snapshot,
    check_start,
    is_acknowledged,
    run_named,
)

pytestmark = pytest.mark.usefixtures("needs_strace")

State = tuple[Tree, list[bytes]]
Check = Callable[[Path, str, list[Said]], None]
KEY = "k"


@dataclass(frozen=True)
class Protocol:
    """How something is written: deeds one after the other, some of them killed at a call.

    ``deeds`` are names of deeds, each with the call at which it is killed, or nothing, and its key;
    ``before`` are deeds that were done, and are on the disk, when all begins.
    """

    name: str
    deeds: tuple[tuple[str, str, str], ...]
    check: Check
    before: tuple[str, ...] = ()


def check_stream_after_power_loss(root: Path, key: str, said: list[Said]) -> None:
    """Synced records are there, in order; others may be lost; the next one is not glued."""
    path = root / "stream.jsonl"
    wanted = [
        b'{"record":"%s-%d"}' % (one.encode(), n) for one in ("before", key) for n in range(RECORDS)
    ]
    sure = wanted if is_acknowledged(said) else wanted[:RECORDS]
    found = [line for line in StreamReader(path).read() if line in wanted]
    assert found == [line for line in wanted if line in found]
    assert set(sure) <= set(found)
    stream = Stream(path)
    stream.write(b"next\n")
    stream.close()
    assert StreamReader(path).read()[-1] == b"next"


def check_run(root: Path, key: str, said: list[Said]) -> None:
    """A run that ended, and was brought to the disk, has ended."""
    run = run_named(root, key)
    assert run is not None or not is_acknowledged(said)
    if run is not None and is_acknowledged(said):
        check_finish(root, key, said)
        assert [one["step"] for one in RunStore(root).metrics(run["id"])] == [0]


def check_started(root: Path, key: str, said: list[Said]) -> None:
    """A run that was brought to the disk is there with what it had logged."""
    check_start(root, key, said)
    if is_acknowledged(said):
        run = run_named(root, key)
        assert run is not None
        assert run["metrics"]["loss"]["last"] == 0.5


def check_kept(root: Path, key: str, said: list[Said]) -> None:
    """Both files are whole, or what was there before."""
    for name, before in (("new", None), ("replaced", b"before")):
        path = root / "kept" / name
        data = path.read_bytes() if path.exists() else None
        assert data in (before, None, key.encode())
        assert data == key.encode() or not is_acknowledged(said)


def once(deed: str, check: Check, *, before: bool = False, name: str = "") -> Protocol:
    """Return the protocol of one deed that nobody kills, perhaps after another one like it."""
    return Protocol(name or deed, ((deed, "", KEY),), check, (deed,) if before else ())


PROTOCOLS = (
    once("commit", check_ledger),
    Protocol("uncertain commit", (("commit", "fsync 3", KEY), ("commit", "", KEY)), check_ledger),
    Protocol(
        "commit on an uncertain one",
        (("commit", "fsync 3", "other"), ("commit", "", KEY)),
        check_ledger,
    ),
    once("found", check_found),
    once("put", check_bytes),
    once("put_file", check_bytes),
    Protocol("uncertain put", (("put", "fsync 4", KEY), ("put", "", KEY)), check_bytes),
    once("save", check_snapshot, before=True),
    once("remember", check_head),
    Protocol("later remember", (("remember", "", KEY),), check_head, ("remember", "commit")),
    once("append", check_stream_after_power_loss, before=True),
    once("start", check_started),
    once("start", check_started, before=True, name="later start"),
    once("finish", check_finish),
    once("run", check_run, before=True),
    once("keep", check_kept),
)


def recorded(nursery: Nursery, root: Path, protocol: Protocol) -> tuple[Tree, list[Step]]:
    """Run a protocol once; return what was on the disk before, and its steps."""
    (root / "modeldeck.toml").write_text("")
    output = root.parent / "trace"
    for deed in protocol.before:
        assert is_acknowledged(nursery.child(deed, root=root, key="before").go().all())
    found: list[Step] = []
    before: Tree | None = None
    for deed, killed_at, key in protocol.deeds:
        child = nursery.child(deed, root=root, key=key).ready()
        before = tree_of(root) if before is None else before
        name, _, nth = killed_at.partition(" ")
        inject = f"{name}:signal=KILL:when={nth}" if killed_at else ""
        strace.run(child, inject=inject, trace="%file,%desc", output=output)
        found += steps(strace.calls(output), root)
    assert before is not None
    return before, found


def violations(
    looked: Sequence[State], *, check: Check, root: Path, most: int = 1 << 30
) -> list[str]:
    """Look at states; return what is wrong with which, with so many at most."""
    found: list[str] = []
    place = root.parent / "lost"
    for tree, words in looked:
        put_down(tree, place)
        said = [json.loads(line) for line in words]
        try:
            check(place, KEY, said)
        except Exception as error:  # noqa: BLE001 -- whatever goes wrong is a violation
            found.append(f"{said}: {error!r:.500}")
        shutil.rmtree(place)
        if len(found) >= most:
            break
    return found


def is_of_a_copy(path: str, done: Sequence[Step]) -> bool:
    """Say whether a path is that of a ledger's entry that is kept as an object too.

    Whoever records an entry keeps the one before so; what is lost of that is only a copy.
    """
    objects = ".modeldeck/objects"
    names = [path, *(one.other for one in done if one.kind == "link" and one.path == path)]
    return any(objects in one for one in names)


def without_copies(done: Sequence[Step]) -> list[Step]:
    """Return the steps without those that keep entries as objects too."""
    return [
        one for one in done if not (is_of_a_copy(one.path, done) or is_of_a_copy(one.other, done))
    ]


def lose_power(
    nursery: Nursery, root: Path, *, protocol: Protocol, sample: int, rng: random.Random
) -> None:
    """Look at the states that a protocol may leave, or at a sample of so many."""
    before, done = recorded(nursery, root, protocol)
    assert any(one.kind == "say" and b"ack" in one.data for one in done)
    looked = list(states(before, done, rng=rng))
    assert len(looked) > 1
    looked = looked if len(looked) <= sample else rng.sample(looked, sample)
    found = violations(looked, check=protocol.check, root=root)
    assert not found, f"{len(found)} of {len(looked)} states, as {found[0]}"


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)
def test_loss_of_power_takes_nothing_that_was_acknowledged(
    nursery: Nursery, root: Path, protocol: Protocol, rng: random.Random
) -> None:
    """No state of any protocol contradicts what was promised; of many states, of a sample."""
    lose_power(nursery, root, protocol=protocol, sample=60, rng=rng)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)
def test_loss_of_power_in_every_state_takes_nothing_that_was_acknowledged(
    nursery: Nursery, root: Path, protocol: Protocol, rng: random.Random
) -> None:
    """The same of all states."""
    lose_power(nursery, root, protocol=protocol, sample=1 << 30, rng=rng)


UNNEEDED = {
    "uncertain put": (".tmp",),
    "save": (".tmp",),
    "remember": (".", "state", "modeldeck"),
    "finish": ("metrics.jsonl", "runs/"),
}
"""Ends of paths whose syncs promise nothing here.

Who put an object first was killed before it had a name. A snapshot proves itself by its checksum,
and the remembered head promises nothing beyond being one. What a run had logged before it ended was
on the disk already.
"""


def is_needed(protocol: Protocol, path: str) -> bool:
    """Say whether a protocol breaks its promise without this sync."""
    ends = UNNEEDED.get(protocol.name, ())
    is_month = "runs/" in ends and path.count("/") == 1
    return not is_month and not path.endswith(ends or ("\0",))


@pytest.mark.parametrize(
    "protocol",
    [one for one in PROTOCOLS if one.name not in {"found", "run"}],  # they have too many states
    ids=lambda one: one.name,
)
def test_every_fsync_left_out_is_found_by_the_search(
    nursery: Nursery, root: Path, protocol: Protocol, rng: random.Random
) -> None:
    """Without any one of the syncs there is a state that breaks the promise."""
    before, done = recorded(nursery, root, protocol)
    if protocol.check is check_ledger:
        done = without_copies(done)
    needed = [path for path in synced(done) if is_needed(protocol, path)]
    assert needed or protocol.name in {"save", "later remember"}
    for path in needed:
        less = without_sync(done, path)
        looked = list(states(before, less, rng=rng))[::-1]  # what was said last is broken first
        found = violations(looked, check=protocol.check, root=root, most=1)
        assert found, f"nobody would miss the sync of {path}"
