"""The first page and the frame: what they show, at two sizes, live, and when it cannot be read."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from modeldeck.services import founding
from modeldeck.services.governing.inbox import Inbox
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.pages.logs import LogScreen
from modeldeck_tui.screens.pages.overview import OverviewScreen
from modeldeck_tui.screens.pages.review import ReviewScreen
from modeldeck_tui.widgets import frame
from modeldeck_tui.widgets.table import Table
from tests.screen.driving import LARGE, SMALL, Size, opened

VISIBLE_WITHIN_S = 1.0


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_overview_of_a_workspace_shows_its_four_lists(root: Path, size: Size) -> None:
    """What needs alice, what is deployed, the last runs, the latest activity; a whole frame."""

    async def drive() -> None:
        async with opened(root, size=size) as deck:
            assert deck.lines[0].startswith(" modeldeck   shop")
            assert "alice@" in deck.lines[0]
            assert "RW" in deck.lines[0]
            waiting = "▲ 2 to review  ✖ 1" if size == SMALL else "▲ 2 to review  ✖ 1 to look at"
            await deck.until_shown(waiting)
            assert "1 Overview   2 Runs   3 Models   4 Releases   5 Deploys" in deck.lines[1]
            assert deck.lines[2].startswith(" Overview")
            assert deck.lines[-1].endswith("? help")
            await deck.until_shown("APPROVE  churn@2 to production", "✖ RUN")
            await deck.until_shown("churn@production  1    ● live", "loss 0.11")
            await deck.until_shown("approved churn-2")
            assert len(deck.lines) == size[1]

    asyncio.run(drive())


def test_overview_of_an_empty_workspace_says_what_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each empty list names the command that fills it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    founding.init(tmp_path / "new", owner="alice", name="fresh")

    async def drive() -> None:
        async with opened(tmp_path / "new") as deck:
            assert "✔ nothing waits" in deck.lines[0]
            await deck.until_shown("no run is here yet", "modeldeck.start_run(", "modeldeck exec")
            await deck.press("enter", "a", "L", "c", "tab", "enter", "j", "k", "G", "g")
            assert isinstance(deck.app.screen, OverviewScreen)

    asyncio.run(drive())


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_running_run_shows_its_progress_as_it_goes(root: Path, size: Size) -> None:
    """A run that begins elsewhere appears, says how far it is if it does, leaves when it ends."""

    async def drive() -> None:
        async with opened(root, size=size) as deck:
            with start_run("churn", workspace=root, capture_output=False) as run:
                run.log({"loss": 0.5})
                await deck.until_shown("Running · 1", "loss 0.5")
                run.progress(1, 4)
                await deck.until_shown("25%", "● 1 running")
                run.progress(3, 4)
                await deck.until_shown("75%")
            await deck.until_shown("Last runs")

    asyncio.run(drive())


def test_commit_of_another_process_is_visible_within_a_second(root: Path) -> None:
    """What another process decides appears without a key, soon after it is in the ledger."""
    program = (
        "import sys; from modeldeck.workspace import Workspace\n"
        "bob = Workspace.open(sys.argv[1], user='bob'); bob.refresh()\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "bob.annotations.add('release:churn-2', 'from elsewhere')\n"
        "print('done', flush=True); sys.stdin.readline()\n"
    )

    async def drive() -> float:
        async with opened(root, "carol", size=LARGE) as deck:
            other = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, str(root), stdin=-1, stdout=-1
            )
            assert other.stdin is not None
            assert other.stdout is not None
            assert await other.stdout.readline() == b"ready\n"
            other.stdin.write(b"\n")
            assert await other.stdout.readline() == b"done\n"
            took = await deck.until_shown("annotated")
            other.stdin.write(b"\n")
            await other.wait()
            return took

    assert asyncio.run(drive()) <= VISIBLE_WITHIN_S


def test_cursor_stays_on_its_row_when_others_come(root: Path) -> None:
    """New activity above does not move the cursor to something else."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("tab", "tab", "tab", "j", "j")
            assert deck.app.screen.query_one("#latest", Table).cursor == 2
            with Workspace.open(root, user="bob") as bob:
                bob.annotations.add("model:churn", "a remark")
            await deck.until_shown("annotated")
            marked = [line for line in deck.lines if line.startswith("│› ") and "carol" in line]
            assert marked, deck.text

    asyncio.run(drive())


