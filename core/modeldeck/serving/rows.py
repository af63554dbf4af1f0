"""Checking requests against a version's signature, with errors that name row and column."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from modeldeck.errors import InvalidInputError

MAX_ROWS = 10_000
"""Rows of one request."""

_INT64 = 2**63

Row = dict[str, Any]


class RowChecker:
    """Checks rows against the inputs of a signature.

    Parameters
    ----------
    inputs : sequence of mappings
        ``name``, ``type`` and ``nullable`` of each column, as in ``signature.json``.
    """

    def __init__(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        self._columns = [
            (str(one["name"]), _CHECKS[one["type"]], str(one["type"]), bool(one.get("nullable")))
            for one in inputs
        ]
        self._names = [column[0] for column in self._columns]
        is_plain = len(inputs) > 1 and all(column[2] == "float64" for column in self._columns)
        self._values = itemgetter(*self._names) if is_plain else None

    def check(self, rows: object) -> list[Row]:
        """Return the rows with the signature's columns only, each value of its type.

        Raises
        ------
        InvalidInputError
            There are no rows, too many, or one lacks a column or holds a wrong value.
        """
        if not isinstance(rows, list) or not rows:
            msg = "'rows' has to be a list of objects, one a row, and not empty."
            raise InvalidInputError(msg, 'Send {"rows": [{"column": value}]}.')
        if len(rows) > MAX_ROWS:
            msg = f"The request has {len(rows):,} rows; at most {MAX_ROWS:,} are taken."
            raise InvalidInputError(msg, "Send several requests.")
        return [self._row(row, number) for number, row in enumerate(rows)]

    def _row(self, row: object, number: int) -> Row:
        if not isinstance(row, dict):
            msg = f"Row {number} is no object of column names and values."
            raise InvalidInputError(msg)
        return self._numbers(row) or self._any(row, number)

    def _numbers(self, row: Row) -> Row | None:
        """Return a row of nothing but good floats the short way; None for any other."""
        if self._values is None or len(row) != len(self._names):
            return None
        try:
            values = self._values(row)
        except KeyError:
            return None
        if set(map(type, values)) != {float} or not all(map(math.isfinite, values)):
            return None
        return dict(zip(self._names, values, strict=True))

    def _any(self, row: Row, number: int) -> Row:
        found: Row = {}
        for name, check, kind, is_nullable in self._columns:
            value = row.get(name, _MISSING)
            if value is None and is_nullable:
                found[name] = None
            else:
                checked = check(value)
                if checked is _WRONG:
                    raise _problem(name, number, value=value, kind=kind)
                found[name] = checked
        if len(row) > len(found):
            extra = next(name for name in row if name not in found)
            msg = f"Row {number} has a column {extra!r:.80}, which this model does not take."
            raise InvalidInputError(msg, "The model's metadata lists the columns that it takes.")
        return found


_MISSING = object()
_WRONG = object()


def _float(value: object) -> object:
    if type(value) is float:
        return value if math.isfinite(value) else _WRONG
    if type(value) is int:
        return float(value) if abs(value) < _INT64 else _WRONG
    return _WRONG


def _int(value: object) -> object:
    if type(value) is float and math.isfinite(value) and value.is_integer():
        value = int(value)
    return value if type(value) is int and -_INT64 <= value < _INT64 else _WRONG


def _bool(value: object) -> object:
    return value if type(value) is bool else _WRONG


def _text(value: object) -> object:
    if type(value) is not str:
        return _WRONG
    return value if value.isascii() or is_writable(value) else _WRONG


def is_writable(text: str) -> bool:
    """Say whether a text can be written as UTF-8: it holds no half of a pair of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_CHECKS: dict[str, Callable[[object], object]] = {
    "float64": _float,
    "int64": _int,
    "bool": _bool,
    "string": _text,
}
_EXPECTED = {
    "float64": "a finite number",
    "int64": "a whole number",
    "bool": "true or false",
    "string": "a text of whole characters",
}


def _problem(name: str, number: int, *, value: object, kind: str) -> InvalidInputError:
    where = f"Row {number}, column {name!r}"
    if value is _MISSING:
        msg = f"{where} is missing."
        return InvalidInputError(msg, "The model's metadata lists the columns that it takes.")
    if value is None:
        msg = f"{where} is null, and this model takes no missing values there."
    else:
        msg = f"{where}: expected {_EXPECTED[kind]}, found {value!r:.60}."
    return InvalidInputError(msg)
