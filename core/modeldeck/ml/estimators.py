"""From names in a pipeline file to scikit-learn objects; nothing else can be imported by name."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.metrics import get_scorer_names
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import all_estimators, get_tags

from modeldeck.domain.pipeline import PartSpec, PipelineSpec, Value
from modeldeck.errors import InvalidInputError
from modeldeck.ml.frames import Features

ENCODER = "encoder"
"""The name of the step that is put in front when there are text columns."""

Vector = np.ndarray[Any, Any]
"""One value a row."""


class Estimator(Protocol):
    """What we use of a scikit-learn estimator."""

    def fit(self, features: Features, target: Vector, /) -> object:
        """Learn from rows."""

    def predict(self, features: Features, /) -> Vector:
        """Predict one value a row."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 -- scikit-learn's
        """Return parameters by name."""

    def set_params(self, **parameters: object) -> object:
        """Set parameters by name."""


def build(
    spec: PipelineSpec, text_columns: list[str], *, parameters: Mapping[str, Value]
) -> Pipeline:
    """Make the unfitted pipeline for one candidate.

    Parameters
    ----------
    spec : PipelineSpec
        Steps and estimator.
    text_columns : list of str
        Columns to encode one-hot before the first step.
    parameters : Mapping
        A candidate's values by ``part.parameter``.

    Raises
    ------
    InvalidInputError
        A class or parameter does not exist; the message names file, line and near names.
    """
    steps: list[tuple[str, Any]] = []
    if text_columns:
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        columns = [("text", encoder, text_columns)]
        steps.append((ENCODER, ColumnTransformer(columns, remainder="passthrough")))
    for part in (*spec.steps, spec.estimator):
        own = {
            key.split(".", 1)[1]: value
            for key, value in parameters.items()
            if key.split(".", 1)[0] == part.name
        }
        steps.append((part.name, _make(spec, part, own=own)))
    return Pipeline(steps)


def _make(spec: PipelineSpec, part: PartSpec, *, own: Mapping[str, Value]) -> BaseEstimator:
    kind = resolve(spec, part)
    known = list(kind().get_params(deep=False)) if _has_defaults(kind) else []
    values = {**part.parameters, **own}
    for name in values:
        if name not in known:
            key = "search.grid" if name in own else part.name
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"Did you mean {', '.join(near)}?" if near else f"It has: {', '.join(known)}."
            raise spec.problem(key, f"{kind.__name__} has no parameter {name!r}", hint=hint)
    if "random_state" in known and "random_state" not in values:
        values["random_state"] = spec.seed
    return kind(**values)


def _has_defaults(kind: type[BaseEstimator]) -> bool:
    try:
        kind()
    except TypeError:
        return False
    return True


def resolve(spec: PipelineSpec, part: PartSpec) -> type[BaseEstimator]:
    """Return the scikit-learn class that a part names.

    Raises
    ------
    InvalidInputError
        There is none, it is abstract, or it can neither be a step nor an estimator.
    """
    module, _, name = part.type.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name, None)
    except ImportError:
        kind = None
    if not isinstance(kind, type) or not issubclass(kind, BaseEstimator):
        raise spec.problem(
            part.name, f"scikit-learn has no class {part.type}", hint=_near(part.type)
        )
    needed = "predict" if part is spec.estimator else "transform"
    if not _has_defaults(kind):
        raise spec.problem(part.name, f"{name} needs other estimators, which a file cannot name")
    if not hasattr(kind, needed):
        raise spec.problem(part.name, f"{name} cannot {needed}")
    if part is spec.estimator and not (is_classifier(kind()) or is_regressor(kind())):
        raise spec.problem(part.name, f"{name} is neither a classifier nor a regressor")
    return kind


def _near(dotted: str) -> str:
    public = {
        name: ".".join(one for one in kind.__module__.split(".") if not one.startswith("_"))
        for name, kind in all_estimators()
    }
    wanted = dotted.rpartition(".")[2]
    near = difflib.get_close_matches(wanted, public, n=3, cutoff=0.6)
    return f"Did you mean {', '.join(f'{public[one]}.{one}' for one in near)}?" if near else ""


def task_of(estimator: object) -> str:
    """Return "regression" for regressors, otherwise "classification"."""
    return "regression" if is_regressor(estimator) else "classification"


def check_metrics(spec: PipelineSpec) -> None:
    """Check that each metric is the name of a scikit-learn scorer.

    Raises
    ------
    InvalidInputError
        One is not; the message names near ones.
    """
    known = get_scorer_names()
    for metric in spec.evaluation.metrics:
        if metric not in known:
            near = difflib.get_close_matches(metric, known, n=3, cutoff=0.5)
            hint = f"Did you mean {', '.join(near)}?" if near else ""
            raise spec.problem("evaluation.metrics", f"there is no scorer {metric!r}", hint=hint)


def refuses_missing(pipeline: Pipeline) -> str:
    """Return the class of the first part that cannot take missing numbers; empty if none.

    Notes
    -----
    Parts behind an imputer (``sklearn.impute``) get no missing values any more.
    """
    for _, part in pipeline.steps:
        if type(part).__module__.startswith("sklearn.impute"):
            return ""
        if not isinstance(part, ColumnTransformer) and not get_tags(part).input_tags.allow_nan:
            return type(part).__name__
    return ""


def unwrapped(pipeline: Pipeline) -> Estimator:
    """Return the estimator itself when nothing stands before it: it predicts faster alone."""
    found: Estimator = pipeline[-1] if len(pipeline.steps) == 1 else pipeline
    return found


def input_error(spec: PipelineSpec, error: Exception) -> InvalidInputError:
    """Return our error for one that scikit-learn raised while fitting or scoring."""
    text = f"{error}".strip().partition("\n")[0][:300].rstrip(".")
    return spec.problem("estimator", f"scikit-learn refuses: {text}")
