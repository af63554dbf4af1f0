"""The core operations, and what must hold after each whatever happened to it.

Each check gets the workspace, the key of this time, and what the child said; it looks at what is
there, does the same again as somebody would who had no answer, and looks once more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.documents import RunDocument
from modeldeck.domain.entry import digest_of
from modeldeck.services.founding import init
from modeldeck.store.ledger import numbers
from modeldeck.store.runs import RunStore
from modeldeck.store.streams import Stream, StreamReader
from modeldeck.store.views import Catalogue
from tests.faults.children import Said
from tests.faults.deeds import RECORDS, again, catalogue_of, elsewhere, fresh_store
from tests.store.ledger_writer import opened


def is_acknowledged(said: list[Said]) -> bool:
    """Say whether a child said that it was done."""
    return any("ack" in one for one in said)


def check_ledger(root: Path, key: str, said: list[Said]) -> None:
    """What was acknowledged is there, nothing is broken, and once more is one entry."""
    ledger = opened(root)
    assert not ledger.state.stopped
    assert numbers(root) == [*range(1, ledger.state.n + 1)]
    assert key in ledger.state.ids or not is_acknowledged(said)
    assert key not in ledger.state.ids or not any("error" in one for one in said) or _perhaps(said)
    before = ledger.state.ids.get(key)
    done = ledger.commit(again(ledger, key), host="h")
    assert done.n == (before or ledger.state.n)
    assert [one for one in opened(root).state.ids if one == key] == [key]


def _perhaps(said: list[Said]) -> bool:
    return any(one.get("perhaps") for one in said)


def check_found(root: Path, key: str, said: list[Said]) -> None:
    """A founded workspace opens; half of one is none, and is founded by doing it again."""
    made = root / key
    is_there = bool(numbers(made))
    assert is_there or not is_acknowledged(said)
    if not is_there:
        init(made, owner="ann", trust="claimed")
    state = opened(made).state
    assert (state.stopped, state.name) == ("", key)
    assert state.member("server") or not is_acknowledged(said)


def check_object(root: Path, key: str, said: list[Said]) -> None:
    """An object is whole and read-only, or not there."""
    check_bytes(root, key, said)
    path = fresh_store(root, key).path(digest_of(key.encode()))
    assert path.stat().st_mode & 0o777 == 0o444


def check_bytes(root: Path, key: str, said: list[Said]) -> None:
    """An object is whole or not there."""
    store, digest = fresh_store(root, key), digest_of(key.encode())
    problem = store.problem(digest, data=True)
    assert problem in {"", "is missing"}
    assert not problem or not is_acknowledged(said)
    store.put(key.encode())
    assert store.read(digest) == key.encode()


def check_snapshot(root: Path, key: str, said: list[Said]) -> None:
    """The catalogue is that from before or the new one, and the next one is saved."""
    path = root / "views" / "catalogue.json"
    found = Catalogue(path)
    names = [one["name"] for one in found.all("models")]
    assert len(names) == found.applied
    assert names == ([found.head] if found.applied else [])
    catalogue_of(path, key).save(1, key)
    assert Catalogue(path).head == key


def check_head(root: Path, key: str, said: list[Said]) -> None:
    """The remembered head is one of this ledger, or none is remembered."""
    heads = opened(root).state.heads
    for path in (root / "state" / "modeldeck" / "heads").glob("*.json"):
        lines = [line for line in path.read_bytes().split(b"\n") if line.endswith(b"}")]
        assert lines
        assert {json.loads(line)["head"] for line in lines} <= {*heads}


def check_stream(root: Path, key: str, said: list[Said]) -> None:
    """Records stand in order, at most the last one is torn, and the next one is not glued to it."""
    path = root / "stream.jsonl"
    mine = [b'{"record":"%s-%d"}' % (key.encode(), n) for n in range(RECORDS)]
    found = [line for line in StreamReader(path).read() if b'"%s-' % key.encode() in line]
    assert found == mine[: len(found)]
    assert found == mine or not is_acknowledged(said)
    stream = Stream(path)
    stream.write(b'{"record":"after %s"}\n' % key.encode())
    stream.close()
    assert StreamReader(path).read()[-1] == b'{"record":"after %s"}' % key.encode()


def run_named(root: Path, name: str, *, folder: Path | None = None) -> RunDocument | None:
    """Return the run of a name, in a workspace or in another folder of months."""
    found = [one for one in RunStore(root, folder=folder).documents() if one["name"] == name]
    assert len(found) < 2
    return found[0] if found else None


def check_start(root: Path, key: str, said: list[Said]) -> None:
    """A run is there with all that its start says, or it is not there.

    What it logs on a failing disk may be missing: no training ends for a record's sake. Where its
    folder could not be made it went on elsewhere, from where it can be adopted.
    """
    run = run_named(root, key)
    for folder in elsewhere(root).glob("*") if run is None else ():
        run = run or run_named(folder, key, folder=folder)
    assert run is not None or not is_acknowledged(said)
    if run is not None:
        assert (run["status"], run["experiment"]) == ("running", "churn")
        assert [one["last"] for one in run["metrics"].values()] in ([], [0.5])


def check_finish(root: Path, key: str, said: list[Said]) -> None:
    """A run whose end was acknowledged has ended; until then it runs; its metrics stay."""
    run = run_named(root, key)
    assert run is not None
    assert run["status"] == "finished" or not is_acknowledged(said)
    assert run["status"] in {"finished", "running"}
    assert run["metrics"]["loss"]["last"] == 0.5


@dataclass(frozen=True)
class Operation:
    """A deed, and what must hold after it; ``sample`` is how many of its calls always run."""

    deed: str
    check: Callable[[Path, str, list[Said]], None]
    sample: int = 12


OPERATIONS = (
    Operation("commit", check_ledger),
    Operation("found", check_found),
    Operation("put", check_object),
    Operation("put_file", check_object),
    Operation("save", check_snapshot),
    Operation("remember", check_head),
    Operation("append", check_stream),
    Operation("start", check_start),
    Operation("finish", check_finish),
)
