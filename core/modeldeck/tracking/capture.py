"""Copies what a process prints into its run's log, while it still appears where it did.

The run that comes first takes the output by its descriptors, with what C libraries and child
processes print (:mod:`modeldeck.tracking.pipes`). A run inside of it, or at the same time, and any
run where Python's streams were replaced (Jupyter, test runners), takes what Python itself prints.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO, cast

from modeldeck.tracking.pipes.plumbing import PLUMBING

if TYPE_CHECKING:
    from modeldeck.tracking.records import Records


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
    """Takes the output for a run until it is undone."""

    def __init__(self, run: Records) -> None:
        self._run = run
        self._is_deep = False
        self._before = (sys.stdout, sys.stderr)
        self._is_deep = PLUMBING.begin(run.folder / "output.log")
        if self._is_deep:
            return
        self._tees = tuple(
            cast("TextIO", Tee(stream, run.log_text)) if stream is not None else None
            for stream in self._before
        )
        sys.stdout, sys.stderr = self._tees

    def settle(self) -> None:
        """Wait until what was printed stands in the log."""
        if self._is_deep:
            self._run.lose(PLUMBING.drain())

    def undo(self) -> None:
        """Put the streams back, unless somebody else has replaced them since."""
        if self._is_deep:
            self._run.lose(PLUMBING.end())
            return
        with contextlib.suppress(AttributeError):
            if sys.stdout is self._tees[0]:
                sys.stdout = self._before[0]
            if sys.stderr is self._tees[1]:
                sys.stderr = self._before[1]
