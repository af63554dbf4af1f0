"""A pseudo-terminal with the program in it: every byte that it sends."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEAVES_FULL_SCREEN = b"\x1b[?1049l"
QUIET_S = 0.08
_OURS = re.compile(
    rb"\x1b\[[<>=?]?[0-9;:]*(?:m|H|h|l|u|\$p)"  # colours, places, modes of the terminal
    rb"|\x1b\]22;[a-z]*\x07"  # the shape of the mouse pointer
    rb"|\r\n"
)
_FOREIGN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def foreign(sent: bytes) -> set[str]:
    """Return what only text of strangers could have brought: control and invisible characters."""
    text = _OURS.sub(b"", sent).decode("utf-8", "replace")
    return {text[max(0, at.start() - 8) : at.end() + 8] for at in _FOREIGN.finditer(text)}


class Terminal:
    """A pseudo-terminal with the program in it.

    Parameters
    ----------
    root : Path
        The workspace.
    size : tuple of int
        Columns and rows.
    arguments : tuple of str
        More arguments of the program.

    Attributes
    ----------
    first : bytes
        What came until the first page was there.
    """

    def __init__(
        self, root: Path, *, size: tuple[int, int] = (80, 24), arguments: tuple[str, ...] = ()
    ) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color")
            program = "from modeldeck_tui.cli import main; main()"
            command = [sys.executable, "-c", program, "-w", str(root), *arguments]
            os.execv(sys.executable, command)  # noqa: S606 -- the program under test
        self.first = b""
        self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal another size."""
        packed = struct.pack("HHHH", size[1], size[0], 0, 0)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, packed)

    def read(self, seconds: float, *, until: bytes = b"", quiet_s: float = 0.0) -> bytes:
        """Return what comes in some time, until something came, or nothing more for a while."""
        found = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not (until and until in found):
            wait = min(left, quiet_s) if quiet_s and found else left
            if select.select([self.descriptor], [], [], wait)[0]:
                try:
                    found += os.read(self.descriptor, 65_536)
                except OSError:
                    break
            elif quiet_s and found:
                break
        return found

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.descriptor, keys)

    def press(self, *keys: bytes) -> bytes:
        """Press keys one after the other; return what that sends."""
        found = b""
        for key in keys:
            self.write(key)
            found += self.read(0.4, quiet_s=QUIET_S)
        return found

    def leave(self) -> tuple[bytes, int]:
        """Press ^q until the screen is left; return what that sends, and the exit code.

        A key right behind an escape is taken for one with Alt, so that one may not be enough.
        """
        found = b""
        for _again in range(4):
            self.write(b"\x11")
            found += self.read(4, until=LEAVES_FULL_SCREEN)
            if LEAVES_FULL_SCREEN in found:
                break
        return found, self.end()

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

    def resident_bytes(self) -> int:
        """Return how much memory the program holds."""
        fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def opened(
    root: Path, *, size: tuple[int, int] = (80, 24), arguments: tuple[str, ...] = ()
) -> Iterator[Terminal]:
    """Open the screen and wait for its first page."""
    found = Terminal(root, size=size, arguments=arguments)
    try:
        found.first = found.read(15, until=b"APPROVE")
        assert b"APPROVE" in found.first
        yield found
    finally:
        os.close(found.descriptor)
