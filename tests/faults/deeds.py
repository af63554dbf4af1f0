"""What children do. Each deed waits at the gate, does one thing, and says what became of it."""

from __future__ import annotations

import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import modeldeck
from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, digest_of
from modeldeck.errors import ModelDeckError
from modeldeck.services.founding import init
from modeldeck.store import files, queueing, witness
from modeldeck.store.ledger import Ledger
from modeldeck.store.objects import ObjectStore
from modeldeck.store.streams import Stream
from modeldeck.store.views import Catalogue
from modeldeck.tracking import pulse
from modeldeck.tracking.around import surroundings
from tests.faults import slots
from tests.faults.children import Line, gate
from tests.faults.model import LIKELY, propose
from tests.store.ledger_writer import commit, opened, remark

RECORDS = 3


@contextmanager
def telling(line: Line, key: object) -> Iterator[None]:
    """Acknowledge what was done, or say which error came."""
    try:
        yield
    except ModelDeckError as error:
        line.say(
            error=type(error).__name__,
            message=error.message,
            hint=error.hint,
            perhaps=bool(error.data.get("perhaps_saved")),
        )
    else:
        line.say(ack=key)


def _at_home(root: str) -> None:
    os.environ["XDG_STATE_HOME"] = str(Path(root) / "state")
    os.environ["XDG_CACHE_HOME"] = str(Path(root) / "cache")


def nothing(line: Line) -> None:
    """Do nothing, to see whether strace works."""
    gate(line)
    Path("/").stat()
    line.say(ack="")


def again(ledger: Ledger, key: str) -> Intent:
    """Return what somebody hands in who has no answer: the bytes that are there, if any are."""
    intent, n = remark(ledger, key), ledger.state.ids.get(key)
    return intent if n is None else replace(intent, head=ledger.state.activity[n - 2].digest)


def do_commit(line: Line, root: str, key: str) -> None:
    """Commit one annotation under a given id: the very same one, if it is there already."""
    ledger = opened(Path(root))
    intent = again(ledger, key)
    gate(line)
    with telling(line, key):
        ledger.commit(intent, host="h")


def do_found(line: Line, root: str, key: str) -> None:
    """Found a workspace."""
    _at_home(root)
    gate(line)
    with telling(line, key):
        init(Path(root) / key, owner="ann", trust="claimed")


def fresh_store(root: str | Path, key: str) -> ObjectStore:
    """Return a store of its own for each key, so that every put makes the same calls."""
    store = ObjectStore(Path(root) / key)
    store.tmp.mkdir(parents=True, exist_ok=True)
    return store


def do_put(line: Line, root: str, key: str) -> None:
    """Put an object."""
    store = fresh_store(root, key)
    gate(line)
    with telling(line, key):
        store.put(key.encode())


def do_put_file(line: Line, root: str, key: str) -> None:
    """Put a file's contents."""
    store = fresh_store(root, key)
    source = Path(root) / "source"
    source.write_bytes(key.encode())
    gate(line)
    with telling(line, key):
        store.put_file(source)


def catalogue_of(path: Path, key: str) -> Catalogue:
    """Return a catalogue of one model, whose name is the key, in the place of others."""
    found = Catalogue(path)
    found.put_all("models", [{"name": key, "versions": 1}])
    return found


def do_save(line: Line, root: str, key: str) -> None:
    """Save a snapshot of the catalogue."""
    catalogue = catalogue_of(Path(root) / "views" / "catalogue.json", key)
    gate(line)
    with telling(line, key):
        catalogue.save(1, key)


def do_remember(line: Line, root: str, key: str) -> None:
    """Remember the ledger's head."""
    _at_home(root)
    ledger = opened(Path(root))
    gate(line)
    with telling(line, key):
        witness.remember(ledger.state)


def do_append(line: Line, root: str, key: str) -> None:
    """Append records to a stream and bring them to the disk."""
    path = Path(root) / "stream.jsonl"
    gate(line)
    with telling(line, key):
        stream = Stream(path)
        for n in range(RECORDS):
            stream.write(b'{"record":"%s-%d"}\n' % (key.encode(), n))
        stream.sync()
        stream.close()


