"""Refused requests: counted all, and told in the logs, of a flood one line now and then."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from modeldeck.serving.counters import Counters
from modeldeck.serving.records import Records
from modeldeck.serving.registry import Registry
from modeldeck.serving.replies import HttpError

EVERY_S = 5.0
"""The least time between two lines of one log, in seconds."""


class Refusals:
    """Counts refused requests and tells about them; used from the event loop alone.

    Parameters
    ----------
    registry, records, counters
        What is served, where lines are written, and where requests are counted.
    """

    def __init__(self, registry: Registry, records: Records, *, counters: Counters) -> None:
        self._registry = registry
        self._records = records
        self._counters = counters
        self._more: dict[str, Counter[int]] = {}
        self._last: dict[str, str] = {}

    def note(self, error: HttpError) -> None:
        """Count one request, and tell about it now or with those that follow."""
        if error.is_counted:
            return
        model, text = error.key[0], str(error)
        if model:
            self._counters.count(error.key, error.status, seconds=0.0, n_rows=0)
        else:
            self._counters.refuse(error.status)
        if model in self._more:
            self._more[model][error.status] += 1
            self._last[model] = text
            return
        self._begin(model)
        self._tell(model, f"{error.status} {text}")

    def _tell(self, model: str, text: str) -> None:
        """Write a line: where no model is meant, to all logs there are."""
        models = [model] if model else [one.model for one in self._registry.all()]
        for one in models:
            self._records.line(one, "WARN", text=text)
        if not models:
            shown = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
            sys.stderr.write(f"{shown}\n")

    def _begin(self, model: str) -> None:
        self._more[model] = Counter()
        asyncio.get_running_loop().call_later(EVERY_S, self._end, model)

    def _end(self, model: str) -> None:
        counts = self._more.pop(model)
        if counts:
            self._begin(model)
            parts = ", ".join(f"{status} ×{count}" for status, count in sorted(counts.items()))
            self._tell(model, f"refused meanwhile: {parts}; last: {self._last.pop(model)}")
