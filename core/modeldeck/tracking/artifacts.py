"""The files of a run that are written once: documents and artifacts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from modeldeck.errors import ConflictError, InvalidInputError
from modeldeck.store import files


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Let a file appear whole; bringing it to the disk is left to the pulse."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(files.dumps(value))
        temporary.chmod(0o644)
        temporary.rename(path)
    except OSError as error:
        raise files.write_error(error, path) from error


def exists_error(path: Path) -> ConflictError:
    """Return the error for an artifact that is there already."""
    msg = f"The run has an artifact {path.name} already."
    return ConflictError(msg, "Artifacts do not change; give this one another name.")


def copy(source: Path, path: Path) -> None:
    """Copy a file or a folder, which appears whole."""
    aside = path.with_name(f".{path.name}-{os.urandom(4).hex()}.tmp")
    try:
        if source.is_dir():
            shutil.copytree(source, aside, symlinks=True)
        else:
            shutil.copyfile(source, aside)
        aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        aside.unlink(missing_ok=True)


def artifact_path(folder: Path, name: str) -> Path:
    """Return where an artifact of a run is kept.

    Raises
    ------
    InvalidInputError
        The name leads out of the run's folder.
    """
    parts = PurePosixPath(name).parts
    is_inside = bool(parts) and parts[0] != "/" and ".." not in parts and "\0" not in name
    if not is_inside:
        msg = f"{name[:120]!r} is no name for an artifact."
        raise InvalidInputError(msg, "Give a relative path without '..'.")
    return folder / "artifacts" / name
