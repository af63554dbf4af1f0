"""Our errors in MLflow's words."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from modeldeck.errors import ModelDeckError

R = TypeVar("R")
C = TypeVar("C", bound=type)

_CODES = {
    2: codes.INVALID_PARAMETER_VALUE,
    3: codes.RESOURCE_DOES_NOT_EXIST,
    4: codes.INVALID_PARAMETER_VALUE,
    5: codes.INVALID_STATE,
    6: codes.PERMISSION_DENIED,
    12: codes.TEMPORARILY_UNAVAILABLE,
}
"""MLflow's codes for our exit codes; others are internal errors."""
_HOOKS = {"_search_runs"}
"""Methods that MLflow's base class calls."""


def refused(message: str, code: int = codes.INVALID_PARAMETER_VALUE) -> MlflowException:
    """Return an error as MLflow's callers know it."""
    return MlflowException(message, error_code=code)


def missing(what: str) -> MlflowException:
    """Return the error for something that is not there."""
    return refused(f"There is no {what}.", codes.RESOURCE_DOES_NOT_EXIST)


def exists(what: str) -> MlflowException:
    """Return the error for something that is there already."""
    return refused(f"There is {what} already.", codes.RESOURCE_ALREADY_EXISTS)


def final(message: str) -> MlflowException:
    """Return the error for a change of what does not change any more."""
    return refused(message, codes.INVALID_STATE)


def translated(call: Callable[..., R]) -> Callable[..., R]:
    """Wrap a method so that our errors leave it as MLflow's, however MLflow hands in arguments.

    MLflow calls some methods by position, others by name, and that changes between its versions.
    """
    names = tuple(inspect.signature(call).parameters)[1:]

    @functools.wraps(call)
    def wrapper(self: object, *args: object, **kwargs: object) -> R:
        try:
            return call(self, **dict(zip(names, args, strict=False)), **kwargs)
        except ModelDeckError as error:
            code = _CODES.get(error.exit_code, codes.INTERNAL_ERROR)
            raise refused(f"{error.message} {error.hint}".strip(), code) from error

    return wrapper


def in_words_of_mlflow(kind: C) -> C:
    """Wrap every method of a class that MLflow calls by :func:`translated`."""
    for name, value in list(vars(kind).items()):
        if callable(value) and (not name.startswith("_") or name in _HOOKS):
            setattr(kind, name, translated(value))
    return kind
