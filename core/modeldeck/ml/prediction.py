"""Predicting: the one function that serving, gates and example rows share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sklearn
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from modeldeck.errors import InvalidInputError
from modeldeck.ml.frames import Features, from_rows

_BY_PROBABILITY = (DecisionTreeClassifier, ExtraTreesClassifier, RandomForestClassifier)
"""Classifiers whose ``predict`` is, in scikit-learn's source, the class of highest probability."""


def predict(
    model: object, signature: Mapping[str, Any], *, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Predict rows of named values.

    Parameters
    ----------
    model : object
        What :func:`modeldeck.ml.persistence.load_model` returned.
    signature : Mapping
        The contents of ``signature.json``.
    rows : sequence of mappings
        Column name to value; None is a missing value. Other columns are ignored.

    Returns
    -------
    list of dict
        One a row: ``prediction``, and ``probability`` (one number a class, in the order of the
        signature's classes) where the model tells it. Plain Python values.

    Raises
    ------
    InvalidInputError
        A row lacks a column, holds a value of another type, or the model refuses it.
    """
    if not rows:
        return []
    features = from_rows(rows, signature["inputs"], container=signature["container"])
    labels, probabilities = predict_features(model, features)
    found = labels.tolist()
    if probabilities is None:
        return [{"prediction": value} for value in found]
    return [
        {"prediction": value, "probability": chances}
        for value, chances in zip(found, probabilities.tolist(), strict=True)
    ]


def predict_features(
    model: Any,  # noqa: ANN401 -- an estimator of any class; scikit-learn has no types
    features: Features,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """Return labels, and probabilities where the model tells them.

    Notes
    -----
    Rows were checked against the signature, so scikit-learn's own checks are switched off
    (``sklearn.config_context``); a single row then takes about a fifth less time.

    Raises
    ------
    InvalidInputError
        The model refuses the rows.
    """
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        try:
            probabilities = _probabilities(model, features)
            if probabilities is not None and isinstance(model, _BY_PROBABILITY):
                return model.classes_.take(probabilities.argmax(axis=1)), probabilities
            return _plain(model.predict(features)), probabilities
        except (ValueError, TypeError, IndexError, AttributeError, ArithmeticError) as error:
            text = f"{error}".strip().partition("\n")[0][:300].rstrip(".")
            msg = f"The model refuses these rows: {text or type(error).__name__}."
            raise InvalidInputError(msg) from error


def _probabilities(model: Any, features: Features) -> np.ndarray[Any, Any] | None:  # noqa: ANN401 -- as above
    if not hasattr(model, "predict_proba"):
        return None
    found = model.predict_proba(features)
    return found if isinstance(found, np.ndarray) and found.ndim == 2 else None


def _plain(labels: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401 -- whatever the model returned
    found = np.asarray(labels)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found.ravel()
    if found.ndim != 1:
        msg = f"the model predicts {found.ndim} values a row, and one can be served"
        raise ValueError(msg)
    return found.astype(np.int64) if found.dtype == bool else found
