r"""Runs on disk: what their folders hold, and reading them while they are written.

::

    runs/<yyyy-mm>/<run-id>/
      run.json       once, at the start
      metrics.jsonl  a stream of records (below)
      output.log     what the run printed
      heartbeat      touched every 10 seconds while the run lives
      artifacts/     files that the run keeps
      end.json       once, at the end: run.json again, with what came later

``run.json`` is one object: ``v`` (1), ``id``, ``experiment``, ``name``, ``kind``, ``parent`` (a
run's id or ""), ``user``, ``host``, ``pid``, ``argv``, ``python``, ``started_at``, ``parameters``
(flat), ``tags``, ``definitions`` (of metrics: ``goal`` max or min, ``unit``), ``code`` (``commit``,
``branch``), ``packages`` (versions), ``seed``. A record of ``metrics.jsonl`` has ``at`` (Unix
seconds) and either ``step`` and ``metrics``, or ``parameters``, or ``tags``, or ``progress``, or
``datasets`` (a list of ``name`` and ``digest``, which ``end.json`` has in one list too).
``end.json`` adds ``status`` (finished, failed, cancelled), ``ended_at``, ``exit_code``, ``error``
and ``metrics`` with the ``last``, ``min``, ``max``, ``best`` and ``step`` of each, so that a run
that has ended is one file to read; ``n_unwritten``, if the disk was full, counts the records and
pieces of output that found no room. Numbers that JSON lacks are "NaN", "Infinity" and "-Infinity";
integers lie within ±(2^53−1), and one that no float can hold is read as if it were not there.

A run without ``end.json`` runs, or is *lost*: no change of its heartbeat was seen for a minute; at
first sight, none for ten minutes (clocks of two computers may differ that much). Lost is never
stored: a run that goes on is running again.
"""

from __future__ import annotations

import itertools
import json
import math
import operator
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import orjson

from modeldeck import clock, ids
from modeldeck.domain.documents import (
    DatasetUse,
    ErrorDocument,
    MetricSummary,
    ProgressDocument,
    RunDocument,
)
from modeldeck.domain.entry import is_digest
from modeldeck.domain.metrics import goal_of
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.store import files
from modeldeck.store.streams import StreamReader

LOST_AFTER_S = 60.0
LOST_AT_FIRST_SIGHT_S = 600.0
MAX_DOCUMENT = 8 << 20
MAX_INTEGER = 2**53 - 1  # RFC 8259, section 6: what every reader of JSON takes for the same number
_MAX_DIGITS = 308  # an integer of so many digits, sign included, is one that a float can hold
_SETTLED_NS = 2_000_000_000  # a folder's time of change is coarse: trust it when it is this old
_FIGURES = ("last", "min", "max", "best")
_ALIVE = ("heartbeat", "metrics.jsonl", "run.json")
_ENDED = ("finished", "failed", "cancelled")

Record = dict[str, object]


class Summaries:
    """The last, least, greatest and best value of each metric, as they are logged."""

    def __init__(self, definitions: Mapping[str, object]) -> None:
        self.definitions = definitions
        self.values: dict[str, list[float]] = {}
        self.steps: dict[str, int] = {}

    def add(self, values: Mapping[str, object], step: int) -> None:
        """Take one record; NaN counts as the last value only."""
        for name, given in values.items():
            if given is None:
                continue
            value = files.number(given)
            known = self.values.setdefault(name, [math.nan, math.nan, math.nan])
            known[0] = value
            self.steps[name] = step
            if not math.isnan(value):
                known[1] = value if not known[1] <= value else known[1]
                known[2] = value if not known[2] >= value else known[2]

    def documents(self) -> dict[str, MetricSummary]:
        """Return the summaries by metric."""
        found = {}
        for name, (last, least, most) in self.values.items():
            best = most if goal_of(name, self.definitions) == "max" else least
            shown = {"last": last, "min": least, "max": most, "best": best}
            whole = {**cast("dict[str, float]", files.finite(shown)), "step": self.steps[name]}
            found[name] = cast("MetricSummary", whole)
        return found


