"""A catalogue that is damaged, gone, or of another time; and clocks that jump."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from modeldeck import clock
from modeldeck.services.founding import init
from modeldeck.store import views
from modeldeck.store.ledger import numbers
from modeldeck.workspace import Workspace
from tests.faults import slots
from tests.store.ledger_writer import opened

DAY = timedelta(days=1)


@pytest.fixture
def home(memory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder whose caches and state are its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(memory / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(memory / "state"))
    return memory


def answers(root: Path) -> tuple[object, ...]:
    """Return what queries answer to somebody who opens the workspace now."""
    with Workspace.open(root, user="ann") as workspace:
        return (
            workspace.members.list(),
            workspace.annotations.list(),
            [one["name"] for one in workspace.models.list()],
            workspace.releases.list(),
            workspace.deployments.list(),
            workspace.runs.list(),
            workspace.activity.list(),
        )


def changed(data: bytes, rng: random.Random) -> bytes:
    """Change a snapshot somewhere: bytes, its end, its lines."""
    at, size = rng.randrange(len(data)), rng.randrange(1, 40)
    kinds: list[Callable[[], bytes]] = [
        lambda: data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
        lambda: data[:at],
        lambda: data[:at] + rng.randbytes(size) + data[at:],
        lambda: data[:at] + data[at + size :],
        lambda: data[:at] + bytes(size) + data[at + size :],
        lambda: b"",
        lambda: data + data,
    ]
    return rng.choice(kinds)()


def remade(data: bytes, rng: random.Random) -> bytes:
    """Return a snapshot that is whole, but of the future, the past, or another ledger."""
    first, _, rest = data.partition(b"\n")
    header = json.loads(first)
    header |= rng.choice(
        [
            {"v": views.FORMAT + 1},
            {"v": views.FORMAT - 1},
            {"applied": header["applied"] + 5},
            {"applied": header["applied"] - 1},
            {"applied": 0},
            {"head": "0" * 64},
            {"applied": "many"},
            {"head": None},
        ]
    )
    header["sha256"] = hashlib.sha256(rest).hexdigest()
    return json.dumps(header).encode() + b"\n" + rest


def damage(path: Path, data: bytes, rng: random.Random) -> None:
    """Damage a snapshot in any way."""
    path.unlink(missing_ok=True)
    kind = rng.random()
    if kind < 0.05:
        path.mkdir()
    elif kind < 0.1:
        path.symlink_to("elsewhere")
    elif kind < 0.15:
        return
    elif kind < 0.4:
        path.write_bytes(remade(data, rng))
    else:
        path.write_bytes(changed(data, rng))


def check_catalogue(root: Path, *, count: int, rng: random.Random) -> None:
    """Damage the snapshot so many times; every query answers the same, silently."""
    with Workspace.open(root, user="ann") as workspace:
        for n in range(6):
            workspace.annotations.add("model:churn", f"remark {n}")
    wanted = answers(root)
    (path,) = (root.parent / "cache").rglob("catalogue.json")
    whole = path.read_bytes()
    for _ in range(count):
        damage(path, whole, rng)
        assert answers(root) == wanted
        if path.is_dir() and not path.is_symlink():
            path.rmdir()


def made(home: Path) -> Path:
    """Return a workspace with a version, a release and an endpoint, whose caches are at home."""
    root = slots.make_slot(home / "ws", people=2)
    (root / "modeldeck.toml").write_text('name = "test"\n')
    ledger = opened(root)
    version = slots.register(ledger, "m0", "content")
    looked = slots.base(ledger.state, version)
    release = slots.request(ledger, "m0", version=version, looked=looked)
    slots.report(ledger, "m0", version=version, looked=looked)
    body = slots.approval(ledger.state, release)
    slots.act(ledger, "v0", action="release.vote", subject=f"release:{release}", body=body)
    return root


def test_damaged_catalogue_is_built_anew_with_the_same_answers(
    home: Path, rng: random.Random
) -> None:
    """Twenty-five kinds of damage: no error, no word, the same documents."""
    check_catalogue(made(home), count=25, rng=rng)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_catalogue_damaged_a_thousand_times_gives_the_same_answers(
    home: Path, rng: random.Random
) -> None:
    """The same a thousand times."""
    check_catalogue(made(home), count=1000, rng=rng)


def jumping(by: timedelta) -> clock.Clock:
    """Return a clock that is wrong by so much."""
    return lambda: clock.utc_now() + by


def test_clock_that_jumps_changes_neither_order_nor_content(home: Path, rng: random.Random) -> None:
    """Fifty jumps of up to a day: the number is the order, in the ledger and in every list."""
    root = home / "team"
    init(root, owner="ann", trust="claimed")
    first = numbers(root)[-1]
    texts = [f"remark {n}" for n in range(50)]
    jumps = [DAY, -DAY, timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=-1), -DAY / 2]
    with Workspace.open(root, user="ann") as workspace:
        slots.register(workspace.deck.ledger, "ann", "content")
    for text in texts:
        jump = rng.choice(jumps) * rng.random()
        with Workspace.open(root, user="ann", now=jumping(jump)) as one:
            one.annotations.add("model:churn", text)
    with Workspace.open(root, user="ann") as workspace:
        assert [one["text"] for one in workspace.annotations.list()] == texts
        shown = [one["n"] for one in workspace.activity.list()]
        assert shown == sorted(shown, reverse=True)
        assert not any(one.is_void for one in workspace.deck.state.activity)
    assert numbers(root) == [*range(1, first + 52)]
    shutil.rmtree(home / "cache")
    with Workspace.open(root, user="ann") as workspace:
        assert [one["text"] for one in workspace.annotations.list()] == texts


def test_releases_are_listed_in_the_order_of_the_ledger_whatever_clocks_say(home: Path) -> None:
    """A release that was asked for later, on a computer whose clock is behind, is the newest."""
    root = made(home)
    ledger = opened(root)
    version = slots.register(ledger, "m1", "other")
    looked = slots.base(ledger.state, version)
    intent = slots.intent_of(
        ledger.state,
        "m1",
        action="release.request",
        subject=f"version:{version}",
        body={**looked, **slots.span()},
    )
    ledger.commit(intent, host="h", now=lambda: clock.utc_now() - DAY)
    with Workspace.open(root, user="ann") as workspace:
        assert [one["id"] for one in workspace.releases.list()] == ["churn-2", "churn-1"]
