"""Scoring with scikit-learn's scorers; for all of them higher is better."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sklearn.metrics import check_scoring, get_scorer, get_scorer_names

from modeldeck.ml.estimators import Estimator, Vector
from modeldeck.ml.frames import Features


def evaluate(
    estimator: Estimator, features: Features, *, target: Vector, metrics: Sequence[str]
) -> dict[str, float]:
    """Score a fitted estimator by several metrics, predicting once.

    Parameters
    ----------
    estimator : Estimator
        Fitted.
    features, target : Features, Vector
        The rows to score on.
    metrics : sequence of str
        Names of scikit-learn scorers.

    Raises
    ------
    ValueError
        scikit-learn cannot compute a metric for this task.
    """
    scorer = check_scoring(estimator, scoring=list(metrics), raise_exc=True)
    return {name: float(value) for name, value in scorer(estimator, features, target).items()}


def score(estimator: Estimator, features: Features, *, target: Vector, metric: str) -> float:
    """Score a fitted estimator by one metric; NaN when it is unknown or cannot be computed."""
    if metric not in get_scorer_names():
        return math.nan
    try:
        return float(get_scorer(metric)(estimator, features, target))
    except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError):
        return math.nan
