"""The scribe: copies what comes through pipes to where it would have gone, and into a log.

A program of its own that is run by its path: ``scribe.py CONTROL READ:WRITE[:TERMINAL] …``, all of
them descriptors. It ends when nobody can write into its pipes any more. Over the control socket it
is told ``+PATH`` (the log from now on), ``-`` (none) and ``?`` (say when all that was written is
copied), which it answers with the number of pieces that found no room in the log.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import termios

PIECE = 1 << 16
_LOG = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_LATE_MS = 5
"""How long a pseudo-terminal may take to hand on what was written to it."""


class Scribe:
    """What is open, and where it goes."""

    def __init__(self, control: int, ways: dict[int, int], *, terminals: dict[int, int]) -> None:
        self.control = control
        self.ways = ways
        self.terminals = terminals
        self.log = -1
        self.n_lost = 0
        self.poll = select.poll()
        for descriptor in (control, *ways):
            self.poll.register(descriptor, select.POLLIN)

    def run(self) -> None:
        """Copy until there is nothing left to come."""
        os.set_blocking(self.control, False)
        while self.ways:
            ready = [one for one, _event in self.poll.poll()]
            while self.control in ready and self._obey():
                pass  # orders come before what was written after them
            for descriptor in ready:
                if descriptor in self.ways:
                    self._copy(descriptor)

    def _obey(self) -> bool:
        """Do what is ordered next; say whether something was."""
        try:
            order = os.read(self.control, PIECE)
        except BlockingIOError:
            return False
        except OSError:
            order = b""
        if not order:  # whoever told us is gone; its children may still write
            self.poll.unregister(self.control)
        elif order == b"?":
            self._drain()
            count, self.n_lost = self.n_lost, 0
            self._answer(str(count).encode())
        else:
            if self.log >= 0:
                os.close(self.log)
            self.log = self._opened(order[1:]) if order[:1] == b"+" else -1
        return bool(order)

    def _answer(self, text: bytes) -> None:
        try:
            os.write(self.control, text)
        except OSError:
            return

    @staticmethod
    def _opened(path: bytes) -> int:
        try:
            return os.open(path, _LOG, 0o644)
        except OSError:
            return -1

    def _drain(self) -> None:
        late = _LATE_MS if self.terminals else 0
        while ready := [one for one, _event in self.poll.poll(late) if one in self.ways]:
            for descriptor in ready:
                self._copy(descriptor)

    def _copy(self, descriptor: int) -> None:
        try:
            piece = os.read(descriptor, PIECE)
        except BlockingIOError:
            return
        except OSError:  # a pseudo-terminal that nobody has open any more
            piece = b""
        if not piece:
            self.poll.unregister(descriptor)
            del self.ways[descriptor]
            return
        self._write(self.ways[descriptor], piece)
        if self.log >= 0 and not self._write(self.log, piece):
            self.n_lost += 1

    @staticmethod
    def _write(descriptor: int, piece: bytes) -> bool:
        try:
            while piece:
                piece = piece[os.write(descriptor, piece) :]
        except OSError:
            return False
        return True

    def resize(self, *_signal: object) -> None:
        """Give the pseudo-terminals the size of the terminals that they stand for."""
        for pseudo, real in self.terminals.items():
            try:
                size = fcntl.ioctl(real, termios.TIOCGWINSZ, b"\0" * 8)
                fcntl.ioctl(pseudo, termios.TIOCSWINSZ, size)
            except OSError:
                continue


def main(arguments: list[str]) -> None:
    """Copy as the arguments say."""
    ways: dict[int, int] = {}
    terminals: dict[int, int] = {}
    for text in arguments[1:]:
        source, target, *more = (int(one) for one in text.split(":"))
        ways[source] = target
        if more:
            terminals[source] = target
    scribe = Scribe(int(arguments[0]), ways, terminals=terminals)
    signal.signal(signal.SIGWINCH, scribe.resize)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    scribe.run()


if __name__ == "__main__":
    main(sys.argv[1:])
