"""Is the candidate worse than the live version? A paired bootstrap on the same rows.

Both versions predict the same rows; the rows are drawn again with replacement a thousand times,
and the difference of the metric is taken each time. The interval is the middle 95 % of those
differences (percentile method: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993,
chapter 13; pairing the two systems on each draw: Koehn, *Statistical Significance Tests for
Machine Translation Evaluation*, EMNLP 2004). The seed is fixed, so a gate repeats exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modeldeck.ml.estimators import Vector
from modeldeck.ml.gating.resampling import Predicted, resampled

RESAMPLES = 1000
SEED = 20_260_101
LEAST_ROWS = 50
"""With fewer rows nothing is said."""

_CHUNK = 4_000_000  # cells of one matrix of draws


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus live, with its 95 % interval; higher is better for the candidate."""

    candidate: float
    live: float
    low: float
    high: float
    n_rows: int

    @property
    def value(self) -> float:
        """The difference on the rows as they are."""
        return self.candidate - self.live


def compare(candidate: Predicted, live: Predicted, *, metric: str) -> Difference:
    """Compare two versions on the same rows by one scorer.

    Parameters
    ----------
    candidate, live : Predicted
        About the same rows, in the same order.
    metric : str
        Name of a scikit-learn scorer.

    Returns
    -------
    Difference
        Its numbers are NaN where the metric cannot be computed.
    """
    n = len(candidate.target)
    ours, theirs = (resampled(one, metric) for one in (candidate, live))
    once = np.ones((1, n))
    parts = [ours(counts) - theirs(counts) for counts in _draws(n)]
    differences = np.concatenate(parts)
    known = differences[np.isfinite(differences)]
    low, high = math.nan, math.nan
    if len(known) >= RESAMPLES * 0.95:
        low, high = (float(one) for one in np.percentile(known, [2.5, 97.5]))
    return Difference(float(ours(once)[0]), float(theirs(once)[0]), low, high, n)


def _draws(n: int) -> Iterator[Vector]:
    """Yield matrices of how often each row was drawn, one row a resample."""
    generator = np.random.default_rng(SEED)
    size = max(1, _CHUNK // n)
    for start in range(0, RESAMPLES, size):
        count = min(size, RESAMPLES - start)
        drawn = generator.integers(0, n, size=(count, n)) + np.arange(count)[:, None] * n
        yield np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(float)
