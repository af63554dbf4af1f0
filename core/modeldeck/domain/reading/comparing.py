"""Comparing runs: what is the same in all of them, and what differs, with the best marked.

What a run is compared by comes in as :class:`Facts`, read from its folder; nothing is read here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modeldeck.domain.documents import (
    ComparisonDocument,
    DifferenceDocument,
    MetricSummary,
    RunDocument,
    SameDocument,
)
from modeldeck.domain.metrics import goal_of, in_order

KINDS = ("metric", "parameter", "data", "code", "environment", "run")
"""The kinds of differences, in their order."""

_OF_RUN = ("experiment", "name", "kind", "status", "user", "duration_s")
_DATA = ("data", "dataset", "datasets", "inputs")
_MOST_ITEMS = 12
_MOST_LEAVES = 5000
_MOST_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one run.

    Attributes
    ----------
    run : RunDocument
        Its document.
    told : Mapping
        What its ``run.json`` and ``end.json`` say, the later one first.
    environment, dataset : Mapping
        Its ``environment.json``, and what its model says of the data that it was trained on.
    diff : str or None
        What was changed since the commit, as a unified diff; None where nothing was kept.
    """

    run: RunDocument
    told: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    dataset: Mapping[str, object] = field(default_factory=dict)
    diff: str | None = None


def compare(runs: Sequence[Facts]) -> ComparisonDocument:
    """Return what runs have in common, and what differs.

    Parameters
    ----------
    runs : sequence of Facts
        The runs, each once.

    Notes
    -----
    A metric is compared by its last value. Its direction is the one that the runs logged it with,
    else the one that its kept best tells, else that of its name; where all runs that have it are
    equal, or none is finite, none is the best.
    """
    same: list[SameDocument] = []
    different: list[DifferenceDocument] = []
    for kind in KINDS:
        table = [_OF[kind](one) for one in runs]
        names = dict.fromkeys(name for one in table for name in one)
        for name in sorted(names) if kind in {"parameter", "environment"} else names:
            values = {one.run["id"]: each.get(name) for one, each in zip(runs, table, strict=True)}
            if len({_text(one) for one in values.values()}) == 1:
                same.append(SameDocument(kind=kind, name=name, value=next(iter(values.values()))))
            else:
                different.append(_difference(kind, name, values=values, runs=runs))
    return ComparisonDocument(runs=[one.run["id"] for one in runs], same=same, different=different)


def _difference(
    kind: str, name: str, *, values: Mapping[str, object], runs: Sequence[Facts]
) -> DifferenceDocument:
    goal = direction(name, runs) if kind == "metric" else ""
    return DifferenceDocument(
        kind=kind, name=name, values=dict(values), goal=goal, best=_best(values, goal)
    )


def _best(values: Mapping[str, object], goal: str) -> list[str]:
    """Return the runs with the best value; none without a direction, or where all are equal."""
    finite = {
        run: one
        for run, one in values.items()
        if isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
    }
    if not goal or len(finite) < 2 or len(set(values.values())) < 2:
        return []
    top = max(finite.values()) if goal == "max" else min(finite.values())
    return [run for run, one in finite.items() if one == top]


def defined(one: Facts) -> list[str]:
    """Return the metrics that a run defined, in its order."""
    known = one.told.get("definitions")
    return [str(name) for name in known] if isinstance(known, Mapping) else []


def direction(name: str, runs: Sequence[Facts]) -> str:
    """Return whether more (max) or less (min) of a metric is better."""
    for one in runs:
        known = one.told.get("definitions")
        if isinstance(known, Mapping) and name in known:
            return goal_of(name, known)
    kept = [one.run["metrics"][name] for one in runs if name in one.run["metrics"]]
    goals = {goal for one in kept if (goal := goal_of_summary(one))}
    return goals.pop() if len(goals) == 1 else goal_of(name, {})


def goal_of_summary(summary: MetricSummary) -> str:
    """Return whether more (max) or less (min) is better, from what was kept as the best."""
    best, low, high = summary["best"], summary["min"], summary["max"]
    if best == high != low:
        return "max"
    return "min" if best == low != high else ""


def _metrics(one: Facts) -> dict[str, object]:
    metrics = one.run["metrics"]
    return {name: metrics[name]["last"] for name in in_order(metrics)}


