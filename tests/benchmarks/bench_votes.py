"""Verifying ten thousand signed votes: the first time, again, and one more."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from modeldeck.store.ledger import Ledger
from modeldeck.store.verifying import Verifier, verify
from tests.approvals.keys import make
from tests.approvals.signed import Signed, many_votes
from tests.benchmarks.harness import Row

PEOPLE, RELEASES = 50, 200
CHILDREN = 20


def opened(root: Path, cache: Path) -> tuple[Ledger, float]:
    """Read and fold a ledger from its first entry; return it and the seconds taken."""
    ledger = Ledger(root, Verifier(cache))
    begun = time.perf_counter()
    ledger.refresh()
    return ledger, time.perf_counter() - begun


def by_children() -> float:
    """Let ``ssh-keygen`` verify; return seconds a signature."""
    key = make("ed25519")
    signature = key.sign(b"x")
    begun = time.perf_counter()
    for _ in range(CHILDREN):
        assert verify(b"x", signature, key=key.public)
    return (time.perf_counter() - begun) / CHILDREN


def bench() -> list[Row]:
    """Measure a fresh user, one who was here before, and one who is there when a vote comes."""
    with tempfile.TemporaryDirectory() as folder:
        world = Signed(Path(folder, "ws"))
        many_votes(world, people=PEOPLE, releases=RELEASES)
        cache = Path(folder, "signatures")
        _ledger, first = opened(world.root, cache)
        ledger, again = opened(world.root, cache)
        world.fold(world.ballot(world.waiting(), "carol"))
        begun = time.perf_counter()
        n_new = ledger.refresh()
        more = (time.perf_counter() - begun) / n_new
    alone = by_children()
    return [
        _row("10,000 votes, verified and folded", first, "s", 30.0, alone * PEOPLE * RELEASES),
        _row("the same again", again, "s", None),
        _row("one more entry, when open", more * 1e3, "ms", 50.0, alone * 1e3),
    ]


def _row(
    case: str, value: float, unit: str, budget: float | None, beside: float | None = None
) -> Row:
    return {
        "case": case,
        "value": value,
        "unit": unit,
        "budget": budget,
        "beside": "ssh-keygen, verifying alone" if beside else "",
        "beside_value": beside,
    }
