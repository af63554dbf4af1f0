"""Model folders: saving a fitted estimator, and loading one that somebody else may have written.

Models are skops files, never pickles. Loading goes: bytes of a known magic and bounded size →
members, arrays and nodes of known kinds (``guard.archive``) → types on a list pinned in code
(``guard.allowlist``) → numbers within their bounds (``guard.sanity``) → the libraries' versions →
the example rows. Whoever loads an unknown file does so in a disposable
process first (``modeldeck.jobs.inspect``); who loads a release has verified its digest before.
"""

from __future__ import annotations

import importlib.metadata
import io
import platform
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from modeldeck.errors import InvalidInputError
from modeldeck.ml import described, rows
from modeldeck.ml import folder as files
from modeldeck.ml.frames import from_anything
from modeldeck.ml.guard.allowlist import ALLOWED
from modeldeck.ml.guard.archive import MAX_FILE, check_archive, refuse
from modeldeck.ml.guard.sanity import check_model
from modeldeck.ml.prediction import predict
from modeldeck.ml.signature import (
    Signature,
    build_signature,
    check_examples,
    check_signature,
)

__all__ = [
    "Signature",
    "check_examples",
    "load_bytes",
    "load_model",
    "predict",
    "read_signature",
    "save_model",
    "untrusted_types",
]

PACKAGES = ("scikit-learn", "numpy", "scipy", "skops", "polars")
"""The libraries whose versions are kept beside a model."""


def save_model(
    model: object,
    folder: str | Path,
    *,
    examples: object = None,
    target: object = None,
    holdout: object = None,
    training: pl.DataFrame | None = None,
    metrics: Mapping[str, object] | None = None,
    dataset: Mapping[str, object] | None = None,
    pipeline: Mapping[str, object] | None = None,
) -> Path:
    """Save a fitted estimator with everything that a version needs.

    Parameters
    ----------
    model : object
        A fitted scikit-learn estimator with ``predict``.
    folder : str or Path
        Where to write; made when it is not there.
    examples : polars or pandas DataFrame, NumPy array or list of rows, optional
        Rows that the model was trained on: the signature's types and ranges come from them. With
        the target they are also remembered as training rows, so that a gate can leave them out.
    target : str or sequence, optional
        The name of the target's column in ``examples`` and ``holdout``, or the target's values for
        ``examples``.
    holdout : table, or pair of table and target values, optional
        Rows kept away from training, with the target: gates score on them.
    training : polars DataFrame, optional
        All training rows with the target; takes the place of ``examples``.
    metrics : Mapping, optional
        Numbers by name, or the contents of ``metrics.json``. Where hold-out rows are given, what
        the model's task is usually judged by is added: accuracy, log loss, the area under the ROC
        curve; R² and the mean absolute error (:func:`modeldeck.ml.scoring.usual_metrics`).
    dataset : Mapping, optional
        Contents of ``dataset.json``; else the columns of ``examples``.
    pipeline : Mapping, optional
        Contents of ``pipeline.json``; else the estimator's name.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInputError
        The model cannot be saved without pickle, cannot predict, or the rows do not fit it.
    UnavailableError
        The folder cannot be written.
    """
    folder = Path(folder)
    if not callable(getattr(model, "predict", None)):
        msg = f"{type(model).__name__} cannot predict."
        raise InvalidInputError(msg, "Log a fitted scikit-learn estimator.")
    name, seen = _training_rows(model, examples, target=target, training=training)
    signature = build_signature(model, seen.drop(name, strict=False), target=name)
    held = None if holdout is None else _holdout_rows(model, holdout, name=name)
    files.write(folder / files.MODEL, to_bytes(model))
    files.write_json(folder / files.SIGNATURE, signature)
    files.write_json(folder / files.ENVIRONMENT, environment())
    if name and name in seen.columns:
        columns = [one["name"] for one in signature["inputs"]]
        digests = rows.row_digests(seen, [*columns, name])
        files.write(folder / files.TRAINING_ROWS, rows.to_bytes(digests))
    if held is not None:
        files.write(folder / files.HOLDOUT, _parquet(held))
    if dataset is None and examples is not None:
        dataset = described.dataset_of(seen, name)
    for file, value in (
        (files.METRICS, described.metrics_of(model, held, signature=signature, given=metrics)),
        (files.DATASET, dataset),
        (files.PIPELINE, described.pipeline_of(model, {}) if pipeline is None else pipeline),
    ):
        if value is not None:
            files.write_json(folder / file, value)
    return folder


def _training_rows(
    model: object, examples: object, *, target: object, training: pl.DataFrame | None
) -> tuple[str, pl.DataFrame]:
    """Return the target's name (empty when unknown) and the rows, with the target if known."""
    name = target if isinstance(target, str) else "target" if target is not None else ""
    if training is not None:
        return name, from_anything(training)
    if examples is None:
        return name, synthetic_rows(model)
    frame = from_anything(examples, names_of(model))
    if target is None or isinstance(target, str):
        return name, frame
    return name, _with_target(frame, name, values=target)


def _with_target(frame: pl.DataFrame, name: str, *, values: object) -> pl.DataFrame:
    column = list(values) if hasattr(values, "__iter__") else []
    if len(column) != frame.height:
        msg = f"There are {len(column)} target values for {frame.height} rows."
        raise InvalidInputError(msg, "Give one value a row, or the name of the target's column.")
    plain = [value.item() if hasattr(value, "item") else value for value in column]
    return from_anything(frame.with_columns(pl.Series(name, plain, strict=False)))


