"""The table of runs and what stands on it: filter, order, marks, comparison, the page of one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from modeldeck.tracking import start_run
from modeldeck_tui.screens import filters
from modeldeck_tui.screens.pages.compare import CompareScreen
from modeldeck_tui.screens.pages.run import RunScreen
from modeldeck_tui.screens.pages.runs import RunsScreen
from tests.screen.driving import LARGE, Deck, opened


async def runs_of(deck: Deck) -> RunsScreen:
    """Open the page of runs."""
    await deck.press("2")
    await deck.until_shown("EXPERIMENT", "NAME")
    page = deck.app.screen
    assert isinstance(page, RunsScreen)
    return page


def names(page: RunsScreen) -> list[str]:
    """Return the names of the runs that are shown."""
    return [one["name"] for one in page.main.rows.documents]


def test_filter_narrows_while_typed_and_escape_takes_it_away(root: Path) -> None:
    """Slash filters live, enter keeps it, an error is told in the third line, esc clears it."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            page = await runs_of(deck)
            n_all = len(names(page))
            await deck.press("slash")
            await deck.write("status:failed")
            await deck.until(lambda: names(page) == ["broken"], "the failed run")
            await deck.until_crumb(f"1 of {n_all}")
            await deck.press("enter", "escape")
            await deck.until(lambda: len(names(page)) == n_all, "all runs")
            await deck.press("slash")
            await deck.write("(")
            await deck.until_crumb("A ( is not closed")

    asyncio.run(drive())


def test_order_follows_the_picked_column_and_keeps_the_cursor_on_its_run(root: Path) -> None:
    """Shift and an arrow pick a column, O sorts by it, again backwards; titles show which."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            page = await runs_of(deck)
            await deck.press("G")
            key = page.main.key
            await deck.press(*["shift+right"] * 4, "O")
            await deck.until_shown("NAME↓")
            assert names(page) == sorted(names(page), reverse=True)
            assert page.main.key == key
            await deck.press("O")
            await deck.until_shown("NAME↑")
            assert names(page) == sorted(names(page))
            assert page.main.key == key

    asyncio.run(drive())


def test_marked_runs_are_compared_by_what_differs(root: Path) -> None:
    """C is off until two runs are marked; the comparison hides what is equal until = is pressed."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            page = await runs_of(deck)
            await deck.press("C")
            await deck.until_shown("Cannot compare: mark at least two with space.")
            await deck.press("slash")
            await deck.write("name:logistic")
            await deck.press("enter", "space", "space")
            await deck.until_crumb("● 2 marked")
            await deck.press("C")
            await deck.until_shown(
                "Comparison of 2 runs", "(base)", "recall", "0.81", "equal hidden"
            )
            assert isinstance(deck.app.screen, CompareScreen)
            assert "experiment  churn" not in deck.text
            await deck.press("equals_sign")
            await deck.until_shown("experiment", "churn")
            await deck.press("escape", "ctrl+backslash")
            assert not page.main.marks

    asyncio.run(drive())


def test_page_of_a_run_shows_metrics_chart_and_what_its_folder_says(root: Path) -> None:
    """A live run's values reach the chart; tabs show parameters, output, remarks and lineage."""
    with start_run("churn", name="live", workspace=root) as run:
        for step in range(20):
            run.log({"loss": 1 / (step + 1)}, step=step)

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            page = await runs_of(deck)
            await deck.until(lambda: "live" in names(page), "the run")
            await deck.press("slash")
            await deck.write("name:live")
            await deck.press("enter", "enter")
            await deck.until_shown("Runs ›", "20 values", "loss", "0.05")
            assert isinstance(deck.app.screen, RunScreen)
            await deck.press("o")
            await deck.until_shown("20 values, log")
            await deck.press("right_square_bracket")
            await deck.press("right_square_bracket", "right_square_bracket")
            await deck.dialog("c")
            await deck.write("mind the start")
            await deck.press("enter")
            await deck.until_shown("mind the start")

    asyncio.run(drive())


async def command(deck: Deck, text: str) -> None:
    """Type a command after a colon."""
    await deck.press("colon")
    await deck.write(text)
    await deck.press("enter")


def test_filter_is_kept_by_a_name_and_typed_by_it(root: Path) -> None:
    """:save keeps a filter; @name brings it back here, by :runs, and in another session."""

    async def keep() -> None:
        async with opened(root) as deck:
            await deck.press("2")
            await command(deck, "filter status:finished")
            await deck.until_shown("/status:finished")
            await command(deck, "save done")
            await deck.until_shown("Kept: @done is /status:finished")
            await command(deck, "save no good")
            await deck.until_shown("As in :save best")

    async def use() -> None:
        async with opened(root) as deck:
            await command(deck, "runs @done")
            await deck.until_shown("Runs", "/status:finished")
            await deck.press("escape")
            await deck.until(lambda: "/status:finished" not in deck.text, "no filter")
            await deck.press("slash")
            await deck.write("@done")
            await deck.press("enter")
            await deck.until_shown("/status:finished")
            await command(deck, "forget done")
            await deck.until_shown("Forgotten: done")
            await command(deck, "forget done")
            await deck.until_shown("No filter of this page is kept as done.")

    asyncio.run(keep())
    asyncio.run(use())


def test_kept_filters_that_cannot_be_read_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is in the file, there are just no filters, and keeping one replaces it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "modeldeck" / "filters.json"
    path.parent.mkdir()
    for text in ("{", "[]", '{"runs": [1]}', '{"runs": {"a": 1}}', "[" * 100_000):
        path.write_text(text)
        assert not filters.kept("runs")
    filters.keep("runs", "best", text="acc>0.9")
    assert filters.kept("runs") == {"best": "acc>0.9"}
    assert filters.meant("runs", " @best") == "acc>0.9"
    assert filters.meant("runs", "@other") == "@other"
