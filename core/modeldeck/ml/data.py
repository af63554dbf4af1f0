"""Data sets: CSV and Parquet files of a workspace, and those that come with scikit-learn."""

from __future__ import annotations

import difflib
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import sklearn.datasets

from modeldeck.domain.datasets.formats import is_version
from modeldeck.domain.pipeline import DataSource, PipelineSpec
from modeldeck.errors import DamageError, InvalidInputError, NotFoundError
from modeldeck.ml import folder
from modeldeck.ml.datasets import delimited, reading
from modeldeck.ml.datasets.reading import Source
from modeldeck.ml.frames import column_type, normalise

MAX_FILE = 1 << 30
MAX_COLUMNS = 2_000
MAX_ROWS = 5_000_000
MAX_CATEGORIES = 200
"""A text column with more different values cannot be one-hot encoded."""

_LOADERS: dict[str, Callable[..., Any]] = {
    "breast_cancer": sklearn.datasets.load_breast_cancer,
    "diabetes": sklearn.datasets.load_diabetes,
    "digits": sklearn.datasets.load_digits,
    "iris": sklearn.datasets.load_iris,
    "wine": sklearn.datasets.load_wine,
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set in memory.

    Attributes
    ----------
    source : str
        As the pipeline names it.
    sha256 : str
        Of the file's bytes; of names and values for a bundled one.
    frame : polars DataFrame
        Normalised; features and target, without the columns left out.
    target : str
        The column to predict.
    """

    source: str
    sha256: str
    frame: pl.DataFrame
    target: str

    @property
    def features(self) -> list[str]:
        """Names of the columns to predict from, in their order."""
        return [name for name in self.frame.columns if name != self.target]

    @property
    def text_columns(self) -> list[str]:
        """Names of the features that hold texts."""
        return [name for name in self.features if self.frame[name].dtype == pl.String]

    def to_json(self) -> dict[str, object]:
        """Return what ``dataset.json`` holds."""
        return {
            "name": _name_of(self.source),
            "source": self.source,
            "sha256": self.sha256,
            "rows": self.frame.height,
            "columns": [
                {"name": name, "type": column_type(self.frame[name])} for name in self.frame.columns
            ],
            "target": self.target,
        }


@dataclass(frozen=True, slots=True)
class Frozen:
    """A version of a dataset: its tables (all with the same columns), and its digest."""

    tables: tuple[Source, ...]
    sha256: str


def _name_of(source: str) -> str:
    """Return what a source is called, short: a version as it is, of a file its stem."""
    if is_version(source):
        return source
    return source.removeprefix("sklearn:").rsplit("/", 1)[-1].rsplit(".", 1)[0]


def load(spec: PipelineSpec, root: Path, *, frozen: Frozen | None = None) -> Dataset:
    """Load a pipeline's data set and check what does not depend on the estimator.

    Parameters
    ----------
    spec : PipelineSpec
        Names source, target and columns to leave out.
    root : Path
        The workspace; a file must lie inside it.
    frozen : Frozen or None
        The version of a dataset that the pipeline names, if it names one.

    Raises
    ------
    InvalidInputError
        The file is damaged, too large, empty, lacks a column, or a column cannot be used.
    NotFoundError
        There is no such file.
    """
    data = spec.data
    if data.source.startswith("sklearn:"):
        frame, digest = bundled(data.source.removeprefix("sklearn:"))
    elif frozen is not None:
        frame, digest = _frozen(frozen, data.source)
    else:
        frame, digest = _from_file(data, root)
    _check_names(spec, frame)
    frame = normalise(frame.drop(list(data.drop)))
    found = Dataset(data.source, digest, frame, data.target)
    if not found.features:
        raise spec.problem("data.source", f"{data.source} has no column but the target")
    for name in found.features:
        _check_column(spec, frame[name])
    return found


def bundled(name: str) -> tuple[pl.DataFrame, str]:
    """Return a data set that comes with scikit-learn, and a digest of its names and values."""
    bunch = _LOADERS[name]()
    names = [str(one) for one in bunch.feature_names]
    matrix, target = np.asarray(bunch.data, dtype=np.float64), np.asarray(bunch.target)
    columns = {one: matrix[:, number] for number, one in enumerate(names)}
    digest = hashlib.sha256("\n".join(names).encode())
    digest.update(np.ascontiguousarray(matrix).tobytes())
    digest.update(np.ascontiguousarray(target, dtype=np.float64).tobytes())
    return pl.DataFrame({**columns, "target": target}), digest.hexdigest()


def _frozen(frozen: Frozen, name: str) -> tuple[pl.DataFrame, str]:
    """Read the tables of a version; one file's bytes are checked against its digest on the way."""
    is_plain = len(frozen.tables) == 1 and frozen.tables[0].format in {"csv", "parquet"}
    if is_plain:
        one = frozen.tables[0]
        content = folder.read(one.path, MAX_FILE)
        if hashlib.sha256(content).hexdigest() != frozen.sha256:
            msg = f"{name} has other bytes than its digest says; it is not used."
            raise DamageError(msg, "`modeldeck dataset verify` names what is damaged.")
        read = read_csv if one.format == "csv" else read_parquet
        return read(content, name), frozen.sha256
    surveyed = reading.survey(frozen.tables)
    _check_rows(surveyed.rows, name)
    delimited.check_count(len(surveyed.columns), name, most=MAX_COLUMNS)
    return pl.concat(reading.frames(frozen.tables, surveyed.types)), frozen.sha256


def _from_file(data: DataSource, root: Path) -> tuple[pl.DataFrame, str]:
    path = root / data.source
    try:
        inside = path.parent.resolve(strict=True).is_relative_to(root.resolve(strict=True))
    except FileNotFoundError:
        inside = True
    if not inside:
        msg = f"{data.source} leads out of the workspace through a link."
        raise InvalidInputError(msg, "Put the file itself into the workspace.")
    try:
        content = folder.read(path, MAX_FILE)
    except NotFoundError:
        msg = f"There is no file {data.source} in the workspace."
        raise NotFoundError(msg, "Check data.source in the pipeline file.") from None
    digest = hashlib.sha256(content).hexdigest()
    if path.suffix == ".csv":
        return read_csv(content, data.source), digest
    return read_parquet(content, data.source), digest


def read_csv(content: bytes, name: str) -> pl.DataFrame:
    """Read a CSV file with a header; empty fields, NA and NaN are missing values.

    Raises
    ------
    InvalidInputError
        It is empty, not UTF-8, too wide, or its lines do not fit the header.
    """
    stream = io.BytesIO(content)
    names = delimited.header(delimited.first_line(stream), name, most=MAX_COLUMNS)
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        frame = pl.read_csv(content, infer_schema_length=None, null_values=delimited.MISSING)
    except pl.exceptions.PolarsError as error:
        problem = (
            delimited.problem(content, len(names)) or f"is no CSV: {str(error).splitlines()[0]}"
        )
        msg = f"{name}{problem}." if problem.startswith(",") else f"{name} {problem}."
        raise InvalidInputError(msg, "Correct the file.", file=name) from None
    return _checked_size(frame, name)


def read_parquet(content: bytes, name: str) -> pl.DataFrame:
    """Read a Parquet file, looking at its announced size first.

    Raises
    ------
    InvalidInputError
        It is no Parquet file, or too large.
    """
    try:
        width = len(pl.read_parquet_schema(io.BytesIO(content)))
        delimited.check_count(width, name, most=MAX_COLUMNS)
        counted = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
        _check_rows(int(counted), name)
        return _checked_size(pl.read_parquet(io.BytesIO(content)), name)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        text = f"{error}".partition("\n")[0][:200].rstrip(".")
        msg = f"{name} is no Parquet file that can be read: {text or type(error).__name__}."
        raise InvalidInputError(msg, file=name) from None


def _checked_size(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    _check_rows(frame.height, name)
    delimited.check_count(frame.width, name, most=MAX_COLUMNS)
    return frame


def _check_rows(count: int, name: str) -> None:
    if not 0 < count <= MAX_ROWS:
        msg = f"{name} has {count:,} rows; 1 to {MAX_ROWS:,} can be used."
        hint = "Put rows below its first line." if not count else "Use a part of them."
        raise InvalidInputError(msg, hint, file=name)


def _check_names(spec: PipelineSpec, frame: pl.DataFrame) -> None:
    for key, names in (("data.target", [spec.data.target]), ("data.drop", spec.data.drop)):
        for name in names:
            if name not in frame.columns:
                near = difflib.get_close_matches(name, frame.columns, n=3, cutoff=0.5)
                shown = ", ".join(near or frame.columns[:10])
                hint = f"Did you mean {shown}?" if near else f"It has: {shown}."
                raise spec.problem(key, f"{spec.data.source} has no column {name!r}", hint=hint)


def _check_column(spec: PipelineSpec, column: pl.Series) -> None:
    """Refuse infinite numbers, texts among numbers, and columns of all different texts."""
    if column.dtype == pl.Float64:
        infinite = int(column.is_infinite().sum())
        if infinite:
            problem = f"column {column.name!r} has {infinite} infinite values"
            raise spec.problem("data.source", problem, hint="Correct them in the file.")
    if column.dtype != pl.String:
        return
    numbers = column.cast(pl.Float64, strict=False)
    texts = column.len() - numbers.null_count()
    others = numbers.null_count() - column.null_count()
    if texts >= max(others, 1) and others:
        row = int(np.flatnonzero((numbers.is_null() & column.is_not_null()).to_numpy())[0])
        found = f"{others} of {column.len():,} values are no numbers, first {column[row]!r:.40}"
        problem = f"column {column.name!r} mixes numbers and texts: {found} in row {row + 1}"
        raise spec.problem("data.source", problem, hint="Correct them in the file.")
    different = column.n_unique()
    if different > MAX_CATEGORIES:
        problem = f"column {column.name!r} has {different:,} different texts"
        hint = f"At most {MAX_CATEGORIES} can be encoded; leave it out with data.drop."
        raise spec.problem("data.source", problem, hint=hint)
