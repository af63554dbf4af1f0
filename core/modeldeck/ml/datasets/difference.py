"""Which rows of two tables differ: as whole rows, or by key columns.

Rows are compared by 64-bit digests of their values, 8 bytes a row; only the rows that are shown,
and changed ones up to a limit, are held as such. Two different rows out of ten million have the
same digest with a probability of about three in a million.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from modeldeck.domain.datasets.documents import ChangedRow, ColumnChange, RowsDiff
from modeldeck.domain.datasets.formats import NUMBERS
from modeldeck.errors import InvalidInputError
from modeldeck.ml.datasets.reading import Source, frames

MAX_ROWS = 20_000_000
MAX_EXAMINED = 100_000
"""Changed rows whose columns are looked at."""

MOST_TEXT = 200
Digests = np.ndarray[Any, np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class Side:
    """One table: its name in messages, its files, the types of its columns."""

    name: str
    sources: tuple[Source, ...]
    types: Mapping[str, str]


class _Counted(NamedTuple):
    """Digests that only one side has, or has more often: how much more often."""

    digests: Digests
    surplus: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def total(self) -> int:
        return int(self.surplus.sum())


def columns(before: Mapping[str, str], after: Mapping[str, str]) -> list[ColumnChange]:
    """Return which columns were added, removed, or got another type."""
    found = [
        ColumnChange(name=name, change="removed", before=kind, after="")
        for name, kind in before.items()
        if name not in after
    ]
    for name, kind in after.items():
        old = before.get(name)
        if old != kind:
            change = "added" if old is None else "retyped"
            found.append(ColumnChange(name=name, change=change, before=old or "", after=kind))
    return found


def shared(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that both sides have, with a type that holds both."""
    found = {}
    for name in (one for one in before if one in after):
        kinds = {before[name], after[name]}
        is_same = len(kinds) == 1
        found[name] = before[name] if is_same else "float64" if kinds <= NUMBERS else "string"
    return found


def rows(before: Side, after: Side, *, key: Sequence[str], limit: int) -> RowsDiff:
    """Compare the rows of two tables.

    Parameters
    ----------
    before, after : Side
        The tables.
    key : sequence of str
        Columns that name a row; empty compares whole rows, as often as each is there.
    limit : int
        At most so many added, removed and changed rows are shown.

    Raises
    ------
    InvalidInputError
        A key column is not on both sides, or the key names several rows.
    """
    types = shared(before.types, after.types)
    missing = [one for one in key if one not in types]
    if missing:
        msg = f"There is no column {missing[0][:80]!r} on both sides."
        raise InvalidInputError(msg, f"Both have: {', '.join(types)[:200]}.")
    if key:
        return _by_key(before, after, types=types, key=list(key), limit=limit)
    old, new = (_digests(one, types) for one in (before, after))
    added, removed = _surplus(new, old), _surplus(old, new)
    return RowsDiff(
        by=[],
        compared=list(types),
        added=added.total,
        removed=removed.total,
        changed=0,
        changed_columns={},
        n_examined=0,
        added_rows=_plain(_rows_of(after, types, names=list(types), wanted=added, limit=limit)),
        removed_rows=_plain(
            _rows_of(before, types, names=list(types), wanted=removed, limit=limit)
        ),
        changed_rows=[],
    )


