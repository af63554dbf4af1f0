"""What every page looks like, letter by letter: at two sizes, in every theme, and in ASCII.

A golden holds the text of a page and, below, which cells play which role: *good*, *dim*, *reverse*.
Every theme has to give every cell the same role. ``--update-goldens`` writes them anew.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color

from modeldeck_tui.present.export.plain import to_ascii
from modeldeck_tui.widgets.styles import COLOURS
from tests.screen import still
from tests.screen.conftest import made
from tests.screen.driving import LARGE, SMALL, Deck, Size, opened

GOLDENS = Path(__file__).parent / "goldens"
BACK = ("escape",) * 2
PAGES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "overview": (("1",), ("Latest activity", "Last runs", "auc")),
    "runs": (("2",), ("EXPERIMENT", "ddqf2m")),
    "run": (("enter",), ("40 values", "Lineage")),
    "compare": (("escape", "space", "space", "C"), ("parameters", "equal hidden", "40 values")),
    "models": (("3",), ("churn@2", "recall", "Gate")),
    "releases": (("4",), ("Waiting for me", "churn-2")),
    "review": (("j", "enter"), ("Votes", "95 % INTERVAL", "looks good")),
    "vote": (("a",), ("workspace ", "Cancel")),
    "inbox": (("escape", "I"), ("Waiting for me", "Mine", "Expiring")),
    "policy": (("J",), ("says what is in force",)),
    "deployments": (("5",), ("churn@production",)),
    "sources": (("6",), ("curves", "logistic")),
    "log": (("j", "j", "enter"), ("no more data",)),
    "activity": (("7",), ("LEVEL", "annotated ddqf2m")),
    "entry": (("enter",), ("annotation.add", "sha256")),
    "help": (("1", "question_mark"), ("Type to search", "In a list")),
    "done": (("escape", "at"), ("Done from this screen",)),
}
"""Each page: the keys that lead to it from the one before, and what shows when it is whole."""

ROLES = "\n\n= roles of cells =\n"
LAID_OVER = {"help", "vote"}
"""What lies over a page, where nobody can choose another theme."""

_DIGEST = re.compile(r"\b[0-9a-f]{12,64}\b")
_CURVE = re.compile("[\u2801-\u28ff]|━ ")
_PATH = re.compile(r"^( file +)/.*")
_SIZE = re.compile(r"\d[\d,]*,\d{3}\b|[\d.]+(?= (?:kB|B)\b)")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace that ``still`` describes."""
    return made("still", tmp_path_factory)


