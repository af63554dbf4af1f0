"""The remembered head: lines of which the last whole one counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.store import witness
from modeldeck.store.ledger import Ledger
from tests.store.ledger_writer import commit, make, opened


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Return the ledger of a new workspace, of which nothing is remembered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return opened(make(tmp_path / "ws"))


def test_head_is_remembered_line_by_line_and_the_last_whole_one_counts(ledger: Ledger) -> None:
    """A line that a loss of power tore takes nothing from the ones before, or from the next."""
    path = witness.path_of(ledger.state.workspace)
    witness.remember(ledger.state)
    first = path.read_bytes()
    commit(ledger)
    witness.remember(ledger.state)
    assert path.read_bytes().startswith(first)
    assert witness.seen(ledger.state.workspace) == (2, ledger.state.head, 0)
    path.write_bytes(first + b'{"head":"ab')
    assert witness.seen(ledger.state.workspace) == (1, ledger.state.workspace, 0)
    witness.remember(ledger.state)
    assert witness.seen(ledger.state.workspace) == (2, ledger.state.head, 0)
    path.write_bytes(first + b"\0" * 90)
    assert witness.seen(ledger.state.workspace) == (1, ledger.state.workspace, 0)


def test_head_that_is_remembered_already_is_not_written_again(ledger: Ledger) -> None:
    """Opening a workspace again and again makes the file no longer."""
    path = witness.path_of(ledger.state.workspace)
    for _ in range(3):
        witness.remember(ledger.state)
    assert len(path.read_bytes().splitlines()) == 1


def test_file_of_remembered_heads_stays_small(ledger: Ledger) -> None:
    """It is replaced by its last line when it has grown."""
    path = witness.path_of(ledger.state.workspace)
    for _ in range(60):
        commit(ledger)
        witness.remember(ledger.state)
        assert path.stat().st_size < 5000
    assert witness.seen(ledger.state.workspace) == (61, ledger.state.head, 0)
    assert path.stat().st_mode & 0o777 == 0o600