def elsewhere(root: Path) -> Path:
    """Return the folder for what finds no place in a workspace."""
    return root.parent / "elsewhere"


def do_start(line: Line, root: str, key: str) -> None:
    """Start a run, and log to it; where the workspace cannot be written it goes on elsewhere."""
    pulse.TICK_S = 3600.0
    tempfile.tempdir = str(elsewhere(Path(root)))
    Path(tempfile.tempdir).mkdir(exist_ok=True)
    os.chdir(root)
    gate(line)
    with telling(line, key):
        run = modeldeck.start_run("churn", name=key, workspace=root, capture_output=False)
        run.log({"loss": 0.5}, 0)
        run.sync()


def do_finish(line: Line, root: str, key: str) -> None:
    """End a run."""
    pulse.TICK_S = 3600.0
    os.chdir(root)
    run = modeldeck.start_run("churn", name=key, workspace=root, capture_output=False)
    run.log({"loss": 0.5}, 0)
    gate(line)
    with telling(line, key):
        run.finish()
        pulse.PULSE.settle()


def do_run(line: Line, root: str, key: str) -> None:
    """Start a run and end it at once."""
    pulse.TICK_S = 3600.0
    os.chdir(root)
    gate(line)
    with telling(line, key):
        run = modeldeck.start_run("churn", name=key, workspace=root, capture_output=False)
        run.log({"loss": 0.5}, 0)
        run.finish()
        pulse.PULSE.settle()


def do_keep(line: Line, root: str, key: str) -> None:
    """Write a file that must not exist yet, then put another in its place."""
    folder = Path(root) / "kept"
    gate(line)
    with telling(line, key):
        files.make_folder(folder)
        assert files.write_new(folder / "new", key.encode())
        files.replace(folder / "replaced", key.encode())


def write_ledger(line: Line, root: str, name: str, *, count: int, size: int = 0) -> None:
    """Commit annotations one after the other; acknowledge each with its number and digest."""
    ledger = opened(Path(root))
    gate(line)
    for k in range(count):
        done = commit(ledger, f"{name}-{k}", size=size)
        line.say(ack=f"{name}-{k}", n=done.n, digest=done.digest)


def race(line: Line, root: str, me: int, *, count: int) -> None:
    """Deploy to one endpoint again and again, each time bound to what was there when looked."""
    ledger = opened(Path(root))
    maker, voter = f"m{me}", f"v{me}"
    versions = [slots.register(ledger, maker, f"{me} {n}") for n in range(2)]
    gate(line)
    for _ in range(count):
        ledger.refresh()
        endpoint = ledger.state.endpoint("churn", "production")
        version = next(one for one in versions if one != endpoint.pointer.version)
        looked = slots.base(ledger.state, version)
        told = {"generation": endpoint.generation, "version": version}
        try:
            _deploy(ledger, (maker, voter), version=version, looked=looked)
        except ModelDeckError as error:
            line.say(won=False, error=type(error).__name__, message=error.message, **told)
        else:
            line.say(won=True, **told)


def _deploy(
    ledger: Ledger, who: tuple[str, str], *, version: str, looked: Mapping[str, Json]
) -> None:
    maker, voter = who
    release = slots.request(ledger, maker, version=version, looked=looked)
    slots.report(ledger, maker, version=version, looked=looked)
    statement = slots.approval(ledger.state, release)
    subject = f"release:{release}"
    slots.act(ledger, voter, action="release.vote", subject=subject, body=statement)
    if ledger.state.policy.environments["production"].deploy == "manual":
        issued = clock.to_text(clock.utc_now())
        body = {"generation": looked["generation"], "issued": issued}
        slots.act(ledger, maker, action="deployment.start", subject=subject, body=body)


def vote_last(line: Line, root: str, me: int) -> None:
    """Vote on each release that one is told of, at the moment when one is told to."""
    ledger = opened(Path(root))
    gate(line)
    while True:
        told = line.ask()
        ledger.refresh()
        release = str(told["release"])
        body = slots.approval(ledger.state, release, verdict=str(told["verdict"]))
        line.say(looked=release)
        line.ask()
        with telling(line, told["verdict"]):
            subject = f"release:{release}"
            slots.act(ledger, f"v{me}", action="release.vote", subject=subject, body=body)