@pytest.fixture
def _calm(scene: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use the scene's own state, host and time zone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(scene.parent / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(scene.parent / "cache"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr("socket.gethostname", lambda: still.HOST)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def masked(line: str) -> str:
    """Return a line without what differs between versions of libraries."""
    line = _PATH.sub(r"\1", line)
    line = _DIGEST.sub(lambda found: "x" * len(found[0]), line)
    return _SIZE.sub(lambda found: re.sub(r"\d", "0", found[0]), line)


def text_of(deck: Deck) -> str:
    """Return the text of the screen."""
    return "\n".join(masked(line) for line in deck.lines)


def role(style: Style | None, colours: Mapping[str, str]) -> str:
    """Return what a style means in a theme, such as ``good bold``."""
    if style is None:
        return ""
    words = [_colour(style, colours, is_ink=True), _colour(style, colours, is_ink=False)]
    shapes = ("bold", "dim", "italic", "underline", "reverse")
    words += [name for name in shapes if getattr(style, name)]
    return " ".join(one for one in words if one)


def _colour(style: Style, colours: Mapping[str, str], *, is_ink: bool) -> str:
    colour = style.color if is_ink else style.bgcolor
    base = "foreground" if is_ink else "background"
    if colour is None or colour.is_default:
        return ""
    for name, value in colours.items():
        known = Color.parse(value)
        is_it = (
            known.ansi == colour.number
            if known.ansi is not None
            else colour.triplet is not None and _is_near(colour.triplet, known)
        )
        if is_it:
            if name == base:
                return ""
            return name if is_ink else f"on {name}"
    return f"{'' if is_ink else 'on '}{colour.name}"


def _is_near(triplet: tuple[int, int, int], known: Color) -> bool:
    """Say whether two colours are the same but for rounding."""
    return all(abs(one - other) <= 1 for one, other in zip(triplet, known.rgb, strict=True))


def roles_of(deck: Deck) -> str:
    """Return which cells of which lines play a role, a line for each line that has any."""
    colours = COLOURS[deck.app.theme]
    found = []
    for number, strip in enumerate(deck.app.screen._compositor.render_strips(), 1):
        at = 0
        spans: list[tuple[int, int, str]] = []
        for segment in strip:
            if segment.control:
                continue
            end = at + segment.cell_length
            word = role(segment.style, colours) if segment.text.strip() else ""
            word = "curve" if _CURVE.search(segment.text) else word
            if word and spans and spans[-1][2] == word and spans[-1][1] == at:
                spans[-1] = (spans[-1][0], end, word)
            elif word:
                spans.append((at, end, word))
            at = end
        if spans:
            shown = ", ".join(f"{start}-{end} {word}" for start, end, word in spans)
            found.append(f"{number:>3}: {shown}")
    return "\n".join(found)


async def quiet(deck: Deck, read: Callable[[Deck], str]) -> str:
    """Return what a page shows once it shows the same twice."""
    before, now = "", read(deck)
    while now != before:
        await deck.pilot.pause(0.05)
        before, now = now, read(deck)
    return now


async def walk(deck: Deck, look: Callable[[str], object]) -> None:
    """Go from page to page and look at each."""
    for name, (keys, texts) in PAGES.items():
        await deck.press(*keys)
        await deck.until_shown(*texts)
        await deck.until(lambda: deck.app.focused is not None, "the focus")
        await quiet(deck, text_of)
        result = look(name)
        if asyncio.iscoroutine(result):
            await result


@pytest.mark.usefixtures("_calm")
@pytest.mark.parametrize(
    ("size", "is_whole"),
    [
        pytest.param(SMALL, False, id="80x24"),
        pytest.param(SMALL, True, id="80x24-whole", marks=pytest.mark.slow),
        pytest.param(LARGE, False, id="160x50", marks=pytest.mark.slow),
    ],
)
def test_page_looks_as_it_did_in_every_theme(
    scene: Path, size: Size, *, is_whole: bool, pytestconfig: pytest.Config
) -> None:
    """The text is the golden's, and each theme gives every cell the golden's role.

    Themes take turns from page to page; *whole* tries every page in each.
    """
    width, height = size
    turns = itertools.cycle(COLOURS)
    is_update = pytestconfig.getoption("--update-goldens")
    wrong = []

    async def look(deck: Deck, name: str) -> None:
        path = GOLDENS / f"{name}-{width}x{height}.txt"
        found = f"{text_of(deck)}{ROLES}{roles_of(deck)}\n"
        if is_update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(found, "utf-8")
        golden = path.read_text("utf-8") if path.exists() else ""
        if found != golden:
            wrong.append(f"{path.name} is not\n{found}")
        roles = golden.partition(ROLES)[2]
        themes = list(COLOURS) if is_whole else [next(turns)]
        for theme in themes if name not in LAID_OVER else ():
            deck.app.theme = theme
            await quiet(deck, roles_of)
            if f"{text_of(deck)}{ROLES}{roles_of(deck)}\n" != golden:
                wrong.append(f"{path.name} in {theme}: roles\n{roles_of(deck)}\nnot\n{roles}")
        deck.app.theme = "ansi"
        await quiet(deck, roles_of)

    async def drive() -> None:
        async with opened(scene, size=size, now=lambda: still.SEEN) as deck:
            await walk(deck, lambda name: look(deck, name))

    asyncio.run(drive())
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.usefixtures("_calm")
@pytest.mark.parametrize(
    "size",
    [pytest.param(SMALL, id="80x24", marks=pytest.mark.slow), pytest.param(LARGE, id="160x50")],
)
def test_ascii_page_is_the_same_in_ascii(scene: Path, size: Size) -> None:
    """With ``--ascii`` every page is the golden with each symbol replaced, column by column."""
    width, height = size
    wrong = []

    async def drive() -> None:
        now = lambda: still.SEEN  # noqa: E731 -- a clock that stands
        async with opened(scene, size=size, now=now, is_ascii=True) as deck:

            def look(name: str) -> None:
                golden = (GOLDENS / f"{name}-{width}x{height}.txt").read_text("utf-8")
                text = text_of(deck)
                wanted = to_ascii(golden.partition(ROLES)[0])
                if text != wanted or not text.isascii():
                    wrong.append(f"{name}:\n{text}\nnot\n{wanted}")

            await walk(deck, look)

    asyncio.run(drive())
    assert not wrong, "\n\n".join(wrong)
