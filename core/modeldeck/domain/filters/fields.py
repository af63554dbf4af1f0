"""What runs, versions, releases, endpoints and entries can be asked for in the filter language."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from modeldeck.domain.filters import query
from modeldeck.domain.filters.query import Field, Fields

Document = Any
"""One of :mod:`modeldeck.domain.documents`."""


def _text(*names: str) -> Callable[[Document], str]:
    def text(one: Document) -> str:
        return " ".join(str(one[name]) for name in names).lower()

    return text


def _run_text(one: Document) -> str:
    parameters = " ".join(f"{name}={value}" for name, value in one["parameters"].items())
    tags = " ".join(f"{name} {value}" for name, value in one["tags"].items())
    whole = (one["id"], one["experiment"], one["name"], one["status"], one["user"], one["host"])
    notes = " ".join(one["notes"]) if "notes" in one else ""
    return f"{' '.join(whole)} {parameters} {tags} {notes}".lower()


def _tags(one: Document) -> list[str]:
    tags: Mapping[str, str] = one["tags"]
    return [*tags, *tags.values(), *(f"{name}={value}" for name, value in tags.items())]


FIGURES = ("last", "min", "max", "best", "step")
"""What a run keeps of a metric."""


def metric(one: Document, name: str) -> object:
    """Return what a run's metric is now: its last value; None without it."""
    found = one["metrics"].get(name)
    return None if found is None else found["last"]


def _metric_field(name: str) -> Field:
    """Return what reads a metric's last value, or another figure: ``acc``, ``acc.best``."""
    base, _dot, figure = name.rpartition(".")
    if not base or figure not in FIGURES:

        def last(one: Document) -> object:
            found = one["metrics"].get(name)
            return None if found is None else found["last"]

        return last

    def value(one: Document) -> object:
        metrics = one["metrics"]
        found = metrics.get(name)
        if found is not None:
            return found["last"]
        found = metrics.get(base)
        return None if found is None else found[figure]

    return value


def run_field(name: str) -> Field:
    """Return what reads a metric, parameter or tag by its name, or with ``metrics.`` before it."""
    kind, dot, rest = name.partition(".")
    if dot and kind in {"metrics", "metric"}:
        return _metric_field(rest)
    if dot and kind in {"params", "parameters", "param"}:
        return lambda one: one["parameters"].get(rest)
    if dot and kind in {"tags", "tag"}:
        return lambda one: one["tags"].get(rest)
    figure = _metric_field(name)

    def value(one: Document) -> object:
        found = figure(one)
        if found is not None:
            return found
        return one["parameters"].get(name, one["tags"].get(name))

    return value


_PREFIXES = frozenset({"metrics", "metric", "params", "parameters", "param", "tags", "tag"})


def _version_field(name: str) -> Field:
    """Return what reads a version's metric, parameter or tag, as :func:`run_field` does."""
    kind, _dot, rest = name.partition(".")
    if kind in {"metrics", "metric"}:
        return lambda one: one["metrics"].get(rest)
    if kind in {"params", "parameters", "param"}:
        return lambda one: one["parameters"].get(rest)
    if kind in {"tags", "tag"}:
        return lambda one: one["tags"].get(rest)
    return lambda one: one["metrics"].get(name, one["parameters"].get(name))


class RunNames(Collection[str]):
    """The names of the metrics, parameters and tags of some runs; it is empty without runs.

    Whether a name is there is known at the first run that has it: no list of all is made for that.

    >>> run = {"metrics": {"auc": {}}, "parameters": {"lr": 1}, "tags": {}}
    >>> "lr" in RunNames([run]), "auc.best" in RunNames([run]), sorted(RunNames([run]))
    (True, True, ['auc', 'lr'])
    """

    def __init__(self, runs: Sequence[Document]) -> None:
        self._runs = runs

    def __contains__(self, name: object) -> bool:
        base, _dot, figure = str(name).rpartition(".")
        base = base if figure in FIGURES else ""
        for one in self._runs:
            metrics = one["metrics"]
            if name in metrics or name in one["parameters"] or name in one["tags"]:
                return True
            if base and base in metrics:
                return True
        return False

    def __iter__(self) -> Iterator[str]:
        found: set[str] = set()
        for one in self._runs:
            found.update(one["metrics"], one["parameters"], one["tags"])
        return iter(found)

    def __len__(self) -> int:
        return len(self._runs)


def absent(where: str, runs: Sequence[Document]) -> list[tuple[str, str]]:
    """Return the names with a prefix that a filter asks for and no run has, with the nearest.

    >>> run = {"metrics": {"auc": {}}, "parameters": {}, "tags": {}}
    >>> absent("metrics.acu>0.9 metrics.auc>0", [run])
    [('metrics.acu', 'metrics.auc')]
    """
    kinds = {"metrics": "metrics", "params": "parameters", "tags": "tags"}
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys(query.names(where)):
        kind, dot, rest = name.partition(".")
        if not dot or kind not in kinds:
            continue
        known = {each for one in runs for each in one[kinds[kind]]}
        if rest not in known and rest.rpartition(".")[0] not in known:
            likely = query.nearest(rest, known)
            found.append((name, f"{kind}.{likely}" if likely else ""))
    return found


def _shelf(one: Document) -> list[str]:
    return [word for word in ("archived", "deleted") if f"{word}_at" in one]


_MAYBE = ("error", "notes", "datasets", "parent")
"""What a run may have beside metrics, parameters and tags."""


