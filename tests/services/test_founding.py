"""Founding a workspace whose owner can decide something afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.errors import InvalidInputError
from modeldeck.services.base import config
from modeldeck.services.founding import init
from modeldeck.store import places
from modeldeck.store.ledger import entry_path
from tests.domain.test_membership import key

SIGNED = config.TEMPLATE.format(name="team", trust="signed")


def test_signatures_without_a_key_found_nothing(tmp_path: Path) -> None:
    """The refusal names the way out, and leaves no half of a workspace behind."""
    root = tmp_path / "ws"
    with pytest.raises(InvalidInputError, match="no key") as caught:
        init(root, owner="ann", trust="signed")
    assert "--key" in caught.value.hint
    assert not root.exists()


def test_own_configuration_that_asks_for_signatures_needs_a_key_too(tmp_path: Path) -> None:
    """What counts is the policy of the file that is there, not what was asked for."""
    (tmp_path / places.CONFIG).write_text(SIGNED)
    with pytest.raises(InvalidInputError, match="no key"):
        init(tmp_path, owner="ann", trust="claimed")
    assert not entry_path(tmp_path, 1).exists()


def test_configuration_that_asks_for_no_signatures_is_founded_whatever_trust_says(
    tmp_path: Path,
) -> None:
    """A configuration that is there already is taken as it is."""
    (tmp_path / places.CONFIG).write_text(SIGNED.replace("signed", "claimed"))
    assert init(tmp_path, owner="ann", trust="signed")


def test_signatures_with_a_public_key_are_founded(tmp_path: Path) -> None:
    """The key itself may be elsewhere, in an agent."""
    assert init(tmp_path / "ws", owner="ann", trust="signed", keys=[key("ann")])
