"""The runs that a thread or task is inside of, and logging to the innermost one by name.

A run is active within its ``with`` block, for the thread or :mod:`asyncio` task that entered it: a
context variable holds them, so that two threads never log into each other's runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from modeldeck.errors import ConflictError

if TYPE_CHECKING:
    from modeldeck.tracking.run import Run

_RUNS: ContextVar[tuple[Run, ...]] = ContextVar("modeldeck_runs", default=())


def enter(run: Run) -> None:
    """Make a run the innermost one."""
    _RUNS.set((*_RUNS.get(), run))


def leave(run: Run) -> None:
    """Make it active no more, wherever it stands."""
    _RUNS.set(tuple(one for one in _RUNS.get() if one is not run))


def parent() -> Run | None:
    """Return the run that one started now is a child of; None for none.

    A child that was forked inside a run's block is inside of it too, though it may not write to it.
    """
    return next((one for one in reversed(_RUNS.get()) if one.is_open or one.is_foreign), None)


def parent_id() -> str:
    """Return the id of that run; empty for none."""
    found = parent()
    return "" if found is None else found.id


def active_run() -> Run | None:
    """Return the innermost run whose ``with`` block this thread or task is in; None outside.

    Examples
    --------
    >>> import modeldeck
    >>> modeldeck.active_run() is None
    True
    """
    return next((one for one in reversed(_RUNS.get()) if one.is_open), None)


def _needed() -> Run:
    found = active_run()
    if found is None:
        msg = "No run is active here."
        hint = 'Log inside `with modeldeck.start_run("…"):`, or call the methods of the run itself.'
        raise ConflictError(msg, hint)
    return found


def log(values: Mapping[str, object], step: int | None = None) -> None:
    """Log metrics to the active run, as :meth:`Run.log` does.

    Raises
    ------
    ConflictError
        No run is active here.
    InvalidInputError
        A value is no number, a name no text, or the step no whole number.
    """
    _needed().log(values, step)


def log_parameters(parameters: Mapping[str, object]) -> None:
    """Add parameters to the active run, as :meth:`Run.log_parameters` does.

    Raises
    ------
    ConflictError
        No run is active here, or a parameter has another value already.
    """
    _needed().log_parameters(parameters)


def set_tags(tags: Mapping[str, str]) -> None:
    """Add or change tags of the active run.

    Raises
    ------
    ConflictError
        No run is active here.
    """
    _needed().set_tags(tags)


def log_artifact(source: object, name: str = "") -> Path:
    """Keep something with the active run, as :meth:`Run.log_artifact` does.

    Raises
    ------
    ConflictError
        No run is active here, or it has an artifact of that name.
    InvalidInputError
        The name leads out of the run's folder, or the source cannot be kept.
    """
    return _needed().log_artifact(source, name)
