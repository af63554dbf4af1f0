"""Summaries of many values in little room, which can be merged.

``Points``: numbers as weighted points, in a tree of compactions (after J. I. Munro and
M. S. Paterson, "Selection and sorting with limited storage", 1980). Each compaction of points that
weigh ``w`` to ``k`` equally heavy ones moves no rank by more than ``w / 2k``; the sum of that is
kept, so that whoever compares distributions knows how far off a rank may be. Up to ``k`` different
values stay exact.

``Counts``: frequent texts (J. Misra and D. Gries, "Finding repeated elements", 1982; merging after
P. Agarwal et al., "Mergeable summaries", 2012) and how many there are (the ``k`` smallest of their
hashes, after Z. Bar-Yossef et al., "Counting distinct elements in a data stream", 2002).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]

HASHES = 256
_HASH_SPACE = 2**53


class Weighted(NamedTuple):
    """Ascending values, the number of rows each stands for, by how much a rank may be off."""

    values: Floats
    weights: Floats
    error: float


NOTHING = Weighted(np.empty(0), np.empty(0), 0.0)


def combined(*parts: Weighted) -> Weighted:
    """Return all points in one, equal values together."""
    values = np.concatenate([one.values for one in parts])
    weights = np.concatenate([one.weights for one in parts])
    different, places = np.unique(values, return_inverse=True)
    summed: Floats = np.bincount(places, weights=weights, minlength=different.size).astype(float)
    return Weighted(different, summed, sum(one.error for one in parts))


def compacted(points: Weighted, size: int) -> Weighted:
    """Return at most ``size`` points that stand for the same rows."""
    if points.values.size <= size:
        return points
    total = float(points.weights.sum())
    ranks = (np.arange(size) + 0.5) * (total / size)
    places = np.searchsorted(np.cumsum(points.weights), ranks)
    chosen = points.values[np.minimum(places, points.values.size - 1)]
    heavy = Weighted(chosen, np.full(size, total / size), points.error + total / (2 * size))
    return combined(heavy)


class Points:
    """A summary of numbers.

    Parameters
    ----------
    size : int
        How many points each level of the tree keeps.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._levels: dict[int, Weighted] = {}

    def add(self, values: Floats) -> None:
        """Take finite values."""
        if values.size:
            different, counts = np.unique(values, return_counts=True)
            self.merge(Weighted(different, counts.astype(np.float64), 0.0))

    def merge(self, points: Weighted) -> None:
        """Take points that summarise others."""
        level = 0
        points = compacted(points, self.size)
        while level in self._levels:
            points = compacted(combined(self._levels.pop(level), points), self.size)
            level += 1
        self._levels[level] = points

    def result(self, size: int) -> Weighted:
        """Return at most ``size`` points."""
        if not self._levels:
            return NOTHING
        return compacted(combined(*self._levels.values()), size)


def quantiles(points: Weighted, shares: Sequence[float]) -> list[float]:
    """Return the values at some shares of the rows."""
    if not points.values.size:
        return []
    reached = np.cumsum(points.weights)
    places = np.searchsorted(reached, np.asarray(shares) * reached[-1])
    return [float(points.values[min(int(at), points.values.size - 1)]) for at in places]


def share_below(points: Weighted, values: Floats) -> Floats:
    """Return the share of the rows that are not above each value."""
    reached = np.concatenate([[0.0], np.cumsum(points.weights)])
    places = np.searchsorted(points.values, values, side="right")
    return np.asarray(reached[places] / reached[-1], dtype=np.float64)


class Counts:
    """A summary of texts.

    Parameters
    ----------
    size : int
        How many different texts are counted before the rare ones are let go.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.counts: dict[str, int] = {}
        self.error = 0
        self.is_exact = True
        self.hashes: set[int] = set()

    def add(self, counts: Sequence[tuple[str, int]]) -> None:
        """Take different texts with their counts."""
        known = self.counts
        for text, count in counts:
            known[text] = known.get(text, 0) + count
        if not self.is_exact:
            self.note(hash_of(text) for text, _count in counts)
        elif len(known) > self.size:
            self.note(map(hash_of, known))
        self._let_go()

    def note(self, hashes: Iterable[int]) -> None:
        """Take hashes of texts, of which the smallest tell how many different ones there are."""
        self.hashes = set(sorted(self.hashes.union(hashes))[:HASHES])

    def _let_go(self) -> None:
        """Take the same from every count, so that half of the texts remain."""
        if len(self.counts) <= self.size:
            return
        self.is_exact = False
        ordered = sorted(self.counts.values(), reverse=True)
        less = ordered[self.size // 2]
        self.counts = {text: n - less for text, n in self.counts.items() if n > less}
        self.error += less

    @property
    def n_unique(self) -> int:
        """How many different texts there are, or about so many."""
        if self.is_exact:
            return len(self.counts)
        if len(self.hashes) < HASHES:
            return len(self.hashes)
        return round((HASHES - 1) * _HASH_SPACE / max(self.hashes))

    def top(self, size: int) -> list[tuple[str, int]]:
        """Return the most frequent texts, equally frequent ones by their letters."""
        return sorted(self.counts.items(), key=lambda one: (-one[1], one[0]))[:size]


def hash_of(text: str) -> int:
    """Return a number below 2**53 that is the same for the same text everywhere."""
    data = text.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest()) >> 11
