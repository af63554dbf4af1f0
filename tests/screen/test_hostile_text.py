"""Text of strangers on the screen: brackets are no markup, no control byte reaches a strip."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from modeldeck_tui.screens.pages.review import ReviewScreen
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened

HOSTILE = (
    "[",
    "[/",
    "[/]",
    "[b",
    "[@click=app.quit]x[/]",
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[31mred",
    "\x9b31m",
    "a\u202eb\u2066c",
    "zero\u200bwidth\ufeff",
    "line\nbreak\ttab\r",
    "\x00\x7f",
    "e\u0301\u0336" * 50,
    "漢字🙂" * 60,
    "\ud800".encode("utf-8", "replace").decode(),
)
FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
FORBIDDEN |= {0x200B, 0xFEFF}


def dirt(deck: Deck) -> set[str]:
    """Return the forbidden characters in what the compositor hands to the terminal."""
    strips = deck.app.screen._compositor.render_strips()
    return {
        letter
        for strip in strips
        for segment in strip
        if not segment.control
        for letter in segment.text
        if ord(letter) in FORBIDDEN
    }


@pytest.fixture
def hostile(root: Path) -> Path:
    """Return the workspace with hostile runs, remarks, reasons, logs, traffic and a file name."""
    everything = " ".join(HOSTILE)
    for text in HOSTILE:
        with start_run("churn", name=text, workspace=root, capture_output=False) as run:
            run.log_text(text)
    with start_run("churn", name="failed", workspace=root, capture_output=False) as run:
        run.log_text(everything)
        run.finish("failed", error=ValueError(everything))
    with Workspace.open(root, user="dave") as dave:
        for text in HOSTILE:
            dave.annotations.add("release:churn-2", f"x{text}")
        dave.releases.approve("churn-2", everything.replace("\x7f", ""))
        live = dave.deployments.show("churn@production")
    with Workspace.open(root, user="server") as server:
        server.deployments.report(
            live["id"],
            generation=live["generation"],
            manifest=live["manifest"],
            outcome="failed",
            reason=everything.replace("\x7f", ""),
        )
    folder = root / "endpoints" / "production" / "churn"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server-here-1.log").write_text(everything)
    record = {"id": everything, "at": everything, "latency_s": 0.1, "status": 500}
    (folder / "predictions-here-1-1.jsonl").write_text(json.dumps(record) + "\n")
    return root


@pytest.mark.slow  # test_attacks looks at what the same pages send to a terminal
@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_hostile_text_on_every_page_is_shown_harmless(hostile: Path, size: Size) -> None:
    """Every page, toast and row is walked through: the app lives and its strips are clean."""

    async def drive() -> None:
        async with opened(hostile, size=size) as deck:

            async def look(*keys: str) -> None:
                await deck.press(*keys)
                assert deck.app.is_running
                assert not dirt(deck)

            await look()
            for _pane in range(4):
                await look("tab", "j", "j", "G")
            await look("4")
            await deck.until_shown("Waiting for me")
            await look("left_square_bracket")
            await deck.until_shown("churn-2")
            await look("j", "enter")
            await deck.until_shown("Releases › churn-2", "failed")
            for _pane in range(3):
                await look("tab", "G", "enter")
                await look("k", "enter", "k", "enter")
            await look("question_mark")
            await look("escape", "6")
            for row in range(3):
                await look(*["j"] * row, "enter")
                await look("g", "l", "escape")
            await look("2")
            await deck.until_shown("EXPERIMENT")
            for _tab in range(4):
                await look("right_square_bracket", "j")
            await look("asterisk", "k", "enter")
            for _tab in range(7):
                await look("right_square_bracket", "tab")
            await look("escape", "3")
            await deck.until_shown("VERSION")
            for _tab in range(6):
                await look("right_square_bracket", "j")
            await look("5")
            await deck.until_shown("ENDPOINT")
            for _tab in range(5):
                await look("right_square_bracket", "tab")
            await look("7")
            await deck.until_shown("LEVEL")
            await look("G", "k", "enter")
            await look("G", "escape", "at")
            await look("escape", "Y", "escape", "colon")
            await look("escape", "ctrl+o", "escape")

    asyncio.run(drive())


def test_hostile_reason_and_remark_typed_into_dialogs_are_kept_and_shown(root: Path) -> None:
    """Brackets typed as reason and remark reach the ledger unchanged and are shown as they are."""

    async def drive() -> None:
        async with opened(root) as deck:
            await deck.press("a")
            await deck.until_shown("● waiting")
            await deck.dialog("c")
            await deck.write("[/] [b")
            await deck.press("enter")
            await deck.until_shown("✎  alice  now [/] [b")
            await deck.dialog("x")
            await deck.press("tab")
            await deck.write("[@click]")
            await deck.until_shown("reason [@click]")
            await deck.press("enter")
            await deck.write("churn-v2")
            await deck.press("enter", "enter")
            await deck.until_shown("✖  alice", "[@click]")
            await deck.until_crumb("✖ rejected")
            assert isinstance(deck.app.screen, ReviewScreen)

    asyncio.run(drive())


def test_control_bytes_of_any_widget_are_stopped_at_the_line_filter(root: Path) -> None:
    """Even a widget that forgot to clean, a toast here, sends no control byte."""

    async def drive() -> None:
        async with opened(root) as deck:
            deck.app.notify("\x1b]0;owned\x07 \x9b31m", markup=False)
            deck.app.screen.sub_title = "\x1b[2J"
            await deck.until_shown("owned")
            assert "␛]0;owned" in deck.text
            assert not dirt(deck)

    asyncio.run(drive())
