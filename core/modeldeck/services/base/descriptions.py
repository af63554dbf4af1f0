"""Descriptions of dataset versions: the object that an entry ``dataset.add`` names.

::

    {"v": 1, "kind": "file" | "folder", "source": "datasets/sales.csv", "snapshot": "copy",
     "files": [{"name": …, "sha256": …, "size_bytes": …}, …], "formats": ["csv"],
     "rows": 1000 | null, "columns": [ColumnDocument, …], "target": "", "key": []}

Any member can name any object as a description: what is read here has these shapes, and lists the
very files that the entry's digest stands for, or it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from modeldeck.domain.datasets import formats
from modeldeck.domain.datasets.documents import ColumnDocument, DatasetDocument, FileDocument
from modeldeck.domain.entry import digest_of, is_digest
from modeldeck.domain.history.things import DatasetVersion
from modeldeck.domain.state import State
from modeldeck.errors import DamageError, ModelDeckError
from modeldeck.services.base import manifests
from modeldeck.store import contents, files
from modeldeck.store.objects import ObjectStore

V = 1
Description = Mapping[str, Any]
"""What a description says, checked."""

_MOST = 2**53 - 1
_UNREADABLE: Description = {
    "kind": "",
    "source": "",
    "snapshot": "none",
    "files": [],
    "formats": [],
    "rows": None,
    "columns": [],
    "target": "",
    "key": [],
}


def write(objects: ObjectStore, description: Description) -> str:
    """Store a description; return its digest."""
    return objects.put(files.dumps({"v": V, **description}))


def read(objects: ObjectStore, version: DatasetVersion) -> Description:
    """Return the description of a version.

    Raises
    ------
    DamageError
        It is missing, changed, no description, or one of other contents.
    """
    try:
        value = manifests.read_json(objects.read(version.description))
    except ValueError:
        value = None
    if not _is_description(value):
        msg = f"Object {version.description[:12]} is no description of a dataset."
        raise DamageError(msg, "Add the contents again; look who wrote that entry.")
    known = cast("dict[str, Any]", value)
    if _digest(known) != version.digest:
        msg = f"Object {version.description[:12]} describes other contents than {version.id}."
        raise DamageError(msg, "Add the contents again; look who wrote that entry.")
    return known


def _digest(known: Description) -> str:
    listed = tuple(contents.File(o["name"], o["sha256"], o["size_bytes"]) for o in known["files"])
    return digest_of(contents.listing(listed)) if known["kind"] == "folder" else listed[0].sha256


def document(state: State, objects: ObjectStore, *, version: DatasetVersion) -> DatasetDocument:
    """Return a version with what its description says."""
    problem = ""
    try:
        known = read(objects, version)
    except ModelDeckError as error:
        known, problem = _UNREADABLE, error.message
    found = DatasetDocument(
        id=version.id,
        name=version.name,
        version=version.number,
        digest=version.digest,
        description=version.description,
        added_by=version.by,
        added_at=version.at,
        level=version.level.word,
        reason=version.reason,
        kind=known["kind"],
        source=known["source"],
        formats=known["formats"],
        n_files=len(known["files"]),
        size_bytes=sum(one["size_bytes"] for one in known["files"]),
        rows=known["rows"],
        n_columns=len(known["columns"]),
        target=known["target"],
        key=known["key"],
        snapshot=known["snapshot"],
        tags=dict(state.tags.get(f"dataset:{version.id}", {})),
    )
    if problem:
        found["problem"] = problem
    return found


def frozen(state: State, digest: str, *, name: str = "") -> str:
    """Return the version of a dataset that some contents are, first the one of that name.

    Returns
    -------
    str
        As ``sales@3``; empty when nobody added these contents.
    """
    known = [one.id for one in state.dataset_versions.values() if one.digest == digest]
    return name if name in known else next(iter(known), "")


def listed_files(known: Description) -> list[FileDocument]:
    """Return the files that a description lists."""
    return cast("list[FileDocument]", known["files"])


def columns(known: Description) -> list[ColumnDocument]:
    """Return the columns that a description lists."""
    return cast("list[ColumnDocument]", known["columns"])


# The shapes


def _is_description(value: object) -> bool:
    shape: dict[str, Callable[[Any], bool]] = {
        "v": lambda one: type(one) is int and one == V,
        "kind": lambda one: one in ("file", "folder"),
        "source": _is_text,
        "snapshot": lambda one: one in formats.MODES,
        "files": lambda one: _is_list(one, _is_file) and 0 < len(one) <= contents.MAX_FILES,
        "formats": lambda one: _is_list(one, _is_text),
        "rows": lambda one: one is None or _is_count(one),
        "columns": lambda one: _is_list(one, _is_column),
        "target": _is_text,
        "key": lambda one: _is_list(one, _is_text),
    }
    if not _has(value, shape):
        return False
    known = cast("dict[str, Any]", value)
    names = [one["name"] for one in known["files"]]
    is_one = known["kind"] == "folder" or len(names) == 1
    return is_one and len(set(names)) == len(names)


def _has(value: object, shape: Mapping[str, Callable[[Any], bool]]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == shape.keys()
        and all(check(value[name]) for name, check in shape.items())
    )


def _is_list(value: object, check: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(check(one) for one in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= contents.MAX_NAME


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return value in {"NaN", "Infinity", "-Infinity"}
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _HUGE


_HUGE = 1.7976931348623157e308


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_file(value: object) -> bool:
    return _has(
        value,
        {
            "name": _is_inside,
            "sha256": is_digest,
            "size_bytes": _is_count,
        },
    )


def _is_inside(name: object) -> bool:
    """Say whether a name is the path of a file below a folder, written in the one plain way."""
    if not isinstance(name, str) or not contents.is_plain(name) or "\\" in name:
        return False
    return not set(name.split("/")) & {"", ".", ".."}


_NUMBERS: Mapping[str, Callable[[Any], bool]] = {
    "count": _is_count,
    "infinite": _is_count,
    "min": _is_number_or_none,
    "max": _is_number_or_none,
    "mean": _is_number_or_none,
    "sd": _is_number_or_none,
    "deciles": lambda one: _is_list(one, _is_number),
    "points": lambda one: _is_list(one, _is_point),
    "rank_error": lambda one: _is_number(one) and not isinstance(one, str) and 0 <= one <= 1,
}
_CATEGORIES: Mapping[str, Callable[[Any], bool]] = {
    "count": _is_count,
    "top": lambda one: _is_list(one, _is_counted),
    "other": _is_count,
    "count_error": _is_count,
    "unique": _is_count,
    "unique_is_exact": lambda one: isinstance(one, bool),
    "hashes": lambda one: _is_list(one, _is_count),
}
_TIMES: Mapping[str, Callable[[Any], bool]] = {"count": _is_count, "min": _is_text, "max": _is_text}
_PARTS = {"numbers": _NUMBERS, "categories": _CATEGORIES, "times": _TIMES}


def _is_point(value: object) -> bool:
    return _is_list(value, _is_finite) and len(cast("list[Any]", value)) == 2


def _is_finite(value: object) -> bool:
    return _is_number(value) and not isinstance(value, str)


def _is_counted(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return _is_text(value[0]) and _is_count(value[1])


def _is_column(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    parts = {name: one for name, one in value.items() if name in _PARTS}
    rest = {name: one for name, one in value.items() if name not in _PARTS}
    shape = {"name": _is_column_name, "type": _is_text, "missing": _is_count, "mixed": _is_count}
    return (
        len(parts) <= 1
        and _has(rest, shape)
        and all(_has(one, _PARTS[name]) for name, one in parts.items())
    )


def _is_column_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1 << 20
