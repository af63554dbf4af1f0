"""Where the files of a model lie that MLflow asks to register."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modeldeck import ids
from modeldeck.errors import InvalidInputError, ModelDeckError, NotFoundError
from modeldeck.mlflow_plugin.models_part import MAX_FILE
from modeldeck.mlflow_plugin.place import Place
from modeldeck.services.moving.reading import yaml
from modeldeck.services.moving.registering import skops_of
from modeldeck.store import files

_MODEL = re.compile(r"m-[0-9a-f]{32}", re.ASCII)
_LOG = "Log it with serialization_format='skops', or keep it by run.log_model of ModelDeck."


@dataclass(frozen=True)
class Located:
    """A model's skops file, the run that logged it, and MLflow's id of it; empty for none."""

    path: Path
    run: str
    model_id: str


def located(place: Place, source: str, *, run_id: str, model_id: str) -> Located:
    """Return the skops file of a model that a run of the workspace logged.

    Parameters
    ----------
    place : Place
        The workspace.
    source : str
        ``models:/m-…``, ``runs:/<run>/<path>``, or the address of a folder.
    run_id, model_id : str
        What MLflow says beside it; empty where it says nothing.

    Raises
    ------
    NotFoundError
        There is no such model or run.
    InvalidInputError
        Its files are not in the workspace, or hold no skops file.
    """
    parts = urlsplit(source)
    if parts.scheme == "models":
        model_id = model_id or parts.path.strip("/")
    known = _logged(place, model_id) if model_id else {}
    run = run_id or known.get("source_run_id") or ""
    if known:
        folder = _path(known.get("artifact_location", ""))
    elif parts.scheme == "runs":
        run, _slash, inner = parts.path.strip("/").partition("/")
        folder = place.workspace.deck.runs.folder(run) / "artifacts" / unquote(inner)
    else:
        folder = _path(source)
    runs = (place.root / "runs").resolve()
    inside = folder.resolve()
    if not inside.is_relative_to(runs):
        msg = f"{source[:120]!r} is no model that a run of this workspace logged."
        hint = "Log it within a run here; `modeldeck import mlflow` brings in what lies elsewhere."
        raise InvalidInputError(msg, hint)
    run = run or inside.relative_to(runs).parts[1]
    if not ids.is_id(run):
        msg = f"There is no run {run[:80]!r}."
        raise NotFoundError(msg, "A version is registered from a run.")
    return Located(_skops(inside), run, model_id)


def _logged(place: Place, model_id: str) -> dict[str, str]:
    path = place.root / "mlflow" / "models" / f"{model_id}.json"
    value: object = None
    if _MODEL.fullmatch(model_id):
        with contextlib.suppress(ModelDeckError, ValueError):
            value = json.loads(files.read_bytes(path, MAX_FILE))
    if not isinstance(value, dict):
        msg = f"There is no logged model {model_id[:80]!r}."
        raise NotFoundError(msg, "Name what log_model returned.")
    return {key: str(one) for key, one in value.items() if isinstance(one, str)}


def _path(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri)


def _skops(folder: Path) -> Path:
    """Return a model's skops file; MLflow's own description says where it is."""
    try:
        described = yaml.read(files.read_bytes(folder / "MLmodel", yaml.MAX_BYTES))
    except NotFoundError:
        msg = f"{folder.name[:80]!r} holds no model of MLflow's: its MLmodel is missing."
        raise InvalidInputError(msg, _LOG) from None
    name, reason = skops_of(described)
    path = (folder / name).resolve()
    if not reason and not path.is_relative_to(folder):
        reason = "its MLmodel leads out of its folder"
    if reason:
        msg = f"The model cannot become a version: {reason}."
        raise InvalidInputError(msg, _LOG)
    return path
