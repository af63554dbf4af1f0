"""Manifests: what a model version is, file by file, and getting its verified files back.

A manifest is an in-toto Statement (v1): ``subject`` lists every file of the model's folder with
its SHA-256, ``predicate`` says where they come from. Its own digest is the version's identity; it
holds no time, so that the same content has the same identity.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from modeldeck.domain.entry import is_digest
from modeldeck.errors import DamageError, InvalidInputError, ModelDeckError
from modeldeck.store import files
from modeldeck.store.objects import ObjectStore

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:modeldeck:model-version:1"
MAX_FILES = 256
MAX_BYTES = 4 << 30


def make(
    objects: ObjectStore, folder: Path, *, model: str, run: str, authors: Sequence[str]
) -> tuple[str, dict[str, object]]:
    """Store every file of a model's folder and its manifest; return the manifest's digest and it.

    Raises
    ------
    InvalidInputError
        The folder holds no model, or too much.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if not any(path.name == "model.skops" for path in paths):
        msg = f"{folder} holds no model.skops."
        raise InvalidInputError(msg, "Log a model with run.log_model(…), or train a pipeline.")
    if len(paths) > MAX_FILES or sum(path.stat().st_size for path in paths) > MAX_BYTES:
        msg = f"{folder} holds more than {MAX_FILES} files or {MAX_BYTES >> 30} GiB."
        raise InvalidInputError(msg, "Keep only what the model needs in its folder.")
    subject, sizes = [], {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        digest, size = objects.put_file(path)
        subject.append({"name": name, "digest": {"sha256": digest}})
        sizes[name] = size
    statement: dict[str, object] = {
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": {
            "model": model,
            "run": run,
            "authors": [*authors],
            "sizes_bytes": sizes,
            **_described(folder),
        },
    }
    return objects.put(files.dumps(statement)), statement


def _described(folder: Path) -> dict[str, object]:
    metrics = _json(folder / "metrics.json")
    environment = _json(folder / "environment.json")
    pipeline = _json(folder / "pipeline.json")
    return {
        "metrics": metrics.get("holdout") or {},
        "goals": metrics.get("goal") or {},
        "dataset": _json(folder / "dataset.json"),
        "libraries": environment.get("packages") or {},
        "python": environment.get("python") or "",
        "pipeline": pipeline,
    }


def _json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(files.read_bytes(path, 16 << 20))
    except (ModelDeckError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read(objects: ObjectStore, digest: str) -> dict[str, object]:
    """Return a manifest, verified against its digest.

    Raises
    ------
    DamageError
        It is missing, changed, or not a manifest.
    """
    try:
        value = json.loads(objects.read(digest))
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.get("_type") != STATEMENT:
        msg = f"Object {digest[:12]} is not a manifest."
        raise DamageError(msg)
    return value


def predicate(manifest: dict[str, object]) -> dict[str, object]:
    """Return the part of a manifest that says where the files come from."""
    value = manifest.get("predicate")
    return value if isinstance(value, dict) else {}


def parts(manifest: dict[str, object]) -> dict[str, str]:
    """Return the files of a manifest, name by digest.

    Raises
    ------
    DamageError
        A name leaves the folder, or a digest is none.
    """
    found = {}
    subject = manifest.get("subject")
    for one in subject if isinstance(subject, list) else []:
        name = str(one.get("name", "")) if isinstance(one, dict) else ""
        digest = one["digest"].get("sha256", "") if isinstance(one.get("digest"), dict) else ""
        inside = name and not name.startswith("/") and ".." not in name.split("/")
        if not inside or "\0" in name or "\\" in name or not is_digest(digest):
            msg = f"The manifest names a file that it may not name: {name[:80]!r}."
            raise DamageError(msg, "Do not use this version.")
        found[name] = digest
    return found


def copy_out(objects: ObjectStore, digest: str, *, folder: Path) -> dict[str, object]:
    """Copy a version's files into a new folder, each verified; return the manifest.

    Raises
    ------
    DamageError
        A file is missing or changed; the folder must not be used then.
    """
    manifest = read(objects, digest)
    for name, part in parts(manifest).items():
        target = folder / name
        files.make_folder(target.parent)
        objects.copy_to(part, target)
    return manifest
