"""Driving the screen by keys: opening it, waiting for what it shows, and reading its lines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from modeldeck.clock import Clock, utc_now
from modeldeck.workspace import Workspace
from modeldeck_tui.app import ModelDeckApp
from modeldeck_tui.present import releases
from modeldeck_tui.screens.overlays.stating import StatementDialog
from modeldeck_tui.widgets.frame import Crumb
from modeldeck_tui.widgets.tab_line import TabLine
from tests.screen.sheets import keep_sheets

SMALL, LARGE = (80, 24), (160, 50)
Size = tuple[int, int]


class Deck:
    """An open screen."""

    def __init__(self, app: ModelDeckApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Type a text, faster than anybody could."""
        for letter in text:
            self.app.post_message(events.Key(_character_to_key(letter), letter))
        await self.pilot.pause()

    async def until(
        self, condition: Callable[[], object], what: str = "", *, within_s: float = 10.0
    ) -> float:
        """Wait until a condition holds; return how long that took, in seconds."""
        began = time.monotonic()
        while not condition():
            waited = time.monotonic() - began
            assert waited < within_s, f"waited in vain for {what}:\n{self.text}"
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    async def until_shown(self, *texts: str, within_s: float = 10.0) -> float:
        """Wait until the screen shows all texts."""

        def is_shown() -> bool:
            text = self.text
            return all(one in text for one in texts)

        return await self.until(is_shown, repr(texts), within_s=within_s)

    async def until_crumb(self, text: str) -> None:
        """Wait until the third line holds a text; a toast may lie over it for a while."""
        crumb = self.app.screen.query_one(Crumb)
        await self.until(lambda: text in str(crumb.visual), f"{text!r} in the third line")

    async def dialog(self, key: str) -> None:
        """Open a dialog and wait until it listens."""
        before = self.app.screen
        await self.press(key)
        await self.until(lambda: self.app.screen is not before, "a dialog")
        await self.until_ready()

    async def until_ready(self) -> None:
        """Wait until a dialog listens, and shows its statement if it has one."""
        await self.until(lambda: self.app.focused is not None, "the dialog to listen")
        screen = self.app.screen
        if isinstance(screen, StatementDialog):
            await self.until(lambda: screen.statement or screen.problem, "the statement")


@contextlib.asynccontextmanager
async def opened(
    root: Path,
    user: str = "alice",
    *,
    size: Size = SMALL,
    is_read_only: bool = False,
    is_ascii: bool = False,
    now: Clock = utc_now,
) -> AsyncIterator[Deck]:
    """Open the screen as somebody and wait until it shows the workspace."""
    keep_sheets()
    with Workspace.open(root, user=user, is_read_only=is_read_only, now=now) as workspace:
        app = ModelDeckApp(workspace, is_ascii=is_ascii)
        async with app.run_test(size=size, notifications=True) as pilot:
            deck = Deck(app, pilot)
            await deck.until_shown(workspace.name, "* live" if is_ascii else "● live")
            yield deck


@contextlib.asynccontextmanager
async def reviewing(
    root: Path, user: str = "alice", *, release: str = "churn-2", size: Size = SMALL
) -> AsyncIterator[Deck]:
    """Open the review of a release by keys."""
    async with opened(root, user, size=size) as deck:
        await deck.press("4")
        await deck.until_shown("Waiting for me")
        while deck.app.screen.query_one(TabLine).current != releases.TABS[-1]:
            await deck.press("left_square_bracket")
        await deck.until_shown("STATUS", release)
        rows = [line for line in deck.lines if "churn-" in line]
        at = next(number for number, line in enumerate(rows) if release in line)
        await deck.press(*["j"] * at, "enter")
        await deck.until_shown(f"Releases › {release}", "Votes ·", "95 % INTERVAL")
        await deck.until(lambda: deck.app.snapshot and release in deck.app.snapshot.diffs)
        yield deck