def _has(one: Document) -> list[str]:
    own = [name for name in _MAYBE if one.get(name)]
    return [*one["metrics"], *one["parameters"], *one["tags"], *own]


RUNS = Fields(
    text=_run_text,
    at=lambda one: one["started_at"],
    named={
        "id": lambda one: [one["id"], one["id"].rsplit("-", 1)[-1]],
        "exp": lambda one: one["experiment"],
        "experiment": lambda one: one["experiment"],
        "name": lambda one: one["name"],
        "status": lambda one: one["status"],
        "kind": lambda one: one["kind"],
        "parent": lambda one: one["parent"] or None,
        "owner": lambda one: one["user"],
        "user": lambda one: one["user"],
        "host": lambda one: one["host"],
        "tag": _tags,
        "has": _has,
        "duration": lambda one: one["duration_s"],
        "duration_s": lambda one: one["duration_s"],
        "started": lambda one: one["started_at"],
        "ended": lambda one: one["ended_at"],
        "error": lambda one: one["error"].get("message"),
        "notes": lambda one: one.get("notes", []),
        "is": _shelf,
    },
    other=run_field,
    people=frozenset({"owner", "user"}),
    spans=frozenset({"duration", "duration_s"}),
    times=frozenset({"started", "ended"}),
    prefixes=_PREFIXES,
)
"""Runs: by experiment, name, status, owner, host, tag, what they have, any metric or parameter.

``is:archived`` and ``is:deleted`` are those that lists leave out otherwise.
"""


def shown(runs: Sequence[Document], where: str, *, also: Iterable[str] = ()) -> Sequence[Document]:
    """Return runs without the archived and deleted ones, unless a filter asks for such.

    Parameters
    ----------
    runs : sequence of RunDocument
        Runs; the same sequence is returned when none of them is left out.
    where : str
        The line of the filter language.
    also : iterable of str
        ``archived`` or ``deleted``, to be shown whatever the filter says.
    """
    asked = {*query.asked(where, "is"), *also} if where else set(also)
    hidden = [word for word in ("archived", "deleted") if word not in asked]
    found = runs
    for word in hidden:
        key = f"{word}_at"
        if any(key in one for one in found):
            found = [one for one in found if key not in one]
    return found


VERSIONS = Fields(
    text=_text("id", "registered_by", "run", "environments"),
    at=lambda one: one["registered_at"],
    named={
        "id": lambda one: one["id"],
        "model": lambda one: one["model"],
        "version": lambda one: one["version"],
        "owner": lambda one: one["registered_by"],
        "by": lambda one: one["registered_by"],
        "env": lambda one: list(one["environments"]),
        "status": lambda one: list(one["environments"].values()),
        "size": lambda one: one["size_bytes"],
        "tag": _tags,
        "run": lambda one: one["run"],
    },
    other=_version_field,
    people=frozenset({"owner", "by"}),
    prefixes=_PREFIXES,
)
"""Versions: by model, number, who registered them, environments, tags, any metric or parameter."""

RELEASES = Fields(
    text=_text("id", "version", "environment", "status", "requested_by", "reason"),
    at=lambda one: one["requested_at"],
    named={
        "id": lambda one: one["id"],
        "model": lambda one: one["model"],
        "version": lambda one: one["version"],
        "env": lambda one: one["environment"],
        "status": lambda one: one["status"],
        "by": lambda one: one["requested_by"],
        "lacks": lambda one: one["missing"],
        "voter": lambda one: [vote["by"] for vote in one["approvals"]],
    },
    people=frozenset({"by", "voter"}),
)
"""Releases: by model, version, environment, status, who asked, who voted, what they lack."""

DATASETS = Fields(
    text=_text("id", "added_by", "source", "reason", "digest"),
    at=lambda one: one["added_at"],
    named={
        "id": lambda one: one["id"],
        "name": lambda one: one["name"],
        "version": lambda one: one["version"],
        "by": lambda one: one["added_by"],
        "rows": lambda one: one["rows"],
        "columns": lambda one: one["n_columns"],
        "size": lambda one: one["size_bytes"],
        "format": lambda one: one["formats"],
        "target": lambda one: one["target"] or None,
        "digest": lambda one: one["digest"],
        "tag": _tags,
    },
    people=frozenset({"by"}),
)
"""Versions of datasets: by name, number, who added them, rows, columns, size, format, tags."""

ENDPOINTS = Fields(
    text=_text("id", "version", "status", "release"),
    at=lambda one: one["since"],
    named={
        "id": lambda one: one["id"],
        "model": lambda one: one["model"],
        "env": lambda one: one["environment"],
        "version": lambda one: one["version"],
        "status": lambda one: one["status"],
    },
)
"""Endpoints: by model, environment, version, status."""

ACTIVITY = Fields(
    text=_text("text", "by", "host", "action", "subject", "reason"),
    at=lambda one: one["at"],
    named={
        "n": lambda one: one["n"],
        "who": lambda one: one["by"],
        "by": lambda one: one["by"],
        "host": lambda one: one["host"],
        "action": lambda one: [one["action"], one["action"].partition(".")[2], one["verdict"]],
        "obj": lambda one: [one["subject"], one["subject"].partition(":")[2]],
        "subject": lambda one: one["subject"],
        "level": lambda one: one["level"],
        "is": lambda one: ["void" if one["void"] else "valid"],
    },
    people=frozenset({"who", "by"}),
)
"""Entries: by number, who, host, action, object, level; ``is:void`` those that changed nothing."""
