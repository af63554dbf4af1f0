"""Profiles of columns: what a reference for drift checks has to know, in bounded memory.

Profiles are mergeable: :func:`merged` of two documents describes the rows of both, so that the
hosts of an endpoint, or the files of a folder, add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import polars as pl

from modeldeck.domain.datasets.documents import (
    CategoriesDocument,
    ColumnDocument,
    NumbersDocument,
    TimesDocument,
)
from modeldeck.domain.datasets.formats import NUMBERS
from modeldeck.ml.datasets import sketch
from modeldeck.ml.datasets.reading import Survey
from modeldeck.ml.datasets.sketch import Counts, Floats, Points, Weighted

DECILES = tuple(at / 10 for at in range(1, 10))
MOST_TEXT = 200
"""Longer values of a text column are cut."""

_TREE, _KEPT = (128, 2048), (20, 200)
_TEXTS, _TOP = (200, 10_000), (5, 50)
_TIMES = ("date", "datetime", "time")


def _within(bounds: tuple[int, int], room: int) -> int:
    return max(bounds[0], min(bounds[1], room))


class Part(Protocol):
    """What summarises one column."""

    def add(self, values: pl.Series) -> None:
        """Take values that are not missing."""

    def document(self) -> dict[str, object]:
        """Return the part of the column's document, under its name."""


