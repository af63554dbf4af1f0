"""What MLflow's two stores hold, read into the same plain values.

Notes
-----
The numbers of run states are those of MLflow's ``RunStatus`` (``service.proto``); the limits are
those of its ``utils/validation.py``: names of parameters, metrics and tags 250 characters, values
of parameters 6,000, of tags 8,000.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, TypedDict

from modeldeck import clock
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.store.records import MAX_INTEGER

STATUSES = {1: "running", 2: "running", 3: "finished", 4: "failed", 5: "cancelled"}
"""MLflow's states of runs: RUNNING, SCHEDULED, FINISHED, FAILED, KILLED."""
MAX_KEY = 250
MAX_PARAMETER = 6000
MAX_TAG = 8000
PARENT = "mlflow.parentRunId"
NAME = "mlflow.runName"
USER = "mlflow.user"
NOTE = "mlflow.note.content"
HOME = "modeldeck.run"
"""The tag that an exported run names its id in ModelDeck by; brought in again it is that run."""
COMMIT = "mlflow.source.git.commit"
BRANCH = "mlflow.source.git.branch"


class Point(NamedTuple):
    """One value of a metric; ``at`` is Unix time in milliseconds."""

    key: str
    at: int
    value: float
    step: int


class Skipped(TypedDict):
    """What was not taken, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class SourceExperiment:
    """An experiment of MLflow."""

    id: str
    name: str
    created_ms: int = 0
    is_deleted: bool = False
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceRun:
    """A run of MLflow; ``place`` is where its files lie below the tree's folder, if they do."""

    id: str
    experiment: str
    name: str = ""
    user: str = ""
    status: int = 1
    started_ms: int = 0
    ended_ms: int = 0
    is_deleted: bool = False
    artifact_uri: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    place: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """Its state in our words; one without an end runs."""
        return STATUSES.get(self.status, "running")


@dataclass(frozen=True)
class SourceModel:
    """A model that MLflow 3 logged: its files lie beside the runs, not in one."""

    id: str
    name: str
    run: str
    uri: str = ""
    place: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceVersion:
    """A version of a registered model."""

    model: str
    number: int
    run: str = ""
    user: str = ""
    source: str = ""
    stage: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """What people call it."""
        return f"{self.model}/{self.number}"


class Source(Protocol):
    """A store of MLflow, opened for reading."""

    kind: str
    tree: Tree
    artifact_roots: list[tuple[str, ...]]
    skipped: list[Skipped]

    def close(self) -> None:
        """Close it."""

    def experiments(self) -> list[SourceExperiment]:
        """Return the experiments, also deleted ones."""

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """Yield the runs of an experiment."""

    def points(self, run: SourceRun) -> list[Point]:
        """Return all values of a run's metrics."""

    def models(self) -> list[SourceModel]:
        """Return the models that MLflow 3 logged beside runs."""

    def versions(self) -> Iterator[SourceVersion]:
        """Yield the versions of registered models."""

    def left(self) -> list[Skipped]:
        """Return what lies there that is never taken, such as traces."""


def text_of(value: object) -> str:
    """Return a text that MLflow stored; empty where it stored none."""
    return "" if value is None else str(value)


def number_of(value: object) -> int:
    """Return a whole number that MLflow stored, also as a text; 0 where it stored none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(str(value)) if value is not None else 0
    except ValueError:
        return 0


def version_of(
    fields: Mapping[str, object],
    name: tuple[str, int],
    *,
    aliases: tuple[str, ...],
    tags: dict[str, str],
) -> SourceVersion:
    """Return a version of a registered model, from MLflow's fields and its model and number."""
    stage = text_of(fields.get("current_stage"))
    return SourceVersion(
        *name,
        run=text_of(fields.get("run_id")),
        user=text_of(fields.get("user_id")),
        source=text_of(fields.get("storage_location")) or text_of(fields.get("source")),
        stage="" if stage == "None" else stage,
        description=text_of(fields.get("description")),
        aliases=aliases,
        tags=tags,
    )


def moment(milliseconds: int) -> str:
    """Return MLflow's time as our documents write it; empty for none.

    Examples
    --------
    >>> moment(1795632649136), moment(0)
    ('2026-11-25T18:50:49.136000Z', '')
    """
    if not 0 < milliseconds < 253_402_300_800_000:  # the year 10,000
        return ""
    seconds, rest = divmod(milliseconds, 1000)
    instant = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
    return clock.to_text(instant)


def milliseconds(instant: str) -> int:
    """Return the time of a document as MLflow counts it; 0 for none."""
    if not clock.is_instant(instant):
        return 0
    found = clock.from_text(instant)
    return int(found.replace(microsecond=0).timestamp()) * 1000 + found.microsecond // 1000


def points_of(key: str, data: bytes) -> tuple[list[Point], int]:
    r"""Read a metric's file; return its values without repetitions, and how many lines were bad.

    A line is ``ms value step``, in old stores ``ms value``, in newer ones ``ms value step dataset
    digest``. What follows the last newline was torn off while it was written.

    Examples
    --------
    >>> points_of("loss", b"5 0.5 1\n5 0.5 1\n6 nan\n7 inf 2 data abc\n8 0.")[1]
    1
    """
    *whole, torn = data.split(b"\n")
    found = [_point(key, line) for line in whole if line.strip()]
    good = [one for one in found if one is not None]
    return unique(good), len(found) - len(good) + bool(torn.strip())


def _point(key: str, line: bytes) -> Point | None:
    words = line.split()
    if len(words) not in {2, 3, 5}:
        return None
    try:
        at, value = int(words[0]), float(words[1])
        step = int(words[2]) if len(words) > 2 else 0
    except ValueError:
        return None
    return Point(key, at, value, step) if is_sound(at, step) else None


def is_sound(at: int, step: int) -> bool:
    """Say whether a time and a step are whole numbers that every reader of JSON holds."""
    return abs(at) <= MAX_INTEGER and abs(step) <= MAX_INTEGER


def unique(points: Iterable[Point]) -> list[Point]:
    """Return values without those that stand there twice, as after ``log_model``."""
    seen: dict[tuple[object, ...], Point] = {}
    for one in points:
        value = "nan" if math.isnan(one.value) else one.value
        seen.setdefault((one.key, one.at, value, one.step), one)
    return list(seen.values())


def latest(points: Sequence[Point]) -> Point:
    """Return the value that MLflow calls a metric's latest: the greatest step, time and value.

    Notes
    -----
    ``FileStore._get_metric_from_file``: ``max(metrics, key=(step, timestamp, value))``.
    """
    return max(points, key=lambda one: (one.step, one.at, one.value))


def parameter(text: str) -> str | int | float | bool:
    """Return a parameter as the value that it is the text of, if writing that gives it again.

    Examples
    --------
    >>> [parameter(one) for one in ("3", "0.1", "True", "1e-3", "007", "nan")]
    [3, 0.1, True, '1e-3', '007', 'nan']
    """
    if text in {"True", "False"}:
        return text == "True"
    if len(text) > 25:
        return text
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if repr(value) == text and math.isfinite(value) and abs(value) <= _most(kind):
            return value
    return text


def _most(kind: type) -> float:
    return MAX_INTEGER if kind is int else math.inf


def parameter_text(value: object) -> str:
    """Return a parameter as MLflow writes it."""
    return value if isinstance(value, str) else repr(value)
