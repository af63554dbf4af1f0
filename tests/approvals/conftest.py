"""Approvals under attack: what a signature is worth, and which histories change nothing.

Everything is signed, by keys that the tests make themselves; the whole counts are marked ``slow``.

==========================  ===================================================================
``test_verifier.py``        43: the fast verifier vouches for nothing that ``ssh-keygen`` refuses:
                            60 good and bad signatures · 10,000. 44: names that are patterns,
                            options or lists: 200. 10,000 votes are verified within the budget.
``test_statements.py``      41: what is wrong with a vote, by kind of key; 42: one byte changed of
                            a signed entry: 60 · 10,000.
``test_rules.py``           the rules of approvals, each with the history that it stops.
``test_bytes.py``           every byte of ledger and objects: a sample · all.
``test_accounts.py``        45: a forged author under two Unix accounts.
``test_by_hand.py``         52: deploying by writing files: 10 · 100 times.
``test_random.py``          random histories against a checker of its own: 10 · 2,000.
``test_agent.py``           signing and verifying through a real agent.
==========================  ===================================================================

``keys.py`` makes keys and signatures, ``signed.py`` is a workspace of signed entries in files.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.store.verifying import verifier
from tests.approvals.signed import Signed

if shutil.which("ssh-keygen") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches, states and keys in the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("MODELDECK_KEY", "MODELDECK_WORKSPACE", "MODELDECK_USER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def memory() -> Iterator[Path]:
    """Give a folder in memory."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no processes for signatures that this one can check."""
    monkeypatch.setattr(verifier, "FEW", 0)


@pytest.fixture
def world(memory: Path, fast: None) -> Signed:
    """Return a founded workspace in which everything is signed."""
    made = Signed(memory / "ws")
    made.start()
    return made
