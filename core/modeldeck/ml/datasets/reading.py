"""Tables of any size in pieces: CSV, CSV.gz, Parquet, JSON lines, Arrow; first types, then rows.

A table is read twice. :func:`survey` looks at every value and settles the type of each column;
:func:`frames` gives the rows in pieces of those types. Neither holds more than a piece, so that
memory does not grow with the file. What claims to be larger than it can be is refused before it is
unpacked.

Types are ``int64``, ``float64``, ``bool``, ``string``, ``date``, ``datetime``, ``time`` and
``other`` (lists, structs, bytes: counted, not looked into).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import polars as pl

from modeldeck.errors import InvalidInputError
from modeldeck.ml.datasets import delimited

MAX_COLUMNS = 10_000
MAX_ROWS = 1_000_000_000
MAX_RATIO = 200
"""A file that unpacks to more than so many times its size is no table but a bomb …"""

SMALL_BYTES = 64 << 20
"""… unless what it unpacks to is smaller than this."""

_CELLS = 2_000_000
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DTYPES: dict[str, Any] = {
    "int64": pl.Int64,
    "float64": pl.Float64,
    "bool": pl.Boolean,
    "string": pl.String,
}
_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a table: where it lies, how it is called, its format."""

    path: Path
    name: str
    format: str


@dataclass(slots=True)
class Column:
    """What is known of a column's values so far; ``kind`` is empty while all are missing."""

    kind: str = ""
    n_numbers: int = 0
    n_texts: int = 0

    @property
    def type(self) -> str:
        """The column's type: one without any value holds texts."""
        return self.kind or "string"

    @property
    def mixed(self) -> int:
        """How many numbers stand among texts; 0 when it holds not both."""
        return self.n_numbers if self.kind == "string" and self.n_texts else 0

    def widen(self, kind: str) -> None:
        """Take another kind in."""
        if self.kind in {"", kind}:
            self.kind = kind
        elif {self.kind, kind} == {"int64", "float64"}:
            self.kind = "float64"
        elif "other" in {self.kind, kind}:
            self.kind = "other"
        else:
            self.kind = "string"


@dataclass(slots=True)
class Survey:
    """The columns of a table in their order, and its number of rows."""

    columns: dict[str, Column] = field(default_factory=dict)
    rows: int = 0

    @property
    def types(self) -> dict[str, str]:
        """The type of each column."""
        return {name: one.type for name, one in self.columns.items()}


def survey(sources: Sequence[Source]) -> Survey:
    """Look at every value of a table and settle the types of its columns.

    Parameters
    ----------
    sources : sequence of Source
        The table's files; a column that one lacks is missing there.

    Raises
    ------
    InvalidInputError
        A file is damaged, too wide or too long, has no row, or unpacks to too much.
    """
    found = Survey()
    for source in sources:
        before = found.rows
        for frame in _RAW[source.format](source):
            found.rows += frame.height
            _take(found, frame)
            _check_size(found, source)
        if found.rows == before and len(sources) == 1:
            msg = f"{source.name} has no row."
            raise InvalidInputError(msg, "Put rows below its first line.", file=source.name)
    return found