def _holdout_rows(model: object, holdout: object, *, name: str) -> pl.DataFrame:
    if isinstance(holdout, tuple) and len(holdout) == 2:
        frame = from_anything(holdout[0], names_of(model))
        return _with_target(frame, name or "target", values=holdout[1])
    frame = from_anything(holdout, names_of(model))
    if not name:
        msg = "Nothing says which column of the hold-out rows is the target."
        raise InvalidInputError(msg, "Give holdout=(rows, target) or target='its column'.")
    if name not in frame.columns:
        msg = f"The hold-out rows have no target column {name!r}."
        raise InvalidInputError(msg, "Give holdout=(rows, target) or target='its column'.")
    return frame


def names_of(model: object) -> list[str]:
    """Return the names of the columns that a model was fitted on; empty when it saw none."""
    return [str(name) for name in getattr(model, "feature_names_in_", ())]


def synthetic_rows(model: object) -> pl.DataFrame:
    """Return a row of zeros of the width that a model was fitted on.

    Raises
    ------
    InvalidInputError
        The model does not say how wide its rows are.
    """
    width = getattr(model, "n_features_in_", None)
    if not isinstance(width, int) or not 0 < width <= 20_000:
        msg = f"{type(model).__name__} does not say how many columns it takes."
        raise InvalidInputError(msg, "Give example rows.")
    return pl.DataFrame([dict.fromkeys(names_of(model) or [f"x{n}" for n in range(width)], 0.0)])


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def to_bytes(model: object) -> bytes:
    """Return a model as the bytes of a skops file.

    Raises
    ------
    InvalidInputError
        skops cannot save a part of it.
    """
    try:
        found: bytes = skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        text = f"{error}".partition("\n")[0][:300].rstrip(".")
        msg = f"{type(model).__name__} cannot be saved without pickle: {text}."
        raise InvalidInputError(msg, "Use estimators of scikit-learn.") from error
    return found


def environment() -> dict[str, Any]:
    """Return what ``environment.json`` holds: the versions of Python and the libraries here."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "packages": packages}


def load_model(folder: str | Path, *, check: bool = True) -> Any:  # noqa: ANN401 -- an estimator of any class; scikit-learn has no types
    """Load the estimator of a model folder.

    Parameters
    ----------
    folder : str or Path
        With ``model.skops``, ``signature.json`` and ``environment.json``.
    check : bool, default True
        Also compare the libraries' versions and predict the example rows. What protects this
        process (magic, sizes, types, bounds) is always checked.

    Returns
    -------
    object
        The fitted estimator; it uses one thread.

    Raises
    ------
    InvalidInputError
        The file is refused; the message says why and names unknown types.
    NotFoundError
        A file is missing.
    """
    folder = Path(folder)
    if check:
        check_environment(folder)
    model = load_bytes(files.read(folder / files.MODEL, MAX_FILE))
    if check:
        check_examples(model, read_signature(folder))
    return model


def read_signature(folder: str | Path) -> Signature:
    """Read and check a folder's ``signature.json``.

    Raises
    ------
    InvalidInputError, NotFoundError
        It is damaged, or not there.
    """
    return check_signature(files.read_json(Path(folder) / files.SIGNATURE))


def load_bytes(data: bytes) -> Any:  # noqa: ANN401 -- as above
    """Load an estimator from the bytes of a skops file.

    Raises
    ------
    InvalidInputError
        The file is refused; the message says why and names unknown types.
    """
    unknown = untrusted_types(data)
    if unknown:
        hint = "Only types of scikit-learn, NumPy and SciPy on ModelDeck's list are loaded."
        refuse(f"it holds types that are not allowed: {', '.join(unknown)[:500]}", hint)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = skops.io.loads(data, trusted=list(ALLOWED))
        except Exception as error:  # noqa: BLE001 -- a crafted file can make any part raise anything
            refuse(f"it cannot be put together ({type(error).__name__}: {error!s:.200})")
        check_model(model)
    for one in caught:
        if isinstance(one.message, InconsistentVersionWarning):
            check_version(str(one.message.original_sklearn_version))
    _use_one_thread(model)
    return model


def untrusted_types(data: bytes) -> list[str]:
    """Return the types in a model file that are not on the list, by full name.

    Raises
    ------
    InvalidInputError
        The file is no skops file, or damaged.
    """
    check_archive(data)
    try:
        found = skops.io.get_untrusted_types(data=data)
    except Exception as error:  # noqa: BLE001 -- a crafted file can make any part raise anything
        refuse(f"it cannot be read ({type(error).__name__}: {error!s:.200})")
    return sorted(set(found) - set(ALLOWED))


def check_environment(folder: Path) -> None:
    """Compare the versions beside a model with those here.

    Raises
    ------
    InvalidInputError
        scikit-learn is of another minor version: its estimators may behave otherwise.
    """
    packages = files.read_json(folder / files.ENVIRONMENT).get("packages")
    made_with = packages.get("scikit-learn") if isinstance(packages, dict) else None
    check_version(str(made_with))


def check_version(made_with: str) -> None:
    """Compare a version of scikit-learn with the one here.

    Raises
    ------
    InvalidInputError
        They differ in more than the last part.
    """
    here = importlib.metadata.version("scikit-learn")
    if made_with.split(".")[:2] != here.split(".")[:2]:
        msg = f"The model was made with scikit-learn {made_with:.40}; here is {here}."
        hint = "Train it again here, or install the version that it was made with."
        raise InvalidInputError(msg, hint, made_with=made_with, here=here)


def _use_one_thread(model: Any) -> None:  # noqa: ANN401 -- as above
    if hasattr(model, "get_params"):
        parallel = {
            name: 1
            for name, value in model.get_params().items()
            if name.rpartition("__")[2] == "n_jobs" and value not in (None, 1)
        }
        model.set_params(**parallel)
