"""Overrides, broken glass, its review and revoked versions by key, each as it is signed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modeldeck.services.founding import init
from modeldeck.workspace import Workspace
from tests.screen.driving import LARGE, SMALL, Deck, opened
from tests.services.test_exceptional import FRIDAY, MEMBERS, POLICY, asked, register, ship

THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Shop:
    """A small workspace that somebody opens at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, user: str, at: datetime = THURSDAY) -> Workspace:
        """Open it."""
        return Workspace.open(self.root, user=user, now=lambda: at)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a workspace whose policy lets somebody go past each rule."""
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    root = tmp_path / "shop"
    root.mkdir()
    (root / "modeldeck.toml").write_text(POLICY)
    (root / "members.toml").write_text(MEMBERS)
    init(root, owner="ann", now=lambda: THURSDAY)
    return Shop(root)


async def fill(deck: Deck, reason: str, word: str = "") -> None:
    """Give a dialog its reason and its word, and confirm it."""
    await deck.press("tab", "tab")
    deck.app.screen.query_one("#reason").focus()
    await deck.write(reason)
    if word:
        await deck.press("enter")
        await deck.write(word)
    await deck.press("enter", "enter")


def test_failed_checks_are_overridden_on_the_review_with_a_word(shop: Shop) -> None:
    """The dialog says what failed and what is signed; the review then says who overrode what."""
    release = asked(shop, register(shop, "one"), failed=("auc", "latency"))

    async def drive() -> None:
        async with opened(shop.root, "bob", now=lambda: THURSDAY) as deck:
            deck.app.open(f"release:{release}")
            await deck.until_shown(f"Releases › {release}")
            await deck.press("o")
            await deck.until_shown("Cannot override: bob")
        async with opened(shop.root, "carol", now=lambda: THURSDAY) as deck:
            deck.app.open(f"release:{release}")
            await deck.until_shown(f"Releases › {release}")
            await deck.dialog("o")
            await deck.until_shown("all 2 of them", "latency")
            await deck.dialog("enter")
            await deck.until_shown(f"OVERRIDE  {release}", "✖ auc", "action release.override")
            await deck.press("y")
            await fill(deck, "the data is late", "churn-v1")
            await deck.until_shown("auc, latency overridden by carol: the data is late")

    asyncio.run(drive())
    with shop("ann") as ann:
        assert ann.releases.show(release)["status"] == "waiting"


def test_review_shows_a_freeze_and_when_the_request_ends(shop: Shop) -> None:
    """Nobody has to ask why nothing happens, or how long there is."""
    release = asked(shop, register(shop, "one"), at=FRIDAY)

    async def drive() -> None:
        async with opened(shop.root, "carol", size=LARGE, now=lambda: FRIDAY) as deck:
            deck.app.open(f"release:{release}")
            await deck.until_shown("frozen until", "it ends 2026-11-30")

    asyncio.run(drive())


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_glass_is_broken_and_reviewed_on_the_page_of_deployments(
    shop: Shop, size: tuple[int, int]
) -> None:
    """Who may breaks it with a word; another person finds it in the inbox and reviews it there."""
    for content in ("one", "two"):
        ship(shop, content)

    async def breaking() -> None:
        async with opened(shop.root, "carol", now=lambda: THURSDAY) as deck:
            await deck.press("5")
            await deck.until_shown("churn@production")
            await deck.press("exclamation_mark")
            await deck.until_shown("Cannot break glass: carol")
        async with opened(shop.root, "dave", size=size, now=lambda: THURSDAY) as deck:
            await deck.press("5")
            await deck.until_shown("churn@production")
            await deck.dialog("exclamation_mark")
            await deck.until_shown("BREAK THE GLASS", "will serve churn@1", "to churn@1")
            await fill(deck, "it is on fire", "churn-v1")
            await deck.until_shown("✖ glass to review")
            await deck.press("a")
            await deck.until_shown("Cannot review: dave broke the glass")

    async def reviewing() -> None:
        async with opened(shop.root, "ann", size=size, now=lambda: THURSDAY) as deck:
            await deck.until_shown("✖ GLASS", "churn@production")
            await deck.press("a")
            await deck.until_shown("Deployments", "✖ glass to review")
            await deck.dialog("a")
            await deck.until_shown("REVIEW THE BROKEN GLASS", "Why: it is on fire")
            await fill(deck, "right so")
            await deck.until(lambda: "✖ glass" not in deck.text)

    asyncio.run(breaking())
    asyncio.run(reviewing())
    with shop("ann") as ann:
        known = ann.deployments.show("churn@production")
        assert (known["version"], known["glass"]["reviewed_by"]) == ("churn@1", "ann")


def test_version_is_revoked_by_command_with_a_word(shop: Shop) -> None:
    """The dialog says where it serves; the table then says that it is revoked, and by whom."""
    ship(shop, "one")

    async def drive() -> None:
        async with opened(shop.root, "ann", now=lambda: THURSDAY) as deck:
            await deck.press("3")
            await deck.until_shown("churn@1")
            await deck.press("colon")
            await deck.write("revoke")
            await deck.dialog("enter")
            await deck.until_shown("REVOKE  churn@1", "It serves in production")
            await fill(deck, "poisoned", "churn-v1")
            await deck.until_shown("✖ revoked")
            await deck.press("X")
            await deck.until_shown("Cannot revoke: ann revoked it already")

    asyncio.run(drive())
    with shop("ann") as ann:
        assert ann.models.version("churn@1")["revoked"]["reason"] == "poisoned"
