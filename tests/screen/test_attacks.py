"""Text of strangers through a real terminal: it gets only bytes that the program's driver made."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.workspace import Workspace
from tests.screen import hostile
from tests.screen.driving import LARGE, SMALL, Size
from tests.screen.pseudo import Terminal, foreign, opened

ESC, TAB = b"\x1b", b"\t"
ALIVE_S = 5.0
MOST_BYTES = 250_000_000
WALK: dict[str, tuple[bytes, ...]] = {
    "overview": (TAB, b"j", b"G", TAB, TAB, b"j", b"G", TAB, b"G", b"+", b"+", b"_", b"_"),
    "runs": (b"2", b"]", b"]", b"]", b"]", b"j", b"G", b"g", b"\x17", b"l", b"\x17"),
    "filter": (b"/", b"r", b"\r", ESC),
    "compare": (b" ", b" ", b" ", b"C", b"m", b"=", b"b", ESC, ESC),
    "run": (b"\r", b"]", b"]", b"]", b"]", b"]", b"]", b"m", ESC),
    "log of a run": (b"L", b"g", b"l", b"\x17", b"T", b"e", b"G", ESC),
    "models": (b"3", b"]", b"]", b"]", b"]", b"]", b"]", b"j"),
    "releases": (b"4", b"]", b"]", b"]", b"["),
    "review": (b"[", b"[", b"j", b"\r", TAB, b"j", b"\r", ESC, TAB, b"j", b"G", b"\r"),
    "deployments": (b"5", b"]", b"]", b"]", b"]", b"]"),
    "dialogs": (b"c", b"x", ESC, b"y", ESC, b"Y", ESC, b"S", ESC),
    "sources": (b"6", b"j", b"j", b"k", b"g"),
    "log": (b"\r", b"g", b"l", b"\x17", b"/", b"o", b"\r", ESC, b"\\", b"o", b"\r", ESC),
    "file": (b":", b"logs strange.log\r", b"g", b"l", ESC),
    "activity": (b"7", b"j", b"G", b"k", b"\r", b"G", ESC, b"V"),
    "lists over pages": (b"@", ESC, b"?", ESC, b":", b"open run", ESC, b"'", ESC, b"\x10", ESC),
}
"""Every page: the keys that lead there and through its tabs and panes."""


@pytest.fixture
def strange(root: Path) -> Path:
    """Return the workspace with hostile text everywhere."""
    hostile.fill(root)
    return root


@pytest.mark.parametrize(
    "size", [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)], ids=["80x24", "160x50"]
)
def test_hostile_text_reaches_no_terminal_from_any_page(
    strange: Path, size: Size, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All payloads on all pages: nothing foreign is sent, and the program lives to the end."""
    monkeypatch.chdir(strange)
    with opened(strange, size=size) as terminal:
        seen = terminal.first
        for page, keys in WALK.items():
            sent = terminal.press(*keys)
            assert sent, f"nothing moves on {page}"
            seen += sent
        sent, code = terminal.leave()
        assert code == 0
        seen += sent
    assert foreign(seen) == set()
    shown = seen.decode("utf-8", "replace")
    for mark in ("␛]0;owned", "␛[2J", "␛]52;c", "␛P+q", "␀", "[@click=app.quit]x"):
        assert mark in shown


def test_foreign_bytes_are_told_from_ours() -> None:
    """What the walk looks for is found, whatever stands around it."""
    for name, text in hostile.PAYLOADS.items():
        if name != "markup":
            assert foreign(b"\x1b[1;2Hok" + text.encode() + b"\r\n\x1b[0m"), name
    assert foreign(b"\x1b[1;2Hok \x1b[38;2;1;2;3mred\r\n\x1b[?1049l") == set()


@pytest.fixture
def logs(root: Path, rng: random.Random) -> Iterator[Path]:
    """Return a folder of files that are no decent logs."""
    folder = root / "strange"
    folder.mkdir()
    (folder / "long.log").write_bytes(b"x" * 5_000_000 + b"\nafter\n")
    with (folder / "endless.log").open("wb") as file:
        for _ in range(100):
            file.write(b"y" * 1_000_000)
    (folder / "binary.log").write_bytes(rng.randbytes(200_000))
    (folder / "utf16.log").write_text("INFO wide\n" * 100, "utf-16")
    (folder / "surrogates.log").write_bytes(b"\xed\xa0\x80 \xff\xfe \xc0\x80\n" * 50)
    yield folder
    (folder / "endless.log").unlink()


@pytest.mark.parametrize(
    "name", ["long.log", "endless.log", "binary.log", "utf16.log", "surrogates.log"]
)
def test_strange_log_neither_hangs_nor_fills_the_memory(
    logs: Path, root: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown, searched and left again; the program answers all the while."""
    monkeypatch.chdir(logs)
    with opened(root) as terminal:
        sent = terminal.press(b":", f"logs {name}\r".encode())
        sent += terminal.read(ALIVE_S, until=b"FOLLOW")
        assert b"FOLLOW" in sent
        sent += terminal.press(b"k", b"g", b"l", b"\x17", b"/", b"y", b"\r", ESC, b"G")
        began = time.monotonic()
        terminal.write(b"1")
        sent += terminal.read(ALIVE_S, until=b"Needs you")
        assert time.monotonic() - began < ALIVE_S
        assert terminal.resident_bytes() < MOST_BYTES
        last, code = terminal.leave()
        assert code == 0
        sent += last
    assert foreign(sent) == set()


HELD: dict[str, tuple[tuple[bytes, ...], bytes]] = {
    "approve on the overview": ((), b"a"),
    "approve in the review": ((b"\r",), b"a"),
    "reject": ((b"\r",), b"x"),
    "request changes": ((b"\r",), b"R"),
    "reject on the queue": ((b"4",), b"x"),
    "stop an endpoint": ((b"5",), b"S"),
    "roll back": ((b"5",), b"B"),
    "promote": ((b"3",), b"p"),
}
"""Each key that opens a dialog which others would see, and the way there."""


def press_and_hold(terminal: Terminal, key: bytes) -> None:
    """Hold a key for a while, as a keyboard repeats it; then hold Enter while nothing listens."""
    for _ in range(30):
        terminal.write(key)
        terminal.read(0.02)


ALWAYS = {"approve in the review", "roll back", "promote"}


@pytest.mark.parametrize(
    "name", [one if one in ALWAYS else pytest.param(one, marks=pytest.mark.slow) for one in HELD]
)
def test_held_key_decides_nothing(root: Path, name: str) -> None:
    """The key that opens a dialog is held, then Enter is pressed: the ledger is as before."""
    way, key = HELD[name]
    with Workspace.open(root, user="alice") as alice:
        before = alice.refresh() or alice.deck.state.n
        with opened(root) as terminal:
            terminal.press(*way)
            press_and_hold(terminal, key)
            terminal.press(b"\r", ESC, ESC)
            assert terminal.leave()[1] == 0
        alice.refresh()
        assert alice.deck.state.n == before
