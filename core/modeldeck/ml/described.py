"""What a model folder says about a model that no pipeline made: scores, rows, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from modeldeck.errors import InvalidInputError
from modeldeck.ml.frames import column_type, to_input
from modeldeck.ml.scoring import score_as_usual, target_vector
from modeldeck.ml.signature import Signature

_WHOLE = "holdout"
"""The key by which contents of ``metrics.json`` are told from numbers by name."""


def metrics_of(
    model: Any,  # noqa: ANN401 -- an estimator of any class; scikit-learn has no types
    held: pl.DataFrame | None,
    *,
    signature: Signature,
    given: Mapping[str, object] | None,
) -> Mapping[str, object] | None:
    """Return the contents of ``metrics.json``: what was given, and the model's usual scores.

    Parameters
    ----------
    model : object
        Fitted.
    held : polars DataFrame or None
        The rows kept away from training, with the target.
    signature : Signature
        What the model takes.
    given : Mapping or None
        Numbers by name, which count before those computed here; or the contents themselves.

    Raises
    ------
    InvalidInputError
        One of the numbers is none, or the rows do not fit the model.
    """
    if given is not None and _WHOLE in given:
        return given
    known = {name: _number(name, value) for name, value in (given or {}).items()}
    scored = {} if held is None else _scores(model, held, signature=signature)
    if not known and not scored:
        return None
    goals = dict.fromkeys(scored.keys() - known.keys(), "max")
    size = {} if held is None else {"n_holdout": held.height}
    return {_WHOLE: {**scored, **known}, "goal": goals, **size}


def _scores(model: Any, held: pl.DataFrame, *, signature: Signature) -> dict[str, float]:  # noqa: ANN401 -- as above
    try:
        features = to_input(held, signature["inputs"], container=signature["container"])
    except InvalidInputError as error:
        msg = f"The hold-out rows do not fit the model: {error.message}"
        hint = "Give rows with the columns of the training rows: gates score on them."
        raise InvalidInputError(msg, hint) from error
    target = target_vector(held, signature["target"] or "target", task=signature["task"])
    return score_as_usual(model, features, target=target)


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        msg = f"The metric {name!r:.60} is no number."
        raise InvalidInputError(msg, 'Give numbers by name, such as {"accuracy": 0.97}.') from None


def dataset_of(rows: pl.DataFrame, target: str) -> dict[str, object]:
    """Return the contents of ``dataset.json`` for rows that came from a program's memory."""
    columns = [{"name": name, "type": column_type(rows[name])} for name in rows.columns]
    named = {"target": target} if target else {}
    return {"rows": rows.height, "columns": columns, **named}


def pipeline_of(model: object, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the contents of ``pipeline.json``: the estimator's name and what was set."""
    return {"parameters": {"estimator": estimator_name(model), **parameters}}


def estimator_name(model: object) -> str:
    """Return the name of an estimator's class; of a pipeline, those of its steps."""
    steps = getattr(model, "steps", None)
    parts = [one for _name, one in steps] if isinstance(steps, list) else [model]
    return " + ".join(type(one).__name__ for one in parts if one is not None)
