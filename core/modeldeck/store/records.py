"""Records of a run: reading the lines of ``metrics.jsonl``, and what is kept of its metrics.

The format is specified in :mod:`modeldeck.store.runs`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import orjson

from modeldeck.domain.metrics import goal_of
from modeldeck.store import files

if TYPE_CHECKING:
    from modeldeck.domain.documents import MetricSummary

MAX_INTEGER = 2**53 - 1  # RFC 8259, section 6: what every reader of JSON takes for the same number
_MAX_DIGITS = 308  # an integer of so many digits, sign included, is one that a float can hold

Record = dict[str, object]


class Summaries:
    """The last, least, greatest and best value of each metric, as they are logged."""

    def __init__(self, definitions: Mapping[str, object]) -> None:
        self.definitions = definitions
        self.values: dict[str, list[float]] = {}
        self.steps: dict[str, int] = {}

    def add(self, values: Mapping[str, object], step: int) -> None:
        """Take one record; NaN counts as the last value only."""
        for name, given in values.items():
            if given is None:
                continue
            value = files.number(given)
            known = self.values.setdefault(name, [math.nan, math.nan, math.nan])
            known[0] = value
            self.steps[name] = step
            if not math.isnan(value):
                known[1] = value if not known[1] <= value else known[1]
                known[2] = value if not known[2] >= value else known[2]

    def documents(self) -> dict[str, MetricSummary]:
        """Return the summaries by metric."""
        found = {}
        for name, (last, least, most) in self.values.items():
            best = most if goal_of(name, self.definitions) == "max" else least
            shown = {"last": last, "min": least, "max": most, "best": best}
            whole = {**cast("dict[str, float]", files.finite(shown)), "step": self.steps[name]}
            found[name] = cast("MetricSummary", whole)
        return found


def parse_record(line: bytes) -> Record | None:
    """Return a record of ``metrics.jsonl``; None for a torn or foreign line."""
    try:
        value = loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def loads(text: bytes) -> object:
    """Read JSON, also where a library wrote NaN; an integer that no float holds becomes None."""
    try:
        return cast("object", orjson.loads(text))
    except orjson.JSONDecodeError:
        return cast("object", _CAREFUL.decode(text.decode(errors="surrogatepass")))


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


_CAREFUL = json.JSONDecoder(parse_int=_integer)
