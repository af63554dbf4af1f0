"""The screen in a real terminal: what it sends when nothing happens, and what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screen.pseudo import LEAVES_FULL_SCREEN, Terminal, opened

HEARTBEATS_S = 1.6
IDLE_BYTES_PER_S = 200
BYTES_OF_A_MOVE = 1_000


@pytest.fixture
def terminal(root: Path) -> Iterator[Terminal]:
    """Return a terminal that shows the overview."""
    with opened(root) as found:
        yield found


def test_idle_screen_sends_next_to_nothing_and_leaves_the_terminal_clean(
    terminal: Terminal,
) -> None:
    """Heartbeats draw nothing, a cursor key draws two rows, q ends with code 0 and restores."""
    tries = 5
    while terminal.read(HEARTBEATS_S) and (tries := tries - 1):
        pass  # the runs come after the first screen, and ages change with each minute
    sent = [len(terminal.read(HEARTBEATS_S)) for _again in range(3)]
    assert min(sent) < IDLE_BYTES_PER_S * HEARTBEATS_S
    terminal.write(b"j")
    assert 0 < len(terminal.read(0.5)) < BYTES_OF_A_MOVE
    terminal.write(b"q")
    assert LEAVES_FULL_SCREEN in terminal.read(5, until=LEAVES_FULL_SCREEN)
    assert terminal.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_screen_and_gives_the_terminal_back(
    terminal: Terminal, number: signal.Signals
) -> None:
    """Whoever ends the program: the full screen is left, and the code is the shell's for it."""
    os.kill(terminal.pid, number)
    assert LEAVES_FULL_SCREEN in terminal.read(5, until=LEAVES_FULL_SCREEN)
    assert terminal.end() == 128 + number


def test_storm_of_sizes_ends_in_a_screen_of_the_last_one(terminal: Terminal) -> None:
    """Many sizes at once, also tiny ones, and the program still takes keys and leaves cleanly."""
    for width, height in ((20, 5), (250, 80), (60, 16), (80, 24)) * 10:
        terminal.resize((width, height))
    terminal.write(b"2")
    assert b"EXPERIMENT" in terminal.read(10, until=b"EXPERIMENT")
    terminal.write(b"qq")
    assert LEAVES_FULL_SCREEN in terminal.read(5, until=LEAVES_FULL_SCREEN)
    assert terminal.end() == 0


BURSTS = {
    b"2  C": "Runs › compare",
    b"\ra": "Approve",
    b"2/broken\r\r": "Machine",
    b":runs status:failed\r\r": "Machine",
    b"4]\r": "Releases › churn",
}


@pytest.mark.parametrize("keys", BURSTS, ids=repr)
def test_keys_that_come_faster_than_pages_open_are_not_lost(
    terminal: Terminal, keys: bytes
) -> None:
    """Each waits until the one before was done: all at once do what they do one by one."""
    terminal.write(keys)
    wanted = BURSTS[keys].encode()
    assert wanted in terminal.read(15, until=wanted)
    assert terminal.leave()[1] == 0


def test_without_colour_nothing_is_drawn_in_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR leaves the terminal's own colours: no colour is sent, not even black."""
    monkeypatch.setenv("NO_COLOR", "1")
    with opened(root) as terminal:
        sent = terminal.first + terminal.press(b"2", b"j", b"/", b"x", b"\r", b"\x1b")
        assert terminal.leave()[1] == 0
    colours = {
        part
        for codes in re.findall(rb"\x1b\[([0-9;]+)m", sent)
        for part in codes.split(b";")
        if 30 <= int(part) <= 38 or 40 <= int(part) <= 48 or 90 <= int(part) <= 107
    }
    assert colours == set()
    assert re.search(rb"[\[;]7[;m]", sent)
