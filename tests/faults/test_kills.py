"""Writers that are killed with -9: at random moments, and at every system call."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from modeldeck.store import places
from modeldeck.store.ledger import numbers
from tests.faults import strace
from tests.faults.children import Nursery, Said
from tests.faults.operations import OPERATIONS, Operation
from tests.store.ledger_writer import commit, make, opened

WRITERS = 4
SIZES = (0, 900, 20_000)
ROUNDS_OF_A_WORKSPACE = 5


def kill_writers(nursery: Nursery, folder: Path, *, kills: int, rng: random.Random) -> None:
    """Kill four writers again and again; what they acknowledged is there, as it was."""
    rounds = -(-kills // WRITERS)
    for first in range(0, rounds, ROUNDS_OF_A_WORKSPACE):
        root = make(folder / f"ws{first}")
        reader = opened(root)
        acknowledged: list[Said] = []
        for number in range(first, min(rounds, first + ROUNDS_OF_A_WORKSPACE)):
            acknowledged += kill_round(nursery, root, number=number, rng=rng)
            reader.refresh()
            assert not reader.state.stopped
            assert all(
                reader.state.activity[one["n"] - 1].digest == one["digest"] for one in acknowledged
            )
        again = opened(root)
        assert (again.state.n, again.state.head) == (reader.state.n, reader.state.head)
        assert numbers(root) == [*range(1, again.state.n + 1)]
        assert all(again.state.ids[one["ack"]] == one["n"] for one in acknowledged)
        assert commit(again).n == reader.state.n + 1


def kill_round(nursery: Nursery, root: Path, *, number: int, rng: random.Random) -> list[Said]:
    """Let four writers commit, and kill each at a moment of its own; return what they said."""
    wanted = [
        (
            "write_ledger",
            {"root": root, "name": f"{number}-{n}", "count": 100_000, "size": rng.choice(SIZES)},
        )
        for n in range(WRITERS)
    ]
    with nursery.children(wanted) as writers:
        for writer in writers:
            writer.go()
        said = [one for one in [writers[0].next()] if one is not None]
        for writer in rng.sample(writers, len(writers)):
            until = time.monotonic() + rng.uniform(0.0, 0.01)
            while time.monotonic() < until:
                pass
            writer.kill()
        for writer in writers:
            said += writer.all()
    crashes = [one["crash"] for one in said if "crash" in one]
    assert not crashes, crashes[0]
    return said


def test_writers_killed_at_random_moments_lose_nothing_acknowledged(
    nursery: Nursery, memory: Path, rng: random.Random
) -> None:
    """Twenty times kill -9: every acknowledged entry stays with its number and digest."""
    kill_writers(nursery, memory, kills=20, rng=rng)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_killed_writers_lose_nothing_acknowledged(
    nursery: Nursery, tmp_path: Path, rng: random.Random
) -> None:
    """The same a thousand times, on the disk."""
    kill_writers(nursery, tmp_path, kills=1000, rng=rng)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_twenty_thousand_killed_writers_lose_nothing_acknowledged(
    nursery: Nursery, tmp_path: Path, rng: random.Random
) -> None:
    """The same twenty thousand times, on the disk."""
    kill_writers(nursery, tmp_path, kills=20_000, rng=rng)


def kill_at_each(
    nursery: Nursery, root: Path, *, operation: Operation, sample: int, rng: random.Random
) -> None:
    """Kill an operation before each of its calls, or before as many of them as a sample takes."""
    (root / "modeldeck.toml").write_text("")
    for n in range(256):  # else how many calls a deed makes depends on digests, which are chance
        (places.objects_folder(root) / f"{n:02x}").mkdir(parents=True, exist_ok=True)
    output = root.parent / "trace"
    for key in ("first", "warm"):  # folders that only the first one makes are calls of their own
        said = strace.run(nursery.child(operation.deed, root=root, key=key), output=output)
        operation.check(root, key, said)
    calls = strace.own_calls(output)
    for n in sorted(rng.sample(range(len(calls)), min(sample, len(calls)))):
        kill_at(nursery, root, operation=operation, call=calls[n], key=f"k{n}")


@pytest.mark.usefixtures("needs_strace")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.deed)
def test_operation_killed_at_a_system_call_is_whole_or_absent(
    nursery: Nursery, root: Path, operation: Operation, rng: random.Random
) -> None:
    """Killed before some of its calls: acknowledged is kept, nothing is half, all goes on."""
    kill_at_each(nursery, root, operation=operation, sample=operation.sample, rng=rng)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("needs_strace")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.deed)
def test_operation_killed_at_each_system_call_is_whole_or_absent(
    nursery: Nursery, root: Path, operation: Operation, rng: random.Random
) -> None:
    """The same before each of its calls."""
    kill_at_each(nursery, root, operation=operation, sample=1000, rng=rng)


def kill_at(
    nursery: Nursery, root: Path, *, operation: Operation, call: strace.Call, key: str
) -> None:
    """Kill a child before one of its system calls.

    A call that names an object may be missing, where what was to be kept is there; then all was
    done.
    """
    child = nursery.child(operation.deed, root=root, key=key)
    inject = f"{call.name}:signal=KILL:when={call.nth}"
    said = strace.run(child, inject=inject, output=root.parent / "killed")
    assert not any("crash" in one for one in said), said
    is_done = call.is_of_an_object() and said == [{"ack": key}]
    assert not said or is_done, f"{call} was not reached"
    operation.check(root, key, said)