def write_pairs(line: Line, root: str, name: str) -> None:
    """Put an object and commit an entry that names it, until killed."""
    ledger, store = opened(Path(root)), ObjectStore(Path(root))
    gate(line)
    for k in itertools.count():
        stored = store.put(f"{name} {k}".encode())
        intent = replace(remark(ledger, f"{name}-{k}"), body={"object": stored})
        line.say(ack=intent.id, n=ledger.commit(intent, host="h").n)


def read(line: Line, root: str, count: int) -> None:
    """Read again and again while others write: never back, in order, and objects before entries."""
    ledger, store = opened(Path(root)), ObjectStore(Path(root))
    last = dict.fromkeys(("w0", "w1"), -1)
    seen = 1
    gate(line)
    for k in range(count):
        if k % 100 == 99:
            fresh = opened(Path(root))
            assert fresh.state.n >= ledger.state.n
            ledger = fresh
        ledger.refresh()
        assert not ledger.state.stopped
        assert ledger.state.n >= seen
        for done in ledger.state.activity[seen:]:
            assert not done.is_void
            assert not store.problem(str(done.body["object"]), data=True)
        for key in list(ledger.state.ids)[seen:]:
            writer, _, number = key.partition("-")
            assert int(number) == last[writer] + 1
            last[writer] = int(number)
        seen = ledger.state.n
        if k % 20 == 0:
            line.say(n=seen, head=ledger.state.head)
    line.say(ack=count)


def put_many(line: Line, root: str, me: int, *, count: int) -> None:
    """Put objects that others put too, each followed by one of one's own."""
    store = ObjectStore(Path(root))
    gate(line)
    for n in range(count):
        for data in (b"same %d" % n, b"own %d %d" % (me, n)):
            assert store.put(data) == digest_of(data)
    line.say(ack=count)


def client(line: Line, root: str, seed: str, *, count: int) -> None:
    """Do random things on what one looked at; tell what is begun, and what became of it."""
    rng = random.Random(seed)
    ledger = opened(Path(root))
    gate(line)
    for _ in range(count):
        if rng.random() < 0.5:  # at times on an old look
            ledger.refresh()
        intent = propose(ledger.state, rng.choice(LIKELY), rng)
        line.say(begun=asdict(intent), after=time.monotonic())
        try:
            done = ledger.commit(intent, host="h")
        except ModelDeckError as error:
            line.say(refused=type(error).__name__, n=ledger.state.n, message=error.message)
        else:
            line.say(ack=intent.id, n=done.n, digest=done.digest, before=time.monotonic())


def serve(line: Line, root: str, me: int) -> None:
    """Report as a server what was looked at a while ago."""
    ledger = opened(Path(root))
    endpoint = ledger.state.endpoints[slots.ENDPOINT]
    body: dict[str, Json] = {
        "generation": endpoint.generation,
        "manifest": endpoint.pointer.manifest,
        "outcome": "ready",
        "reason": "",
        "head": ledger.state.head,
    }
    gate(line)
    line.say(looked=endpoint.generation)
    line.ask()
    with telling(line, f"s{me}"):
        subject = f"endpoint:{slots.ENDPOINT}"
        slots.act(ledger, f"s{me}", action="deployment.report", subject=subject, body=body)


def warm_up() -> None:
    """Do what a process does only once, before children are made."""
    queueing.PATIENCE_S = 0.05
    surroundings.packages()
    surroundings.python()
    clock.from_text(clock.to_text(clock.utc_now()))
    with tempfile.TemporaryDirectory() as folder:
        _at_home(folder)
        init(Path(folder) / "ws", owner="ann", trust="claimed")


DEEDS: dict[str, Callable[..., None]] = {
    "nothing": nothing,
    "commit": do_commit,
    "found": do_found,
    "put": do_put,
    "put_file": do_put_file,
    "save": do_save,
    "remember": do_remember,
    "append": do_append,
    "start": do_start,
    "finish": do_finish,
    "run": do_run,
    "keep": do_keep,
    "write_ledger": write_ledger,
    "race": race,
    "vote_last": vote_last,
    "client": client,
    "serve": serve,
    "write_pairs": write_pairs,
    "read": read,
    "put_many": put_many,
}
