"""Manifests: what a model version is, file by file, and getting its verified files back.

A manifest is an in-toto Statement (v1): ``subject`` lists every file of the model's folder with
its SHA-256, ``predicate`` says where they come from. Its own digest is the version's identity; it
holds no time, so that the same content has the same identity.

Any member can name any object as a manifest: what is read here has the shapes that the rest of the
program counts on, or is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from modeldeck.domain.documents import Number
from modeldeck.domain.entry import is_digest
from modeldeck.errors import DamageError, InvalidInputError, NotFoundError
from modeldeck.store import files
from modeldeck.store.objects import ObjectStore

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:modeldeck:model-version:1"
RECORDS = "records"
"""The part of a predicate that says what the files of the run held."""
MAX_FILES = 256
MAX_BYTES = 4 << 30
MAX_JSON = 16 << 20
_MAX_DEPTH = 32
_MAX_INT = 2**63 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")


def make(
    objects: ObjectStore,
    folder: Path,
    *,
    model: str,
    run: str,
    authors: Sequence[str],
    records: Mapping[str, object] | None = None,
) -> tuple[str, dict[str, object]]:
    """Store every file of a model's folder and its manifest; return the manifest's digest and it.

    Parameters
    ----------
    objects : ObjectStore
        Where to.
    folder : Path
        The model's folder.
    model, run : str
        Their names; ``run`` is empty when none is known.
    authors : Sequence of str
        Who made it.
    records : Mapping, optional
        What the files of the run held (:func:`modeldeck.store.closing.closed`); left out when
        nothing is known about that.

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
            **({RECORDS: dict(records)} if records else {}),
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
        value = read_json(files.read_bytes(path, MAX_JSON))
    except (DamageError, NotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_json(data: bytes) -> object:
    """Read JSON that anybody may have written; numbers that are not finite become texts.

    Raises
    ------
    ValueError
        It is not UTF-8, not JSON, nested too deeply, or holds what no text or file may hold.
    """
    try:
        value = json.loads(data.decode(), parse_constant=str, parse_float=_finite)
    except RecursionError:
        msg = "it is nested too deeply"
        raise ValueError(msg) from None
    _check(value, 0)
    return value


def _finite(text: str) -> float | str:
    value = float(text)
    if math.isfinite(value):
        return value
    return "Infinity" if value > 0 else "-Infinity"


def _check(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        msg = "it is nested too deeply"
        raise ValueError(msg)
    if isinstance(value, dict):
        for key, inner in value.items():
            _check(key, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, str) and _SURROGATE.search(value):
        msg = "it holds a lone surrogate"
        raise ValueError(msg)


def read(objects: ObjectStore, digest: str) -> dict[str, object]:
    """Return a manifest, verified against its digest.

    Raises
    ------
    DamageError
        It is missing, changed, or not a manifest.
    """
    try:
        value = read_json(objects.read(digest))
    except ValueError:
        value = None
    if not isinstance(value, dict) or value.get("_type") != STATEMENT:
        msg = f"Object {digest[:12]} is not a manifest."
        raise DamageError(msg)
    return value


def predicate(manifest: dict[str, object]) -> dict[str, object]:
    """Return the part of a manifest that says where the files come from.

    Entries of other kinds than the format names are left out: sizes that are no whole numbers,
    metrics that are no numbers, tables that are none.
    """
    value = manifest.get("predicate")
    found = dict(value) if isinstance(value, dict) else {}
    for name in ("sizes_bytes", "metrics", "goals", "dataset", "libraries", "pipeline"):
        table = found.get(name)
        found[name] = dict(table) if isinstance(table, dict) else {}
    found["sizes_bytes"] = sizes(found["sizes_bytes"])
    found["metrics"] = metrics(found["metrics"])
    return found


def without_records(manifest: Mapping[str, object]) -> dict[str, object]:
    """Return a manifest as it would be had nothing been known about the files of its run.

    Two that are equal so name the same content: what people say about one holds for the other.
    """
    said = manifest.get("predicate")
    known = said if isinstance(said, dict) else {}
    rest = {name: one for name, one in known.items() if name != RECORDS}
    return {**manifest, "predicate": rest}


def sizes(value: object) -> dict[str, int]:
    """Return the sizes among what a manifest gives as its files' sizes."""
    known = value if isinstance(value, dict) else {}
    return {name: one for name, one in known.items() if type(one) is int and 0 <= one <= _MAX_INT}


def metrics(value: object) -> dict[str, Number]:
    """Return the numbers among what a manifest gives as its metrics."""
    known = value if isinstance(value, dict) else {}
    found = {name: number(one) for name, one in known.items()}
    return {name: one for name, one in found.items() if one is not None}


def number(value: object) -> Number | None:
    """Return a number, or the text of one, as it is; None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return str(value) if isinstance(value, int) and abs(value) > _MAX_INT else value


def parts(manifest: dict[str, object]) -> dict[str, str]:
    """Return the files of a manifest, name by digest.

    Raises
    ------
    DamageError
        A name leaves the folder or stands there twice, or a digest is none.
    """
    found: dict[str, str] = {}
    subject = manifest.get("subject")
    for one in subject if isinstance(subject, list) else [None]:
        name, digest = _part(one)
        if not _is_inside(name) or not is_digest(digest) or name in found:
            msg = f"The manifest names a file that it may not name: {name[:80]!r}."
            raise DamageError(msg, "Do not use this version.")
        found[name] = str(digest)
    if len(found) > MAX_FILES:
        msg = f"The manifest names more than {MAX_FILES} files."
        raise DamageError(msg, "Do not use this version.")
    return found


def _part(value: object) -> tuple[str, object]:
    known = value if isinstance(value, dict) else {}
    name, digest = known.get("name"), known.get("digest")
    return (
        name if isinstance(name, str) else "",
        digest.get("sha256") if isinstance(digest, dict) else None,
    )


def _is_inside(name: str) -> bool:
    """Say whether a name is the path of a file below a folder, written in the one plain way."""
    is_plain = not set(name.split("/")) & {"", ".", ".."}
    return is_plain and not set(name) & {"\0", "\\"} and len(name) <= 1000


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
