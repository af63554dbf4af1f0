"""Histories: clients that do everything at random, some of them killed; all explained afterwards.

The ledger itself is the order in which acts took place. That order, replayed by the plain model,
has to explain every acknowledgement and every refusal, and has to agree with the clock on what was
over before something else began.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.entry import Intent, read_entry, signed_bytes
from modeldeck.store.ledger import Ledger, entry_path
from tests.faults.children import Nursery, Said
from tests.faults.model import Model, model_of, propose, same
from tests.faults.slots import make_slot
from tests.store.ledger_writer import opened

CLIENTS = 6
OPERATIONS = 200


def history(nursery: Nursery, root: Path, *, seed: str, rng: random.Random) -> list[list[Said]]:
    """Let six clients act, and kill some that others then take the place of."""
    each = OPERATIONS // CLIENTS
    wanted: list[tuple[str, dict[str, object]]] = [
        ("client", {"root": root, "seed": f"{seed}-{n}", "count": each}) for n in range(CLIENTS)
    ]
    said: list[list[Said]] = []
    with nursery.children(wanted) as clients:
        for one in clients:
            one.ready()
        for one in clients:
            one.go()
        for n, one in enumerate(clients):
            heard = [one.next() for _ in range(rng.randrange(1, 2 * each))] if n % 2 else []
            if heard:
                one.kill()
            said.append([*(word for word in heard if word is not None), *one.all()])
    late = [
        nursery.child("client", root=root, seed=f"{seed}-late-{n}", count=each)
        for n in range(CLIENTS // 2)
    ]
    said += [one.go().all() for one in late]
    return said


def explain(ledger: Ledger, model: Model, said: list[list[Said]]) -> int:
    """Replay the ledger; return how many acts were done."""
    begun = {one["begun"]["id"]: one for each in said for one in each if "begun" in one}
    done = {one["ack"]: one for each in said for one in each if "ack" in one}
    refused = refusals(said)
    first = model.n
    for n in range(first, ledger.state.n + 1):
        for intent, error in refused[n]:
            assert model.refusal(intent) == error, (n, intent)
        if n == ledger.state.n:
            break
        entry = read_entry(entry_path(ledger.root, n + 1).read_bytes())
        intent = Intent(**begun[entry.id]["begun"])
        assert signed_bytes(entry) == signed_bytes(intent)
        assert not model.refusal(intent), (n, intent)
        model.take(intent)
        if entry.id in done:
            told = done.pop(entry.id)
            assert (told["n"], told["digest"]) == (entry.n, entry.digest)
    assert not done, "acknowledged and not there"
    same(model, ledger.state)
    return model.n - first


def refusals(said: list[list[Said]]) -> Mapping[int, list[tuple[Intent, str]]]:
    """Return what was refused, by the number of the last entry that its author knew then."""
    found: dict[int, list[tuple[Intent, str]]] = defaultdict(list)
    for each in said:
        for begun, end in itertools.pairwise(each):
            if "refused" in end:
                found[end["n"]].append((Intent(**begun["begun"]), end["refused"]))
    return found


def in_time(said: list[list[Said]]) -> None:
    """Assert that what began after something was acknowledged comes after it, or knew of it."""
    ended: list[tuple[float, int]] = []
    started: list[tuple[float, int]] = []
    for each in said:
        for begun, end in itertools.pairwise(each):
            if "begun" in begun and "n" in end:
                started.append((begun["after"], end["n"] - ("ack" in end)))
            if "ack" in end:
                ended.append((end["before"], end["n"]))
    for after, known in started:
        newest = max((n for before, n in ended if before < after), default=0)
        assert known >= newest, "an act that did not know of one that was acknowledged before"


def check(nursery: Nursery, folder: Path, *, count: int, seed: int) -> int:
    """Make so many histories and explain each; return how many acts were done."""
    acts = 0
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        root = make_slot(folder / f"ws{number}", people=3, deploy="manual", approvals=2)
        model = model_of(opened(root).state)
        said = history(nursery, root, seed=f"{seed}-{number}", rng=rng)
        crashes = [one["crash"] for each in said for one in each if "crash" in one]
        assert not crashes, crashes[0]
        ledger = opened(root)
        assert not ledger.state.stopped
        assert not any(one.is_void for one in ledger.state.activity)
        acts += explain(ledger, model, said)
        in_time(said)
    return acts


def test_histories_of_six_clients_are_explained_by_the_model(
    nursery: Nursery, memory: Path, seed: int
) -> None:
    """A history: what was done, acknowledged and refused follows from the ledger's order."""
    assert check(nursery, memory, count=1, seed=seed) > 30


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_histories_are_explained_by_the_model(
    nursery: Nursery, memory: Path, seed: int
) -> None:
    """The same two hundred times."""
    check(nursery, memory, count=200, seed=seed)


@pytest.mark.nightly
@pytest.mark.timeout(36_000)
def test_ten_thousand_histories_are_explained_by_the_model(
    nursery: Nursery, memory: Path, seed: int
) -> None:
    """The same ten thousand times."""
    check(nursery, memory, count=10_000, seed=seed)


def test_history_that_no_order_explains_is_noticed(nursery: Nursery, memory: Path) -> None:
    """An acknowledgement, a refusal or a moment that does not fit is found."""
    root = make_slot(memory / "ws", people=3, deploy="manual", approvals=2)
    said = history(nursery, root, seed="x", rng=random.Random(1))
    ledger = opened(root)
    founded = make_slot(memory / "other", people=3, deploy="manual", approvals=2)

    def explained(change: dict[str, Any]) -> None:
        changed = [[dict(one) for one in each] for each in said]
        line = next(one for each in changed for one in each if change.keys() <= one.keys())
        line.update(change)
        explain(ledger, model_of(opened(founded).state), changed)
        in_time(changed)

    explained({})
    for change in (
        {"ack": "nobody"},
        {"digest": "0" * 64},
        {"refused": "OtherError"},
        {"after": 1e12},
    ):
        with pytest.raises(AssertionError):
            explained(change)


def test_acts_of_all_kinds_are_done_in_histories(memory: Path) -> None:
    """Random acts reach every action, also a start and a server's report."""
    root = make_slot(memory / "ws", people=3, deploy="manual", approvals=2)
    ledger, rng = opened(root), random.Random(3)
    model = model_of(ledger.state)
    done = set()
    from tests.faults.model import ACTIONS, LIKELY

    for _ in range(4000):
        intent = propose(ledger.state, rng.choice(LIKELY), rng)
        if not model.refusal(intent):
            ledger.commit(intent, host="h")
            model.take(intent)
            done.add(intent.action)
        if done == set(ACTIONS):
            break
    assert done == set(ACTIONS)
    same(model, opened(root).state)
