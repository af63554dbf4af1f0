"""A log on the screen: it follows a rotation, pauses, narrows, searches, and nothing harms it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modeldeck.tracking import start_run
from modeldeck_tui.present.export.plain import to_ascii
from modeldeck_tui.present.logs import short_names
from modeldeck_tui.screens.pages.logs import LogScreen
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened

MORE_THAN_HELD = 5_000


@contextlib.asynccontextmanager
async def reading(
    root: Path, *sources: Path | str, size: Size = SMALL
) -> AsyncIterator[tuple[Deck, LogScreen]]:
    """Open logs on the screen, by their command."""
    async with opened(root, size=size) as deck:
        await deck.press("colon")
        await deck.write("logs " + " ".join(f"'{one}'" for one in sources))
        await deck.press("enter")
        await deck.until(lambda: isinstance(deck.app.screen, LogScreen), "the log")
        page = deck.app.screen
        assert isinstance(page, LogScreen)
        await deck.until(lambda: page.names and page.view.window.lines, "its lines")
        yield deck, page


def line(number: int, level: str = "INFO") -> str:
    """Return one line of a log."""
    at = f"2026-11-23T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return f"{at} {level} step={number} latency_s=0.{number % 10}\n"


def write(path: Path, first: int, last: int) -> None:
    """Append lines; each hundredth is an error."""
    with path.open("a") as file:
        file.writelines(line(n, "INFO" if n % 100 else "ERROR") for n in range(first, last))


def test_log_follows_a_rotation_while_somebody_looks_back_filters_and_resizes(
    root: Path, tmp_path: Path
) -> None:
    """Lines that come while paused are counted, none is lost, and the rotation is shown."""
    path = tmp_path / "a.log"
    write(path, 0, 100)

    async def drive() -> None:
        async with reading(root, path) as (deck, page):
            await deck.until_shown("step=99", "FOLLOW")
            await deck.press("k", "ctrl+u")
            await deck.until_shown("PAUSED +0")
            before = deck.lines[3:20]
            write(path, 100, 110)
            path.rename(tmp_path / "a.log.1")
            write(path, 110, 120)
            await deck.until_shown("PAUSED +20")
            assert deck.lines[3:20] == before
            await deck.press("G")
            await deck.until_shown("step=119", "FOLLOW", "── a.log rotated", "step=109")
            await deck.press("slash")
            await deck.write("latency_s>0.7 !step=9")
            await deck.until_shown("/latency_s>0.7 !step=9   21 of 120")
            await deck.press("enter")
            write(path, 120, 130)
            await deck.until_shown("23 of 1", "step=129")
            assert "step=127" not in deck.text
            await deck.pilot.resize_terminal(*LARGE)
            await deck.until_shown("step=18 ", "step=129")
            await deck.press("b")
            await deck.until(lambda: page.bars.bars, "the histogram")
            drawn: list[int] = []
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(page.bars, "refresh", lambda *regions: drawn.append(len(regions)))
                page.bars.at(0.5, 0.6)
                page.bars.at(0.5, 0.65)
                page.bars.at(0.0, 1.0)
            assert len(drawn) > 1, drawn
            assert 0 not in drawn
            await deck.press("k", "x")
            await deck.until_shown("lifted", "step=127")
            await deck.press("backslash")
            await deck.write("step=11")
            await deck.press("enter")
            await deck.until_shown("\\step=11   11 of 11 matches")
            assert [one.offset for one in page.view.window.lines] == sorted(
                one.offset for one in page.view.window.lines
            )

    asyncio.run(drive())


def test_log_takes_places_and_filters_after_a_colon_and_numbers_lines_while_paused(
    root: Path, tmp_path: Path
) -> None:
    """As in less and vim: a line, a time, a share; what is none of them is no command."""
    path = tmp_path / "a.log"
    write(path, 0, 300)

    async def typed(deck: Deck, text: str) -> None:
        await deck.press("colon")
        await deck.write(text)
        await deck.press("enter")

    async def drive() -> None:
        async with reading(root, path) as (deck, page):
            await deck.press("g")
            await deck.until(lambda: page.view.cursor == 0 and not page.view.is_following)
            await deck.press("number_sign")
            await deck.until_shown("›     1 ", "      2 ")
            for text, step in (("120", 119), ("00:03:00", 180), ("50%", 151)):
                await typed(deck, text)
                await deck.until_shown(f"›   {step + 1} ")
            await typed(deck, "filter step=29")
            await deck.until_shown("/step=29   1 of 300")
            await typed(deck, "120 lines")
            await deck.until_shown("no command '120'")

    asyncio.run(drive())


@pytest.mark.parametrize(("n", "shown"), [(9, "FOLLOW"), (200, "PAUSED")])
def test_log_opened_at_a_time_follows_where_all_of_it_shows(
    root: Path, tmp_path: Path, n: int, shown: str
) -> None:
    """Of a longer one the lines of that time are shown."""
    path = tmp_path / "a.log"
    write(path, 0, n)

    async def drive() -> None:
        async with reading(root, path, "@2026-11-23T00:00:05Z") as (deck, page):
            await deck.until_shown(shown, "step=5 ")
            assert page.view.is_following == (shown == "FOLLOW")

    asyncio.run(drive())


def test_log_of_many_lines_is_read_where_somebody_scrolls(root: Path, tmp_path: Path) -> None:
    """More lines than are held: pages up to the begin and down again show each line once."""
    path = tmp_path / "many.log"
    write(path, 0, MORE_THAN_HELD)

    async def drive() -> None:
        async with reading(root, path) as (deck, page):
            view = page.view
            await deck.press("g")
            await deck.until_shown("step=0 ", "PAUSED")
            await deck.press("ctrl+g")
            await deck.write("50%")
            await deck.press("enter")
            await deck.until(lambda: view.line and 2_400 < number(page) < 2_600, "the middle")
            await deck.press("ctrl+g")
            await deck.write("00:50")
            await deck.press("enter")
            await deck.until(lambda: number(page) == 3_000, "the time")
            await deck.press("e")
            await deck.until(lambda: number(page) == 3_100, "the next error")
            seen = number(page)
            while seen > 2_300:
                await deck.press("ctrl+u")
                await deck.until(lambda: number(page) < seen, "the page before")  # noqa: B023 -- read at once
                seen = number(page)
            steps = [int(one.fields["step"]) for one in view.window.lines]  # type: ignore[call-overload]  # digits
            assert steps == [*range(steps[0], steps[-1] + 1)]

    def number(page: LogScreen) -> int:
        found = page.view.line
        return int(str(found.fields["step"])) if found is not None else -1

    asyncio.run(drive())


def test_logs_are_merged_by_time_and_lead_to_what_they_name(root: Path, tmp_path: Path) -> None:
    """Two files in one order, each line with its source; an id in a line opens its page."""
    with start_run("named", workspace=root, capture_output=False) as run:
        run.log_text("INFO begin")
    one, two = tmp_path / "server-1.log", tmp_path / "server-2.log"
    one.write_text("".join(line(n) for n in range(0, 20, 2)))
    two.write_text("".join(line(n) for n in range(1, 20, 2)) + f"INFO run {run.id} began\n")

    async def drive() -> None:
        async with reading(root, tmp_path / "server-*.log") as (deck, page):
            await deck.until_shown("1 00:00:18Z INFO step=18", "2 00:00:19Z INFO step=19")
            steps = [one.fields.get("step") for one in page.view.window.lines]
            assert steps[:20] == [str(n) for n in range(20)]
            await deck.press("k", "j", "o")
            await deck.until_shown(f"Runs › {run.id[-6:]}")

    asyncio.run(drive())


def test_hostile_log_neither_steers_nor_stops_the_screen(root: Path, tmp_path: Path) -> None:
    """Bytes of all kinds, markup and a line of a megabyte: drawn harmless, keys still work."""
    path = tmp_path / "hostile.log"
    everything = b"".join(
        (
            b"\x1b]0;owned\x07 [/] [@click=app.quit]x[/] \x9b31m \xe2\x80\xae \x00 \xff\xfe\n",
            b"x" * (1 << 20) + b"\n",
            *(os.urandom(200) + b"\n" for _ in range(200)),
            b'{"msg": "\\u001b[2J\\n2026-11-23 07:10:11 INFO approved", "level": "error"}\n',
        )
    )
    path.write_bytes(everything)

    async def drive() -> None:
        async with reading(root, path) as (deck, page):
            for key in (
                "g",
                "ctrl+w",
                "G",
                "k",
                "ctrl+u",
                "ctrl+u",
                "ctrl+w",
                "l",
                "h",
                "number_sign",
            ):
                await deck.press(key)
                assert not [one for one in deck.text if one < " " and one != "\n"]
                assert not set("\x1b\x9b\u202e\x7f") & set(deck.text)
            await deck.press("slash")
            await deck.write("(a+)+$ \\")
            await deck.until_shown("is no regular expression")
            await deck.press("escape", "escape", "G")
            await deck.until_shown("FOLLOW", "ERROR ␛[2J␊2026-11-23 07:10:11 INFO approved")
            assert page.is_running

    asyncio.run(drive())


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["a.log"], []),
        (["server-gpu1-8.log", "server-gpu22-91.log"], ["gpu1-8  ", "gpu22-91"]),
        (["out.log", "err.log"], ["out", "err"]),
        (["/a/x.log", "/b/x.log"], ["a/x", "b/x"]),
    ],
)
def test_names_of_sources_are_short_and_differ(names: list[str], short: list[str]) -> None:
    """What names have in common is left out."""
    assert short_names(names) == short
    assert len(set(short)) == len(short)
    assert all(to_ascii(one) == one for one in short)
