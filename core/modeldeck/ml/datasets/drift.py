"""How far distributions moved, and how sure that is, from profiles alone.

A column moved when both hold: its q-value is at most 0.05, and its debiased population stability
index is at least 0.1. Fewer than 50 rows on a side say nothing.

Notes
-----
- Numbers: the two-sample statistic of Kolmogorov and Smirnov with its asymptotic distribution
  (N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", 1948). Where
  profiles hold compacted points, what their ranks may be off is taken from the distance first.
- Texts and truth values: Pearson's chi-square test of homogeneity; values that are expected fewer
  than five times on a side count together (W. G. Cochran, "Some methods for strengthening the
  common chi-square tests", 1954).
- q: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate" (1995), over all columns
  that were tested.
- Stability index over the deciles of the side before (or its categories), half a row added to each
  bin; its expectation without any drift, (B - 1)(1/n + 1/m) for B bins, is taken away
  (B. Yurdakul, "Statistical properties of population stability index", 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special

from modeldeck.domain.datasets.documents import (
    CategoriesDocument,
    ColumnDocument,
    MoveDocument,
    NumbersDocument,
)
from modeldeck.ml.datasets import sketch
from modeldeck.ml.datasets.profile import DECILES, points_of
from modeldeck.ml.datasets.sketch import Floats

Q = 0.05
PSI = 0.1
LEAST_ROWS = 50
RULE = (
    f"A column moved if its Benjamini-Hochberg q is at most {Q} (Kolmogorov-Smirnov for numbers, "
    f"chi-square for texts) and its debiased PSI is at least {PSI}; "
    f"fewer than {LEAST_ROWS} rows on a side say nothing."
)
_EXPECTED = 5.0


def compare(
    before: Sequence[ColumnDocument], after: Sequence[ColumnDocument]
) -> list[MoveDocument]:
    """Compare the columns that two profiles share and that hold the same kind of values.

    Parameters
    ----------
    before, after : sequence of ColumnDocument
        The reference, and what is looked at.
    """
    known = {one["name"]: one for one in before}
    moves = []
    for one in after:
        found = _compared(known.get(one["name"]), one)
        if found is not None:
            moves.append(found)
    for move, q in zip(moves, _q_values([one["p"] for one in moves]), strict=True):
        move["q"] = q
        move["moved"], move["why"] = _verdict(move)
    return moves


def _compared(before: ColumnDocument | None, after: ColumnDocument) -> MoveDocument | None:
    if before is None:
        return None
    if "numbers" in before and "numbers" in after:
        found = _numbers(before["numbers"], after["numbers"])
    elif "categories" in before and "categories" in after:
        found = _categories(before["categories"], after["categories"])
    else:
        return None
    found["column"] = after["name"]
    found["missing_before_share"] = _missing_share(before, found["n_before"])
    found["missing_after_share"] = _missing_share(after, found["n_after"])
    return found


def _missing_share(column: ColumnDocument, n: int) -> float:
    return column["missing"] / max(1, column["missing"] + n)


def _move(statistic: str, n: int, *, m: int) -> MoveDocument:
    return MoveDocument(
        column="",
        statistic=statistic,
        value=0.0,
        p=None,
        q=None,
        psi=None,
        n_before=n,
        n_after=m,
        rank_error=0.0,
        missing_before_share=0.0,
        missing_after_share=0.0,
        moved=None,
        why="",
    )


def _numbers(before: NumbersDocument, after: NumbersDocument) -> MoveDocument:
    n, m = before["count"], after["count"]
    found = _move("KS", n, m=m)
    if not n or not m:
        return found
    old, new = points_of(before), points_of(after)
    places = np.union1d(old.values, new.values)
    apart = np.abs(sketch.share_below(old, places) - sketch.share_below(new, places))
    distance = float(apart.max())
    found["value"] = distance
    found["rank_error"] = before["rank_error"] + after["rank_error"]
    sure = max(0.0, distance - found["rank_error"])
    found["p"] = float(special.kolmogorov(sure * np.sqrt(n * m / (n + m))))
    edges = np.unique(sketch.quantiles(old, DECILES))
    bins = [np.diff([0.0, *sketch.share_below(one, edges), 1.0]) for one in (old, new)]
    found["psi"] = psi(bins[0] * n, bins[1] * m)
    return found


def _categories(before: CategoriesDocument, after: CategoriesDocument) -> MoveDocument:
    n, m = before["count"], after["count"]
    found = _move("chi-square", n, m=m)
    if not n or not m:
        return found
    old, new = _tables(before, after)
    found["psi"] = psi(old, new)
    old, new = _pooled(old, new)
    if old.size < 2:
        found["p"] = 1.0
        return found
    whole = old + new
    share_old, share_new = n / (n + m), m / (n + m)
    value = ((old - whole * share_old) ** 2 / (whole * share_old)).sum()
    value += ((new - whole * share_new) ** 2 / (whole * share_new)).sum()
    found["value"] = float(value)
    found["p"] = float(special.chdtrc(old.size - 1, value))
    return found


def _tables(before: CategoriesDocument, after: CategoriesDocument) -> tuple[Floats, Floats]:
    """Return the counts of both sides by value; what one side only counts as other, both do."""
    sides: list[Mapping[str, int]] = [
        {str(text): int(count) for text, count in one["top"]} for one in (before, after)
    ]
    others = [before["other"], after["other"]]
    names = [
        name
        for name in dict.fromkeys([*sides[0], *sides[1]])
        if all(name in side or not other for side, other in zip(sides, others, strict=True))
    ]
    old, new = (
        np.array([*(side.get(one, 0) for one in names), 0], dtype=np.float64) for side in sides
    )
    old[-1] = before["count"] - old.sum()
    new[-1] = after["count"] - new.sum()
    if not old[-1] + new[-1]:
        return old[:-1], new[:-1]
    return old, new


def _pooled(old: Floats, new: Floats) -> tuple[Floats, Floats]:
    """Put the values that are expected too seldom on a side into one."""
    smaller = min(old.sum(), new.sum()) / (old.sum() + new.sum())
    is_rare = (old + new) * smaller < _EXPECTED
    if is_rare.sum() < 2:
        return old, new
    return (
        np.append(old[~is_rare], old[is_rare].sum()),
        np.append(new[~is_rare], new[is_rare].sum()),
    )


def psi(old: Floats, new: Floats) -> float:
    """Return the debiased population stability index of counts in the same bins.

    Parameters
    ----------
    old, new : ndarray of shape (n_bins,)
        Rows in each bin.
    """
    n, m, bins = float(old.sum()), float(new.sum()), old.size
    shares_old = (old + 0.5) / (n + 0.5 * bins)
    shares_new = (new + 0.5) / (m + 0.5 * bins)
    raw = float(((shares_new - shares_old) * np.log(shares_new / shares_old)).sum())
    return raw - (bins - 1) * (1 / n + 1 / m)


def _q_values(values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted so that among what is at most q a share of q is false."""
    tested = sorted((p, at) for at, p in enumerate(values) if p is not None)
    found: list[float | None] = [None] * len(values)
    least = 1.0
    for rank in range(len(tested), 0, -1):
        p, at = tested[rank - 1]
        least = min(least, p * len(tested) / rank)
        found[at] = least
    return found


def _verdict(move: MoveDocument) -> tuple[bool | None, str]:
    least = min(move["n_before"], move["n_after"])
    q, index = move["q"], move["psi"]
    if least < LEAST_ROWS or q is None or index is None:
        return None, f"too few rows: {least} on one side, {LEAST_ROWS} are needed"
    if q > Q:
        return False, f"q {q:.2g} is above {Q}"
    if index < PSI:
        return False, f"surely different (q {q:.2g}), but little: PSI {index:.2g} is below {PSI}"
    return True, f"q {q:.2g}, PSI {index:.2g}"
