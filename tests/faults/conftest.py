"""What happens to the storage when writers are killed, disks fail and colleagues come in between.

Each file proves some cases of the fault plan. Counts: what always runs · marker ``slow`` ·
marker ``nightly``. Whatever is random depends on ``--seed`` alone.

==================  ===========================================================================
``test_kills.py``   1: four writers killed with -9 at random moments, three sizes of entries:
                    20 kills · 1,000 · 20,000. 2: killed at system calls of each core operation,
                    found and injected by strace: at 12 · at *each*.
``test_errors.py``  3: EIO, ENOSPC, EINTR, EDQUOT, EMFILE at system calls: one of them at each of
                    12 · all five at each. 5: the first fsync fails once: 100 commits and objects.
                    6: an uncertain commit, handed in again, is one entry: 8 · 200.
``test_power.py``   4: power is lost at any moment, and with it any part of what was not brought
                    to the disk: 60 states · every state of each write protocol. Each fsync left
                    out makes the search find a violation.
``test_damage.py``  10: damaged, old, future and foreign catalogues of a whole workspace: 25 ·
                    1,000 (of the file alone ``tests/store/test_views.py`` always takes 1,000).
                    12: 50 jumps of the clock.
``test_races.py``   15: eight processes commit: 20 each · 1,000 each. 16: races for one slot, by
                    starts and by votes: 8 × 5 · 8 × 500; for the last vote of a release: 10 ·
                    500. 17: readers beside writers:
                    2 × 200 reads · 4 × 20,000. 19: one object put by eight processes: 40 each ·
                    500 each.
``test_servers.py`` 20: there are no fencing tokens here; generation and reports take their
                    place: a server that slept through a deployment changes nothing: 3 · 50.
``test_histories``  21: six clients do everything at random and are killed; a sequential model
                    explains all that they saw: 1 · 200 · 10,000 histories of 200 operations.
``test_sequences``  22: Hypothesis against plain dictionaries: 8 × 25 steps · 2,000 × 50.
==================  ===========================================================================

``children.py`` forks processes that need no time to start, ``deeds.py`` is what they do,
``strace.py`` watches and disturbs their system calls, ``operations.py`` says what must hold after
each, ``crashes.py`` enumerates what a loss of power may leave, ``model.py`` is the plain model that
histories and sequences are compared with.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import strace
from tests.faults.children import Nursery
from tests.store.ledger_writer import make


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Give a process that forks others."""
    with Nursery() as found:
        yield found


@pytest.fixture
def memory() -> Iterator[Path]:
    """Give a folder in memory, where bringing something to the disk takes no time."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def root(memory: Path) -> Path:
    """Return a founded workspace in memory."""
    return make(memory / "ws")


@pytest.fixture
def needs_strace(nursery: Nursery, memory: Path) -> None:
    """Skip where strace is missing or may not attach to processes."""
    if shutil.which("strace") is None:
        pytest.skip("strace is missing")
    problem = strace.problem(nursery, memory)
    if problem:
        pytest.skip(f"strace may not attach: {problem}")
