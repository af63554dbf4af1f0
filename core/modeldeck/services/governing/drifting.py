"""Drift of what an endpoint serves, as the newest report beside its logs says.

A report is ``endpoints/<environment>/<model>/drift/*.json``: one object ``{"at": time, "version":
"churn@6", "n_rows": rows looked at, "moves": [MoveDocument, …], "rule": sentence}``. Its moves are
those that comparing two versions of a dataset gives
(:class:`modeldeck.domain.datasets.documents.MoveDocument`); here the side before is the version's
training data, the side after what it was asked. The newest is the one with the latest ``at``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from modeldeck.domain.datasets.documents import MoveDocument
from modeldeck.domain.reading.reviews import DriftDocument
from modeldeck.errors import ModelDeckError
from modeldeck.services.base import manifests
from modeldeck.store import files, places

MAX_REPORT = 4 << 20
_MOST_REPORTS = 1000
_TEXTS = ("column", "statistic", "why")
_NUMBERS = ("value", "n_before", "n_after")
_MAYBE = ("p", "q", "psi")


def newest(root: Path, endpoint: str) -> DriftDocument:
    """Return the newest drift report about an endpoint, written ``churn@production``.

    One that cannot be read, or is none, says so in ``why``: it never counts as *no drift*.
    """
    model, _at, environment = endpoint.partition("@")
    folder = places.endpoint_folder(root, environment, model=model) / "drift"
    try:
        paths = sorted(folder.glob("*.json"))[-_MOST_REPORTS:]
    except OSError:
        paths = []
    if not paths:
        return _none("not measured: no report of it is kept")
    found = [_read(path) for path in paths]
    return max(found, key=lambda one: one["at"])


def _none(why: str) -> DriftDocument:
    return DriftDocument(at="", version="", n_rows=None, moves=[], rule="", why=why)


def _read(path: Path) -> DriftDocument:
    try:
        value = manifests.read_json(files.read_bytes(path, MAX_REPORT))
    except (ModelDeckError, ValueError):
        return _none(f"{path.name} cannot be read")
    known: Mapping[str, object] = value if isinstance(value, dict) else {}
    moves, at, n_rows = known.get("moves"), known.get("at"), known.get("n_rows")
    if not isinstance(moves, list) or not isinstance(at, str) or not all(map(_is_move, moves)):
        return _none(f"{path.name} is no drift report")
    return DriftDocument(
        at=at,
        version=str(known.get("version", "")),
        n_rows=n_rows if type(n_rows) is int else None,
        moves=[cast("MoveDocument", one) for one in moves],
        rule=str(known.get("rule", "")),
        why="",
    )


def _is_move(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    moved = value.get("moved")
    return (
        all(isinstance(value.get(name), str) for name in _TEXTS)
        and all(_is_number(value.get(name)) for name in _NUMBERS)
        and all(value.get(name) is None or _is_number(value[name]) for name in _MAYBE)
        and (moved is None or isinstance(moved, bool))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