def parse_record(line: bytes) -> Record | None:
    """Return a record of ``metrics.jsonl``; None for a torn or foreign line."""
    try:
        value = _loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _loads(text: bytes) -> object:
    """Read JSON, also where a library wrote NaN; an integer that no float holds becomes None."""
    try:
        return cast("object", orjson.loads(text))
    except orjson.JSONDecodeError:
        return cast("object", _CAREFUL.decode(text.decode(errors="surrogatepass")))


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


_CAREFUL = json.JSONDecoder(parse_int=_integer)


@dataclass
class LiveRun:
    """A run that has not ended, read as far as it was written."""

    folder: Path
    begun: Mapping[str, object]
    reader: StreamReader
    summaries: Summaries
    parameters: dict[str, object] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    progress: ProgressDocument = field(default_factory=ProgressDocument)
    datasets: list[object] = field(default_factory=list)
    seen: tuple[float, ...] = ()
    seen_at: float = 0.0
    last_at: float = 0.0

    def update(self) -> None:
        """Read what is new."""
        for line in self.reader.read():
            record = parse_record(line)
            if record is not None:
                self._take(record)

    def _take(self, record: Record) -> None:
        at = record.get("at")
        if isinstance(at, int | float) and math.isfinite(at):
            self.last_at = max(self.last_at, float(at))
        metrics, step = record.get("metrics"), record.get("step")
        if isinstance(metrics, dict):
            self.summaries.add(metrics, _whole(step))
        for key, kept in (("parameters", self.parameters), ("tags", self.tags)):
            later = record.get(key)
            if isinstance(later, dict):
                cast("dict[str, object]", kept).update(later)
        progress = record.get("progress")
        if isinstance(progress, dict):
            self.progress = _progress(progress)
        used = record.get("datasets")
        if isinstance(used, list):
            self.datasets += used

    def is_lost(self, now: float, monotonic: float) -> bool:
        """Say whether the run has stopped without a word.

        What counts is that a file changed, not when its time says: clocks jump.
        """
        seen = tuple(_changed(self.folder / name) for name in _ALIVE)
        if seen != self.seen:
            is_first = not self.seen
            self.seen, self.seen_at = seen, monotonic
            if is_first and now - max(seen) > LOST_AT_FIRST_SIGHT_S:
                self.seen_at = -math.inf
        return monotonic - self.seen_at > LOST_AFTER_S


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _progress(value: Mapping[str, object]) -> ProgressDocument:
    text = str(value.get("text", ""))
    return ProgressDocument(
        done=_whole(value.get("done")), total=_whole(value.get("total")), text=text
    )


