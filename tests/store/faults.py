"""Calls of the system that fail, for tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def failing(
    patch: pytest.MonkeyPatch, name: str, *, nth: int, number: int, lasts: bool = False
) -> Iterator[list[int]]:
    """Let the nth call of a function of ``os`` fail, or all from there; count the calls.

    Threads that ran before call the real one: what they do is not the test's.
    """
    real = getattr(os, name)
    calls = [0]
    others = {one.ident for one in threading.enumerate()} - {threading.get_ident()}

    def called(*args: Any, **options: Any) -> object:  # noqa: ANN401 -- stands for any call
        if threading.get_ident() in others:
            return real(*args, **options)
        calls[0] += 1
        if calls[0] == nth or (lasts and calls[0] > nth):
            if name == "close":
                real(*args, **options)
            raise OSError(number, os.strerror(number), str(args[0]))
        return real(*args, **options)

    with patch.context() as now:
        now.setattr(os, name, called)
        yield calls
