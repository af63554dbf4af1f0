"""Random text: whatever strangers write, nothing of it steers a terminal or hides from a reader."""

from __future__ import annotations

import asyncio
import random
import sys
import unicodedata

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.color import Color

from modeldeck import ids
from modeldeck.errors import InvalidInputError
from modeldeck.services.logs import Line as LogLine
from modeldeck_tui.clean import MAX_LINE, clean, clean_lines
from modeldeck_tui.present.export.plain import to_ascii
from modeldeck_tui.present.rows import Line, cell
from modeldeck_tui.widgets import styles
from modeldeck_tui.widgets.logs.view import LogView
from modeldeck_tui.widgets.safe_lines import SafeLines
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.text_view import TextView

N_PURE, N_SINKS, BATCH, FOUR = 100_000, 10_000, 1_000, 4
PIECES = [
    *(chr(code) for code in range(0x20)),
    *(chr(code) for code in range(0x7F, 0xA0)),
    *"\u200b\u200e\u202e\u2066\u2028\ufeff\u3164\u115f\xad\U000e0041\ud800\udfff",
    "\x1b[",
    "\x1b]52;c;",
    "\x1b]0;",
    "\x9b31m",
    "\x1bP",
    "\x1b[2J",
    "\x1b[31m",
    "[/]",
    "[@click=app.quit]",
    *"abc é漢🙂\u0301",
]
STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def strange(rng: random.Random) -> str:
    """Return a random text, mostly of what does harm."""
    return "".join(
        rng.choice(PIECES) if rng.random() < 0.8 else chr(rng.randrange(sys.maxunicode))
        for _ in range(rng.randrange(12))
    )


def harm(text: str) -> set[str]:
    """Return the characters of a text that steer a terminal, reorder or hide."""
    return {one for one in text if unicodedata.category(one) in STEERING}


def test_cleaned_text_holds_nothing_that_steers(rng: random.Random) -> None:
    """A hundred thousand texts: harmless, and the same when cleaned again."""
    for _ in range(N_PURE):
        text = strange(rng)
        found = clean(text)
        assert not harm(found), repr(text)
        assert clean(found) == found
        assert not harm(clean_lines(text).replace("\n", ""))
        assert to_ascii(found).isascii()


def test_plain_text_stays_as_it_is_and_long_lines_are_counted(rng: random.Random) -> None:
    """What is harmless is not touched; what is cut is said."""
    for _ in range(1_000):
        text = "".join(rng.choice("abc XYZ09[]{}éß漢") for _ in range(40))
        assert clean(text) == text
    assert clean("x" * (MAX_LINE + 5)).endswith("… 5 more characters")


class Sinks(App[None]):
    """An app with one of each widget that shows text of others, and our filter behind them."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = SafeLines()

    def get_line_filters(self) -> list[object]:  # type: ignore[override]  # Textual's is wider
        """Put our filter behind every widget."""
        return [*super().get_line_filters(), self.filter]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variable that the widgets' style sheets use."""
        return {"faint": "ansi_bright_black"}

    def compose(self) -> ComposeResult:
        """Make them."""
        self.register_theme(styles.theme(styles.DEFAULT, styles.COLOURS[styles.DEFAULT]))
        yield Table("Table", titles=("A", "B"))
        yield TextView("Text")
        yield LogView()


def test_random_text_through_every_sink_sends_nothing_that_steers(rng: random.Random) -> None:
    """Ten thousand texts as rows, as lines of a text and of a log, cleaned and not."""

    async def drive() -> None:
        app = Sinks()
        async with app.run_test(size=(80, BATCH)) as pilot:
            for _ in range(N_SINKS // BATCH):
                texts = [" ".join(strange(rng) for _ in range(FOUR)) for _ in range(BATCH // FOUR)]
                rows = [Line(str(n), (cell(one), cell(one[::-1]))) for n, one in enumerate(texts)]
                app.query_one(Table).show_lines(rows)
                app.query_one(TextView).show([(one, "") for one in texts])  # not cleaned at all
                data = [one.encode(errors="surrogatepass") for one in texts]
                lines = [LogLine(one, len(one), n * 100) for n, one in enumerate(data)]
                view = app.query_one(LogView)
                view.put(lines, (0,), last=(len(lines) * 100,), ends=(True, True), cursor=0)
                await pilot.pause()
                drawn = [
                    segment.text
                    for strip in app.screen._compositor.render_strips()
                    for segment in strip
                    if not segment.control
                ]
                assert not harm("".join(drawn))

    asyncio.run(drive())


def test_filter_makes_any_segment_harmless(rng: random.Random) -> None:
    """The last line of defence cleans what no widget did; control segments of ours pass."""
    guard = SafeLines()
    for _ in range(N_SINKS):
        (found,) = guard.apply([Segment(strange(rng))], Color(0, 0, 0))
        assert not harm(found.text)


@pytest.mark.parametrize("count", [1_000])
def test_names_that_look_like_others_are_refused(rng: random.Random, count: int) -> None:
    """Names are ASCII: no letter of another script stands in a model's name."""
    letters = [
        one
        for code in range(0x80, 0x3000)
        if unicodedata.category(one := chr(code)) in {"Ll", "Lu", "Lo", "Lm", "Mn", "Nd"}
    ]
    for _ in range(count):
        name = list("churn")
        name[rng.randrange(5)] = rng.choice(letters)
        with pytest.raises(InvalidInputError):
            ids.check_name("".join(name), "a model")