def _digests(side: Side, types: Mapping[str, str]) -> Digests:
    parts = [_hashed(frame, list(types)) for frame in frames(side.sources, types)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _hashed(frame: pl.DataFrame, names: Sequence[str]) -> Digests:
    columns = [_canonical(frame[name]) for name in names]
    return pl.DataFrame(columns).hash_rows(seed=1).to_numpy()


def _canonical(column: pl.Series) -> pl.Series:
    """Return a column whose equal values are equal bits: no NaN, no -0.0, nothing nested."""
    if column.dtype.is_float():
        return column.fill_nan(None) + 0.0
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        texts = [None if one is None else str(one) for one in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)
    return column


def _surplus(these: Digests, those: Digests) -> _Counted:
    """Return what these rows have that those have not, or less often."""
    digests, counts = np.unique(these, return_counts=True)
    others, other_counts = np.unique(those, return_counts=True)
    places = np.searchsorted(others, digests)
    inside = np.minimum(places, max(0, others.size - 1))
    known = np.zeros(digests.size, dtype=np.int64)
    if others.size:
        is_there = others[inside] == digests
        known[is_there] = other_counts[inside[is_there]]
    more = np.maximum(0, counts - known)
    return _Counted(digests[more > 0], more[more > 0])


def _rows_of(
    side: Side,
    types: Mapping[str, str],
    *,
    names: Sequence[str],
    wanted: _Counted,
    limit: int,
) -> pl.DataFrame:
    """Return the first rows whose digests are wanted, each as often as it is more."""
    left = wanted.surplus.copy()
    room = min(limit, wanted.total)
    found: list[pl.DataFrame] = []
    for frame in frames(side.sources, types) if room else ():
        digests = _hashed(frame, names)
        places: list[int] = []
        for at in np.flatnonzero(np.isin(digests, wanted.digests)).tolist():
            which = np.searchsorted(wanted.digests, digests[at])
            if room and left[which]:
                left[which] -= 1
                room -= 1
                places.append(at)
        if places:
            found.append(frame[places])
        if not room:
            break
    return pl.concat(found) if found else pl.DataFrame()


def _plain(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Return rows as values that JSON has."""
    return [{name: value(one) for name, one in row.items()} for row in frame.to_dicts()]


def value(one: object) -> object:
    """Return a value that JSON has: long texts cut, what is no plain value as a text."""
    if one is None or isinstance(one, bool | int | float):
        return one
    text = str(one)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


# By key


def _by_key(
    before: Side, after: Side, *, types: Mapping[str, str], key: list[str], limit: int
) -> RowsDiff:
    rest = [name for name in types if name not in key]
    old, new = (_keyed(one, types, key=key, rest=rest) for one in (before, after))
    added = np.setdiff1d(new[0], old[0], assume_unique=True)
    removed = np.setdiff1d(old[0], new[0], assume_unique=True)
    common, at_old, at_new = np.intersect1d(old[0], new[0], assume_unique=True, return_indices=True)
    changed = common[old[1][at_old] != new[1][at_new]]
    counts, shown = _changed(before, after, types=types, key=key, wanted=changed, limit=limit)
    return RowsDiff(
        by=key,
        compared=list(types),
        added=int(added.size),
        removed=int(removed.size),
        changed=int(changed.size),
        changed_columns=counts,
        n_examined=min(int(changed.size), MAX_EXAMINED),
        added_rows=_plain(_rows_of(after, types, names=key, wanted=_once(added), limit=limit)),
        removed_rows=_plain(_rows_of(before, types, names=key, wanted=_once(removed), limit=limit)),
        changed_rows=shown,
    )


def _once(digests: Digests) -> _Counted:
    return _Counted(digests, np.ones(digests.size, dtype=np.int64))


def _keyed(
    side: Side, types: Mapping[str, str], *, key: Sequence[str], rest: Sequence[str]
) -> tuple[Digests, Digests]:
    """Return the digests of keys, ascending, and those of the rest of their rows."""
    keys, others = [], []
    for frame in frames(side.sources, types):
        keys.append(_hashed(frame, key))
        others.append(_hashed(frame, rest) if rest else np.zeros(frame.height, dtype=np.uint64))
    digests = np.concatenate(keys) if keys else np.empty(0, dtype=np.uint64)
    contents = np.concatenate(others) if others else np.empty(0, dtype=np.uint64)
    order = np.argsort(digests, kind="stable")
    digests, contents = digests[order], contents[order]
    twice = digests[:-1][digests[1:] == digests[:-1]] if digests.size else digests
    if twice.size:
        rows = _plain(_rows_of(side, types, names=key, wanted=_once(twice[:1]), limit=1))
        shown = ", ".join(f"{name} = {rows[0][name]}" for name in key) if rows else ""
        msg = f"{', '.join(key)} is no key of {side.name}: several rows have {shown[:200]}."
        raise InvalidInputError(msg, "Name more columns that together name a row, or none.")
    return digests, contents


def _changed(
    before: Side,
    after: Side,
    *,
    types: Mapping[str, str],
    key: Sequence[str],
    wanted: Digests,
    limit: int,
) -> tuple[dict[str, int], list[ChangedRow]]:
    """Count the changed rows of each column, and show the first ones."""
    if not wanted.size:
        return {}, []
    wanted = wanted[:MAX_EXAMINED]
    old, numbers = _chosen(before, types, key=key, wanted=wanted)
    new, _numbers = _chosen(after, types, key=key, wanted=wanted)
    counts: dict[str, int] = {}
    differs: dict[str, Any] = {}
    for name in (one for one in types if one not in key):
        apart = _canonical(old[name]).ne_missing(_canonical(new[name])).to_numpy()
        if apart.any():
            counts[name] = int(apart.sum())
            differs[name] = apart
    shown = [
        ChangedRow(
            key={name: value(old[name][at]) for name in key},
            columns={
                name: [value(old[name][at]), value(new[name][at])]
                for name, apart in differs.items()
                if apart[at]
            },
        )
        for at in np.argsort(numbers)[:limit].tolist()
    ]
    return counts, shown


def _chosen(
    side: Side, types: Mapping[str, str], *, key: Sequence[str], wanted: Digests
) -> tuple[pl.DataFrame, np.ndarray[Any, Any]]:
    """Return the rows of some keys, in the order of their digests, and their numbers."""
    found, digests, numbers = [], [], []
    done = 0
    for frame in frames(side.sources, types):
        keys = _hashed(frame, key)
        chosen = np.isin(keys, wanted)
        if chosen.any():
            found.append(frame.filter(pl.Series(chosen)))
            digests.append(keys[chosen])
            numbers.append(np.flatnonzero(chosen) + done)
        done += frame.height
    order = np.argsort(np.concatenate(digests), kind="stable")
    whole: pl.DataFrame = pl.concat(found)[order.tolist()]
    return whole, np.concatenate(numbers)[order]