def test_click_on_a_row_moves_the_cursor_and_twice_opens(root: Path) -> None:
    """A mouse does what keys do; the titles of columns are no row."""

    async def drive() -> None:
        async with opened(root) as deck:
            rows = deck.app.screen.query_one("#inbox", Table)
            await deck.pilot.click(rows, offset=(5, 2))
            assert rows.cursor == 1
            await deck.pilot.click(rows, offset=(5, 4))
            assert rows.cursor == 1
            await deck.pilot.click("#deployed", offset=(5, 1))
            await deck.pilot.click(rows, offset=(5, 1), times=2)
            await deck.until_shown("Releases › churn-2")

    asyncio.run(drive())


def test_keys_of_the_frame_go_to_pages_and_back(root: Path) -> None:
    """Digits open pages, a opens the review, L the log, q and esc go back, q leaves at the end."""

    async def drive() -> None:
        async with opened(root) as deck:
            await deck.press("a")
            assert isinstance(deck.app.screen, ReviewScreen)
            await deck.press("L")
            assert isinstance(deck.app.screen, LogScreen)
            await deck.press("escape")
            assert isinstance(deck.app.screen, ReviewScreen)
            await deck.press("6")
            await deck.until_shown("endpoint  churn@production")
            await deck.press("q")
            await deck.until_shown("Releases › churn-2")
            await deck.press("q")
            await deck.until_shown("Needs you")
            await deck.press("4", "enter", "1")
            assert isinstance(deck.app.screen, OverviewScreen)
            await deck.press("q")
            assert not deck.app.is_running or deck.app._exit

    asyncio.run(drive())


def test_resize_while_open_keeps_every_page_whole(root: Path) -> None:
    """The layout follows the terminal from tiny to large on every page, in a dialog too."""

    async def drive() -> None:
        async with opened(root) as deck:
            for keys in ("1", "2", "3", "4", "5", "6", "7", "1", "enter"):
                await deck.press(keys)
                for width, height in ((20, 8), (250, 80), SMALL):
                    await deck.pilot.resize_terminal(width, height)
                    await deck.pilot.pause()
                    assert len(deck.lines) == height
                    assert not isinstance(deck.app.screen, Page) or "? help" in deck.lines[-1]
                assert deck.app.is_running

    asyncio.run(drive())


@pytest.mark.parametrize("error", [OSError("the disk is gone"), ZeroDivisionError("a bug")])
def test_failure_to_read_is_told_once_and_shows_as_age(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """What is shown grows old visibly, a bug is kept in one file, and reading is tried again."""
    monkeypatch.setattr(frame, "FRESH_S", 1.5)

    def fail(_self: object, **_options: object) -> None:
        raise error

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            with monkeypatch.context() as patch:
                patch.setattr(Inbox, "read", fail)
                await deck.until_crumb("⚠ 2 s old")
                told = [one.title for one in deck.app._notifications]
                assert told == ["Cannot read"]
            await deck.until_crumb("● live")

    asyncio.run(drive())
    reports = list((tmp_path / "state").glob("modeldeck/bugs/*"))
    assert len(reports) == isinstance(error, ZeroDivisionError)
    assert all("ZeroDivisionError" in one.read_text() for one in reports)


def test_screen_process_loads_no_numerical_library(root: Path) -> None:
    """The first page needs neither numpy nor scikit-learn, polars or TinyDB's heavier friends."""
    program = (
        "import asyncio, json, sys\nfrom pathlib import Path\n"
        "from tests.screen.driving import opened\n"
        "async def drive():\n"
        "    async with opened(Path(sys.argv[1])) as deck:\n"
        "        await deck.press('a', 'q', '6', 'enter')\n"
        "asyncio.run(drive())\n"
        "print(json.dumps(sorted({'numpy', 'sklearn', 'polars', 'scipy', 'skops'} "
        "& set(sys.modules))))\n"
    )
    command = [sys.executable, "-c", program, str(root)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_page_that_is_just_being_opened_survives_a_beat(root: Path) -> None:
    """The app's beat may fall between pushing a page and composing it."""

    async def drive() -> None:
        async with opened(root) as deck:
            page = ReviewScreen("churn-2")
            deck.app.push_screen(page)
            deck.app._beat()
            page.show_frame()
            await deck.until_shown("Releases › churn-2", "Votes ·")

    asyncio.run(drive())
