"""Two servers of one endpoint: an endpoint's generation does what a fencing number would.

A server does not own an endpoint; any number may serve it. What it says is bound to the generation
that it looked at, so one that slept through a deployment says nothing about the new one.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modeldeck.store.ledger import Ledger
from tests.faults import slots
from tests.faults.children import Nursery
from tests.store.ledger_writer import opened


def deploy(ledger: Ledger, content: str) -> None:
    """Deploy a new version."""
    version = slots.register(ledger, "m0", content)
    looked = slots.base(ledger.state, version)
    release = slots.request(ledger, "m0", version=version, looked=looked)
    slots.report(ledger, "m0", version=version, looked=looked)
    statement = slots.approval(ledger.state, release)
    slots.act(ledger, "v0", action="release.vote", subject=f"release:{release}", body=statement)
    assert ledger.state.releases[release].status == "deploying"


def sleep_through(nursery: Nursery, root: Path, *, count: int, rng: random.Random) -> None:
    """Stop a server before it reports, deploy, and let it go on; another one serves meanwhile."""
    ledger = opened(root)
    deploy(ledger, "first")
    for n in range(count):
        wanted = [("serve", {"root": root, "me": me}) for me in range(3)]
        with nursery.children(wanted) as (old, new, other):
            for one in (old, new, other):
                assert one.go().next() == {
                    "looked": ledger.state.endpoints[slots.ENDPOINT].generation
                }
            sleeps_first = rng.random() < 0.5
            if sleeps_first:
                old.stop()
            new.tell()
            other.tell()
            said = [one.all() for one in (new, other)]
            assert said == [[{"ack": "s1"}], [{"ack": "s2"}]]
            old.stop()
            ledger.refresh()
            before = ledger.state.endpoints[slots.ENDPOINT]
            assert ledger.state.releases[before.pointer.release].status == "live"
            deploy(ledger, f"{n}")
            old.wake()
            old.tell()
            heard = old.all()
        assert [one["error"] for one in heard] == ["ConflictError"]
        assert "changed since you looked" in heard[0]["message"]
        ledger.refresh()
        endpoint = ledger.state.endpoints[slots.ENDPOINT]
        assert endpoint.generation == before.generation + 1
        assert ledger.state.releases[endpoint.pointer.release].status == "deploying"
        assert set(endpoint.servers) == {"s1", "s2"}
        assert endpoint.ready_before == {"s1", "s2"}


def test_server_that_slept_through_a_deployment_changes_nothing(
    nursery: Nursery, memory: Path, rng: random.Random
) -> None:
    """Its report about what was there before is refused; the others' reports count."""
    root = slots.make_slot(memory / "ws", people=3)
    sleep_through(nursery, root, count=3, rng=rng)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_servers_that_slept_through_deployments_change_nothing(
    nursery: Nursery, memory: Path, rng: random.Random
) -> None:
    """The same fifty times."""
    root = slots.make_slot(memory / "ws", people=3)
    sleep_through(nursery, root, count=50, rng=rng)
