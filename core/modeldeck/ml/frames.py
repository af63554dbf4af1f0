"""Tables: four column types, and how rows become what an estimator takes.

A column is ``float64`` (missing values are NaN), ``int64``, ``bool`` or ``string``. A model takes
either an *array* (a matrix of float64, when every column is a number) or a *frame* (a polars
DataFrame, when it knows its columns by name): its signature says which as ``container``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from modeldeck.errors import InvalidInputError

Features = np.ndarray[Any, Any] | pl.DataFrame
"""What an estimator takes: a matrix or a frame."""

DTYPES: dict[str, Any] = {
    "float64": pl.Float64,
    "int64": pl.Int64,
    "bool": pl.Boolean,
    "string": pl.String,
}


def normalise(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the four column types only.

    Raises
    ------
    InvalidInputError
        A column holds dates, lists or other things that are neither numbers nor texts.
    """
    return frame.select(_normal(frame[name]) for name in frame.columns)


def _normal(column: pl.Series) -> pl.Series:
    kind = column.dtype
    if kind == pl.Boolean and not column.null_count():
        return column
    if kind == pl.Boolean or (kind.is_integer() and (column.null_count() or _is_huge(column))):
        return column.cast(pl.Float64).fill_null(np.nan)
    if kind.is_integer():
        return column.cast(pl.Int64)
    if kind.is_float() or kind.is_decimal():
        return column.cast(pl.Float64).fill_null(np.nan)
    if kind == pl.Null:
        return column.cast(pl.Float64).fill_null(np.nan)
    if kind in (pl.String, pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    msg = f"Column {column.name!r} holds {kind}; numbers, texts, true and false can be used."
    raise InvalidInputError(msg, "Turn it into a number or leave it out.", column=column.name)


def _is_huge(column: pl.Series) -> bool:
    return column.dtype == pl.UInt64 and len(column) > 0 and int(str(column.max())) >= 2**63


def column_type(column: pl.Series) -> str:
    """Return the type of a normalised column by its name in a signature."""
    return next(name for name, dtype in DTYPES.items() if column.dtype == dtype)


def n_missing(column: pl.Series) -> int:
    """Count missing values, NaN included."""
    nan = int(column.is_nan().sum()) if column.dtype == pl.Float64 else 0
    return column.null_count() + nan


def from_anything(table: object, names: Sequence[str] = ()) -> pl.DataFrame:
    """Make a frame of what people hold rows in.

    Parameters
    ----------
    table : polars or pandas DataFrame, NumPy array or list of rows
        Rows are mappings, or sequences of one length.
    names : sequence of str
        The columns' names where the table has none; default ``x0``, ``x1`` …

    Raises
    ------
    InvalidInputError
        It is none of those, has no row or no column.
    """
    frame = _as_frame(table, names)
    if not frame.width or not frame.height:
        msg = f"The rows have {frame.height} rows and {frame.width} columns; at least one each."
        raise InvalidInputError(msg)
    return normalise(frame)


def _as_frame(table: object, names: Sequence[str]) -> pl.DataFrame:
    if isinstance(table, pl.DataFrame):
        return table
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        pandas: Any = table
        columns = {str(name): pandas[name].tolist() for name in pandas.columns}
        return pl.DataFrame(columns, strict=False)
    if isinstance(table, Sequence) and table and isinstance(table[0], Mapping):
        return pl.DataFrame(list(table), infer_schema_length=None, strict=False)
    try:
        matrix = np.asarray(table)
    except ValueError:
        matrix = np.empty(0)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biufUO":
        msg = "Rows must be a table: a data frame, a matrix, or a list of rows of one length."
        raise InvalidInputError(msg)
    given = list(names) if len(names) == matrix.shape[1] else None
    columns = {
        name: matrix[:, number].tolist()
        for number, name in enumerate(given or [f"x{n}" for n in range(matrix.shape[1])])
    }
    return pl.DataFrame(columns, strict=False)


def to_input(
    frame: pl.DataFrame, inputs: Sequence[Mapping[str, Any]], *, container: str
) -> Features:
    """Return a frame's columns in the order and types of a signature, as the estimator takes them.

    Parameters
    ----------
    frame : polars DataFrame
        Normalised; may have more columns.
    inputs : sequence of mappings
        ``name`` and ``type`` of each column.
    container : str
        "array" or "frame".

    Raises
    ------
    InvalidInputError
        A column is missing or of another type.
    """
    missing = [one["name"] for one in inputs if one["name"] not in frame.columns]
    if missing:
        msg = f"Column {missing[0]!r} is missing."
        raise InvalidInputError(msg, f"The rows have: {', '.join(frame.columns)[:200]}.")
    try:
        chosen = frame.select(
            pl.col(one["name"]).cast(DTYPES[one["type"]]).alias(one["name"]) for one in inputs
        )
    except pl.exceptions.PolarsError as error:
        msg = f"A column has another type than the model takes: {str(error).splitlines()[0][:200]}."
        raise InvalidInputError(msg) from None
    if container == "frame":
        return chosen
    return np.ascontiguousarray(chosen.select(pl.all().cast(pl.Float64)).to_numpy())


def from_rows(
    rows: Sequence[Mapping[str, Any]], inputs: Sequence[Mapping[str, Any]], *, container: str
) -> Features:
    """Return rows of named values as the estimator takes them.

    Raises
    ------
    InvalidInputError
        A row lacks a column or holds a value of another type.
    """
    try:
        if container == "array":
            names = [one["name"] for one in inputs]
            return np.array([[row[name] for name in names] for row in rows], dtype=np.float64)
        columns = {one["name"]: [row[one["name"]] for row in rows] for one in inputs}
        frame = pl.DataFrame(columns, schema={one["name"]: DTYPES[one["type"]] for one in inputs})
        return frame.with_columns(pl.col(pl.Float64).fill_null(np.nan))
    except KeyError as error:
        msg = f"A row lacks the column {error.args[0]!r}."
        raise InvalidInputError(msg) from None
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        msg = f"A row holds a value of another type: {str(error).splitlines()[0][:200]}."
        raise InvalidInputError(msg) from None
