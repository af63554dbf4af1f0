"""What a program is given as its standard input, output and error, and the other ends of it.

Where ours are a terminal, the program gets a pseudo-terminal, so that progress bars, colours and
questions are as they would be without us; elsewhere it gets pipes, one for each place that the
output goes to.
"""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from typing import Any

_IN, _OUT, _ERR = 0, 1, 2


class Channels:
    """The ends of one program's standard streams.

    Attributes
    ----------
    given : dict of int to int
        Descriptors that the program gets as 0, 1 and 2.
    ways : dict of int to int
        What we read from, and where it goes.
    terminals : set of int
        Those of ``ways`` that are pseudo-terminals.
    keyboard : int
        Where what is typed goes; -1 where the program reads our standard input itself.
    """

    def __init__(self) -> None:
        self.given: dict[int, int] = {}
        self.ways: dict[int, int] = {}
        self.terminals: set[int] = set()
        self.keyboard = -1
        self._before: list[Any] = []
        self._open(_OUT)
        if _is_same(_OUT, _ERR):
            self.given[_ERR] = self.given[_OUT]
        else:
            self._open(_ERR)
        self.given[_IN] = _IN
        if os.isatty(_IN) and self.terminals:
            self._open_keyboard()

    def _open(self, descriptor: int) -> None:
        is_terminal = os.isatty(descriptor)
        source, given = os.openpty() if is_terminal else os.pipe()
        os.set_blocking(source, False)
        os.set_inheritable(source, False)
        if is_terminal:
            self.terminals.add(source)
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(given, termios.TCSANOW, termios.tcgetattr(descriptor))
        self.given[descriptor] = given
        self.ways[source] = descriptor
        self.resize()

    def _open_keyboard(self) -> None:
        """Take what is typed; in the background nothing is, and nothing may be read."""
        if os.tcgetpgrp(_IN) != os.getpgrp():
            self.given[_IN] = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            return
        self.keyboard = next(iter(self.terminals))
        self.given[_IN] = next(
            given for at, given in self.given.items() if at != _IN and os.isatty(given)
        )

    def take_keyboard(self) -> None:
        """Hand each key on as it is typed; undone by :meth:`give_back`."""
        if self.keyboard >= 0:
            self._before = termios.tcgetattr(_IN)
            tty.setraw(_IN, termios.TCSADRAIN)

    def give_back(self) -> None:
        """Leave the terminal as it was."""
        if self._before:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(_IN, termios.TCSADRAIN, self._before)
            self._before = []

    def started(self) -> None:
        """Close what is the program's alone."""
        for descriptor in {*self.given.values()} - {_IN}:
            os.close(descriptor)

    def resize(self) -> None:
        """Give the pseudo-terminals the size of ours."""
        for source in self.terminals:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetwinsize(source, termios.tcgetwinsize(self.ways[source]))

    def close(self, source: int) -> None:
        """Forget one that ended."""
        del self.ways[source]
        self.terminals.discard(source)
        if source == self.keyboard:
            self.keyboard = -1
        os.close(source)


def _is_same(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False
