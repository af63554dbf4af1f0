"""Threads on the pages of releases, runs and versions: shown, begun, answered, edited, resolved."""

from __future__ import annotations

import asyncio
from pathlib import Path

from modeldeck.workspace import Workspace
from modeldeck_tui.widgets.table import Table
from tests.screen.driving import LARGE, SMALL, Deck, opened


async def say(deck: Deck, key: str, text: str, end: str = "enter") -> None:
    """Write a text in the dialog that a key opens."""
    await deck.dialog(key)
    await deck.write(text)
    await deck.press(end)


def asked(root: Path) -> tuple[str, ...]:
    """Return the open thread on the release: its id, its texts, and what the last one was."""
    with Workspace.open(root, user="dave") as dave:
        (thread,) = dave.threads.list("churn-2")
    texts = [one["text"] for one in thread["remarks"]]
    return thread["id"], *texts, thread["remarks"][-1]["earlier"][0]["text"]


def test_thread_on_a_release_is_begun_answered_edited_and_resolved_by_key(root: Path) -> None:
    """Two people talk on the review; the one who is asked finds the thread from the inbox."""

    async def begin() -> None:
        async with opened(root, "dave", size=LARGE) as deck:
            deck.app.open("release:churn-2")
            await deck.until_shown("Releases › churn-2", "Discussion")
            await say(deck, "c", "looks odd")
            await deck.until_shown("✎")
            await say(deck, "c", "@bob which rows, and @bbo?", "ctrl+t")
            await deck.until_shown("◌ open", "which rows")
            await deck.until_shown("@bbo is nobody, @bob is")

    async def answer() -> None:
        async with opened(root, "bob", size=SMALL) as deck:
            await deck.until_shown("@ MENTION", "dave on churn-2")
            await deck.press("I")
            await deck.until_shown("Waiting for me", "@ MENTION")
            table = deck.app.screen.query_one("#inbox-waiting", Table)
            row = next(one for one in table.rows.keys() if one.startswith("thread:"))  # noqa: SIM118
            table.go_to(row)
            await deck.press("enter")
            await deck.until_shown("Releases › churn-2", "◌ open")
            await deck.until(lambda: getattr(deck.app.focused, "id", "") == "said")
            await say(deck, "c", "all of them")
            await deck.until_shown("↳", "all of them")
            await deck.press("ctrl+y")
            await deck.until_shown("Cannot edit: dave wrote it")
            await deck.press("ctrl+t")
            await deck.until_shown("Only dave")
            await deck.press("j")
            await say(deck, "ctrl+y", ", 40,000")
            await deck.until_shown("all of them, 40,000 (edited)")

    async def end() -> None:
        async with opened(root, "dave", size=LARGE) as deck:
            await deck.until_shown("THREAD", "bob on churn-2")
            deck.app.open(f"thread:{asked(root)[0]}")
            await deck.until_shown("Releases › churn-2", "◌ open")
            await deck.until(lambda: getattr(deck.app.focused, "id", "") == "said")
            await deck.press("ctrl+t")
            await deck.until_shown("✔ resolved")
            await deck.until_shown("z undoes it")
            await deck.press("z")
            await deck.until_shown("◌ open")

    asyncio.run(begin())
    asyncio.run(answer())
    asyncio.run(end())
    assert asked(root)[1:] == ("@bob which rows, and @bbo?", "all of them, 40,000", "all of them")


def test_threads_on_runs_and_versions_are_shown_with_their_places(root: Path) -> None:
    """A thread about a point of a metric stands on the run's page, and where that is released.

    One on a version, an endpoint or a dataset stands on its own page; Y shows it as it is.
    """
    with Workspace.open(root, user="bob") as bob:
        run = bob.models.version("churn@2")["run"]
        bob.threads.start(f"{run}#loss@0", "why this jump?")
        bob.threads.start("churn@2", "is it fair?")
        bob.threads.start("churn@production", "why so slow?")

    async def drive() -> None:
        async with opened(root, "dave", size=LARGE) as deck:
            deck.app.open(f"run:{run}")
            await deck.until_shown("Runs ›")
            for _ in range(3):
                await deck.press("right_square_bracket")
            await deck.until_shown("◌ open", "at loss@0: why this jump?")
            deck.app.open("version:churn@2")
            await deck.until_shown("Models")
            for _ in range(3):
                await deck.press("right_square_bracket")
            await deck.until_shown("◌ open", "is it fair?")
            thread = deck.app.workspace.threads.list("churn@production")[0]["id"]
            deck.app.open(f"thread:{thread}")
            await deck.until_shown("Deployments", "◌ open", "why so slow?")
            await deck.press("Y")
            await deck.until_shown("as JSON", '"text": "why so slow?"')
            await deck.press("q")
            deck.app.open("release:churn-2")
            await deck.until_shown("Releases › churn-2", "at loss@0: why this jump?")

    asyncio.run(drive())
