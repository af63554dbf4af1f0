"""From a data set to rows for training and rows held out, with every doubt about them raised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline

from modeldeck.domain.pipeline import PipelineSpec
from modeldeck.errors import InsufficientDataError
from modeldeck.ml.data import Dataset
from modeldeck.ml.estimators import Vector, refuses_missing
from modeldeck.ml.frames import Features, column_type, n_missing, to_input

LEAST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows and targets as the estimator takes them, and which rows are for what.

    Attributes
    ----------
    frame : polars DataFrame
        All rows with the target, as they are kept beside the model.
    features, target : Features, Vector
        The same rows for the estimator.
    training, holdout : Vector
        Row numbers, sorted.
    """

    task: str
    frame: pl.DataFrame
    features: Features
    target: Vector
    training: Vector
    holdout: Vector

    def rows(self, numbers: Vector) -> tuple[Features, Vector]:
        """Return features and targets of some rows."""
        return self.features[numbers], self.target[numbers]


def pose(spec: PipelineSpec, dataset: Dataset, *, task: str, pipeline: Pipeline) -> Problem:
    """Check the data against the task and the estimator, and set rows aside.

    Parameters
    ----------
    spec : PipelineSpec
        Says how much is held out.
    dataset : Dataset
        Loaded.
    task : str
        "classification" or "regression".
    pipeline : Pipeline
        Unfitted; tells whether it takes missing values.

    Raises
    ------
    InvalidInputError
        The target does not fit the task, or a column has values that the estimator cannot take.
    InsufficientDataError
        There are fewer than 20 rows.
    """
    if dataset.frame.height < LEAST_ROWS:
        msg = f"{dataset.source} has {dataset.frame.height} rows; training needs {LEAST_ROWS}."
        raise InsufficientDataError(msg, "Collect more rows.")
    _check_missing(spec, dataset, pipeline=pipeline)
    frame = dataset.frame.with_columns(_target(spec, dataset.frame[dataset.target], task=task))
    target = frame[dataset.target].to_numpy()
    target = target.astype(str) if target.dtype == object else target
    columns = [{"name": one, "type": column_type(frame[one])} for one in dataset.features]
    features = to_input(frame, columns, container="frame" if dataset.text_columns else "array")
    training, holdout = _apart(spec, target, is_stratified=_is_stratified(spec, task))
    return Problem(task, frame, features, target, training, holdout)


def _check_missing(spec: PipelineSpec, dataset: Dataset, *, pipeline: Pipeline) -> None:
    counts = {
        name: n_missing(dataset.frame[name])
        for name in dataset.features
        if name not in dataset.text_columns
    }
    missing = {name: count for name, count in counts.items() if count}
    refusing = refuses_missing(pipeline) if missing else ""
    if refusing:
        shown = ", ".join(f"{name!r} ({count})" for name, count in list(missing.items())[:10])
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        problem = f"values are missing in {shown}{more}, which {refusing} cannot take"
        hint = 'Put [[steps]] with type = "sklearn.impute.SimpleImputer" in front, or drop them.'
        raise spec.problem("data.source", problem, hint=hint)


def _target(spec: PipelineSpec, column: pl.Series, *, task: str) -> pl.Series:
    missing = n_missing(column)
    if missing:
        empty = column.is_null() | (column.is_nan() if column.dtype == pl.Float64 else False)
        row = int(np.flatnonzero(empty.to_numpy())[0]) + 1
        problem = f"{missing} of {len(column):,} values of {column.name!r} are missing"
        raise spec.problem(
            "data.target", f"{problem}, first in row {row}", hint="Leave those rows out."
        )
    if task == "regression":
        return _numbers(spec, column)
    return _classes(spec, column)


def _numbers(spec: PipelineSpec, column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        numbers = column.cast(pl.Float64, strict=False)
        first = column.filter(numbers.is_null())
        shown = f", for example {first[0]!r:.40}" if len(first) else ""
        problem = f"{column.name!r} holds texts{shown}; a regressor predicts numbers"
        raise spec.problem("data.target", problem, hint="Choose a classifier or another target.")
    found = column.cast(pl.Float64)
    if found.n_unique() == 1:
        problem = f"{column.name!r} is {found[0]:g} in every row; there is nothing to predict"
        raise spec.problem("data.target", problem, hint="Choose another target.")
    return found


def _classes(spec: PipelineSpec, column: pl.Series) -> pl.Series:
    if column.dtype == pl.Float64:
        fractions = column.filter(column != column.round())
        if len(fractions):
            problem = f"{column.name!r} holds numbers such as {fractions[0]:g}, not classes"
            raise spec.problem("data.target", problem, hint="Choose a regressor or another target.")
    found = column if column.dtype == pl.String else column.cast(pl.Int64)
    counts = found.value_counts(sort=True)
    if counts.height == 1:
        problem = f"{column.name!r} has the single class {found[0]!r:.40} in every row"
        raise spec.problem(
            "data.target", problem, hint="Choose another target or collect more rows."
        )
    label, least = counts.row(-1)
    needed = spec.evaluation.folds + 1
    if least < needed:
        problem = (
            f"class {label!r:.40} of {column.name!r} has {least} {'row' if least == 1 else 'rows'}"
        )
        hint = f"{spec.evaluation.folds} folds and a hold-out need {needed}: use fewer folds."
        raise spec.problem("data.target", problem, hint=hint)
    return found


def _is_stratified(spec: PipelineSpec, task: str) -> bool:
    return task == "classification" and spec.split.stratify is not False


def _apart(spec: PipelineSpec, target: Vector, *, is_stratified: bool) -> tuple[Vector, Vector]:
    try:
        training, holdout = train_test_split(
            np.arange(len(target)),
            test_size=spec.split.holdout_share,
            stratify=target if is_stratified else None,
            random_state=spec.seed,
        )
    except ValueError as error:
        raise spec.problem("split.holdout_share", str(error).rstrip(".")) from None
    return np.sort(training), np.sort(holdout)


def folds(spec: PipelineSpec, problem: Problem) -> Iterator[tuple[Vector, Vector]]:
    """Yield row numbers to fit on and to score on, fold by fold, from the training rows only."""
    kind = StratifiedKFold if _is_stratified(spec, problem.task) else KFold
    splitter = kind(spec.evaluation.folds, shuffle=True, random_state=spec.seed)
    rows = problem.training
    for fit, score in splitter.split(np.zeros(len(rows)), problem.target[rows]):
        yield rows[fit], rows[score]
