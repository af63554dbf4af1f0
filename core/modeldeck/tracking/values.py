"""What runs keep of the values that scripts hand them."""

from __future__ import annotations

import functools
import getpass
import math
import operator
import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from modeldeck import clock, ids
from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.store import files
from modeldeck.store.records import MAX_INTEGER
from modeldeck.tracking.endings import TerminatedError

MAX_TEXT = 4096
MAX_DEPTH = 32
"""So many tables may lie in each other."""
OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_STRICT_INTEGER
PLAIN = frozenset({int, float})
"""The types of metrics that are written as they are, as long as JSON has their values."""
UNADDABLE = (OverflowError, RuntimeError, TypeError, ValueError)
"""What Python and array libraries raise for values that are not one plain number each."""


class MetricDefinition(NamedTuple):
    """What a metric means.

    Attributes
    ----------
    goal : str
        Whether to ``"max"``-imise or ``"min"``-imise it.
    unit : str
        Such as ``"s"``; empty for none.
    target : float or None
        The value that is aimed at; None where there is none.
    """

    goal: str = "max"
    unit: str = ""
    target: float | None = None


def flatten(
    values: Mapping[str, object], prefix: str = "", *, depth: int = 0
) -> dict[str, str | int | float | bool]:
    """Return nested parameters as one level of dotted names with plain values.

    An integer beyond ±(2^53−1) is kept as text, so that no reader of JSON rounds it.

    Raises
    ------
    InvalidInputError
        That is no table, a name is empty, or tables lie too deep in each other.

    Examples
    --------
    >>> flatten({"model": {"depth": 3, "kind": None}, "lr": 0.1})
    {'model.depth': 3, 'model.kind': 'None', 'lr': 0.1}
    """
    found: dict[str, str | int | float | bool] = {}
    for key, value in table(values, "parameters").items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            if depth == MAX_DEPTH:
                msg = f"Parameter {name[:60]} lies more than {MAX_DEPTH} tables deep."
                raise InvalidInputError(msg, "Flatten it, or leave out what holds itself.")
            found.update(flatten(value, f"{name}.", depth=depth + 1))
        elif isinstance(value, bool | int):
            found[name] = value if abs(value) <= MAX_INTEGER else _shown(value)
        elif isinstance(value, float):
            found[name] = float(value) if math.isfinite(value) else str(files.finite(float(value)))
        else:
            found[name] = cut(str(value))
    return found


def table(values: object, what: str) -> Mapping[Any, Any]:
    """Return a table by names as it is.

    Raises
    ------
    InvalidInputError
        That is none, or one of the names is empty.
    """
    if not isinstance(values, Mapping):
        msg = f"{values!r:.80} is no table of {what}."
        raise InvalidInputError(msg, f'Give {what} by name, as in {{"name": value}}.')
    if "" in values:
        msg = f"One of the {what} has no name."
        raise InvalidInputError(msg, 'Name each, as in {"name": value}.')
    return values


def tags_of(values: object) -> dict[str, str]:
    """Return tags as they are kept.

    Raises
    ------
    InvalidInputError
        That is no table, or a name is empty.
    """
    return {str(key): cut(str(value)) for key, value in table(values, "tags").items()}


def cut(text: str) -> str:
    """Return a text as it is kept: valid, and not longer than it should be."""
    clean = text.encode(errors="replace").decode()
    return clean if len(clean) <= MAX_TEXT else f"{clean[:MAX_TEXT]}…"


def checked_id(run_id: str) -> str:
    """Return an id that was given, or a new one.

    Raises
    ------
    InvalidInputError
        It has not the form of an id.
    """
    if run_id and not ids.is_id(run_id):
        msg = f"{run_id[:60]!r} has not the form of a run's id."
        raise InvalidInputError(msg, "Leave run_id out.")
    return run_id or ids.new_id(clock.utc_now())


def definitions_of(
    metrics: Mapping[str, MetricDefinition | str],
) -> dict[str, dict[str, object]]:
    """Return the definitions of metrics as ``run.json`` keeps them.

    Raises
    ------
    InvalidInputError
        A goal is neither max nor min, or a target no number.
    """
    found: dict[str, dict[str, object]] = {}
    for name, given in table(metrics, "metrics").items():
        known = MetricDefinition(given) if isinstance(given, str) else given
        if not isinstance(known, MetricDefinition):
            msg = f"Metric {name!s:.60} is defined by {known!r:.60}."
            raise InvalidInputError(msg, 'Use "max", "min" or a modeldeck.MetricDefinition.')
        if known.goal not in {"max", "min"}:
            msg = f"Metric {name[:60]} has the goal {known.goal!r:.40}."
            raise InvalidInputError(msg, 'Use "max" or "min".')
        found[name] = {"goal": known.goal, "unit": cut(str(known.unit))}
        if known.target is not None:
            found[name]["target"] = files.finite(_number(name, known.target))
    return found


@functools.cache
def system_user() -> str:
    """Return who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def exit_code_of(error: BaseException | None) -> int:
    """Return the exit code of a process that ends with this error."""
    if error is None:
        return 0
    if isinstance(error, ModelDeckError):
        return error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def error_document(error: BaseException | None) -> dict[str, object]:
    """Return an error as ``end.json`` keeps it."""
    if error is None or (isinstance(error, SystemExit) and exit_code_of(error) == 0):
        return {}
    message = error.message if isinstance(error, ModelDeckError) else cut(str(error))
    if isinstance(error, KeyboardInterrupt):
        message = message or "it was asked to stop"
    if isinstance(error, TerminatedError):
        message = "it was terminated"
    elif isinstance(error, SystemExit) and isinstance(error.code, int):
        message = f"it ended with exit code {error.code}"
    return {
        "type": type(error).__name__,
        "message": message or type(error).__name__,
        "hint": error.hint if isinstance(error, ModelDeckError) else "",
        "exit_code": exit_code_of(error),
    }


def careful_record(values: Mapping[str, object], step: int) -> bytes:
    """Return the record of values that JSON, or its fast writer, does not know.

    Raises
    ------
    InvalidInputError
        A value is no number.
    """
    plain = {name: files.finite(_number(name, value)) for name, value in values.items()}
    record = {"at": time.time(), "step": step, "metrics": plain}
    return orjson.dumps(record, option=OPTIONS)


def whole_step(step: object) -> int:
    """Return a step as a plain integer.

    Raises
    ------
    InvalidInputError
        It is none, or one beyond ±(2^53−1).
    """
    try:
        found = int(operator.index(step))  # type: ignore[arg-type]  # what has no index is caught
    except TypeError:
        found = None
    if found is None or abs(found) > MAX_INTEGER:
        msg = f"A step is a whole number within ±(2^53−1), not {_shown(step)}."
        raise InvalidInputError(msg, "Count batches, epochs or rows.")
    return found


def _number(name: str, value: object) -> float:
    try:
        one: Any = value.item() if getattr(value, "ndim", 0) else value  # type: ignore[attr-defined]
        if type(value) is int and abs(value) <= MAX_INTEGER:
            return value
        if not isinstance(one, str | bytes | complex):
            return float(one)
    except (AttributeError, *UNADDABLE):
        pass
    msg = f"Metric {name} is one number that a float can hold, not {_shown(value)}."
    raise InvalidInputError(msg, "Log several under names of their own, others as parameters.")


def _shown(value: object) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # an integer of more than 4,300 digits
        return f"an {type(value).__name__} of thousands of digits"
