"""Signatures: the columns a model takes, what it answers, and rows that show it.

::

    {"v": 1, "task": "classification", "container": "array", "target": "target",
     "inputs": [{"name": "age", "type": "int64", "min": 18, "max": 90, "nullable": false},
                {"name": "town", "type": "string", "categories": ["Bern", "Jena"], …}],
     "outputs": [{"name": "prediction", "type": "int64", "classes": [0, 1]},
                 {"name": "probability", "type": "float64", "size": 2}],
     "examples": {"inputs": [{"age": 31, "town": "Jena"}], "outputs": [{"prediction": 1, …}]}}

Types are ``float64``, ``int64``, ``bool`` and ``string``. ``container`` says how the rows are
handed to the estimator (:mod:`modeldeck.ml.frames`). ``target`` is the column that the model
predicts, by its name in ``holdout.parquet``; empty when nobody said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypedDict, cast

import numpy as np
import polars as pl

from modeldeck.errors import InvalidInputError
from modeldeck.ml.estimators import task_of
from modeldeck.ml.frames import DTYPES, column_type, n_missing
from modeldeck.ml.prediction import predict

N_EXAMPLES = 5
MAX_CATEGORIES = 200
MAX_INPUTS = 20_000
_RELATIVE = 1e-6
_ABSOLUTE = 1e-9


class Examples(TypedDict):
    """Rows, and what the model answered to them when it was saved."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]


class Signature(TypedDict):
    """The contents of ``signature.json``."""

    v: int
    task: str
    container: str
    target: str
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    examples: Examples


def build_signature(model: object, frame: pl.DataFrame, *, target: str = "") -> Signature:
    """Describe a fitted model by rows like those it was trained on.

    Parameters
    ----------
    model : object
        Fitted.
    frame : polars DataFrame
        Normalised rows with the columns that the model takes; others are left out when the model
        knows its columns by name.
    target : str
        The name of the predicted column.

    Raises
    ------
    InvalidInputError
        The model cannot predict these rows.
    """
    named = [str(name) for name in getattr(model, "feature_names_in_", ())]
    chosen = [name for name in named or frame.columns if name in frame.columns]
    if named and len(chosen) < len(named):
        missing = next(name for name in named if name not in frame.columns)
        msg = f"The model takes a column {missing!r}, which the examples do not have."
        raise InvalidInputError(msg, f"It takes: {', '.join(named)[:300]}.")
    texts = any(frame[name].dtype == pl.String for name in chosen)
    found: Signature = {
        "v": 1,
        "task": task_of(model),
        "container": "frame" if named or texts else "array",
        "target": target,
        "inputs": [_input(frame[name]) for name in chosen],
        "outputs": [],
        "examples": {"inputs": _example_rows(frame.select(chosen)), "outputs": []},
    }
    found["examples"]["outputs"] = predict(model, found, rows=found["examples"]["inputs"])
    found["outputs"] = _outputs(model, found["examples"]["outputs"][0])
    return found


def _input(column: pl.Series) -> dict[str, Any]:
    kind = column_type(column)
    found: dict[str, Any] = {"name": column.name, "type": kind, "nullable": n_missing(column) > 0}
    if kind == "string":
        values = sorted(text for text in column.unique().to_list() if text is not None)
        if len(values) <= MAX_CATEGORIES:
            found["categories"] = values
    elif kind != "bool" and n_missing(column) < len(column):
        known = column.drop_nans() if kind == "float64" else column
        found["min"], found["max"] = known.min(), known.max()
    return found


def _example_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows spread evenly over the frame; missing values are None."""
    picked = np.unique(np.linspace(0, frame.height - 1, N_EXAMPLES).astype(int))
    return [
        {name: None if _is_nan(value) else value for name, value in row.items()}
        for row in frame[picked.tolist()].to_dicts()
    ]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _outputs(model: object, first: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = first["prediction"]
    kind = {int: "int64", float: "float64"}.get(type(answer), "string")
    classes = getattr(model, "classes_", None)
    prediction: dict[str, Any] = {"name": "prediction", "type": kind}
    if isinstance(classes, np.ndarray) and classes.ndim == 1:
        plain = classes.astype(np.int64) if classes.dtype == bool else classes
        prediction["classes"] = plain.tolist()
    found = [prediction]
    if "probability" in first:
        size = len(first["probability"])
        found.append({"name": "probability", "type": "float64", "size": size})
    return found


def check_signature(value: Mapping[str, object]) -> Signature:
    """Check the contents of a ``signature.json`` that somebody else may have written.

    Raises
    ------
    InvalidInputError
        Something in it is missing or of the wrong kind.
    """
    inputs, outputs, examples = value.get("inputs"), value.get("outputs"), value.get("examples")
    if value.get("v") != 1 or value.get("task") not in {"classification", "regression"}:
        _refuse("v or task")
    if value.get("container") not in {"array", "frame"}:
        _refuse("container")
    if not isinstance(inputs, list) or not 0 < len(inputs) <= MAX_INPUTS:
        _refuse("inputs")
    names = [_input_name(one) for one in inputs]
    if len(set(names)) != len(names):
        _refuse("inputs")
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        _refuse("outputs")
    if not isinstance(value.get("target", ""), str) or not _are_examples(examples):
        _refuse("target or examples")
    return cast("Signature", {"target": "", **value})


def _refuse(what: str) -> NoReturn:
    msg = f"signature.json is damaged: its {what} cannot be used."
    raise InvalidInputError(msg)


def _input_name(one: object) -> str:
    if isinstance(one, dict) and isinstance(one.get("name"), str) and one.get("type") in DTYPES:
        return str(one["name"])
    _refuse("inputs")


def _are_examples(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    rows, answers = value.get("inputs"), value.get("outputs")
    if not isinstance(rows, list) or not isinstance(answers, list):
        return False
    same = len(rows) == len(answers)
    return same and all(isinstance(one, dict) for one in [*rows, *answers])


def check_examples(model: object, signature: Signature) -> None:
    """Predict the example rows again and compare with what was answered when the model was saved.

    Raises
    ------
    InvalidInputError
        An answer differs: a class at all, a number by more than a millionth.
    """
    expected = signature["examples"]["outputs"]
    found = predict(model, signature, rows=signature["examples"]["inputs"])
    for number, (before, now) in enumerate(zip(expected, found, strict=True), start=1):
        if set(before) != set(now) or not all(_is_same(before[key], now[key]) for key in before):
            msg = f"Example row {number} is answered {now!r:.200}, not {before!r:.200} as recorded."
            hint = "The file is not the model that was saved, or a library behaves otherwise here."
            raise InvalidInputError(msg, hint)


def _is_same(before: object, now: object) -> bool:
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_is_same, before, now))
    if isinstance(before, float) and isinstance(now, int | float):
        return math.isclose(before, now, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return before == now
