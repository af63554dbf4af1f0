"""Copies what a script prints into its run's log, while it still appears where it did."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TextIO, cast


class Tee:
    """A text stream that also hands everything to a run's log."""

    def __init__(self, stream: TextIO, keep: Callable[[str], None]) -> None:
        self._stream = stream
        self._keep = keep

    def write(self, text: str) -> int:
        """Write, and keep."""
        self._keep(text)
        return self._stream.write(text)

    def writelines(self, lines: list[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class Capture:
    """Puts tees in the place of ``sys.stdout`` and ``sys.stderr`` until it is undone."""

    def __init__(self, keep: Callable[[str], None]) -> None:
        self._before = (sys.stdout, sys.stderr)
        self._tees = tuple(
            cast("TextIO", Tee(stream, keep)) if stream is not None else None
            for stream in self._before
        )
        sys.stdout, sys.stderr = self._tees

    def undo(self) -> None:
        """Put the streams back, unless somebody else has replaced them since."""
        with contextlib.suppress(AttributeError):
            if sys.stdout is self._tees[0]:
                sys.stdout = self._before[0]
            if sys.stderr is self._tees[1]:
                sys.stderr = self._before[1]
