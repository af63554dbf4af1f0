"""The pages about data versions: by keys, and letter by letter at two sizes."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck_tui.screens.overlays.dialogs import NameDialog, PickDialog
from modeldeck_tui.screens.pages.datasets import DatasetScreen, DatasetsScreen
from modeldeck_tui.widgets.table import Table
from tests.screen import still
from tests.screen.conftest import made
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened
from tests.screen.test_goldens import GOLDENS, ROLES, quiet, roles_of, text_of

PAGES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("datasets", ("D",), ("sales@2", "sales@1", "images@1")),
    ("dataset", ("j", "j", "enter"), ("Columns", "price", "Used by", "first")),
    ("dataset-diff", ("escape", "k", "d"), ("Distributions", "Benjamini")),
)


@pytest.fixture(scope="module")
def template_of_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace that ``still_data`` describes."""
    return made("still_data", tmp_path_factory)


@pytest.fixture
def data(template_of_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of it, with state, cache, host and time zone of its own."""
    for name, value in (("STATE", "state"), ("CACHE", "cache")):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / value))
    monkeypatch.setenv("MODELDECK_USER", "alice")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr("socket.gethostname", lambda: still.HOST)
    time.tzset()
    shutil.copytree(template_of_data, tmp_path / "shop")
    yield tmp_path / "shop"
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "160x50"])
def test_pages_of_data_look_as_they_did(
    data: Path, size: Size, pytestconfig: pytest.Config
) -> None:
    """The list, one version and a comparison show what their goldens show."""
    wrong = []

    async def look(deck: Deck, name: str) -> None:
        path = GOLDENS / f"{name}-{size[0]}x{size[1]}.txt"
        found = f"{text_of(deck)}{ROLES}{roles_of(deck)}\n"
        if pytestconfig.getoption("--update-goldens"):
            path.write_text(found, "utf-8")
        if not path.exists() or found != path.read_text("utf-8"):
            wrong.append(f"{path.name} is not\n{found}")

    async def drive() -> None:
        async with opened(data, size=size, now=lambda: still.SEEN) as deck:
            for name, keys, texts in PAGES:
                await deck.press(*keys)
                await deck.until_shown(*texts, within_s=60)
                await quiet(deck, text_of)
                await look(deck, name)

    asyncio.run(drive())
    assert not wrong, "\n\n".join(wrong)


def test_list_of_data_filters_compares_marked_ones_and_verifies(data: Path) -> None:
    """A filter narrows, two marked versions are compared, V says that contents are whole."""

    async def drive() -> None:
        async with opened(data, size=LARGE) as deck:
            await deck.press("colon")
            await deck.write("datasets name:sales")
            await deck.press("enter")
            await deck.until(lambda: isinstance(deck.app.screen, DatasetsScreen), "the list")
            await deck.until(lambda: "images@1" not in deck.text, "the filter")
            await deck.press("V")
            await deck.until_shown("sales@2 is what it was when it was added")
            await deck.press("space", "space", "d")
            await deck.until_shown("changed (by id)", "sales@1 → sales@2", within_s=60)

    asyncio.run(drive())


def test_page_of_a_version_leads_to_what_used_it_and_takes_remarks(data: Path) -> None:
    """From the version to the run by its uses; a tag and a remark are about the version."""

    async def drive() -> None:
        async with opened(data, size=LARGE) as deck:
            deck.app.open("dataset:sales@1")
            await deck.until(lambda: isinstance(deck.app.screen, DatasetScreen), "the page")
            await deck.until_shown("price", "first")
            await deck.dialog("c")
            await deck.write("Checked.")
            await deck.press("enter")
            await deck.until_shown("Noted on dataset:sales@1")
            deck.app.screen.query_one("#dataset-uses", Table).focus()
            await deck.press("enter")
            await deck.until_crumb("Runs ›")
            await deck.until_shown("data", "sales@1")

    asyncio.run(drive())


def test_file_of_the_workspace_is_frozen_from_the_screen(data: Path) -> None:
    """The key n lists what lies in datasets/; picking one and naming it makes the next version."""

    async def drive() -> None:
        async with opened(data, size=LARGE) as deck:
            with (data / "datasets" / "sales.csv").open("a") as file:
                file.write("900,1.5,Rome,true,x\n")
            await deck.press("D")
            await deck.until_shown("images@1")
            await deck.press("n")
            await deck.until(lambda: isinstance(deck.app.screen, PickDialog), "the files")
            await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
            await deck.press("j", "enter")
            await deck.until(lambda: isinstance(deck.app.screen, NameDialog), "the name")
            await deck.until(lambda: deck.app.focused is not None, "the dialog to listen")
            await deck.press("enter")
            await deck.until_shown("sales@3", within_s=60)

    asyncio.run(drive())


def test_first_version_has_nothing_before_it(data: Path) -> None:
    """On the first version d says what to do instead; on one that is not kept V says why not."""

    async def drive() -> None:
        async with opened(data, size=SMALL) as deck:
            await deck.press("D")
            await deck.until_shown("images@1")
            await deck.press("d")
            await deck.until_shown("no version before it")
            await deck.press("V")
            await deck.until_shown("are not kept")

    asyncio.run(drive())
