r"""Runs on disk: what their folders hold, and reading them while they are written.

::

    runs/<yyyy-mm>/<run-id>/
      run.json       once, at the start
      metrics.jsonl  a stream of records (below)
      output.log     what the run printed
      system.jsonl   a stream of samples of the machine, one every 10 seconds
      code.diff      what differed from the commit when the run started
      heartbeat      touched every 10 seconds while the run lives
      artifacts/     files that the run keeps
      end.json       once, at the end: run.json again, with what came later
      resume-1.json  once, when the run was continued: who, where, when, with what code
    runs/<yyyy-mm>/<run-id>.resumed-1  empty; tells readers of the month so

``run.json`` is one object: ``v`` (1), ``id``, ``experiment``, ``name``, ``kind``, ``parent`` (a
run's id or ""), ``user``, ``host``, ``pid``, ``argv``, ``python``, ``started_at``, ``parameters``
(flat), ``tags``, ``definitions`` (of metrics: ``goal`` max or min, ``unit``), ``code`` (``commit``,
``branch``), ``packages`` (versions), ``seed``. A record of ``metrics.jsonl`` has ``at`` (Unix
seconds) and either ``step`` and ``metrics``, or ``parameters``, or ``tags``, or ``progress``, or
``datasets`` (a list of ``name`` and ``digest``, which ``end.json`` has in one list too).
``definitions``, or ``note`` (a text), or, from a program inside ``modeldeck exec``, ``named`` (the
``experiment`` and ``name`` that it chose) and ``end`` (what it said about its own end).
``end.json`` adds ``status`` (finished, failed, cancelled), ``ended_at``, ``exit_code``, ``error``
and ``metrics`` with the ``last``, ``min``, ``max``, ``best`` and ``step`` of each, so that a run
that has ended is one file to read; ``n_unwritten``, if the disk was full, counts the records and
pieces of output that found no room; ``notes`` are the texts in their order. Numbers that JSON lacks
are "NaN", "Infinity" and "-Infinity"; integers lie within ±(2^53−1), and one that no float can hold
is read as if it were not there.

A run without ``end.json`` runs, or is *lost*: no change of its heartbeat was seen for a minute; at
first sight, none for ten minutes (clocks of two computers may differ that much). Lost is never
stored: a run that goes on is running again.

A run that has ended, or was lost, may be continued. The *n*-th to do so makes ``resume-<n>.json``,
which only one can, and then the empty file beside the run's folder, which changes the month: so
readers that hold a run for ended look again. ``end.json`` says in ``resumes`` how many there were
before that end; while it says fewer than there are files beside the folder, the run goes on. A
folder that is copied without those files shows the end before, until the next one replaces it.

A sample of ``system.jsonl`` has ``at``; ``cpu_cores`` (how many the run's processes kept busy),
``memory_bytes`` and ``n_processes`` of them; ``host_cpu_share`` (0 to 1) and ``host_memory_bytes``
of the whole machine; and ``gpus``, where there are some: ``index``, ``busy_share``,
``memory_bytes``, ``memory_total_bytes`` of each.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import operator
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from modeldeck import ids
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.store.described import (
    ended_document,
    live_document,
    mapping,
    object_in,
    progress,
    resumes_of,
    texts,
    whole,
)
from modeldeck.store.records import Record, Summaries, parse_record
from modeldeck.store.streams import StreamReader

if TYPE_CHECKING:
    from modeldeck.domain.documents import ProgressDocument, RunDocument

LOST_AFTER_S = 60.0
LOST_AT_FIRST_SIGHT_S = 600.0
_SETTLED_NS = 2_000_000_000  # a folder's time of change is coarse: trust it when it is this old
_ALIVE = ("heartbeat", "metrics.jsonl", "run.json")
_NAMED = ("experiment", "name")
_ENDED = ("finished", "failed", "cancelled")
_RESUMED = re.compile(r"(.{22})\.resumed-([1-9]\d{0,5})", re.ASCII)
Stamp = tuple[int, int]
"""When a folder changed, by its times of modification and of change; zeros: not to be trusted."""


def _no_progress() -> ProgressDocument:
    return {}


@dataclass
class LiveRun:
    """A run that has not ended, read as far as it was written."""

    folder: Path
    begun: Mapping[str, object]
    reader: StreamReader
    summaries: Summaries
    parameters: dict[str, object] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    progress: ProgressDocument = field(default_factory=_no_progress)
    datasets: list[object] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_damaged: int = 0
    end: Mapping[str, object] = field(default_factory=dict)
    seen: tuple[float, ...] = ()
    seen_at: float = 0.0
    last_at: float = 0.0
    last_step: int = -1

    def update(self) -> None:
        """Read what is new, if it can be read now: one run must not hide all the others."""
        with contextlib.suppress(ModelDeckError):
            for line in self.reader.read():
                record = parse_record(line)
                if record is None:
                    self.n_damaged += 1
                else:
                    self._take(record)

    def _take(self, record: Record) -> None:
        at = record.get("at")
        if isinstance(at, int | float) and math.isfinite(at):
            self.last_at = max(self.last_at, float(at))
        metrics, step = record.get("metrics"), record.get("step")
        if isinstance(metrics, dict):
            self.last_step = whole(step)
            self.summaries.add(metrics, self.last_step)
        for key, kept in (("parameters", self.parameters), ("tags", self.tags)):
            later = record.get(key)
            if isinstance(later, dict):
                cast("dict[str, object]", kept).update(later)
        done, note, end = record.get("progress"), record.get("note"), record.get("end")
        if isinstance(done, dict):
            self.progress = progress(done)
        used = record.get("datasets")
        if isinstance(used, list):
            self.datasets += used
        if isinstance(note, str):
            self.notes.append(note)
        self.end = end if isinstance(end, dict) else self.end
        named = texts(record.get("named"))
        if named:
            self.begun = {**self.begun, **{k: named[k] for k in _NAMED if named.get(k)}}
        definitions = record.get("definitions")
        if isinstance(definitions, dict):
            self.summaries.definitions = {**self.summaries.definitions, **definitions}

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


class RunStore:
    """The runs of one workspace.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    folder : Path, optional
        The folder of its months, where that is not ``runs/``.
    now, monotonic : callable
        Unix time, and a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        root: Path,
        *,
        folder: Path | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder_of_all = folder or root / "runs"
        self._now, self._monotonic = now, monotonic
        self._months: dict[str, tuple[Stamp, list[str], dict[str, int]]] = {}
        self._resumed: dict[str, int] = {}
        self._ended: dict[str, RunDocument] = {}
        self._live: dict[str, LiveRun] = {}
        self._listed: list[list[str]] = []
        self._ids: list[str] = []
        self._there: list[str] = []
        self._open: dict[str, int] = {}
        self._slots: list[RunDocument | None] = []
        self._shown: list[RunDocument] = []
        self._ties: list[slice] = []

    def ids(self) -> list[str]:
        """Return the ids of all runs, oldest first; the same list while nothing changed."""
        months = [self._in_month(month) for month in _names(self.folder_of_all)]
        same = len(months) == len(self._listed) and all(map(operator.is_, months, self._listed))
        if not same:
            self._listed = months
            self._ids = sorted(itertools.chain.from_iterable(months))
        resumed = {one: n for _at, _ids, found in self._months.values() for one, n in found.items()}
        if resumed != self._resumed:
            self._resumed = resumed
            self._look_again()
        return self._ids

    def _look_again(self) -> None:
        """Forget the ends of runs that were continued since."""
        outdated = [
            run_id
            for run_id, n in self._resumed.items()
            if run_id in self._ended and self._ended[run_id].get("resumes", 0) < n
        ]
        for run_id in outdated:
            del self._ended[run_id]
        if outdated:
            self._ids = list(self._ids)  # another list: something happened

    def _in_month(self, month: str) -> list[str]:
        folder = self.folder_of_all / month
        try:
            status = folder.stat()
        except OSError:
            return []
        changed = (status.st_mtime_ns, status.st_ctime_ns)
        known = self._months.get(month)
        if known is not None and known[0] == changed:
            return known[1]
        names = _names(folder)
        found = [name for name in names if ids.is_id(name) and ids.month_of(name) == month]
        resumed: dict[str, int] = {}
        for match in filter(None, map(_RESUMED.fullmatch, names)):
            resumed[match[1]] = max(int(match[2]), resumed.get(match[1], 0))
        if known is not None and known[1] == found:
            found = known[1]  # so that nothing has to be built anew
        is_settled = self._now() * 1e9 - max(changed) > _SETTLED_NS
        self._months[month] = (changed if is_settled else (0, 0), found, resumed)
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
            self._ties = _ties(there)
            self._shown = self._in_order()
        if self._open:
            self._slots = list(self._slots)
            for run_id, at in list(self._open.items()):
                self._slots[at] = self._read(run_id)
                if run_id in self._ended:
                    del self._open[run_id]
            self._shown = self._in_order()
        return self._shown

    def _in_order(self) -> list[RunDocument]:
        """Return what is known of the runs, newest first, also of those that one second began."""
        found = list(self._slots)
        for tie in self._ties:
            found[tie] = sorted(found[tie], key=_began, reverse=True)
        return [one for one in found if one is not None]

    def know(self, ended: Mapping[str, RunDocument], months: Mapping[str, object]) -> None:
        """Take what was kept, so that runs that ended, and settled months, are not read again.

        Parameters
        ----------
        ended : Mapping of str to RunDocument
            Runs that have ended, by id.
        months : Mapping
            What :meth:`months` returned then; what is not understood of it is left out.
        """
        self._ended = dict(ended)
        self._there = []
        self._resumed = {}
        by_month: dict[str, list[str]] = {}
        for run_id in self._ended:
            by_month.setdefault(run_id[:6], []).append(run_id)
        for month, kept in months.items():
            if isinstance(kept, list) and len(kept) == 4 and isinstance(kept[2], list):
                found = sorted([*by_month.get(month.replace("-", ""), ()), *kept[2]])
                self._months[month] = ((kept[0], kept[1]), found, dict(kept[3]))

    def months(self) -> dict[str, object]:
        """Return of each settled month what its folder held, as JSON keeps it.

        It is when the folder changed, the runs in it that have not ended, and how often runs were
        continued: ``{"2026-11": [modified_ns, changed_ns, [id, …], {id: n, …}], …}``.
        """
        return {
            month: [*stamp, [one for one in found if one not in self._ended], resumed]
            for month, (stamp, found, resumed) in self._months.items()
            if stamp != (0, 0)
        }

    def not_ended(self) -> list[str]:
        """Return the ids of the runs that had not ended when all were read last."""
        return list(self._open)

    def ended(self) -> list[RunDocument]:
        """Return the runs that have ended, as far as they were read."""
        return list(self._ended.values())

    def metrics(self, run_id: str) -> list[Record]:
        """Return the records with metrics, in the order in which they were logged.

        Raises
        ------
        NotFoundError, NotPermittedError, UnavailableError
            That is no id of a run; its metrics cannot be read, or not just now.
        """
        lines = StreamReader(self.folder(run_id) / "metrics.jsonl").read()
        records = (parse_record(line) for line in lines)
        return [one for one in records if one is not None and isinstance(one.get("metrics"), dict)]

    def read(self, run_id: str, name: str) -> Mapping[str, object]:
        """Return the object in a JSON file of a run's folder; empty if there is none."""
        return document_in(self.folder(run_id), name) or {}

    def end(self, run_id: str) -> Mapping[str, object]:
        """Return what ``end.json`` says; empty if there is none."""
        return self.read(run_id, "end.json")

    def system(self, run_id: str) -> list[Record]:
        """Return the samples of the machine, in the order in which they were taken."""
        lines = StreamReader(self.folder(run_id) / "system.jsonl").read()
        return [one for one in map(parse_record, lines) if one is not None and "at" in one]

    def about(self, run_id: str) -> dict[str, object]:
        """Return what the files of a run's folder say, by the files' names without ending."""
        folder = self.folder(run_id)
        names = ("run", "end", "environment")
        found = {name: object_in(folder / f"{name}.json") for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def _read(self, run_id: str) -> RunDocument | None:
        folder = self.folder(run_id)
        ended = object_in(folder / "end.json")
        is_ended = ended is not None and ended.get("status") in _ENDED
        if ended is not None and is_ended and resumes_of(ended) >= self._resumed.get(run_id, 0):
            self._live.pop(run_id, None)
            self._ended[run_id] = ended_document(run_id, ended)
            return self._ended[run_id]
        live = self._live.get(run_id) or begun_in(folder)
        if live is None:
            return None
        self._live[run_id] = live
        live.update()
        is_lost = live.is_lost(self._now(), self._monotonic())
        resumes = self._resumed.get(run_id, 0)
        return live_document(live, now=self._now(), is_lost=is_lost, resumes=resumes)


def begun_in(folder: Path) -> LiveRun | None:
    """Return the run of a folder as it began; None without a ``run.json``."""
    begun = object_in(folder / "run.json")
    if begun is None:
        return None
    reader = StreamReader(folder / "metrics.jsonl")
    live = LiveRun(folder, begun, reader, Summaries(mapping(begun.get("definitions"))))
    live.parameters = dict(mapping(begun.get("parameters")))
    live.tags = texts(begun.get("tags"))
    return live


def document_in(folder: Path, name: str) -> Mapping[str, object] | None:
    """Return the object in a JSON file of a run's folder; None where there is none to be read."""
    return object_in(folder / name)


def recall(folder: Path) -> LiveRun | None:
    """Return the run of a folder with everything that it logged; None without a ``run.json``."""
    live = begun_in(folder)
    if live is not None:
        live.update()
    return live


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 -- names only, for 10,000 runs
    except OSError:
        return []


def _ties(there: Sequence[str]) -> list[slice]:
    """Return which runs have the second of their id in common, by their places newest first.

    >>> _ties(["20261126-010203-aaaaaa", "20261126-010204-bbbbbb", "20261126-010204-cccccc"])
    [slice(0, 2, None)]
    """
    seconds = [one[:15] for one in reversed(there)]
    is_same = [*map(operator.eq, seconds, seconds[1:]), False]
    found, at = [], 0
    with contextlib.suppress(ValueError):  # there are no more
        while True:
            begun = is_same.index(True, at)
            at = is_same.index(False, begun)
            found.append(slice(begun, at + 1))
    return found


def _began(run: RunDocument | None) -> str:
    return "" if run is None else run["started_at"]
