"""The files of a model folder, read without following links and written whole.

::

    model.skops          the estimator
    signature.json       inputs, outputs, example rows
    metrics.json         hold-out and cross-validated metrics
    holdout.parquet      the rows held out, with the target
    training_rows.bin    sorted 8-byte digests of the training rows, big-endian, one after the other
    dataset.json         what the model was trained on
    environment.json     the versions of Python and of the libraries that it needs
    pipeline.json        the pipeline with every default filled in
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from modeldeck.errors import InvalidInputError, NotFoundError, UnavailableError

MODEL = "model.skops"
SIGNATURE = "signature.json"
METRICS = "metrics.json"
HOLDOUT = "holdout.parquet"
TRAINING_ROWS = "training_rows.bin"
DATASET = "dataset.json"
ENVIRONMENT = "environment.json"
PIPELINE = "pipeline.json"

MAX_JSON = 16 << 20
"""A JSON file of more bytes is refused."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read(path: Path, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises
    ------
    NotFoundError
        It is not there.
    InvalidInputError
        It is too large, a link, a pipe or a device, or may not be read.
    """
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        msg = f"{path} is not there."
        raise NotFoundError(msg, path=str(path)) from None
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror})."
        raise InvalidInputError(msg, "Links, pipes and devices are not followed.") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            msg = f"{path} is not a plain file."
            raise InvalidInputError(msg, "Links, pipes and devices are not followed.")
        data = file.read(limit + 1)
    if len(data) > limit:
        msg = f"{path} is larger than {limit:,} bytes."
        raise InvalidInputError(msg, path=str(path), limit=limit)
    return data


def write(path: Path, data: bytes) -> None:
    """Write a file whole: another name first, brought to the disk, then renamed.

    Raises
    ------
    UnavailableError
        The system refused.
    """
    temporary = path.parent / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, _CREATE, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        msg = f"{path} could not be written: {error.strerror}."
        hint = "Free space or ask for write permission, then do it again."
        raise UnavailableError(msg, hint, path=str(path)) from error


def finite(value: object) -> object:
    """Return a value with non-finite numbers as the texts "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def write_json(path: Path, value: object) -> None:
    """Write a value as JSON that people can read, with sorted keys."""
    text = json.dumps(finite(value), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    write(path, text.encode() + b"\n")


def parse_json(data: bytes, name: str) -> dict[str, object]:
    """Parse a JSON object; nothing in it may be non-finite or nested too deeply.

    Raises
    ------
    InvalidInputError
        It is not such an object.
    """
    try:
        value = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        msg = f"{name} is not JSON that can be read ({type(error).__name__})."
        raise InvalidInputError(msg, file=name) from None
    if not isinstance(value, dict):
        msg = f"{name} holds no JSON object."
        raise InvalidInputError(msg, file=name)
    return value


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object from a file.

    Raises
    ------
    NotFoundError, InvalidInputError
        It is not there, or not such an object.
    """
    return parse_json(read(path, MAX_JSON), path.name)


def _refuse(text: str) -> object:
    msg = f"{text} is no JSON"
    raise ValueError(msg)
