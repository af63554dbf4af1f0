"""The errors of ModelDeck: what happened, to which thing, and what to do next.

::

    ModelDeckError              1   (a bug, when nothing more exact is raised)
    ├── UsageError              2   the command or call is put wrongly
    ├── NotFoundError           3   a workspace, run, version, release … is not there
    ├── InvalidInputError       4   a file, table, request or value is not acceptable
    ├── ConflictError           5   somebody was first, or it was done already
    ├── NotPermittedError       6   this person may not do that
    ├── GateFailedError         7   a version does not pass its gate
    ├── DriftError              8   a column, or the predictions, have drifted
    ├── InsufficientDataError   9   too few rows to say anything
    ├── DamageError            10   a stored file is damaged or missing
    ├── TamperingError         11   history was changed by somebody
    └── UnavailableError       12   something outside is not there just now

The number is the exit code of the command line. The table is part of the public interface.
"""

from __future__ import annotations

from typing import ClassVar


class ModelDeckError(Exception):
    """Base of every error that ModelDeck raises on purpose.

    Parameters
    ----------
    message : str
        One sentence: what happened, to which thing.
    hint : str, default ""
        What to do next; empty when there is nothing to add.
    **data : object
        Values that a program may want (a name, a path, a limit); kept in ``data``.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", **data: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(ModelDeckError):
    """The command or call is put wrongly."""

    exit_code = 2


class NotFoundError(ModelDeckError):
    """A workspace, run, model, version, release, environment or file is not there."""

    exit_code = 3


class InvalidInputError(ModelDeckError):
    """A file, table, request or value is not acceptable."""

    exit_code = 4


class ConflictError(ModelDeckError):
    """Somebody was first, it was done already, or it changed since one looked."""

    exit_code = 5


class NotPermittedError(ModelDeckError):
    """The person may not do that."""

    exit_code = 6


class GateFailedError(ModelDeckError):
    """A version does not pass its gate."""

    exit_code = 7


class DriftError(ModelDeckError):
    """A column, or the predictions, have drifted."""

    exit_code = 8


class InsufficientDataError(ModelDeckError):
    """There are too few rows to say anything."""

    exit_code = 9


class DamageError(ModelDeckError):
    """A stored file is damaged or missing."""

    exit_code = 10


class TamperingError(ModelDeckError):
    """History was changed by somebody."""

    exit_code = 11


class UnavailableError(ModelDeckError):
    """Something outside is not there just now: a port, a program, a disk."""

    exit_code = 12


def error_of_code(exit_code: int) -> type[ModelDeckError]:
    """Return the error class of an exit code (``ModelDeckError`` when unknown)."""
    for kind in ModelDeckError.__subclasses__():
        if kind.exit_code == exit_code:
            return kind
    return ModelDeckError
