"""Looking at a model that somebody else made, and making a model folder of a bare skops file.

Both load the file: they run in a disposable process only (``modeldeck.jobs.inspect``).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modeldeck.errors import InvalidInputError, ModelDeckError
from modeldeck.ml import folder as files
from modeldeck.ml.frames import from_anything
from modeldeck.ml.guard.archive import MAX_FILE
from modeldeck.ml.persistence import (
    environment,
    load_bytes,
    load_model,
    names_of,
    read_signature,
    synthetic_rows,
    untrusted_types,
)
from modeldeck.ml.signature import build_signature


def inspect_folder(folder: Path) -> dict[str, Any]:
    """Load a model folder's estimator, predict its example rows, and say what was found.

    Returns
    -------
    dict
        ``ok``, ``task``, ``inputs`` (as in the signature), ``examples`` (how many rows were
        answered as recorded), ``untrusted`` (types that are not allowed), ``error`` and ``hint``
        (empty when all is well), ``exit_code`` (of the error).
    """
    found = _blank()
    try:
        found["untrusted"] = untrusted_types(files.read(folder / files.MODEL, MAX_FILE))
        signature = read_signature(folder)
        found["task"], found["inputs"] = signature["task"], signature["inputs"]
        load_model(folder)
        found["examples"] = len(signature["examples"]["inputs"])
    except ModelDeckError as error:
        return _failed(found, error)
    return {**found, "ok": True}


def folder_from_file(
    file: Path, folder: Path, *, examples: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    """Make a model folder of a bare skops file; the model's bytes stay as they are.

    Parameters
    ----------
    file : Path
        The skops file.
    folder : Path
        Where the folder shall be.
    examples : sequence of mappings or None
        Rows to describe the inputs by; None takes a row of zeros of the width and with the names
        that the model was fitted on.

    Returns
    -------
    dict
        As :func:`inspect_folder`.
    """
    found = _blank()
    try:
        data = files.read(file, MAX_FILE)
        found["untrusted"] = untrusted_types(data)
        model = load_bytes(data)
        if not callable(getattr(model, "predict", None)):
            msg = f"{type(model).__name__} cannot predict."
            raise InvalidInputError(msg, "Register a fitted estimator.")
        frame = from_anything(examples, names_of(model)) if examples else synthetic_rows(model)
        signature = build_signature(model, frame)
        if not examples:
            _forget_ranges(signature["inputs"])
        files.write(folder / files.MODEL, data)
        files.write_json(folder / files.SIGNATURE, signature)
        files.write_json(folder / files.ENVIRONMENT, _environment_of(model))
        found["task"], found["inputs"] = signature["task"], signature["inputs"]
        found["examples"] = len(signature["examples"]["inputs"])
    except ModelDeckError as error:
        return _failed(found, error)
    return {**found, "ok": True}


def _environment_of(model: object) -> dict[str, Any]:
    """Return the environment here, with the scikit-learn that the file says it was made with."""
    found = environment()
    made_with = getattr(model, "_sklearn_version", importlib.metadata.version("scikit-learn"))
    found["packages"]["scikit-learn"] = str(made_with)
    return found


def _forget_ranges(inputs: list[dict[str, Any]]) -> None:
    for one in inputs:
        one.pop("min", None)
        one.pop("max", None)


def _blank() -> dict[str, Any]:
    return {
        "ok": False,
        "task": "",
        "inputs": [],
        "examples": 0,
        "untrusted": [],
        "error": "",
        "hint": "",
        "exit_code": 0,
    }


def _failed(found: dict[str, Any], error: ModelDeckError) -> dict[str, Any]:
    return {**found, "error": error.message, "hint": error.hint, "exit_code": error.exit_code}
