"""Scoring with scikit-learn's scorers; for all of them higher is better."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import check_scoring, get_scorer, get_scorer_names

from modeldeck.ml.estimators import Estimator, Vector
from modeldeck.ml.frames import Features


def target_vector(frame: pl.DataFrame, name: str, *, task: str) -> Vector:
    """Return the target column as scorers take it: texts as texts, whole numbers for classes."""
    found = frame[name].to_numpy()
    if found.dtype == object:
        return np.asarray(found.astype(str))
    if task == "classification" and found.dtype.kind == "f":
        return np.asarray(found.astype(np.int64))
    return np.asarray(found)


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


def usual_metrics(estimator: Estimator, target: Vector) -> list[str]:
    """Return the scorers by which an estimator's task is usually judged; none for other tasks.

    Parameters
    ----------
    estimator : Estimator
        Fitted.
    target : Vector
        Of the rows to score on: the area under a curve needs both of two classes.
    """
    if is_regressor(estimator):
        return ["r2", "neg_mean_absolute_error"]
    if not is_classifier(estimator):
        return []
    has_shares = hasattr(estimator, "predict_proba")
    has_scores = has_shares or hasattr(estimator, "decision_function")
    is_binary = len(getattr(estimator, "classes_", ())) == 2 == len(np.unique(target))
    return [
        "accuracy",
        *(["neg_log_loss"] if has_shares else []),
        *(["roc_auc"] if has_scores and is_binary else []),
    ]


def score_as_usual(estimator: Estimator, features: Features, *, target: Vector) -> dict[str, float]:
    """Score a fitted estimator by the metrics of its task; what cannot be computed is left out."""
    metrics = usual_metrics(estimator, target)
    try:
        found = evaluate(estimator, features, target=target, metrics=metrics) if metrics else {}
    except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError):
        found = {name: score(estimator, features, target=target, metric=name) for name in metrics}
    return {name: value for name, value in found.items() if math.isfinite(value)}
