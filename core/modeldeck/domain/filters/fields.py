"""What runs, versions, releases, endpoints and entries can be asked for in the filter language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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
    return f"{' '.join(whole)} {parameters} {tags}".lower()


def _tags(one: Document) -> list[str]:
    tags: Mapping[str, str] = one["tags"]
    return [*tags, *tags.values(), *(f"{name}={value}" for name, value in tags.items())]


def metric(one: Document, name: str) -> object:
    """Return what a run's metric is now: its last value; None without it."""
    found = one["metrics"].get(name)
    return None if found is None else found["last"]


def run_field(name: str) -> Field:
    """Return what reads a metric, parameter or tag by its name, or with ``metrics.`` before it."""
    kind, dot, rest = name.partition(".")
    if dot and kind in {"metrics", "metric"}:
        return lambda one: metric(one, rest)
    if dot and kind in {"params", "parameters", "param"}:
        return lambda one: one["parameters"].get(rest)
    if dot and kind in {"tags", "tag"}:
        return lambda one: one["tags"].get(rest)

    def value(one: Document) -> object:
        found = one["metrics"].get(name)
        if found is not None:
            return found["last"]
        return one["parameters"].get(name, one["tags"].get(name))

    return value


def _has(one: Document) -> list[str]:
    return [*one["metrics"], *one["parameters"], *one["tags"], *(["error"] if one["error"] else [])]


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
    },
    other=run_field,
    people=frozenset({"owner", "user"}),
)
"""Runs: by experiment, name, status, owner, host, tag, what they have, any metric or parameter."""

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
    other=lambda name: lambda one: one["metrics"].get(name, one["parameters"].get(name)),
    people=frozenset({"owner", "by"}),
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
