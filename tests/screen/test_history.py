"""What is wrong with the ledger's history, on the screen."""

from __future__ import annotations

import asyncio
from pathlib import Path

from modeldeck.domain.entry import read_entry
from modeldeck.store import files
from modeldeck.store.ledger import entry_path
from modeldeck.workspace import Workspace
from tests.screen.driving import LARGE, opened


def test_history_that_shrank_is_shown_on_every_page(root: Path) -> None:
    """The header says read-only and why, and what needs everybody stands first."""
    with Workspace.open(root, user="alice") as workspace:
        workspace.annotations.add("churn@1", "soon lost")
        n = workspace.deck.state.n
    entry_path(root, n).unlink()

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.until_shown("✖ HISTORY", "History shrank", "RO History")
            for page in "234567":
                await deck.press(page)
                await deck.until_shown("RO History")

    asyncio.run(drive())


def test_broken_place_shows_while_the_screen_is_open(root: Path) -> None:
    """An entry that was read before is shown anew when the chain breaks behind it."""
    with Workspace.open(root, user="alice") as workspace:
        workspace.annotations.tag("churn@1", "one")
        n = workspace.deck.state.n

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("7")
            await deck.until_shown("tagged churn@1 one")
            data = entry_path(root, n).read_bytes()
            behind = data.replace(f'"n":{n},'.encode(), f'"n":{n + 1},'.encode())
            behind = behind.replace(read_entry(data).prev.encode(), b"f" * 64, 1)
            files.write_new(entry_path(root, n + 1), behind.replace(b'"id":"', b'"id":"x'))
            await deck.until_shown("✖ waits", "the chain is broken here")
            await deck.press("1")
            await deck.until_shown("✖ HISTORY", f"between entries {n} and {n + 1}")

    asyncio.run(drive())
