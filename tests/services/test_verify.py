"""Verifying while others work."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.services import verify
from modeldeck.store.ledger import numbers
from modeldeck.workspace import Workspace


def test_entry_recorded_while_verifying_is_no_problem(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that comes after the files were counted is part of the chain, not beyond it."""
    with Workspace.open(root, user="alice") as alice, Workspace.open(root, user="bob") as bob:

        def counted(folder: Path) -> list[int]:
            found = numbers(folder)
            bob.annotations.add("cancer@1", "look")
            return found

        monkeypatch.setattr(verify, "numbers", counted)
        found = alice.ledger_check.run()
    assert found["problems"] == []
    assert found["ok"]