class Numbers:
    """The profile of numbers.

    Parameters
    ----------
    width : int
        How many columns share the memory.

    Notes
    -----
    Mean and squared deviations are updated by pieces, after T. F. Chan, G. H. Golub and
    R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
    (1979); ``sd`` divides by n - 1.
    """

    def __init__(self, width: int) -> None:
        self.n = 0
        self.infinite = 0
        self.mean = 0.0
        self.squares = 0.0
        self.points = Points(_within(_TREE, 2_000_000 // width))
        self.least, self.most = math.inf, -math.inf
        self.kept = _within(_KEPT, 200_000 // width)

    def add(self, values: pl.Series) -> None:
        """Take values that are not missing."""
        numbers = values.cast(pl.Float64).to_numpy()
        finite = numbers[np.isfinite(numbers)]
        self.infinite += int(numbers.size - finite.size)
        if finite.size:
            mean = float(finite.mean())
            squares = float(((finite - mean) ** 2).sum())
            self._moments(int(finite.size), mean, squares=squares)
            self.least = min(self.least, float(finite.min()))
            self.most = max(self.most, float(finite.max()))
            self.points.add(finite)

    def _moments(self, n: int, mean: float, *, squares: float) -> None:
        total = self.n + n
        apart = mean - self.mean
        self.mean += apart * n / total
        self.squares += squares + apart * apart * self.n * n / total
        self.n = total

    def take(self, known: NumbersDocument) -> None:
        """Take what another profile summarises."""
        n = known["count"]
        if n:
            sd = number(known["sd"])
            squares = 0.0 if n == 1 else sd**2 * (n - 1)
            self._moments(n, number(known["mean"]), squares=squares)
            self.least = min(self.least, number(known["min"]))
            self.most = max(self.most, number(known["max"]))
            self.points.merge(points_of(known))
        self.infinite += known["infinite"]

    def document(self) -> dict[str, object]:
        """Return the profile."""
        points = self.points.result(self.kept)
        sd = math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else None
        found = NumbersDocument(
            count=self.n,
            infinite=self.infinite,
            min=self.least if self.n else None,
            max=self.most if self.n else None,
            mean=self.mean if self.n else None,
            sd=sd,
            deciles=[*sketch.quantiles(self.points.result(self.points.size), DECILES)],
            points=[[float(v), float(w)] for v, w in zip(*points[:2], strict=True)],
            rank_error=points.error / self.n if self.n else 0.0,
        )
        return {"numbers": found}


class Categories:
    """The profile of texts or truth values."""

    def __init__(self, width: int) -> None:
        self.n = 0
        self.counts = Counts(_within(_TEXTS, 1_000_000 // width))
        self.n_top = _within(_TOP, 100_000 // width)

    def add(self, values: pl.Series) -> None:
        """Take values that are not missing."""
        counted = values.cast(pl.String).rename("text").value_counts(name="n")
        texts = [_shortened(one) for one in counted["text"].to_list()]
        self.counts.add(list(zip(texts, counted["n"].to_list(), strict=True)))
        self.n += len(values)

    def take(self, known: CategoriesDocument) -> None:
        """Take what another profile summarises."""
        self.n += known["count"]
        unseen = int(known["top"][-1][1]) if known["other"] and known["top"] else 0
        self.counts.error += known["count_error"] + unseen
        if not known["unique_is_exact"] or known["other"]:
            self.counts.is_exact = False
            self.counts.note(map(sketch.hash_of, self.counts.counts))
            self.counts.note(known["hashes"])
        self.counts.add([(str(text), int(n)) for text, n in known["top"]])

    def document(self) -> dict[str, object]:
        """Return the profile."""
        counts = self.counts
        top = counts.top(self.n_top)
        has_all = counts.is_exact and len(top) == len(counts.counts)
        if counts.is_exact and not has_all:
            counts.note(map(sketch.hash_of, counts.counts))
        found = CategoriesDocument(
            count=self.n,
            top=[[text, n] for text, n in top],
            other=self.n - sum(n for _text, n in top),
            count_error=counts.error,
            unique=counts.n_unique,
            unique_is_exact=counts.is_exact,
            hashes=[] if has_all else sorted(counts.hashes),
        )
        return {"categories": found}


class Times:
    """The profile of dates and times."""

    def __init__(self) -> None:
        self.n = 0
        self.least = self.most = ""

    def add(self, values: pl.Series) -> None:
        """Take values that are not missing."""
        self._take(len(values), str(values.min()), most=str(values.max()))

    def take(self, known: TimesDocument) -> None:
        """Take what another profile summarises."""
        if known["count"]:
            self._take(known["count"], known["min"], most=known["max"])

    def _take(self, n: int, least: str, *, most: str) -> None:
        self.least = min(self.least or least, least)
        self.most = max(self.most, most)
        self.n += n

    def document(self) -> dict[str, object]:
        """Return the profile."""
        return {"times": TimesDocument(count=self.n, min=self.least, max=self.most)}


class Nothing:
    """The profile of what is not looked into."""

    def add(self, values: pl.Series) -> None:
        """Take values."""

    def document(self) -> dict[str, object]:
        """Return nothing."""
        return {}


def _shortened(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}…{sketch.hash_of(text) % 0x10000:04x}"


def number(value: object) -> float:
    """Read a number of a document, which may be the text of a non-finite one; NaN for none."""
    return math.nan if value is None else float(cast("float", value))


def points_of(known: NumbersDocument) -> Weighted:
    """Return the points of a document."""
    pairs = np.array([[number(v), number(w)] for v, w in known["points"]]).reshape(-1, 2)
    order = np.argsort(pairs[:, 0])
    error = known["rank_error"] * known["count"]
    values: Floats = pairs[order, 0]
    return Weighted(values, pairs[order, 1], error)


def _part(kind: str, width: int) -> Part:
    if kind in NUMBERS:
        return Numbers(width)
    if kind in {"string", "bool"}:
        return Categories(width)
    return Times() if kind in _TIMES else Nothing()


def profiled(surveyed: Survey, pieces: Iterable[pl.DataFrame]) -> list[ColumnDocument]:
    """Return the profile of each column of a table.

    Parameters
    ----------
    surveyed : Survey
        Its columns with their types.
    pieces : iterable of polars DataFrame
        Its rows, as :func:`modeldeck.ml.datasets.reading.frames` gives them.
    """
    types = surveyed.types
    parts = {name: _part(kind, len(types)) for name, kind in types.items()}
    missing = dict.fromkeys(types, 0)
    for frame in pieces:
        for name, part in parts.items():
            values = _present(frame[name])
            missing[name] += frame.height - len(values)
            if len(values):
                part.add(values)
    return [
        _column(name, types[name], missing=missing[name], mixed=surveyed.columns[name].mixed)
        | cast("Any", part.document())
        for name, part in parts.items()
    ]


def _present(values: pl.Series) -> pl.Series:
    """Return what is not missing; NaN is missing."""
    values = values.drop_nulls()
    return values.drop_nans() if values.dtype.is_float() else values


def _column(name: str, kind: str, *, missing: int, mixed: int) -> ColumnDocument:
    return ColumnDocument(name=name, type=kind, missing=missing, mixed=mixed)


def merged(one: Sequence[ColumnDocument], other: Sequence[ColumnDocument]) -> list[ColumnDocument]:
    """Return the profile of the rows of two tables that have the same columns and types.

    Raises
    ------
    ValueError
        They have not.
    """
    names = [(column["name"], column["type"]) for column in one]
    if names != [(column["name"], column["type"]) for column in other]:
        msg = "profiles of different columns cannot be merged"
        raise ValueError(msg)
    return [_merged(*pair, width=len(names)) for pair in zip(one, other, strict=True)]


def _merged(one: ColumnDocument, other: ColumnDocument, *, width: int) -> ColumnDocument:
    part: Any = _part(one["type"], width)
    for column in (one, other):
        known: Mapping[str, Any] = column
        for name in ("numbers", "categories", "times"):
            if name in known:
                part.take(known[name])
    column = _column(
        one["name"],
        one["type"],
        missing=one["missing"] + other["missing"],
        mixed=one["mixed"] + other["mixed"],
    )
    return cast("ColumnDocument", column | part.document())