def frames(sources: Sequence[Source], types: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in pieces, their columns of the given types and in that order.

    Raises
    ------
    InvalidInputError
        As for :func:`survey`.
    """
    for source in sources:
        for frame in _RAW[source.format](source):
            yield settled(frame, types)


def settled(frame: pl.DataFrame, types: Mapping[str, str]) -> pl.DataFrame:
    """Return a piece with the given columns of the given types; what does not fit is missing."""
    known = set(frame.columns)
    columns = [
        _cast(frame[name], kind) if name in known else pl.Series(name, [None] * frame.height)
        for name, kind in types.items()
    ]
    fixed = [
        one.cast(_DTYPES[kind]) if one.dtype == pl.Null and kind in _DTYPES else one
        for one, kind in zip(columns, types.values(), strict=True)
    ]
    return pl.DataFrame(fixed)


def _cast(column: pl.Series, kind: str) -> pl.Series:
    dtype = _DTYPES.get(kind)
    if dtype is None or column.dtype == dtype:
        return column
    if kind == "bool" and column.dtype == pl.String:
        return column.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    if kind == "string" and column.dtype.is_nested():
        return pl.Series(column.name, [None if one is None else str(one) for one in column])
    return column.cast(dtype, strict=False)


def _take(found: Survey, frame: pl.DataFrame) -> None:
    for name in frame.columns:
        column = found.columns.setdefault(name, Column())
        _look(column, frame[name])


def _look(column: Column, values: pl.Series) -> None:
    n = len(values) - values.null_count()
    if not n:
        return
    if values.dtype != pl.String:
        column.widen(kind_of(values))
        column.n_numbers += n if values.dtype.is_numeric() else 0
        return
    kind, n_numbers = _kind_of_texts(values, n, known=column.kind)
    column.widen(kind)
    column.n_numbers += n_numbers
    column.n_texts += n - n_numbers


def _kind_of_texts(values: pl.Series, n: int, *, known: str) -> tuple[str, int]:
    """Return the narrowest kind that holds texts of a CSV file, and how many are numbers."""
    if known in {"", "bool"} and int(values.is_in(list(_TRUTH)).sum()) == n:
        return "bool", 0
    if known in {"", "int64"}:
        whole = values.cast(pl.Int64, strict=False)
        if len(values) - whole.null_count() == n:
            return "int64", n
    numbers = values.cast(pl.Float64, strict=False)
    n_numbers = len(values) - numbers.null_count()
    return ("float64" if n_numbers == n else "string"), n_numbers


def kind_of(values: pl.Series) -> str:
    """Return the type of a column that a file gives a type."""
    dtype = values.dtype
    if dtype.is_integer():
        is_huge = dtype == pl.UInt64 and (values > _MAX_INT).any()
        return "float64" if is_huge or dtype == pl.Int128 else "int64"
    if dtype.is_float() or dtype.is_decimal():
        return "float64"
    simple = {pl.Boolean: "bool", pl.Date: "date", pl.Time: "time"}
    found = next((kind for one, kind in simple.items() if dtype == one), "")
    if found:
        return found
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    return "string" if dtype in (pl.String, pl.Categorical, pl.Enum) else "other"


def _check_size(found: Survey, source: Source) -> None:
    delimited.check_count(len(found.columns), source.name, most=MAX_COLUMNS)
    if found.rows > MAX_ROWS:
        msg = f"{source.name} has more than {MAX_ROWS:,} rows."
        raise InvalidInputError(msg, "Use a part of them.", file=source.name)


# CSV


def _raw_csv(source: Source) -> Iterator[pl.DataFrame]:
    with source.path.open("rb") as stream:
        yield from _delimited(stream, source)


def _raw_csv_gz(source: Source) -> Iterator[pl.DataFrame]:
    with source.path.open("rb") as packed:
        stream = cast("BinaryIO", _Bounded(packed, source))
        try:
            yield from _delimited(stream, source)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            msg = f"{source.name} is no gzip file that can be read: {error}."
            raise InvalidInputError(msg, "Pack it again.", file=source.name) from None


class _Bounded:
    """A gzip file that refuses to unpack to far more than its own size."""

    def __init__(self, packed: BinaryIO, source: Source) -> None:
        self._packed = packed
        self._stream = gzip.GzipFile(fileobj=packed)
        self._source = source
        self._done = 0

    def read(self, size: int) -> bytes:
        """Read a piece."""
        return self._counted(self._stream.read(size))

    def readline(self, size: int) -> bytes:
        """Read a line, or a piece of it."""
        return self._counted(self._stream.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._done += len(data)
        if self._done > SMALL_BYTES and self._done > MAX_RATIO * max(1, self._packed.tell()):
            msg = f"{self._source.name} unpacks to more than {MAX_RATIO} times its size."
            raise InvalidInputError(msg, "Unpack it yourself if you trust it.")
        return data


def _delimited(stream: BinaryIO, source: Source) -> Iterator[pl.DataFrame]:
    names = delimited.header(delimited.first_line(stream), source.name, most=MAX_COLUMNS)
    schema = dict.fromkeys(names, pl.String)
    line = 1
    for block in delimited.blocks(stream, source.name):
        if not block.strip():
            continue
        try:
            yield pl.read_csv(
                block,
                has_header=False,
                schema=schema,
                null_values=delimited.MISSING,
            )
        except pl.exceptions.PolarsError as error:
            found = delimited.problem(block, len(names), before=line)
            first = str(error).splitlines()[0].partition(". ")[0]  # what follows is for programmers
            found = found or f", after line {line}: {first[:200]}"
            msg = f"{source.name}{found.rstrip('.')}."
            raise InvalidInputError(msg, "Correct the file.", file=source.name) from None
        line += block.count(b"\n")


# JSON lines


def _raw_jsonl(source: Source) -> Iterator[pl.DataFrame]:
    line = 0
    with source.path.open("rb") as stream:
        for block in delimited.blocks(stream, source.name, has_quotes=False):
            rows: list[dict[str, object]] = []
            for text in block.split(b"\n"):
                line += 1
                if text.strip():
                    rows.append(_object(text, source.name, line=line))
            if rows:
                yield _of_rows(rows, source.name)


def _object(text: bytes, name: str, *, line: int) -> dict[str, object]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        msg = f"{name}, line {line} is no JSON: {str(error)[:200].rstrip('.')}."
        raise InvalidInputError(msg, "Each line holds one object.", file=name) from None
    if not isinstance(value, dict):
        msg = f"{name}, line {line} holds no object."
        raise InvalidInputError(msg, 'Each line is like {"age": 41, "city": "Oslo"}.', file=name)
    return value


def _of_rows(rows: Sequence[Mapping[str, object]], name: str) -> pl.DataFrame:
    names = dict.fromkeys(key for row in rows for key in row)
    delimited.check_count(len(names), name, most=MAX_COLUMNS)
    if any(not one for one in names):
        msg = f"{name}: a column has no name."
        raise InvalidInputError(msg, "Give each column a name of its own.", file=name)
    return pl.DataFrame([_column(one, [row.get(one) for row in rows]) for one in names])


def _column(name: str, values: list[object]) -> pl.Series:
    kinds = {type(one) for one in values} - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.String)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(one is None or abs(cast("int", one)) <= _MAX_INT for one in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {int, float}:
        floats = [None if one is None else float(cast("float", one)) for one in values]
        return pl.Series(name, floats, dtype=pl.Float64)
    return pl.Series(name, [_text(one) for one in values], dtype=pl.String)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


# Parquet and Arrow: the file says what it holds


def _raw_parquet(source: Source) -> Iterator[pl.DataFrame]:
    return _typed(source, pl.scan_parquet)


def _raw_arrow(source: Source) -> Iterator[pl.DataFrame]:
    return _typed(source, pl.scan_ipc)


def _typed(source: Source, scan: Callable[[Path], pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    try:
        lazy = scan(source.path)
        width = len(lazy.collect_schema())
        delimited.check_count(width, source.name, most=MAX_COLUMNS)
        rows = int(lazy.select(pl.len()).collect().item())
        _check_claim(rows, max(1, width), source=source)
        step = max(256, _CELLS // max(1, width))
        for at in range(0, rows, step):
            yield lazy.slice(at, step).collect()
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        MemoryError,
        OSError,
        ValueError,
    ) as error:
        text = f"{error}".partition("\n")[0][:200].rstrip(".")
        kind = "Parquet" if source.format == "parquet" else "Arrow"
        msg = f"{source.name} is no {kind} file that can be read: {text or type(error).__name__}."
        raise InvalidInputError(msg, file=source.name) from None


def _check_claim(rows: int, width: int, *, source: Source) -> None:
    """Refuse what claims far more cells than its bytes can hold, before it is unpacked."""
    size = source.path.stat().st_size
    if rows > MAX_ROWS:
        msg = f"{source.name} has {rows:,} rows; at most {MAX_ROWS:,} can be used."
        raise InvalidInputError(msg, "Use a part of them.", file=source.name)
    if rows * width > SMALL_BYTES and rows * width > MAX_RATIO * size:
        msg = f"{source.name} claims {rows * width:,} values in {size:,} bytes."
        raise InvalidInputError(msg, "Write it anew if you trust it.", file=source.name)


_RAW: dict[str, Callable[[Source], Iterator[pl.DataFrame]]] = {
    "csv": _raw_csv,
    "csv.gz": _raw_csv_gz,
    "jsonl": _raw_jsonl,
    "parquet": _raw_parquet,
    "arrow": _raw_arrow,
}
