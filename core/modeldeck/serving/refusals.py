"""Lines in the logs about refused requests: the first at once, of a flood one now and then."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

EVERY_S = 5.0
"""The least time between two lines of one log, in seconds."""

Tell = Callable[[str, str], None]


class Refusals:
    """Tells about refused requests; used from the event loop alone.

    Parameters
    ----------
    tell : callable
        Takes a model, empty where a request named none that is served, and a line about it.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._more: dict[str, Counter[int]] = {}
        self._last: dict[str, str] = {}

    def note(self, model: str, status: int, *, text: str) -> None:
        """Tell about one request, or count it for the next line."""
        if model in self._more:
            self._more[model][status] += 1
            self._last[model] = text
            return
        self._begin(model)
        self._tell(model, f"{status} {text}")

    def _begin(self, model: str) -> None:
        self._more[model] = Counter()
        asyncio.get_running_loop().call_later(EVERY_S, self._end, model)

    def _end(self, model: str) -> None:
        counts = self._more.pop(model)
        if counts:
            self._begin(model)
            parts = ", ".join(f"{status} ×{count}" for status, count in sorted(counts.items()))
            self._tell(model, f"refused meanwhile: {parts}; last: {self._last.pop(model)}")
