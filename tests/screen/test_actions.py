"""Every action of the table by its key: what is different afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from textual.command import CommandPalette
from textual.screen import Screen

from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from modeldeck_tui import keymap
from modeldeck_tui.screens.overlays.asking import AskScreen
from modeldeck_tui.screens.overlays.colon import CommandScreen
from modeldeck_tui.screens.overlays.help import HelpScreen
from modeldeck_tui.screens.overlays.jump import JumpScreen
from modeldeck_tui.screens.pages.activity import ActivityScreen
from modeldeck_tui.screens.pages.compare import CompareScreen
from modeldeck_tui.screens.pages.deployments import DeploymentsScreen
from modeldeck_tui.screens.pages.inbox import InboxScreen
from modeldeck_tui.screens.pages.logs import LogScreen, SourcesScreen
from modeldeck_tui.screens.pages.models import ModelsScreen
from modeldeck_tui.screens.pages.overview import OverviewScreen
from modeldeck_tui.screens.pages.releases import ReleasesScreen
from modeldeck_tui.screens.pages.review import ReviewScreen
from modeldeck_tui.screens.pages.run import RunScreen
from modeldeck_tui.screens.pages.runs import RunsScreen
from modeldeck_tui.screens.reader import ReaderScreen
from modeldeck_tui.widgets.logs.view import LogView
from modeldeck_tui.widgets.text_view import TextView
from tests.screen.driving import LARGE, Deck, Size, opened

Page = TypeVar("Page", bound="Screen[Any]")
PIPELINE = """\
name = "wine"
experiment = "wine"

[data]
source = "sklearn:wine"
target = "target"

[estimator]
type = "sklearn.dummy.DummyClassifier"

[evaluation]
metrics = ["accuracy"]
"""
LASTING = """\
import sys, time, modeldeck
with modeldeck.start_run("live", name="lasting", workspace=sys.argv[1]):
    time.sleep(60)
