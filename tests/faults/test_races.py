"""Processes that come in each other's way: writers, readers, races for one slot, one object."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from modeldeck.domain.entry import digest_of
from modeldeck.store.ledger import Ledger, numbers
from modeldeck.store.objects import ObjectStore
from tests.faults import slots
from tests.faults.children import Nursery, Said
from tests.faults.slots import make_slot
from tests.store.ledger_writer import make, opened

WRITERS = 8


def heard(nursery: Nursery, wanted: list[tuple[str, dict[str, object]]]) -> list[list[Said]]:
    """Let children go at once; return what each of them said."""
    with nursery.children(wanted) as found:
        for one in found:
            one.ready()
        for one in found:
            one.go()
        said = [one.all() for one in found]
    crashes = [one["crash"] for each in said for one in each if "crash" in one]
    assert not crashes, crashes[0]
    return said


def commit_at_once(nursery: Nursery, root: Path, *, each: int) -> None:
    """Let eight processes commit; every acknowledged entry is there once, as acknowledged."""
    wanted = [
        ("write_ledger", {"root": root, "name": f"w{n}", "count": each}) for n in range(WRITERS)
    ]
    said = [one for each_said in heard(nursery, wanted) for one in each_said]
    ledger = opened(root)
    assert not ledger.state.stopped
    assert len(said) == WRITERS * each == ledger.state.n - 1
    assert numbers(root) == [*range(1, ledger.state.n + 1)]
    assert {one["ack"]: one["n"] for one in said} == {
        key: n for key, n in ledger.state.ids.items() if n > 1
    }
    assert all(ledger.state.activity[one["n"] - 1].digest == one["digest"] for one in said)


def test_eight_processes_that_commit_at_once_lose_nothing(nursery: Nursery, root: Path) -> None:
    """160 entries: each is there once, with the number and digest that its author was told."""
    commit_at_once(nursery, root, each=20)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_eight_thousand_commits_at_once_lose_nothing(nursery: Nursery, tmp_path: Path) -> None:
    """The same with a thousand each, on the disk."""
    commit_at_once(nursery, make(tmp_path / "ws"), each=1000)


def race_for_a_slot(nursery: Nursery, folder: Path, *, how: str, processes: int, each: int) -> None:
    """Let processes deploy to one endpoint; exactly one wins each of its generations."""
    root = make_slot(folder / "ws", people=processes, deploy="manual" if how == "start" else "")
    wanted = [("race", {"root": root, "me": n, "count": each}) for n in range(processes)]
    tries = [one for each_said in heard(nursery, wanted) for one in each_said]
    won = [one for one in tries if one["won"]]
    endpoint = opened(root).state.endpoints["churn@production"]
    assert len(tries) == processes * each
    assert Counter(one["generation"] for one in won) == Counter(range(endpoint.generation))
    for one in tries:
        if not one["won"]:
            assert one["error"] == "ConflictError", one
            assert "changed since you looked" in one["message"] or "meanwhile" in one["message"]
    last = next(one for one in won if one["generation"] == endpoint.generation - 1)
    assert endpoint.pointer.version == last["version"]
    assert not any(one.is_void for one in opened(root).state.activity)


@pytest.mark.parametrize("how", ["start", "vote"])
def test_race_for_one_slot_has_one_winner_each_time(
    nursery: Nursery, memory: Path, how: str
) -> None:
    """Of those who start, or approve, at the same state one wins; the others are told why not."""
    race_for_a_slot(nursery, memory, how=how, processes=8, each=5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", ["start", "vote"])
def test_four_thousand_races_for_one_slot_have_one_winner_each(
    nursery: Nursery, memory: Path, how: str
) -> None:
    """The same by eight processes, five hundred times each."""
    race_for_a_slot(nursery, memory, how=how, processes=8, each=500)


def race_for_the_last_vote(
    nursery: Nursery, folder: Path, rng: random.Random, *, n_times: int
) -> None:
    """Let eight people vote at once where three approvals decide, and one rejection does."""
    root = make_slot(folder / "ws", people=WRITERS, approvals=3)
    ledger = opened(root)
    wanted: list[tuple[str, dict[str, object]]] = [
        ("vote_last", {"root": root, "me": n}) for n in range(WRITERS)
    ]
    with nursery.children(wanted) as voters:
        for one in voters:
            one.ready().go()
        for count in range(n_times):
            release = _waiting(ledger, count)
            verdicts = ["approve"] * WRITERS
            if count % 2:
                verdicts[rng.randrange(WRITERS)] = "reject"
            for one, verdict in zip(voters, verdicts, strict=True):
                one.tell(release=release, verdict=verdict)
            for one in voters:
                assert one.next() == {"looked": release}
            for one in rng.sample(voters, WRITERS):
                one.tell(go=True)
            said = [one.next() or {} for one in voters]
            ledger.refresh()
            _decided_once(ledger, release, said=said)
        for one in voters:
            one.kill()
            one.all()


def _waiting(ledger: Ledger, count: int) -> str:
    version = slots.register(ledger, "m0", f"version {count}")
    looked = slots.base(ledger.state, version)
    release = slots.request(ledger, "m0", version=version, looked=looked)
    slots.report(ledger, "m0", version=version, looked=looked)
    return release


def _decided_once(ledger: Ledger, release: str, *, said: list[Said]) -> None:
    """One decision, by the last vote that was taken; whoever came later was told what it was."""
    known = ledger.state.releases[release]
    taken = [one["ack"] for one in said if "ack" in one]
    assert len(known.votes) == len(taken)
    assert known.votes[-1].by == known.decided_by
    if known.status == "rejected":
        assert taken.count("reject") == 1
        assert taken.count("approve") < 3
        assert known.votes[-1].verdict == "reject"
    else:
        assert known.status == "deploying"
        assert taken == ["approve"] * 3
        assert ledger.state.endpoints[slots.ENDPOINT].pointer.release == release
    for one in said:
        if "ack" not in one:
            assert one["error"] == "ConflictError", one
            assert f"{release} is {known.status}" in one["message"], one
    assert not any(one.is_void for one in ledger.state.activity[-len(taken) :])


def test_votes_cast_at_once_give_one_decision(
    nursery: Nursery, memory: Path, rng: random.Random
) -> None:
    """Ten times eight processes: as many votes as decide are taken, and the rest are told."""
    race_for_the_last_vote(nursery, memory, rng, n_times=10)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_votes_cast_at_once_give_one_decision_five_hundred_times(
    nursery: Nursery, memory: Path, rng: random.Random
) -> None:
    """The same five hundred times."""
    race_for_the_last_vote(nursery, memory, rng, n_times=500)


def read_beside_writers(nursery: Nursery, root: Path, *, readers: int, reads: int) -> None:
    """Let some read while others write; what each saw is one history, never half of anything."""
    writers = [("write_pairs", {"root": root, "name": f"w{n}"}) for n in range(2)]
    looking = [("read", {"root": root, "count": reads}) for _ in range(readers)]
    with nursery.children(writers) as writing:
        for one in writing:
            one.go()
            assert one.next()
        said = heard(nursery, [*looking])
        for one in writing:
            one.kill()
        acknowledged = [line for one in writing for line in one.all()]
    final = opened(root)
    assert not final.state.stopped
    assert all(line["ack"] in final.state.ids for line in acknowledged)
    for each in said:
        heads = [(one["n"], one["head"]) for one in each if "head" in one]
        assert heads == sorted(heads, key=lambda one: one[0])
        assert all(final.state.heads[head] == n for n, head in heads)
        assert each[-1] == {"ack": reads}


def test_readers_beside_writers_see_one_whole_history(nursery: Nursery, root: Path) -> None:
    """200 reads each: never back, never a gap, never an entry whose object is missing."""
    read_beside_writers(nursery, root, readers=2, reads=200)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_eighty_thousand_reads_beside_writers_see_one_whole_history(
    nursery: Nursery, root: Path
) -> None:
    """The same by four readers, twenty thousand times each."""
    read_beside_writers(nursery, root, readers=4, reads=20_000)


def put_at_once(nursery: Nursery, root: Path, *, each: int) -> None:
    """Let eight processes put the same objects and some of their own; each is there once."""
    wanted = [("put_many", {"root": root, "me": n, "count": each}) for n in range(WRITERS)]
    said = heard(nursery, wanted)
    store = ObjectStore(root)
    data = {b"same %d" % n for n in range(each)}
    data |= {b"own %d %d" % (me, n) for n in range(each) for me in range(WRITERS)}
    stored = {path.name: path for path in store.folder.rglob("*") if path.is_file()}
    assert stored.keys() == {digest_of(one) for one in data}
    for one in data:
        path = stored[digest_of(one)]
        assert path.read_bytes() == one
        assert path.stat().st_mode & 0o777 == 0o444
        assert path.stat().st_nlink == 1
    assert all(each_said[-1] == {"ack": each} for each_said in said)
    assert not list(store.tmp.rglob("*.tmp"))


def test_object_put_by_eight_processes_at_once_is_one_file(nursery: Nursery, root: Path) -> None:
    """Forty each, the same and others: one file with the right bytes, read-only, nothing left."""
    put_at_once(nursery, root, each=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_five_hundred_objects_put_by_eight_processes_are_one_file_each(
    nursery: Nursery, root: Path
) -> None:
    """The same with five hundred each."""
    put_at_once(nursery, root, each=500)
