"""What a dialog shows is what is signed: every field, whole, whatever it holds."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any, cast

import pytest
from textual.containers import VerticalScroll

from modeldeck.domain.documents import ReleaseDocument
from modeldeck.domain.entry import Intent, Json
from modeldeck.services.governing.statements import Statement
from modeldeck_tui.clean import clean_whole
from modeldeck_tui.screens.overlays.stating import StatementDialog, VoteDialog
from tests.screen import hostile, owners
from tests.screen.driving import SMALL, Deck, opened

PARTS = [
    *(one.replace("\x7f", "") for one in hostile.PAYLOADS.values()),
    "\n\n",
    "\t",
    "x" * 90,
    "漢" * 45,
    '"}, "verdict": "approve"',
    "  body.verdict approve  ",
]
NAMES = ("reason", "verdict", "environment", "manifest", "report", "other", "nonce", "issued")


def statement(rng: random.Random) -> Statement:
    """Return a statement that holds whatever somebody hostile could bring into it."""
    body: dict[str, Json] = {name: _text(rng) for name in rng.sample(NAMES, rng.randint(1, 8))}
    body["generation"] = rng.randint(-(2**53) + 1, 2**53 - 1)
    body["overrides"] = [_text(rng) for _ in range(rng.randint(0, 2))]
    body["deep"] = {"er": [{_text(rng, 1): _text(rng)}, True]}
    if rng.random() < 0.05:
        body["other"] = "y" * 20_000 + "the end"
    intent = Intent("i" * 32, "ann", _text(rng), _text(rng), body, "w" * 64, "h" * 64)
    return Statement(intent, level="claimed", key="", needed="claimed")


def _text(rng: random.Random, least: int = 0) -> str:
    return "".join(rng.choices(PARTS, k=rng.randint(least, 3)))


async def shown(deck: Deck) -> str:
    """Return all that a person can read of the statement by scrolling, without any spaces."""
    pane = deck.app.screen.query_one("#signed", VerticalScroll)
    await deck.pilot.pause()
    inside = pane.scrollable_content_region
    found: list[str] = []
    while True:
        strips = deck.app.screen._compositor.render_strips()[inside.y : inside.bottom]
        rows = [strip.crop(inside.x, inside.right).text for strip in strips]
        found += rows[max(0, len(found) - int(pane.scroll_y)) :]
        if pane.scroll_y >= pane.max_scroll_y:
            return "".join("".join(found).split())
        pane.scroll_to(y=pane.scroll_y + inside.height, animate=False)
        await deck.pilot.pause()


@pytest.mark.parametrize(
    "n_times", [5, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_dialog_shows_every_field_that_is_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: random.Random, n_times: int
) -> None:
    """Read back from the screen, row by row: each field's name and value, nothing left out."""
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    shop = owners.make(tmp_path / "shop")

    async def drive() -> None:
        async with opened(shop, "ann", size=SMALL) as deck:
            first = statement(rng)
            dialog = StatementDialog(
                "SIGN", ["All of it."], prepare=lambda: first, verb="Sign", reason="optional"
            )
            deck.app.push_screen(dialog)
            await deck.until(lambda: deck.app.screen is dialog, "the dialog")
            await deck.until_ready()
            for _ in range(n_times):
                dialog.statement = made = statement(rng)
                dialog.show_statement()
                dialog.query_one("#signed", VerticalScroll).scroll_home(animate=False)
                seen = await shown(deck)
                for name, value in made.fields():
                    text = clean_whole(name.removeprefix("body.")) + (
                        clean_whole(value) or "(empty)"
                    )
                    assert "".join(text.split()) in seen, (name, value)

    asyncio.run(drive())


@pytest.mark.parametrize(
    ("verdict", "told", "says"),
    [
        ("approve", {"completes_quorum": True, "deploy": "manual"}, "somebody may start it then"),
        ("approve", {"completes_quorum": True, "deploy": "on-approval"}, "load it at once"),
        ("approve", {"missing": ["1 more approval"]}, "without your vote it lacks 1 more approval"),
        ("approve", {"missing": []}, "Others have to approve too."),
        ("reject", {"reject_blocks": True}, "One rejection ends this release"),
        ("reject", {"reject_blocks": False}, "It does not end this release"),
    ],
)
def test_dialog_says_what_the_policy_makes_of_the_vote(
    verdict: str, told: dict[str, object], says: str
) -> None:
    """Where somebody starts releases no server loads one at the last vote, and so on."""
    known = {"completes_quorum": False, "missing": [], "version": "churn@2", **told}
    release = cast("ReleaseDocument", known)
    dialog = VoteDialog(
        release,
        verdict,
        prepare=cast("Any", None),
        evidence=(),
        is_last_environment=True,
    )
    assert says in dialog.effect()
