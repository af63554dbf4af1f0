"""What a run's folder says beyond its document, read without following links."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from modeldeck import clock
from modeldeck.domain.documents import PointDocument, RunDocument
from modeldeck.domain.reading.comparing import Facts
from modeldeck.errors import ModelDeckError
from modeldeck.store import files
from modeldeck.store.records import parse_record
from modeldeck.store.runs import RunStore
from modeldeck.store.streams import StreamReader

MAX_DIFF = 8 << 20
MAX_DATASET = 4 << 20
DIFF = "code.diff"
SYSTEM = "system.jsonl"
_WORDS = ("NaN", "Infinity", "-Infinity")
_DATASET = ("artifacts", "model", "dataset.json")


def facts_of(store: RunStore, run: RunDocument) -> Facts:
    """Return what is known of a run; what is missing or damaged is left out."""
    about = store.about(run["id"])
    folder = store.folder(run["id"])
    return Facts(
        run=run,
        told={**_mapping(about.get("run")), **_mapping(about.get("end"))},
        environment=_mapping(about.get("environment")),
        dataset=_object(folder.joinpath(*_DATASET)),
        diff=_diff(folder / DIFF),
    )


def _diff(path: Path) -> str | None:
    try:
        return files.read_bytes(path, MAX_DIFF).decode(errors="replace")
    except ModelDeckError:
        return None


def _object(path: Path) -> Mapping[str, object]:
    try:
        found = parse_record(files.read_bytes(path, MAX_DATASET))
    except ModelDeckError:
        return {}
    return found or {}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def system(folder: Path) -> dict[str, dict[str, float]]:
    """Return the last, mean and greatest value of each measurement in ``system.jsonl``.

    Parameters
    ----------
    folder : Path
        The run's. A record of the stream is an object; its numbers count, also those of objects
        inside it, as ``gpu.memory``.
    """
    sums: dict[str, list[float]] = {}
    for line in StreamReader(folder / SYSTEM).read():
        record = parse_record(line)
        for name, value in _numbers(record or {}, ""):
            known = sums.setdefault(name, [value, 0.0, 0.0, value])
            known[0], known[1], known[2] = value, known[1] + value, known[2] + 1
            known[3] = max(known[3], value)
    return {
        name: {"last": last, "mean": total / n, "max": most}
        for name, (last, total, n, most) in sums.items()
    }


def _numbers(record: Mapping[str, object], path: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in record.items():
        whole = f"{path}.{name}" if path else name
        if isinstance(value, Mapping) and path.count(".") < 3:
            found += _numbers(value, whole)
        elif isinstance(value, int | float) and not isinstance(value, bool) and whole != "at":
            found.append((whole, float(value)))
    return found


def values(record: Mapping[str, object]) -> list[tuple[str, float | int | str]]:
    """Return the metrics of a record of ``metrics.jsonl``; what is no number is left out."""
    found = record.get("metrics")
    return [
        (str(name), cast("float | int | str", files.finite(value)))
        for name, value in (found.items() if isinstance(found, dict) else ())
        if (isinstance(value, int | float) and not isinstance(value, bool)) or value in _WORDS
    ]


def point(
    name: str, value: float | str, *, record: Mapping[str, object], number: int
) -> PointDocument:
    """Return one value with its step and time; a record without step stands at its number."""
    step, at = record.get("step"), record.get("at")
    return PointDocument(
        metric=name,
        step=step if isinstance(step, int) else number,
        at=_moment(at) if isinstance(at, int | float) else "",
        value=value,
    )


def _moment(at: float) -> str:
    try:
        return clock.to_text(datetime.fromtimestamp(at, UTC))
    except (OverflowError, ValueError, OSError):
        return ""
