"""Counts of lines: by level, by minute, by source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from modeldeck.domain.logs.heads import MINUTE_US, Minute
from modeldeck.domain.logs.levels import LEVELS
from modeldeck.domain.logs.stamps import to_text


class CountsDocument(TypedDict):
    """How many lines there are; ``unknown`` counts those that tell no level."""

    lines: int
    levels: dict[str, int]
    minutes: dict[str, dict[str, int]]
    sources: dict[str, int]


@dataclass
class Counts:
    """Counts of lines.

    Attributes
    ----------
    by_level : Counter of str
        Lines of each level, ``""`` for none told.
    by_minute : Counter of (int, str)
        Lines of each minute (since 1970) and level; those without a time are in none.
    by_source : Counter of str
        Lines of each source.
    """

    by_level: Counter[str] = field(default_factory=Counter)
    by_minute: Counter[tuple[int, str]] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, counted: Mapping[Minute, int]) -> None:
        """Count lines of a source, of minutes and levels."""
        for (minute, level), n in counted.items():
            self.by_level[level] += n
            self.by_source[name] += n
            if minute is not None:
                self.by_minute[minute, level] += n

    def document(self) -> CountsDocument:
        """Return the counts as programs read them."""
        minutes: dict[str, dict[str, int]] = {}
        for (minute, level), count in sorted(self.by_minute.items()):
            at = to_text(minute * MINUTE_US)[:16] + "Z"
            minutes.setdefault(at, {})[level or "unknown"] = count
        return CountsDocument(
            lines=self.by_level.total(),
            levels={
                level or "unknown": self.by_level[level]
                for level in (*LEVELS, "")
                if self.by_level[level]
            },
            minutes=minutes,
            sources=dict(sorted(self.by_source.items())),
        )
