"""What documents say of runs: made of whatever their files hold, however wrong that may be.

The files are specified in :mod:`modeldeck.store.runs`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from modeldeck import clock
from modeldeck.domain.entry import is_digest
from modeldeck.errors import ModelDeckError
from modeldeck.store import files
from modeldeck.store.records import MAX_INTEGER, loads

if TYPE_CHECKING:
    from modeldeck.domain.documents import (
        DatasetUse,
        ErrorDocument,
        MetricSummary,
        ProgressDocument,
        RunDocument,
    )
    from modeldeck.store.runs import LiveRun

MAX_DOCUMENT = 8 << 20
_FIGURES = ("last", "min", "max", "best")


def progress(value: Mapping[str, object]) -> ProgressDocument:
    """Return how far a run says that it is."""
    text = str(value.get("text", ""))
    return {"done": whole(value.get("done")), "total": whole(value.get("total")), "text": text}


def whole(value: object) -> int:
    """Return a whole number that every reader of JSON can hold; 0 for anything else."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER
    return cast("int", value) if is_whole else 0


def object_in(path: Path) -> Mapping[str, object] | None:
    """Return the object that a JSON file holds; None when there is none that can be read."""
    try:
        value = loads(files.read_bytes(path, MAX_DOCUMENT))
    except (ModelDeckError, OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def mapping(value: object) -> Mapping[str, object]:
    """Return an object of JSON; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def texts(value: object) -> dict[str, str]:
    """Return an object whose values are texts."""
    return {key: str(one) for key, one in mapping(value).items()}


def _scalars(value: Mapping[str, object]) -> dict[str, object]:
    return {key: _scalar(one) for key, one in value.items()}


def _scalar(value: object) -> object:
    if isinstance(value, float):
        return files.finite(value)
    return value if isinstance(value, str | int | None) else json.dumps(value)


def _instant(value: object) -> str:
    return value if isinstance(value, str) and clock.is_instant(value) else ""


def _summaries(value: object) -> dict[str, MetricSummary]:
    found = {}
    for name, one in mapping(value).items():
        if isinstance(one, dict) and {*_FIGURES, "step"} <= one.keys():
            figures = {key: _figure(one[key]) for key in _FIGURES}
            summary = {**figures, "step": whole(one["step"])}
            found[name] = cast("MetricSummary", summary)
    return found


def _figure(value: object) -> object:
    if type(value) is float:
        return value
    try:
        return files.finite(files.number(value))
    except OverflowError:
        return "NaN"


def _error(value: object) -> ErrorDocument:
    found = mapping(value)
    kept: ErrorDocument = {}
    for key in ("type", "message", "hint"):
        if isinstance(found.get(key), str):
            kept[key] = str(found[key])
    if isinstance(found.get("exit_code"), int):
        kept["exit_code"] = cast("int", found["exit_code"])
    return kept


def _used(value: object) -> dict[str, list[DatasetUse]]:
    """Return the data that a run used, each once; nothing where it recorded none."""
    found: dict[str, DatasetUse] = {}
    for one in value if isinstance(value, list) else ():
        known = mapping(one)
        name, digest = known.get("name"), known.get("digest")
        if isinstance(name, str) and is_digest(digest):
            found[f"{name} {digest}"] = {"name": name, "digest": str(digest)}
    return {"datasets": list(found.values())} if found else {}


def _base(run_id: str, begun: Mapping[str, object]) -> dict[str, str]:
    keys = ("experiment", "name", "kind", "parent", "user", "host")
    return {"id": run_id} | {key: str(begun.get(key, "")) for key in keys}


def resumes_of(ended: Mapping[str, object]) -> int:
    """Return how often a run had been continued before this end of it."""
    return max(0, whole(ended.get("resumes")))


def _further(notes: object, resumes: int) -> dict[str, object]:
    """Return the fields that only some runs have."""
    known = [one for one in notes if isinstance(one, str)] if isinstance(notes, list) else []
    return ({"notes": known} if known else {}) | ({"resumes": resumes} if resumes else {})


def ended_document(run_id: str, ended: Mapping[str, object]) -> RunDocument:
    """Return the document of a run from what its ``end.json`` says."""
    started, until = _instant(ended.get("started_at")), _instant(ended.get("ended_at"))
    document = {
        **_base(run_id, ended),
        "status": ended["status"],
        "started_at": started,
        "ended_at": until,
        "duration_s": _between(started, until),
        "parameters": _scalars(mapping(ended.get("parameters"))),
        "metrics": _summaries(ended.get("metrics")),
        "tags": texts(ended.get("tags")),
        "progress": {},
        "error": _error(ended.get("error")),
        **_used(ended.get("datasets")),
        **_further(ended.get("notes"), resumes_of(ended)),
    }
    return cast("RunDocument", document)


def live_document(live: LiveRun, *, now: float, is_lost: bool, resumes: int) -> RunDocument:
    """Return the document of a run that has not ended, at a Unix time."""
    started = _instant(live.begun.get("started_at"))
    since = clock.from_text(started).timestamp() if started else now
    until = live.last_at if is_lost else now
    document = {
        **_base(live.folder.name, live.begun),
        "status": "lost" if is_lost else "running",
        "started_at": started,
        "ended_at": "",
        "duration_s": round(max(0.0, until - since), 6),
        "parameters": _scalars(live.parameters),
        "metrics": live.summaries.documents(),
        "tags": dict(live.tags),
        "progress": live.progress,
        "error": {},
        **_used(live.datasets),
        **_further(live.notes, resumes),
    }
    return cast("RunDocument", document)


def _between(started: str, ended: str) -> float:
    if not started or not ended:
        return 0.0
    seconds = (clock.from_text(ended) - clock.from_text(started)).total_seconds()
    return max(0.0, seconds)
