"""What a full or broken disk keeps from a run: counted, said once, never an error of the script.

Training goes on without a disk, so that hours of work do not end for want of a line in a log; the
gap shows in the curve, and ``end.json`` tells how much is missing.
"""

from __future__ import annotations

import contextlib
import sys

from modeldeck import ids
from modeldeck.errors import ModelDeckError, NotPermittedError, UnavailableError

DISK_ERRORS = (NotPermittedError, UnavailableError)
"""What a stream raises where the disk is full, broken or has become read-only."""


class Losses:
    """Counts what of one run could not be written.

    Attributes
    ----------
    count : int
        Records and pieces of output.
    """

    def __init__(self, run_id: str) -> None:
        self.count = 0
        self._run = ids.short(run_id)

    def add(self, error: ModelDeckError) -> None:
        """Count one, and say so if it is the first."""
        self.count += 1
        if self.count == 1:
            warn(f"{error.message} Run {self._run} goes on; what it logs meanwhile is lost.")

    def add_some(self, count: int) -> None:
        """Count pieces of output that found no room, and say so if they are the first."""
        if count and not self.count:
            warn(f"Not all output of run {self._run} found room in its log.")
        self.count += count


def warn(text: str) -> None:
    """Say something on the process's own standard error, which no run keeps."""
    if sys.__stderr__ is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.__stderr__.write(f"modeldeck: {text}\n")
            sys.__stderr__.flush()