"""
LINES = [
    "INFO begin " + "x" * 300,
    *(f"INFO step {n}" for n in range(60)),
    "WARNING late",
    "ERROR broken",
    *(f"INFO step {n}" for n in range(60, 120)),
]


class Hands(Deck):
    """Somebody who presses the first key of an action."""

    async def act(self, action: str) -> None:
        """Do an action by its key."""
        await self.press(keymap.keys_of(keymap.BY_ID[action])[0])

    async def on(self, page: type[Page]) -> Page:
        """Wait until a kind of page is open."""
        await self.until(lambda: isinstance(self.app.screen, page), page.__name__)
        found = self.app.screen
        assert isinstance(found, page)
        return found

    async def changes(self, action: str, read: Callable[[], object]) -> None:
        """Do an action and wait until something reads otherwise."""
        before = read()
        await self.act(action)
        await self.until(lambda: read() != before, f"{action} to change {before!r}")

    async def asked(self, action: str) -> None:
        """Open the dialog of an action, and wait until it listens."""
        before = self.app.screen
        await self.act(action)
        await self.until(lambda: self.app.screen is not before, f"the dialog of {action}")
        await self.until_ready()


@contextlib.asynccontextmanager
async def hands(root: Path, user: str = "alice", *, size: Size = LARGE) -> AsyncIterator[Hands]:
    """Open the screen."""
    async with opened(root, user, size=size) as deck:
        yield Hands(deck.app, deck.pilot)


OF_DATA = (
    "app.datasets",
    "datasets.add",
    "datasets.diff",
    "datasets.verify",
    "dataset.diff",
    "dataset.verify",
)
"""Actions that :mod:`tests.screen.test_datasets` drives, on a workspace with data."""

OF_DECIDING = (
    "app.inbox",
    "app.policy",
    "inbox.approve",
    "inbox.reject",
    "inbox.withdraw",
    "policy.propose",
    "policy.support",
    "policy.withdraw",
    "review.take_back",
)
"""Actions that :mod:`tests.screen.test_governing` and :mod:`tests.screen.test_review` drive."""

OF_EXCEPTIONS = (
    "deployments.break_glass",
    "deployments.review_glass",
    "models.revoke",
    "review.override",
)
"""Actions that :mod:`tests.screen.test_exceptions` drives."""

OF_TALKING = ("app.resolve", "app.reword")
"""Actions that :mod:`tests.screen.test_discussion` drives."""


def test_every_action_is_driven_here() -> None:
    """No action of the table is missing on this page."""
    driven = set(re.findall(r'"([a-z]+\.[a-z_]+)"', Path(__file__).read_text("utf-8")))
    assert set(keymap.BY_ID) - driven == set()


async def frame(deck: Hands) -> None:
    """Go through pages, panes, tabs and zoom."""
    pages: dict[str, type[Screen[Any]]] = {
        "app.runs": RunsScreen,
        "app.models": ModelsScreen,
        "app.releases": ReleasesScreen,
        "app.deployments": DeploymentsScreen,
        "app.sources": SourcesScreen,
        "app.activity": ActivityScreen,
        "app.overview": OverviewScreen,
    }
    for action, page in pages.items():
        await deck.act(action)
        await deck.on(page)
    await deck.act("app.last_page")
    await deck.on(ActivityScreen)
    await deck.act("app.back")
    await deck.on(OverviewScreen)
    await deck.changes("app.refresh", lambda: id(deck.app.snapshot))
    await deck.changes("app.next_pane", lambda: deck.app.focused)
    await deck.changes("app.previous_pane", lambda: deck.app.focused)
    await deck.act("app.runs")
    runs = await deck.on(RunsScreen)
    tabs = runs.query_one("#preview-metrics").parent
    assert tabs is not None
    await deck.until(lambda: runs.main.key, "the runs")
    shown = lambda: [one.display for one in tabs.children]  # noqa: E731 -- read again and again
    await deck.changes("app.next_tab", shown)
    await deck.changes("app.previous_tab", shown)
    await deck.changes("app.enlarge", lambda: runs.zoomed)
    await deck.changes("app.shrink", lambda: runs.zoomed)


async def over(deck: Hands) -> None:
    """Open and close what lies over a page."""
    laid: dict[str, type[Screen[Any]]] = {
        "app.help": HelpScreen,
        "app.command": CommandScreen,
        "app.command_palette": CommandPalette,
        "app.jump": JumpScreen,
        "app.raw": ReaderScreen,
        "app.done": ReaderScreen,
        "app.doctor": ReaderScreen,
        "app.open_log": LogScreen,
    }
    for action, kind in laid.items():
        await deck.act(action)
        await deck.on(kind)
        await deck.press("escape")
        await deck.on(RunsScreen)


async def take(deck: Hands) -> None:
    """Write a remark, undo and redo it; copy and save."""
    await deck.asked("app.annotate")
    await deck.write("a remark")
    await deck.press("enter")
    await deck.until_shown("Noted on run:")
    await deck.act("app.undo")
    await deck.until_shown("Undone: Noted on run:")
    n_remarks = lambda: len(deck.app.snapshot.remarks if deck.app.snapshot else ())  # noqa: E731 -- as above
    await deck.changes("app.redo", n_remarks)
    await deck.asked("app.copy")
    await deck.press("enter")
    await deck.until_shown("Copied")
    await deck.act("app.save")
    await deck.until_shown("Saved")


def test_actions_that_work_everywhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages, panes, tabs, zoom, what lies over a page, remarks and their undoing, taking out."""
    monkeypatch.chdir(tmp_path)

    async def drive() -> None:
        async with hands(root) as deck:
            await frame(deck)
            await over(deck)
            await take(deck)
            await deck.act("app.quit")
            await deck.until(lambda: deck.app._exit, "the end")

    asyncio.run(drive())
    assert {one.suffix for one in tmp_path.iterdir()} >= {".csv", ".jsonl"}


@pytest.mark.parametrize("action", ["app.print", "app.suspend"])
def test_leaving_for_a_while_is_harmless_without_a_terminal(root: Path, action: str) -> None:
    """Where nothing can be left, as here, the page stays; real terminals are tested elsewhere."""

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act(action)
            await deck.on(OverviewScreen)
            assert deck.app.is_running

    asyncio.run(drive())


