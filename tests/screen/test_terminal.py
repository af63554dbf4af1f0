"""The screen in a real terminal: what it sends when nothing happens, and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

HEARTBEATS_S = 1.6
IDLE_BYTES_PER_S = 200
BYTES_OF_A_MOVE = 1_000
LEAVES_FULL_SCREEN = b"\x1b[?1049l"


class Terminal:
    """A pseudo-terminal of 80 by 24 with the command line in it."""

    def __init__(self, root: Path) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color")
            program = "from modeldeck_tui.cli import main; main()"
            arguments = [sys.executable, "-c", program, "-w", str(root)]
            os.execv(sys.executable, arguments)  # noqa: S606 -- the program under test
        size = struct.pack("HHHH", 24, 80, 0, 0)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, size)

    def read(self, seconds: float, *, until: bytes = b"") -> bytes:
        """Return what comes in some time, or until something came."""
        found = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not (until and until in found):
            if select.select([self.descriptor], [], [], left)[0]:
                try:
                    found += os.read(self.descriptor, 65_536)
                except OSError:
                    break
        return found

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.descriptor, keys)

    def end(self) -> int:
        """Return the exit code; a program that did not end is killed."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            self.read(0.05)
        os.kill(self.pid, 9)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal(root: Path) -> Iterator[Terminal]:
    """Return a terminal that shows the overview."""
    found = Terminal(root)
    try:
        assert b"APPROVE" in found.read(15, until=b"APPROVE")
        yield found
    finally:
        os.close(found.descriptor)


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
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(terminal.descriptor, termios.TIOCSWINSZ, size)
    terminal.write(b"2")
    assert b"EXPERIMENT" in terminal.read(10, until=b"EXPERIMENT")
    terminal.write(b"qq")
    assert LEAVES_FULL_SCREEN in terminal.read(5, until=LEAVES_FULL_SCREEN)
    assert terminal.end() == 0


def test_hostile_names_send_no_sequence_of_theirs_from_any_page(root: Path) -> None:
    """What a real terminal gets holds none of the sequences that runs and remarks bring."""
    hostile = ("\x1b]0;owned\x07", "\x1b]52;c;b3duZWQ=\x07", "\x9b31m", "\x1b[2Jx", "a\x00b\x0e")
    for text in hostile:
        with start_run("churn", name=text, workspace=root, capture_output=False) as run:
            run.log_text(text)
    with Workspace.open(root, user="dave") as dave:
        dave.annotations.add("release:churn-2", " ".join(hostile))
    found = Terminal(root)
    try:
        sent = found.read(15, until=b"APPROVE")
        for keys in (
            b"2",
            b"\r",
            b"]",
            b"]",
            b"q",
            b"3",
            b"4",
            b"\r",
            b"5",
            b"6",
            b"j",
            b"\r",
            b"7",
        ):
            found.write(keys)
            sent += found.read(0.6)
        found.write(b"\x11")
        sent += found.read(5, until=LEAVES_FULL_SCREEN)
        assert found.end() == 0
    finally:
        os.close(found.descriptor)
    assert b"owned" in sent
    for sequence in (b"\x1b]0;owned", b"\x1b]52", b"\xc2\x9b", b"\x9b31m", b"a\x00b"):
        assert sequence not in sent
