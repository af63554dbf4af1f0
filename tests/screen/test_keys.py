"""The table of keys, and the help and palette that are made from it."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import replace
from pathlib import Path

import pytest
from textual.command import CommandList

from modeldeck_tui import keymap
from modeldeck_tui.app import ModelDeckApp
from modeldeck_tui.present.conditions import CONDITIONS, Situation, why_not
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.overlays.help import HelpScreen
from modeldeck_tui.screens.pages.activity import ActivityScreen
from modeldeck_tui.screens.pages.compare import CompareScreen
from modeldeck_tui.screens.pages.datasets import DatasetScreen, DatasetsScreen
from modeldeck_tui.screens.pages.deployments import DeploymentsScreen
from modeldeck_tui.screens.pages.inbox import InboxScreen
from modeldeck_tui.screens.pages.logs import LogScreen, SourcesScreen
from modeldeck_tui.screens.pages.models import ModelsScreen
from modeldeck_tui.screens.pages.overview import OverviewScreen
from modeldeck_tui.screens.pages.policy import PolicyScreen
from modeldeck_tui.screens.pages.releases import ReleasesScreen
from modeldeck_tui.screens.pages.review import ReviewScreen
from modeldeck_tui.screens.pages.run import RunScreen
from modeldeck_tui.screens.pages.runs import RunsScreen
from modeldeck_tui.screens.reader import ReaderScreen
from modeldeck_tui.widgets.logs.view import LogView
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.text_view import TextView
from tests.screen.driving import LARGE, SMALL, opened

MOVES = {"h", "j", "k", "l", "g", "G", "up", "down", "left", "right", "ctrl+d", "ctrl+u"}
NEVER = {"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j"}


def test_keys_of_one_scope_never_clash() -> None:
    """No key means two things on a page, counting those that work everywhere."""
    assert keymap.clashes({one.id: one.keys for one in keymap.ACTIONS}) == []


def test_movement_keys_are_never_an_action() -> None:
    """What moves the cursor for vim and less people moves it everywhere, and nothing else."""
    moving = {"up", "down", "left", "right", "first", "last", "follow", "page_up", "page_down"}
    for one in keymap.ACTIONS:
        assert one.name in moving or not MOVES & set(one.keys), one.id
        assert not NEVER & set(one.keys), one.id


def test_every_action_has_a_key_a_hint_and_a_help_line() -> None:
    """No row of the table is half filled, ids are unique, hints and conditions are known."""
    ids = [one.id for one in keymap.ACTIONS]
    assert len(ids) == len(set(ids))
    for one in keymap.ACTIONS:
        assert one.keys, one.id
        assert one.hint, one.id
        assert one.help, one.id
        assert not one.danger or one.command, one.id
        assert ("writable" in one.needs) == bool(one.danger), one.id
        assert set(one.needs) <= set(CONDITIONS), one.id
    for page in keymap.HINTS:
        assert len(keymap.hints(page)) <= 8, page
        assert keymap.hints(page)[-1].id == "app.help"


HOLDERS: dict[str, tuple[type, ...]] = {
    "app": (ModelDeckApp, Page),
    "list": (Table, ListingPage, ModelDeckApp),
    "text": (TextView, Page),
    "overview": (OverviewScreen,),
    "runs": (RunsScreen,),
    "run": (RunScreen,),
    "compare": (CompareScreen,),
    "models": (ModelsScreen,),
    "releases": (ReleasesScreen,),
    "review": (ReviewScreen,),
    "inbox": (InboxScreen,),
    "policy": (PolicyScreen,),
    "deployments": (DeploymentsScreen,),
    "sources": (SourcesScreen,),
    "logs": (LogView, LogScreen),
    "activity": (ActivityScreen,),
    "datasets": (DatasetsScreen,),
    "dataset": (DatasetScreen,),
    "entry": (ReaderScreen,),
}


def test_panes_take_no_action_of_their_page_for_theirs() -> None:
    """A pane's own method of an action's name, which is asked first, needs no arguments."""
    for view in (Table, TextView, LogView):
        for one in keymap.ACTIONS:
            found = getattr(view, f"action_{one.name}", None)
            if found is not None and not one.is_direct:
                needed = [
                    name
                    for name, given in inspect.signature(found).parameters.items()
                    if given.default is given.empty and name != "self"
                ]
                assert not needed, f"{view.__name__}.action_{one.name} needs {needed}"


@pytest.mark.parametrize("scope", keymap.SCOPES)
def test_every_action_of_a_scope_can_be_carried_out(scope: str) -> None:
    """Each row names a method that is there."""
    for one in keymap.of_scope(scope):
        name = (one.does or one.name).partition("(")[0]
        assert any(hasattr(holder, f"action_{name}") for holder in HOLDERS[scope]), one.id


PLACES: tuple[tuple[str, ...], ...] = (
    *((key,) for key in "1234567"),
    ("2", "enter"),
    ("a",),
    ("6", "enter"),
    ("7", "enter"),
    ("D",),
    ("I",),
    ("J",),
)


@pytest.mark.parametrize("keys", PLACES)
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
            text = " ".join(screen.text("").plain.split())
            assert [one for one in bound if one and known[one].help not in text] == []
            await deck.press("escape")
            assert deck.app.screen is page

    asyncio.run(drive())


def test_help_narrows_to_what_is_typed(root: Path) -> None:
    """Typing in the help leaves the lines that hold it, and says when there is none."""

    async def drive() -> None:
        async with opened(root, size=SMALL) as deck:
            await deck.press("question_mark")
            await deck.write("annotate")
            await deck.until_shown("Annotate what is under the cursor")
            assert "One row up" not in deck.text
            await deck.write("qqq")
            await deck.until_shown("No key does that here.")

    asyncio.run(drive())


def test_palette_opens_a_page_by_name(root: Path) -> None:
    """An action of the table is found by its words and carried out."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("ctrl+p")
            await deck.write("was decided")
            await deck.until_shown("was decided (4)")
            found = deck.app.screen.query_one(CommandList)
            await deck.until(lambda: found.highlighted == 0, "the first to be marked")
            await deck.press("enter")
            await deck.until(lambda: isinstance(deck.app.screen, ReleasesScreen), "the releases")
            await deck.press("ctrl+p")
            await deck.write("overview")  # what : calls it; its help has other words
            await deck.until_shown("what is live (1)")

    asyncio.run(drive())


def test_rollback_without_its_role_is_off_and_says_why() -> None:
    """B is off before it is pressed where the person lacks the policy's role."""
    endpoint = {"id": "churn@production", "environment": "production", "rollback_to": ["churn@1"]}
    because = "ann may not stop or roll back production: it needs the role oncall."
    snapshot = Snapshot(
        workspace="shop",
        actor="ann",
        host="here",
        read_only_because="",
        at="",
        live=[(endpoint, None)],  # type: ignore[list-item]  # what is asked for is there
        no_rollback={"production": because},
    )
    now = Situation(snapshot, "endpoint:churn@production", endpoint)
    action = next(one for one in keymap.ACTIONS if one.id == "deployments.rollback")
    assert why_not(action, now) == because.removesuffix(".")
    assert not why_not(action, replace(now, snapshot=replace(snapshot, no_rollback={})))