def _parameters(one: Facts) -> dict[str, object]:
    return dict(one.run["parameters"])


def data(one: Facts) -> dict[str, object]:
    """Return what is known of a run's data, by short names: digests, rows, sources."""
    found: dict[str, object] = {}
    for name in _DATA:
        found |= leaves(one.told.get(name))
    return found or leaves(one.dataset)


def code(one: Facts) -> dict[str, object]:
    """Return the commit, the command line, and the uncommitted changes of each file."""
    found = leaves(one.told.get("code"))
    argv = one.told.get("argv")
    if isinstance(argv, list):
        found["command"] = " ".join(str(each) for each in argv)
    return {**found, **changes(one.diff or "")}


def environment(one: Facts) -> dict[str, object]:
    """Return interpreter, host, and versions of packages."""
    found: dict[str, object] = {"python": one.told.get("python"), "host": one.run["host"]}
    found |= leaves(one.environment)
    packages = one.told.get("packages")
    found |= leaves(packages if isinstance(packages, Mapping) else {}, "packages")
    return {name: value for name, value in found.items() if value not in (None, "")}


def _run(one: Facts) -> dict[str, object]:
    found: dict[str, object] = {name: one.run[name] for name in _OF_RUN}  # type: ignore[literal-required]  # of keys
    found["seed"] = one.told.get("seed")
    found["error"] = one.run["error"].get("message")
    return {name: value for name, value in found.items() if value not in (None, "")}


_OF: Mapping[str, Callable[[Facts], dict[str, object]]] = {
    "metric": _metrics,
    "parameter": _parameters,
    "data": data,
    "code": code,
    "environment": environment,
    "run": _run,
}


def changes(diff: str) -> dict[str, object]:
    r"""Return the uncommitted changes of each file: how many lines, and a digest of them.

    >>> changes("diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n-a\n+b\n")
    {'uncommitted t.py': '+1 -1 (8c9e9320)'}
    """
    files: dict[str, list[str]] = {}
    name = "changes"
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            name = line.rpartition(" b/")[2] or line
        files.setdefault(name, []).append(line)
    return {f"uncommitted {name}": _change(lines) for name, lines in files.items()}


def _change(lines: Sequence[str]) -> str:
    added = sum(one.startswith("+") and not one.startswith("+++ ") for one in lines)
    removed = sum(one.startswith("-") and not one.startswith("--- ") for one in lines)
    whole = "\n".join(lines).encode(errors="backslashreplace")
    return f"+{added} -{removed} ({hashlib.sha256(whole).hexdigest()[:8]})"


def leaves(value: object, path: str = "") -> dict[str, object]:
    """Return the values inside JSON by their paths; in a list by their ``name``, if they have one.

    >>> leaves({"a": {"b": 1}, "c": [1, 2], "d": [{"name": "x", "n": 3}]})
    {'a.b': 1, 'c': '1, 2', 'd.x.n': 3}
    """
    found: dict[str, object] = {}
    for name, one in _walk(value, path, depth=0):
        if len(found) >= _MOST_LEAVES:
            break
        found[name] = one
    return found


def _walk(value: object, path: str, *, depth: int) -> Iterator[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    if depth >= _MOST_DEPTH:
        yield path, _digest(value)
    elif isinstance(value, Mapping):
        pairs = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        pairs = [
            (str(one.get("name", at)), {k: v for k, v in one.items() if k != "name"})
            if isinstance(one, Mapping)
            else (str(at), one)
            for at, one in enumerate(value)
        ]
    elif isinstance(value, list):
        texts = [str(one) for one in value]
        if texts:
            yield path, ", ".join(texts) if len(texts) <= _MOST_ITEMS else _digest(texts)
    elif path and value is not None:
        yield path, value
    for name, one in pairs:
        yield from _walk(one, f"{path}.{name}" if path else name, depth=depth + 1)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str).encode()
    n = f"{len(value)} items, " if isinstance(value, list) else ""
    return f"{n}sha256 {hashlib.sha256(text).hexdigest()[:12]}"


def _text(value: object) -> str:
    """Return what tells two values apart: 1 and 1.0 are the same number, 1 and "1" are not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return json.dumps(value, default=str)
    return repr(float(value)) if abs(value) < 2**53 else repr(value)
