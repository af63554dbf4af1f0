"""A program in a pseudo-terminal, and the time and the bytes that its answers take."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

PATIENCE_S = 120.0


class Terminal:
    """The other end of a program's terminal.

    Parameters
    ----------
    pid, descriptor : int
        The program's process, and our end.
    """

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid, self._descriptor = pid, descriptor

    def until_shown(self, text: bytes) -> None:
        """Read until the program has written a text."""
        shown = b""
        while text not in shown:
            ready, _, _ = select.select([self._descriptor], [], [], PATIENCE_S)
            assert ready, shown[-2000:]
            shown = shown[-100_000:] + os.read(self._descriptor, 1 << 16)

    def until_quiet(self, seconds: float) -> int:
        """Read until nothing came for some time; return how many bytes came."""
        n_bytes = 0
        while select.select([self._descriptor], [], [], seconds)[0]:
            n_bytes += len(os.read(self._descriptor, 1 << 16))
        return n_bytes

    def press(self, key: bytes) -> tuple[float, int]:
        """Press a key; return the seconds to the first byte of what it changed, and all bytes."""
        begun = time.perf_counter()
        os.write(self._descriptor, key)
        select.select([self._descriptor], [], [], PATIENCE_S)
        taken = time.perf_counter() - begun
        return taken, self.until_quiet(0.05)

    @property
    def resident_mb(self) -> float:
        """The memory that the program has now, in megabytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1e6


@contextmanager
def terminal(
    command: Sequence[str], *, environment: Mapping[str, str], columns: int = 160, rows: int = 50
) -> Iterator[Terminal]:
    """Run a program in a terminal of a size, and kill it at the end."""
    child, descriptor = pty.fork()
    if child == 0:
        os.execve(command[0], list(command), dict(environment))  # noqa: S606 -- our own interpreter
    ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        yield Terminal(child, descriptor)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(descriptor)