def test_actions_of_lists(root: Path) -> None:
    """Moving, marking, ordering, filtering, widening."""
    for number in range(40):
        with start_run("many", name=f"n{number:02}", workspace=root, capture_output=False) as run:
            run.log({f"metric_{name}": number for name in "abcdefgh"})

    async def drive() -> None:
        async with hands(root, size=(80, 24)) as deck:
            await deck.act("app.runs")
            page = await deck.on(RunsScreen)
            table = page.main
            await deck.until(lambda: len(table.rows) > 40, "the runs")

            def row() -> int:
                return table.cursor

            def marks() -> int:
                return len(table.marks)

            for action in (
                "list.down", "list.up", "list.page_down", "list.page_up", "list.last", "list.first",
            ):  # fmt: skip
                await deck.changes(action, row)
            for action in ("list.right", "list.left"):
                await deck.changes(action, lambda: deck.text)
            await deck.changes("list.mark", marks)
            await deck.act("list.mark_range")
            await deck.press("j", "j")
            await deck.changes("list.mark_range", marks)
            await deck.press("j", "j")
            await deck.changes("list.mark_to", marks)
            await deck.changes("list.mark_all", marks)
            assert marks() == len(table.rows)
            await deck.changes("list.unmark", marks)
            assert marks() == 0
            order = lambda: (table.order, table.picked)  # noqa: E731 -- read again and again
            await deck.changes("list.column_right", order)
            await deck.changes("list.sort", order)
            await deck.changes("list.column_left", order)
            await deck.changes("list.wide", lambda: len(table.rows.columns))
            await deck.act("list.filter")
            await deck.write("n07")
            await deck.until(lambda: len(table.rows) == 1, "the filter")
            await deck.press("enter")
            await deck.act("list.open")
            await deck.on(RunScreen)

    asyncio.run(drive())


def test_actions_of_texts(root: Path) -> None:
    """Moving in a long text, down and up, to the sides, to both ends."""

    async def drive() -> None:
        async with hands(root, size=(60, 16)) as deck:
            await deck.act("app.activity")
            await deck.until_shown("LEVEL")
            await deck.press("enter")
            page = await deck.on(ReaderScreen)
            view = page.query_one(TextView)
            await deck.until(lambda: view.virtual_size.height > 20, "the text")
            place = lambda: (view.scroll_offset, deck.text)  # noqa: E731 -- read again and again
            for action in (
                "text.down", "text.up", "text.page_down", "text.page_up", "text.last",
                "text.first", "text.right", "text.left",
            ):  # fmt: skip
                await deck.changes(action, place)
            await deck.act("text.find")
            await deck.on(AskScreen)
            await deck.write('"')
            await deck.press("enter")
            await deck.until(lambda: view.found >= 0, "the match")
            for action in ("text.next_match", "text.previous_match"):
                await deck.changes(action, lambda: view.found)
            await deck.act("text.find")
            await deck.write("nowhere to be found")
            await deck.press("enter")
            await deck.until_shown("Nothing here has")

    asyncio.run(drive())


