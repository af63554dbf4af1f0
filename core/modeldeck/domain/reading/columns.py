"""What a list of runs shows and is sorted by: columns by name, orders by name.

A column is named as a field of the filter language: ``status``, ``metrics.auc``,
``metrics.auc.best``, ``params.depth``, ``tags.stage``; a metric, parameter or tag also by its name
alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from modeldeck.domain.filters.fields import RunNames, run_field
from modeldeck.domain.filters.query import nearest
from modeldeck.errors import InvalidInputError

if TYPE_CHECKING:
    from modeldeck.domain.documents import RunDocument

ALL = "all"
"""Stands for every column that the runs have."""

MOST_COLUMNS = 2000
_PREFIXES = ("metrics", "params", "tags")
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

T = TypeVar("T")


class RunColumn(NamedTuple):
    """A column: its name, and what reads it from a run; None stands for nothing."""

    name: str
    value: Callable[[RunDocument], object]


def _metrics(run: RunDocument) -> str:
    return "  ".join(f"{name}={one['last']}" for name, one in run["metrics"].items()) or ""


def _tags(run: RunDocument) -> str:
    return " ".join(f"{name}={value}" if value else name for name, value in run["tags"].items())


def _progress(run: RunDocument) -> object:
    known = run["progress"]
    return f"{known.get('done', 0)}/{known.get('total', 0)}" if known else None


OWN: Mapping[str, Callable[[RunDocument], object]] = {
    "id": lambda run: run["id"],
    "status": lambda run: run["status"],
    "experiment": lambda run: run["experiment"],
    "name": lambda run: run["name"],
    "started": lambda run: run["started_at"],
    "ended": lambda run: run["ended_at"],
    "duration": lambda run: run["duration_s"],
    "user": lambda run: run["user"],
    "host": lambda run: run["host"],
    "kind": lambda run: run["kind"],
    "parent": lambda run: run["parent"],
    "progress": _progress,
    "error": lambda run: run["error"].get("message"),
    "archived": lambda run: run.get("archived_at"),
    "deleted": lambda run: run.get("deleted_at"),
    "tags": _tags,
    "metrics": _metrics,
}
"""The columns that every list of runs can have."""

_ALSO = {"took": "duration", "duration_s": "duration", "owner": "user", "exp": "experiment"} | {
    f"{name}_at": name for name in ("started", "ended", "archived", "deleted")
}
_OF_ALL = [one for one in OWN if one not in {"tags", "metrics"}]


def chosen(text: str, runs: Sequence[RunDocument]) -> list[RunColumn]:
    """Return the columns that somebody asks for.

    Parameters
    ----------
    text : str
        Names, separated by commas; ``all`` stands for every column that the runs have.
    runs : sequence of RunDocument
        The runs that are listed: a metric, parameter or tag has to be of one of them, unless there
        are none, or its kind stands before it.

    Raises
    ------
    InvalidInputError
        There is no such column; ``nearest`` is the one that may have been meant.
    """
    names = [one.strip() for one in text.split(",") if one.strip()]
    if not names:
        msg = "No column is named."
        raise InvalidInputError(msg, f"Name some of {', '.join(OWN)}, metrics.NAME, or all.")
    found: dict[str, RunColumn] = {}
    for name in names:
        for one in _every(runs) if name.lower() == ALL else [_column(name, runs)]:
            found.setdefault(one.name, one)
    return list(found.values())[:MOST_COLUMNS]


def _column(name: str, runs: Sequence[RunDocument]) -> RunColumn:
    plain = _ALSO.get(name.lower(), name.lower())
    if plain in OWN:
        return RunColumn(plain, OWN[plain])
    kind, dot, rest = name.partition(".")
    if dot and rest and kind.lower() in _PREFIXES:
        return RunColumn(name, run_field(f"{kind.lower()}.{rest}"))
    known = RunNames(runs)
    if not runs or name in known:
        return RunColumn(name, run_field(name))
    raise _unknown(name, known)


def _every(runs: Sequence[RunDocument]) -> list[RunColumn]:
    """Return every column that some runs have, those that no run has a value in left out."""
    own = [RunColumn(name, OWN[name]) for name in _OF_ALL]
    found = [one for one in own if any(one.value(run) not in (None, "") for run in runs)]
    keys = ("metrics", "parameters", "tags")
    for prefix, key in zip(_PREFIXES, keys, strict=True):
        names = dict.fromkeys(name for run in runs for name in run[key])  # type: ignore[literal-required]  # of keys
        found += [RunColumn(f"{prefix}.{one}", run_field(f"{prefix}.{one}")) for one in names]
    return found or own


def _unknown(name: str, known: Iterable[str]) -> InvalidInputError:
    likely = nearest(name, [*OWN, *_ALSO, *known, *(f"metrics.{one}" for one in known)])
    msg = f"There is no column {name[:80]!r}."
    meant = f"{likely} is the nearest. " if likely else ""
    hint = f"{meant}There are {', '.join(OWN)}, metrics.NAME, params.NAME and tags.NAME."
    return InvalidInputError(msg, hint, nearest=likely)


def ordered(runs: Sequence[RunDocument], by: str) -> list[RunDocument]:
    """Return runs sorted.

    Parameters
    ----------
    runs : sequence of RunDocument
        Runs; where two are equal in all that is asked for, the first one stays before the other.
    by : str
        Names of columns, separated by commas, the first one counts most; ``-`` before one of them
        turns its order round. Runs without a value, and NaN, come last either way.

    Raises
    ------
    InvalidInputError
        There is no such column.
    """
    found = list(runs)
    names = [one.strip() for one in by.split(",") if one.strip()]
    for name in reversed(names):
        try:
            column = _column(name.lstrip("-+"), runs)
        except InvalidInputError as error:
            msg = error.message.replace("no column", "no order by")
            raise InvalidInputError(msg, error.hint, **error.data) from None
        found = in_order(found, column.value, is_down=name.startswith("-"))
    return found


def in_order(documents: Sequence[T], value: Callable[[T], object], *, is_down: bool) -> list[T]:
    """Return documents sorted by a value; those without one, and NaN, come last either way.

    >>> in_order([2, None, 1, float("nan")], lambda one: one, is_down=True)
    [2, 1, None, nan]
    >>> in_order([2.5, "Infinity", "b", "NaN", "-Infinity"], lambda one: one, is_down=False)
    ['-Infinity', 2.5, 'Infinity', 'b', 'NaN']
    """
    numbers: list[tuple[float, T]] = []
    texts: list[tuple[str, T]] = []
    without: list[T] = []
    for one in documents:
        found = value(one)
        if isinstance(found, str):
            found = _NON_FINITE.get(found, found)
        if found is None or found == "" or found != found:  # noqa: PLR0124 -- NaN
            without.append(one)
        elif isinstance(found, int | float):
            numbers.append((found, one))
        else:
            texts.append((str(found), one))
    # Apart, because keys of one plain type compare several times faster than pairs.
    numbers.sort(key=itemgetter(0), reverse=is_down)
    texts.sort(key=itemgetter(0), reverse=is_down)
    ordered = (texts, numbers) if is_down else (numbers, texts)
    return [one for part in ordered for _value, one in part] + without
