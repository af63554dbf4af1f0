"""A disk that tests fill and free."""

from __future__ import annotations

import errno
import math
import os

import pytest


class FullDisk:
    """Lets so many more bytes through to ``os.write``, and then says ENOSPC until it is freed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, room: int = 0) -> None:
        self.room: float = room
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        """Write what there is room for."""
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = self._write(descriptor, data[: int(min(self.room, len(data)))])
        self.room -= done
        return done

    def fill(self) -> None:
        """Leave no room."""
        self.room = 0

    def free(self) -> None:
        """Make room without end."""
        self.room = math.inf
