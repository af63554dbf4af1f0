"""Metrics of many resamples at once: rows are counted, not copied.

A resample is a row of counts, how often each row of the data was drawn. Means, confusion tables
and rank sums of a thousand resamples are then a matrix product each; only scorers without such a
form are called once a resample.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer

from modeldeck.ml.estimators import Vector


@dataclass(frozen=True, slots=True)
class Predicted:
    """What one version said about the rows.

    Attributes
    ----------
    target, labels : Vector
        What is true, and what was predicted.
    probabilities : matrix or None
        One column a class.
    scores : Vector, matrix or None
        Of ``decision_function``, where the model has one.
    classes : Vector or None
        The classes in the order of the columns.
    """

    target: Vector
    labels: Vector
    probabilities: Vector | None = None
    scores: Vector | None = None
    classes: Vector | None = None


Metric = Callable[[Vector], Vector]
"""From counts of rows (resamples x rows) to one value a resample."""


def resampled(one: Predicted, name: str) -> Metric:
    """Return a scorer as a function of how often each row was drawn.

    Parameters
    ----------
    one : Predicted
        What a version said about the rows.
    name : str
        Name of a scikit-learn scorer; the common ones are computed for all draws at once.
    """
    if name in _ROW_LOSSES and one.target.dtype.kind in "biuf":
        loss, after = _ROW_LOSSES[name]
        losses = loss(one)
        return lambda counts: after(counts @ losses / counts.sum(axis=1))
    if name == "accuracy":
        hits = (one.labels == one.target).astype(float)
        return lambda counts: counts @ hits / counts.sum(axis=1)
    if name == "r2":
        return _r2(one)
    if name in _CONFUSION:
        return _from_confusion(one, _CONFUSION[name])
    if name == "roc_auc" and one.classes is not None and len(one.classes) == 2:
        return _roc_auc(one)
    return _by_scorer(one, name)


_ROW_LOSSES: dict[str, tuple[Callable[[Predicted], Vector], Callable[[Vector], Vector]]] = {
    "neg_mean_absolute_error": (lambda one: abs(one.target - one.labels), lambda mean: -mean),
    "neg_mean_squared_error": (lambda one: (one.target - one.labels) ** 2, lambda mean: -mean),
    "neg_root_mean_squared_error": (
        lambda one: (one.target - one.labels) ** 2,
        lambda mean: -np.sqrt(mean),
    ),
}


def _r2(one: Predicted) -> Metric:
    truth = one.target.astype(float)
    squares = (truth - one.labels) ** 2

    def value(counts: Vector) -> Vector:
        total = counts.sum(axis=1)
        spread = counts @ truth**2 - (counts @ truth) ** 2 / total
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - counts @ squares / spread)

    return value


def _balanced_accuracy(table: Vector) -> Vector:
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = table.diagonal(axis1=1, axis2=2) / table.sum(axis=2)
    return np.asarray(np.nanmean(recall, axis=1))


def _shares(table: Vector, kind: str) -> tuple[Vector, Vector, Vector]:
    """Return the per-class metric, how often each class is true, and which classes occur."""
    hits = table.diagonal(axis1=1, axis2=2)
    true, said = table.sum(axis=2), table.sum(axis=1)
    below = {"f1": (true + said) / 2, "precision": said, "recall": true}[kind]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(below > 0, hits / below, 0.0)
    return found, true, (true + said) > 0


def _macro(kind: str) -> Callable[[Vector], Vector]:
    def value(table: Vector) -> Vector:
        found, _, occurs = _shares(table, kind)
        return np.asarray((found * occurs).sum(axis=1) / occurs.sum(axis=1))

    return value


def _weighted(kind: str) -> Callable[[Vector], Vector]:
    def value(table: Vector) -> Vector:
        found, true, _ = _shares(table, kind)
        return np.asarray((found * true).sum(axis=1) / true.sum(axis=1))

    return value


_CONFUSION: dict[str, Callable[[Vector], Vector]] = {
    "balanced_accuracy": _balanced_accuracy,
    **{f"{kind}_macro": _macro(kind) for kind in ("f1", "precision", "recall")},
    **{f"{kind}_weighted": _weighted(kind) for kind in ("f1", "precision", "recall")},
}


def _from_confusion(one: Predicted, value: Callable[[Vector], Vector]) -> Metric:
    classes, codes = np.unique(np.concatenate([one.target, one.labels]), return_inverse=True)
    n, k = len(one.target), len(classes)
    cells = np.zeros((n, k * k))
    cells[np.arange(n), codes[:n] * k + codes[n:]] = 1.0
    return lambda counts: value((counts @ cells).reshape(-1, k, k))


def _roc_auc(one: Predicted) -> Metric:
    """Return the area under the curve as the share of pairs in order, ties counting half.

    Notes
    -----
    Mann and Whitney 1947; with rows sorted by score, a pair is in order when the negative row
    stands before the positive one.
    """
    scores = one.scores if one.scores is not None else _second_column(one)
    if scores is None or scores.ndim != 1 or one.classes is None:
        return lambda counts: np.full(len(counts), math.nan)
    order = np.argsort(scores, kind="stable")
    positive = (one.target == one.classes[1])[order]
    first = np.flatnonzero(np.diff(scores[order], prepend=np.nan))

    def value(counts: Vector) -> Vector:
        drawn = counts[:, order]
        up = np.add.reduceat(drawn * positive, first, axis=1)
        down = np.add.reduceat(drawn * ~positive, first, axis=1)
        below = np.cumsum(down, axis=1) - down / 2
        pairs = up.sum(axis=1) * down.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((up * below).sum(axis=1) / pairs)

    return value


def _second_column(one: Predicted) -> Vector | None:
    return None if one.probabilities is None else np.asarray(one.probabilities[:, 1])


class _Remembered(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that answers row numbers with what was predicted for those rows."""

    def __init__(self, predicted: Predicted) -> None:
        self.predicted = predicted
        self.is_fitted_ = True

    def predict(self, rows: Vector) -> Vector:
        return self.predicted.labels[rows]


class _RememberedRegressor(RegressorMixin, _Remembered):  # type: ignore[misc]  # as above
    pass


class _RememberedClassifier(ClassifierMixin, _Remembered):  # type: ignore[misc]  # as above
    def __init__(self, predicted: Predicted) -> None:
        super().__init__(predicted)
        self.classes_ = predicted.classes
        chances, scores = predicted.probabilities, predicted.scores
        if chances is not None:
            self.predict_proba = lambda rows: chances[rows]
        if scores is not None:
            self.decision_function = lambda rows: scores[rows]


def _by_scorer(one: Predicted, name: str) -> Metric:
    kind = _RememberedRegressor if one.classes is None else _RememberedClassifier
    estimator, scorer = kind(one), get_scorer(name)

    def value(counts: Vector) -> Vector:
        return np.array(
            [_score_once(scorer, estimator, drawn=row, target=one.target) for row in counts]
        )

    return value


def _score_once(scorer: Any, estimator: _Remembered, *, drawn: Vector, target: Vector) -> float:  # noqa: ANN401 -- scikit-learn has no types
    rows = np.repeat(np.arange(len(target)), drawn.astype(np.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(scorer(estimator, rows, target[rows]))
        except ValueError:
            return math.nan
