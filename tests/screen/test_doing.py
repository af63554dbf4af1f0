"""Doing and undoing, commands after a colon, the past, looks, and a person's own keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from modeldeck.workspace import Workspace
from modeldeck_tui import keymap
from modeldeck_tui.keymap import own
from modeldeck_tui.present.export.plain import to_ascii
from modeldeck_tui.screens.pages.activity import ActivityScreen
from modeldeck_tui.screens.pages.runs import RunsScreen
from modeldeck_tui.screens.reader import ReaderScreen
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened


async def command(deck: Deck, text: str) -> None:
    """Type a command."""
    await deck.press("colon")
    await deck.until(lambda: deck.app.focused is not None, "the command's line")
    await deck.write(text)
    await deck.press("enter")


def remarks(root: Path) -> list[str]:
    """Return all remarks, read anew."""
    with Workspace.open(root, user="server") as workspace:
        return [one["text"] for one in workspace.annotations.list()]


def test_remark_is_undone_and_done_again(root: Path) -> None:
    """A remark says that z undoes it; z takes it back, Z makes it again; @ lists what was done."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.dialog("c")
            await deck.write("look twice")
            await deck.press("enter")
            await deck.until_shown("Noted on release:churn-2. z undoes it.")
            assert remarks(root) == ["look twice"]
            await deck.press("z")
            await deck.until_shown("Undone: Noted on release:churn-2.")
            assert remarks(root) == []
            await deck.press("Z")
            await deck.until(lambda: remarks(root) == ["look twice"], "the remark")
            await deck.press("at")
            await deck.until_shown("modeldeck annotate release:churn-2")
            assert isinstance(deck.app.screen, ReaderScreen)

    asyncio.run(drive())


def test_vote_that_decides_on_staging_asks_y_and_not_the_key_again(root: Path) -> None:
    """Held a does nothing more; y approves what completes the quorum off the last environment."""

    async def drive() -> None:
        async with opened(root) as deck:
            await deck.press("j")
            await deck.dialog("a")
            await deck.press("a", "a", "a")
            with Workspace.open(root, user="server") as workspace:
                assert workspace.releases.show("churn-3")["status"] == "waiting"
            await deck.press("y")
            await deck.until_shown("You approved churn-3.")

    asyncio.run(drive())


def test_commands_open_filter_and_say_what_they_do_not_know(root: Path) -> None:
    """:runs with a filter, :rel, :theme, and an unknown word; tab completes, history is kept."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await command(deck, "runs status:failed")
            await deck.until(lambda: isinstance(deck.app.screen, RunsScreen), "the runs")
            await deck.until_crumb("/status:failed")
            await command(deck, "rel churn-2")
            await deck.until_shown("Releases › churn-2", "Votes ·")
            await command(deck, "nonsense")
            await deck.until_shown("There is no command 'nonsense' here")
            await command(deck, "theme light")
            assert deck.app.theme == "light"
            await deck.press("colon")
            await deck.write("the")
            await deck.press("tab")
            await deck.write("da")
            await deck.press("tab", "enter")
            await deck.until(lambda: deck.app.theme == "dark", "the dark theme")

    asyncio.run(drive())


def test_past_is_shown_read_only_and_left_by_escape(root: Path) -> None:
    """T on an entry shows the workspace as it was; nothing may be written; esc comes back."""

    async def drive() -> None:
        async with opened(root, size=LARGE) as deck:
            await deck.press("7")
            await deck.until_shown("LEVEL")
            await deck.press("G", "k", "T")
            await deck.until_shown("AS OF")
            page = deck.app.screen
            assert isinstance(page, ActivityScreen)
            await deck.until(lambda: len(page.main.rows) == 2, "two entries")
            await deck.press("c")
            await deck.until_shown("Cannot annotate: the workspace is read-only")
            await deck.press("escape")
            await deck.until(lambda: len(page.main.rows) > 2, "the present")
            assert "AS OF" not in deck.text

    asyncio.run(drive())


@pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)])
@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast", "colour-blind", "ansi"])
def test_every_theme_draws_every_page(root: Path, size: Size, theme: str) -> None:
    """Changing how it looks changes no word of any page."""

    async def drive() -> None:
        async with opened(root, size=size) as deck:
            deck.app.choose_theme(theme)
            for key, text in zip(
                "1234567", ("Needs", "Runs", "Vers", "Rel", "End", "Logs", "Ledg"), strict=True
            ):
                await deck.press(key)
                await deck.until_shown(text, "? help")

    asyncio.run(drive())


def test_ascii_keeps_widths() -> None:
    """Each symbol becomes as many ASCII characters as it has columns."""
    assert to_ascii("╭─ ✔ ⠉⣷ 漢 ▁█") == "+- v ** ?? _#"


def test_enlarged_pane_has_the_screen_and_gives_it_back(root: Path) -> None:
    """+ twice leaves the focused pane alone, _ brings the others back."""

    async def drive() -> None:
        async with opened(root) as deck:
            await deck.press("plus", "plus")
            await deck.until(lambda: "Latest activity" not in deck.text, "one pane")
            assert "Needs you" in deck.text
            await deck.press("underscore", "underscore")
            await deck.until_shown("Latest activity")

    asyncio.run(drive())


def test_own_keys_are_checked_line_by_line(tmp_path: Path) -> None:
    """What is wrong is told with file, line and nearest id; the other lines count."""
    path = tmp_path / "keymap.toml"
    path.write_text(
        '"runs.compare" = "K"\n'
        '"runs.compere" = "E"\n'
        '"app.refresh" = "ctrl+m"\n'
        '"app.undo" = "a"\n'
        '"app.save" = 3\n'
    )
    found = own.read(path)
    assert found.keys == {"runs.compare": ("K",)}
    assert [problem.split(":")[1] for problem in found.problems] == ["2", "3", "5", "4"]
    assert "Did you mean 'runs.compare'?" in found.problems[0]
    assert "is enter" in found.problems[1]
    assert "a is taken by" in found.problems[3]


def test_own_key_replaces_the_one_of_the_table(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The new key works, the old one does not, and the help shows the new one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "modeldeck").mkdir()
    (tmp_path / "modeldeck" / "keymap.toml").write_text('"app.runs" = "f6"\n')

    async def drive() -> None:
        async with opened(root) as deck:
            await deck.press("2")
            assert not isinstance(deck.app.screen, RunsScreen)
            await deck.press("f6")
            await deck.until(lambda: isinstance(deck.app.screen, RunsScreen), "the runs")

    try:
        asyncio.run(drive())
    finally:
        keymap.use({})