def _whole(value: object) -> int:
    """Return a whole number that every reader of JSON can hold; 0 for anything else."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER
    return cast("int", value) if is_whole else 0


class RunStore:
    """The runs of one workspace.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    now, monotonic : callable
        Unix time, and a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        root: Path,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder_of_all = root / "runs"
        self._now, self._monotonic = now, monotonic
        self._months: dict[str, tuple[int, list[str]]] = {}
        self._ended: dict[str, RunDocument] = {}
        self._live: dict[str, LiveRun] = {}
        self._listed: list[list[str]] = []
        self._ids: list[str] = []
        self._there: list[str] = []
        self._open: dict[str, int] = {}
        self._slots: list[RunDocument | None] = []
        self._shown: list[RunDocument] = []

    def ids(self) -> list[str]:
        """Return the ids of all runs, oldest first; the same list while nothing changed."""
        months = [self._in_month(month) for month in _names(self.folder_of_all)]
        same = len(months) == len(self._listed) and all(map(operator.is_, months, self._listed))
        if not same:
            self._listed = months
            self._ids = sorted(itertools.chain.from_iterable(months))
        return self._ids

    def _in_month(self, month: str) -> list[str]:
        folder = self.folder_of_all / month
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            return []
        known = self._months.get(month)
        if known is not None and known[0] == changed:
            return known[1]
        found = [name for name in _names(folder) if ids.is_id(name) and ids.month_of(name) == month]
        if known is not None and known[1] == found:
            found = known[1]  # so that nothing has to be built anew
        is_settled = self._now() * 1e9 - changed > _SETTLED_NS
        self._months[month] = (changed if is_settled else 0, found)
        return found

    def folder(self, run_id: str) -> Path:
        """Return the folder of a run, whether it is there or not.

        Raises
        ------
        NotFoundError
            That is no id of a run.
        """
        if not ids.is_id(run_id):
            msg = f"There is no run {run_id[:80]!r}."
            raise NotFoundError(msg, "`modeldeck run list` shows those there are.")
        return self.folder_of_all / ids.month_of(run_id) / run_id

    def document(self, run_id: str) -> RunDocument:
        """Return one run.

        Raises
        ------
        NotFoundError
            It is not there, or was only just being made.
        """
        found = self._read(run_id)
        if found is None:
            msg = f"There is no run {ids.short(run_id)!r}."
            raise NotFoundError(msg, "`modeldeck run list` shows those there are.")
        return found

    def documents(self) -> list[RunDocument]:
        """Return all runs, newest first; those that have ended are read once.

        The list may not be changed; it is the same one as long as nothing happened to any run.
        """
        there = self.ids()
        if there is not self._there:
            self._there = there
            for gone in self._ended.keys() - set(there):
                del self._ended[gone]
            self._slots = [self._ended.get(run_id) for run_id in reversed(there)]
            newest = len(there) - 1
            self._open = {
                run_id: newest - at for at, run_id in enumerate(there) if run_id not in self._ended
            }
            self._shown = [one for one in self._slots if one is not None]
        if self._open:
            self._slots = list(self._slots)
            for run_id, at in list(self._open.items()):
                self._slots[at] = self._read(run_id)
                if run_id in self._ended:
                    del self._open[run_id]
            self._shown = [one for one in self._slots if one is not None]
        return self._shown

    def know(self, ended: Iterable[RunDocument]) -> None:
        """Take runs that have ended from what was kept, so that they are not read again."""
        self._ended = {one["id"]: one for one in ended}
        self._there = []

    def not_ended(self) -> list[str]:
        """Return the ids of the runs that had not ended when all were read last."""
        return list(self._open)

    def ended(self) -> list[RunDocument]:
        """Return the runs that have ended, as far as they were read."""
        return list(self._ended.values())

    def metrics(self, run_id: str) -> list[Record]:
        """Return the records with metrics, in the order in which they were logged."""
        lines = StreamReader(self.folder(run_id) / "metrics.jsonl").read()
        records = (parse_record(line) for line in lines)
        return [one for one in records if one is not None and isinstance(one.get("metrics"), dict)]

    def about(self, run_id: str) -> dict[str, object]:
        """Return what the files of a run's folder say, by the files' names without ending."""
        folder = self.folder(run_id)
        names = ("run", "end", "environment")
        found = {name: _object(folder / f"{name}.json") for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def _read(self, run_id: str) -> RunDocument | None:
        folder = self.folder(run_id)
        ended = _object(folder / "end.json")
        if ended is not None and ended.get("status") in _ENDED:
            self._live.pop(run_id, None)
            self._ended[run_id] = _ended_document(run_id, ended)
            return self._ended[run_id]
        live = self._live.get(run_id) or self._begun(run_id, folder)
        if live is None:
            return None
        live.update()
        is_lost = live.is_lost(self._now(), self._monotonic())
        return _live_document(run_id, live, now=self._now(), is_lost=is_lost)

    def _begun(self, run_id: str, folder: Path) -> LiveRun | None:
        begun = _object(folder / "run.json")
        if begun is None:
            return None
        reader = StreamReader(folder / "metrics.jsonl")
        live = LiveRun(folder, begun, reader, Summaries(_mapping(begun.get("definitions"))))
        live.parameters = dict(_mapping(begun.get("parameters")))
        live.tags = _texts(begun.get("tags"))
        self._live[run_id] = live
        return live


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 -- names only, for 10,000 runs
    except OSError:
        return []


def _object(path: Path) -> Mapping[str, object] | None:
    """Return the object that a JSON file holds; None when there is none that can be read."""
    try:
        value = _loads(files.read_bytes(path, MAX_DOCUMENT))
    except (ModelDeckError, OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> dict[str, str]:
    return {key: str(one) for key, one in _mapping(value).items()}


def _scalars(value: Mapping[str, object]) -> dict[str, object]:
    plain = str | int | float | bool | None
    return {key: one if isinstance(one, plain) else json.dumps(one) for key, one in value.items()}


def _instant(value: object) -> str:
    return value if isinstance(value, str) and clock.is_instant(value) else ""


def _summaries(value: object) -> dict[str, MetricSummary]:
    found = {}
    for name, one in _mapping(value).items():
        if isinstance(one, dict) and {*_FIGURES, "step"} <= one.keys():
            whole = {key: _figure(one[key]) for key in _FIGURES} | {"step": _whole(one["step"])}
            found[name] = cast("MetricSummary", whole)
    return found


def _figure(value: object) -> object:
    if type(value) is float:
        return value
    try:
        return files.finite(files.number(value))
    except OverflowError:
        return "NaN"


def _error(value: object) -> ErrorDocument:
    found = _mapping(value)
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
        known = _mapping(one)
        name, digest = known.get("name"), known.get("digest")
        if isinstance(name, str) and is_digest(digest):
            found[f"{name} {digest}"] = DatasetUse(name=name, digest=str(digest))
    return {"datasets": list(found.values())} if found else {}


def _base(run_id: str, begun: Mapping[str, object]) -> dict[str, str]:
    keys = ("experiment", "name", "kind", "parent", "user", "host")
    return {"id": run_id} | {key: str(begun.get(key, "")) for key in keys}


def _ended_document(run_id: str, ended: Mapping[str, object]) -> RunDocument:
    started, until = _instant(ended.get("started_at")), _instant(ended.get("ended_at"))
    whole = {
        **_base(run_id, ended),
        "status": ended["status"],
        "started_at": started,
        "ended_at": until,
        "duration_s": _between(started, until),
        "parameters": _scalars(_mapping(ended.get("parameters"))),
        "metrics": _summaries(ended.get("metrics")),
        "tags": _texts(ended.get("tags")),
        "progress": ProgressDocument(),
        "error": _error(ended.get("error")),
        **_used(ended.get("datasets")),
    }
    return cast("RunDocument", whole)


def _live_document(run_id: str, live: LiveRun, *, now: float, is_lost: bool) -> RunDocument:
    started = _instant(live.begun.get("started_at"))
    since = clock.from_text(started).timestamp() if started else now
    until = live.last_at if is_lost else now
    whole = {
        **_base(run_id, live.begun),
        "status": "lost" if is_lost else "running",
        "started_at": started,
        "ended_at": "",
        "duration_s": round(max(0.0, until - since), 6),
        "parameters": _scalars(live.parameters),
        "metrics": live.summaries.documents(),
        "tags": dict(live.tags),
        "progress": live.progress,
        "error": ErrorDocument(),
        **_used(live.datasets),
    }
    return cast("RunDocument", whole)


def _between(started: str, ended: str) -> float:
    if not started or not ended:
        return 0.0
    seconds = (clock.from_text(ended) - clock.from_text(started)).total_seconds()
    return max(0.0, seconds)