def test_actions_that_tag_and_write_in_an_editor(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag is put, changed and taken, each undone; the editor needs a terminal and says so."""

    async def tagged(deck: Hands, typed: str, said: str) -> None:
        await deck.act("app.tag")
        await deck.on(AskScreen)
        await deck.write(typed)
        await deck.press("enter")
        await deck.until_shown(said)

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act("app.runs")
            page = await deck.on(RunsScreen)
            await deck.until(lambda: page.main.rows, "the runs")
            tags: Callable[[], dict[str, str]] = lambda: page.main.document["tags"]  # noqa: E731 -- read again and again
            await tagged(deck, "best=yes", "Tagged run:")
            await deck.until(lambda: tags().get("best") == "yes", "the tag")
            await tagged(deck, "best=no", "Tagged run:")
            await deck.until(lambda: tags().get("best") == "no", "the other value")
            await deck.act("app.undo")
            await deck.until(lambda: tags().get("best") == "yes", "the value before")
            page.set_filter("tag:best")
            await deck.until(lambda: len(page.main.rows) == 1, "the filter by tag")
            await tagged(deck, "-best", "Took the tag best")
            await deck.until(lambda: not page.main.rows, "no tag")
            page.set_filter("")
            await deck.until(lambda: page.main.rows, "the runs")
            await deck.act("app.edit")
            await deck.until_shown("no terminal")

    asyncio.run(drive())


def test_actions_on_runs(root: Path) -> None:
    """Comparing, charting, making a version."""
    curves = {"loss": 1.0, "auc": 0.5}
    with start_run("curves", name="first", workspace=root, capture_output=False) as run:
        for step in range(5):
            run.log({name: value / (step + 1) for name, value in curves.items()}, step=step)

    async def chart(deck: Hands, metric: str, log_scale: str, smooth: str) -> None:
        await deck.until_shown("5 values")
        await deck.changes(metric, lambda: deck.text)
        await deck.act(log_scale)
        await deck.until_shown("values, log")
        await deck.act(smooth)
        await deck.until_shown("smoothed 0.6")

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act("app.runs")
            page = await deck.on(RunsScreen)
            await deck.until(lambda: page.main.rows and page.main.document["name"] == "first")
            await deck.press("space", "space")
            await deck.act("runs.compare")
            compared = await deck.on(CompareScreen)
            await chart(deck, "compare.metric", "compare.log_scale", "compare.smooth")
            await deck.changes("compare.baseline", lambda: compared.baseline)
            await deck.changes("compare.equal", lambda: compared.has_equal)
            await deck.press("escape", "escape", "g", "enter")
            await deck.on(RunScreen)
            await chart(deck, "run.metric", "run.log_scale", "run.smooth")
            await deck.asked("run.promote")
            await deck.press("escape", "escape")
            page.set_filter("name:logistic owner:bob")
            await deck.until(lambda: len(page.main.rows) == 1, "the run of bob's")
            await deck.asked("runs.promote")
            await deck.press("enter")
            await deck.until_shown("is a version of churn now")
            page.set_filter("")

    asyncio.run(drive())


def lasting(root: Path) -> subprocess.Popen[bytes]:
    """Start a script with a run that lasts."""
    return subprocess.Popen([sys.executable, "-c", LASTING, str(root)])


def ended(script: subprocess.Popen[bytes]) -> bool:
    """Say whether a script has ended."""
    return script.poll() is not None


def test_actions_on_runs_that_run(root: Path) -> None:
    """Training a pipeline; asking a run to stop, also one whose script sleeps."""
    (root / "pipelines").mkdir(exist_ok=True)
    (root / "pipelines" / "wine.toml").write_text(PIPELINE)

    async def stop(deck: Hands, action: str) -> None:
        await deck.asked(action)
        await deck.press("y")
        await deck.until_shown("was asked to stop")

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act("app.runs")
            page = await deck.on(RunsScreen)
            for action, opens in (("runs.stop", ()), ("run.stop", ("enter",))):
                script = lasting(root)
                page.set_filter("status:running")
                await deck.until(lambda: len(page.main.rows) == 1, "the run", within_s=30)
                await deck.press(*opens)
                await stop(deck, action)
                await deck.until(partial(ended, script), "its end", within_s=30)
                await deck.press(*["escape"] * len(opens))
                await deck.until(lambda: not len(page.main.rows), "no run", within_s=30)
            page.set_filter("")
            await deck.asked("runs.train")
            await deck.press("enter")
            await deck.until_shown("Training wine.toml has begun")
            page.set_filter("experiment:wine status:finished")
            await deck.until(lambda: len(page.main.rows) > 0, "the trained run", within_s=60)

    asyncio.run(drive())


async def worded(deck: Hands, reason: str, word: str = "") -> None:
    """Fill a dialog's reason and word, and confirm."""
    await deck.press("tab")
    await deck.write(reason)
    if word:
        await deck.press("tab")
        await deck.write(word)
    await deck.press("enter", "enter")


def test_actions_on_releases_as_an_approver(root: Path) -> None:
    """Approving and rejecting, on the queue and in the review; rolling back and stopping."""

    async def decide(deck: Hands) -> None:
        await deck.until_shown("APPROVE  churn@2 to production")
        await deck.act("overview.approve")
        await deck.on(ReviewScreen)
        await deck.until_shown("Votes ·")
        await deck.asked("review.request_changes")
        await worded(deck, "more tests please", "churn-v2")
        await deck.until_shown("You asked for changes of churn-2")
        await deck.asked("review.approve")
        await worded(deck, "good now", "churn-v2")
        await deck.until_crumb("deploying")
        with Workspace.open(root, user="server") as server:
            live = server.deployments.show("churn@production")
            server.deployments.report(
                live["id"],
                generation=live["generation"],
                manifest=live["manifest"],
                outcome="ready",
            )
        await deck.until_crumb("✔ live")

    async def undo(deck: Hands) -> None:
        await deck.asked("review.rollback")
        await deck.press("escape")
        await deck.act("app.overview")
        await deck.until_shown("churn@production")
        await deck.press("tab")
        await deck.asked("overview.rollback")
        await deck.press("escape")
        await deck.act("app.deployments")
        await deck.until_shown("ENDPOINT")
        await deck.asked("deployments.rollback")
        await worded(deck, "slower than before", "churn-v1")
        await deck.until_shown("goes back to churn@1")
        await deck.asked("deployments.stop")
        await worded(deck, "no longer needed", "churn@production")
        await deck.until_shown("churn@production was stopped")

    async def queue(deck: Hands) -> None:
        await deck.act("app.releases")
        await deck.until_shown("Waiting for me", "churn-3")
        await deck.asked("releases.approve")
        await deck.press("escape")
        await deck.asked("releases.reject")
        await worded(deck, "of no use")
        await deck.until_shown("You rejected churn-3")

    async def drive() -> None:
        async with hands(root) as deck:
            await decide(deck)
            await undo(deck)
            await queue(deck)

    asyncio.run(drive())


def test_actions_that_put_runs_away(root: Path) -> None:
    """Archiving is undone by z; deleting asks, is undone by X where deleted runs show."""

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act("app.runs")
            page = await deck.on(RunsScreen)
            await deck.until(lambda: len(page.main.rows) > 2, "the runs")
            n_all = len(page.main.rows)
            await deck.press("space", "space")
            await deck.act("runs.archive")
            await deck.until(lambda: len(page.main.rows) == n_all - 2, "two runs fewer")
            await deck.until_shown("2 runs are archived.")
            assert not page.main.marks
            page.set_filter("is:archived")
            await deck.until(lambda: len(page.main.rows) == 2, "the archived runs")
            await deck.until_shown(", archived")
            page.set_filter("")
            await deck.act("app.undo")
            await deck.until(lambda: len(page.main.rows) == n_all, "all runs")
            page.set_filter("name:broken")
            await deck.until(lambda: len(page.main.rows) == 1, "a run that no version is of")
            await deck.asked("runs.delete")
            await deck.press("y")
            await deck.until(lambda: len(page.main.rows) == 0, "no run")
            page.set_filter("is:deleted")
            await deck.until(lambda: len(page.main.rows) == 1, "the deleted run")
            await deck.act("runs.delete")
            await deck.until(lambda: len(page.main.rows) == 0, "none deleted")
            page.set_filter("name:broken")
            await deck.until_crumb("name:broken")
            await deck.until(lambda: len(page.main.rows) == 1, "the run again")
            await deck.press("enter")
            await deck.on(RunScreen)
            await deck.act("run.archive")
            await deck.until_shown("is archived.")
            await deck.asked("run.delete")
            await deck.press("y")
            await deck.until_shown("is deleted.")

    asyncio.run(drive())


def test_actions_on_releases_as_who_asked(root: Path) -> None:
    """Withdrawing on the queue and in the review; asking for a release; hashing a version."""

    async def drive() -> None:
        async with hands(root, "bob") as deck:
            await deck.act("app.releases")
            page = await deck.on(ReleasesScreen)
            await deck.until(lambda: len(page.main.rows) == 2, "both releases")
            await deck.asked("releases.withdraw")
            await deck.press("y")
            await deck.until_shown("You withdrew churn-3")
            await deck.until(lambda: len(page.main.rows) == 1, "the other release")
            await deck.press("enter")
            await deck.on(ReviewScreen)
            await deck.asked("review.withdraw")
            await deck.press("y")
            await deck.until_crumb("withdrawn")
            await deck.act("review.diff")
            await deck.until_shown("churn-2 › churn@1 → churn@2", "+ C: 10")
            await deck.press("escape", "escape")
            await deck.act("app.models")
            await deck.until_shown("churn@2")
            await deck.asked("models.promote")
            await deck.press("enter")
            await deck.until_shown("A release of churn@2 to staging was asked for", within_s=30)
            await deck.act("models.verify")
            await deck.until_shown("has the SHA-256 that its manifest says")
            await deck.act("models.diff")
            await deck.until_shown("churn@1 → churn@2", "- C: 1", "+ C: 10")
            await deck.press("escape", "space", "space")
            await deck.act("models.diff")
            await deck.until_shown("churn@1 → churn@2", "+ recall: 0.9", "better")

    asyncio.run(drive())


def test_actions_of_a_reject_in_the_review(root: Path) -> None:
    """Rejecting in the review ends the release."""

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act("overview.approve")
            await deck.on(ReviewScreen)
            await deck.asked("review.reject")
            await worded(deck, "no", "churn-v2")
            await deck.until_crumb("rejected")

    asyncio.run(drive())


def test_actions_on_activity(root: Path) -> None:
    """Verifying the ledger; removing a remark's text, which its own line says; looking back."""
    with Workspace.open(root, user="bob") as workspace:
        workspace.annotations.add("churn@1", "call 555-0199")

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.act("app.activity")
            page = await deck.on(ActivityScreen)
            await deck.until(lambda: len(page.main.rows) > 3, "the entries")
            await deck.act("activity.verify")
            await deck.until_shown("✔ The ledger holds: 18 entries")
            await deck.asked("activity.redact")
            await deck.until_shown("REMOVE THE TEXT  of entry 18", "bob wrote")
            await deck.press("y")
            await deck.write("a number")
            await deck.press("enter", "enter")
            await deck.until_shown("text removed by alice: a number")
            await deck.press("j", "j")
            await deck.act("activity.travel")
            await deck.until_shown("AS OF")

    asyncio.run(drive())


def test_actions_of_logs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moving pauses, following goes on; filter, search, errors, levels, marks, what is taken."""
    monkeypatch.chdir(tmp_path)
    with start_run("logged", name="lines", workspace=root, capture_output=False) as run:
        run.log_text("\n".join(LINES))

    async def drive() -> None:
        async with hands(root, size=(80, 24)) as deck:
            await deck.act("app.runs")
            page = await deck.on(RunsScreen)
            await deck.until(lambda: page.main.rows and page.main.document["name"] == "lines")
            await deck.act("app.open_log")
            await deck.until_shown("step 119", "FOLLOW")
            log = await deck.on(LogScreen)
            await moves_in_a_log(deck, log.view)
            await asks_of_a_log(deck, log)
            await takes_from_a_log(deck, log)

    asyncio.run(drive())
    assert [one.suffix for one in tmp_path.glob("modeldeck-log-*")] == [".txt"]


async def moves_in_a_log(deck: Hands, view: LogView) -> None:
    """Move, and change how lines are drawn."""
    place = lambda: (view.is_following, view.cursor)  # noqa: E731 -- read again and again
    for action in ("logs.up", "logs.page_up", "logs.page_down", "logs.first", "logs.down"):
        await deck.changes(action, place)
    await deck.press("g")
    for action in ("logs.right", "logs.left", "logs.wrap", "logs.numbers"):
        await deck.changes(action, lambda: deck.text)
    await deck.changes("logs.times", lambda: view.look.has_times)
    await deck.act("logs.wrap")
    for action in ("logs.next_error", "logs.previous_warning", "logs.next_warning"):
        await deck.changes(action, place)
    await deck.press("G", "k")
    await deck.changes("logs.previous_error", place)


async def asks_of_a_log(deck: Hands, page: LogScreen) -> None:
    """Narrow by level and text, find, go somewhere, look around."""
    view = page.view

    def lines() -> int:
        return len(view.window)

    await deck.changes("logs.level_up", lambda: page.level)
    await deck.changes("logs.level_up", lines)
    await deck.changes("logs.level_down", lines)
    await deck.act("logs.find")
    await deck.write("step 5")
    await deck.press("enter")
    await deck.until_shown("11 matches")
    await deck.changes("logs.previous_match", lambda: view.cursor)
    await deck.changes("logs.next_match", lambda: view.cursor)
    await deck.act("logs.filter")
    await deck.write("late")
    await deck.until(lambda: lines() == 1, "the filter")
    await deck.press("enter")
    await deck.changes("logs.context", lines)
    await deck.changes("logs.context", lines)
    await deck.press("escape", "escape")
    await deck.until(lambda: lines() == len(LINES), "all lines")
    await deck.act("logs.go_to")
    await deck.write(":3")
    await deck.press("enter")
    await deck.until(lambda: view.cursor == 2, "the third line")


async def takes_from_a_log(deck: Hands, page: LogScreen) -> None:
    """Mark lines, copy and save them, open what they name, show what stands around them."""
    view = page.view
    await deck.changes("logs.mark", lambda: [*view.marks])
    await deck.press("j", "j")
    await deck.changes("logs.previous_mark", lambda: view.cursor)
    await deck.press("g")
    await deck.until(lambda: not view.cursor, "the first line")
    await deck.changes("logs.next_mark", lambda: view.cursor)
    await deck.changes("logs.range", lambda: view.range_from)
    await deck.press("j")
    await deck.act("app.copy")
    await deck.until_shown("Copied 23 characters")
    await deck.act("app.save")
    await deck.until_shown("Saved 123 lines")
    await deck.act("logs.record")
    await deck.on(ReaderScreen)
    await deck.press("escape")
    await deck.on(LogScreen)
    await deck.act("logs.follow_name")
    await deck.until_shown("This line names no run")
    await deck.changes("logs.bars", lambda: page.bars.display)
    await deck.changes("logs.debug", lambda: page.query_one("#debug").display)
    await deck.act("logs.ask")
    await deck.on(AskScreen)
    await deck.write("why?")
    await deck.press("enter")
    await deck.until_shown("Began a thread about", "why?")
    await deck.act("logs.follow")
    await deck.until_shown("FOLLOW")


def test_counters_of_the_header_are_jumps(root: Path) -> None:
    """A letter of the jump overlay, or a click, on a counter goes to what it counts."""

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.until_shown("▲ 2 to review", "✖ 1 to look at")
            line = deck.lines[0]
            await deck.pilot.click(offset=(line.index("▲") + 2, 0))
            await deck.on(InboxScreen)
            await deck.pilot.click(offset=(line.index("✖") + 2, 0))
            await deck.on(OverviewScreen)
            with start_run("live", name="lasting", workspace=root, capture_output=False):
                await deck.until_shown("● 1 running")
                await deck.act("app.jump")
                jump = await deck.on(JumpScreen)
                await deck.press(list(jump.targets)[-1])
                page = await deck.on(RunsScreen)
                await deck.until(lambda: page.query_text == "status:running", "the filter")

    asyncio.run(drive())


def test_another_theme_is_seen_at_once_in_the_frame(root: Path) -> None:
    """The header's counters have the new theme's colours without anything being read again."""

    async def drive() -> None:
        async with hands(root) as deck:
            await deck.until_shown("▲ 2 to review")
            deck.app._beat = lambda: None  # type: ignore[method-assign]  # nothing is read again

            def header() -> list[object]:
                return [one.style for one in deck.app.screen._compositor.render_strips()[0]]

            await deck.pilot.pause()
            before = header()
            deck.app.choose_theme("light")
            await deck.until(lambda: header() != before, "other colours")

    asyncio.run(drive())
