"""The table of keys, and the help and palette that are made from it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from modeldeck_tui import keymap
from modeldeck_tui.app import ModelDeckApp
from modeldeck_tui.screens.help import HelpScreen
from modeldeck_tui.screens.overview import OverviewScreen
from modeldeck_tui.screens.releases import ReleasesScreen
from modeldeck_tui.screens.review import ReviewScreen
from modeldeck_tui.widgets.log_view import LogView
from modeldeck_tui.widgets.row_list import RowList
from tests.screen.driving import LARGE, SMALL, opened

MOVES = {"h", "j", "k", "l", "g", "G", "up", "down", "left", "right", "ctrl+d", "ctrl+u"}
NEVER = {"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j"}


def test_keys_of_one_scope_never_clash() -> None:
    """No key means two things on a page, counting those that work everywhere."""
    assert keymap.clashes() == []


def test_movement_keys_are_never_an_action() -> None:
    """What moves the cursor for vim and less people moves it everywhere, and nothing else."""
    moving = {"up", "down", "left", "right", "first", "last", "follow", "page_up", "page_down"}
    for one in keymap.ACTIONS:
        assert one.name in moving or not MOVES & set(one.keys), one.id
        assert not NEVER & set(one.keys), one.id


def test_every_action_has_a_key_a_hint_and_a_help_line() -> None:
    """No row of the table is half filled, ids are unique, and hints name known actions."""
    ids = [one.id for one in keymap.ACTIONS]
    assert len(ids) == len(set(ids))
    for one in keymap.ACTIONS:
        assert one.keys, one.id
        assert one.hint, one.id
        assert one.help, one.id
        assert not one.is_writing or one.command, one.id
    for page in keymap.HINTS:
        assert len(keymap.hints(page)) <= 8, page
        assert keymap.hints(page)[-1].id == "app.help"


@pytest.mark.parametrize(
    ("owner", "scope"),
    [
        (ModelDeckApp, "app"),
        (RowList, "list"),
        (OverviewScreen, "overview"),
        (ReleasesScreen, "releases"),
        (ReviewScreen, "review"),
        (LogView, "logs"),
    ],
)
def test_every_action_of_a_scope_can_be_carried_out(owner: type, scope: str) -> None:
    """Each row names a method that is there."""
    for one in keymap.of_scope(scope):
        name = (one.does or one.name).partition("(")[0]
        holders = [owner, ModelDeckApp, *([LogScreenOf] if scope == "logs" else [])]
        assert any(hasattr(holder, f"action_{name}") for holder in holders), one.id


class LogScreenOf:
    """Stands for the page around the log, which has the search."""

    action_search = None


@pytest.mark.parametrize("keys", [(), ("4",), ("a",), ("6",), ("6", "enter")])
def test_help_of_each_page_lists_every_binding_of_ours(root: Path, keys: tuple[str, ...]) -> None:
    """Whatever key has a meaning on a page stands in its help, and help closes again."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press(*keys)
            page = deck.app.screen
            known = {one.id: one for one in keymap.ACTIONS}
            bound = {one.binding.id for one in page.active_bindings.values()} & known.keys()
            assert bound
            await deck.press("question_mark")
            screen = deck.app.screen
            assert isinstance(screen, HelpScreen)
            text = screen.text("").plain
            assert [one for one in bound if one and known[one].help not in text] == []
            await deck.press("escape")
            assert deck.app.screen is page

    asyncio.run(drive())


def test_help_narrows_to_what_is_typed(root: Path) -> None:
    """Typing in the help leaves the lines that hold it, and says when there is none."""

    async def drive() -> None:
        async with opened(root, size=SMALL) as deck:
            await deck.press("question_mark")
            await deck.write("remark")
            await deck.until_shown("Write a remark on what is under the cursor")
            assert "One row up" not in deck.text
            await deck.write("qqq")
            await deck.until_shown("No key does that here.")

    asyncio.run(drive())


def test_palette_opens_a_page_by_name(root: Path) -> None:
    """An action of the table is found by its words and carried out."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("ctrl+p")
            await deck.write("all releases")
            await deck.until_shown("All releases (4)")
            await deck.pilot.pause(0.5)
            await deck.press("enter")
            await deck.until(lambda: isinstance(deck.app.screen, ReleasesScreen), "the releases")

    asyncio.run(drive())
