"""Reads tables in a process of its own, with limits: profiles, and what differs between two.

``python -P -m modeldeck.jobs.dataset --spec FILE`` reads one of ::

    {"do": "profile", "files": [{"path", "name", "format"}, …]}
    {"do": "diff", "before": SIDE, "after": SIDE, "key": […], "limit": n, "has_rows": true}

where a SIDE is ``{"name", "files", "columns"}`` and its columns are a profile, or null to make one.
It prints ``{rows, columns}`` or ``{before_rows, after_rows, columns, rows, moves, rule}``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from modeldeck.domain.datasets.documents import ColumnDocument
from modeldeck.errors import InvalidInputError
from modeldeck.jobs.limits import answered, confine
from modeldeck.ml.datasets import reading
from modeldeck.ml.datasets.profile import profiled
from modeldeck.store import files

MAX_SPEC = 256 << 20
CPU_S = 3_600


def sources(spec: Sequence[Mapping[str, str]]) -> list[reading.Source]:
    """Return the files of a specification."""
    return [reading.Source(Path(one["path"]), one["name"], one["format"]) for one in spec]


def profile(tables: Sequence[reading.Source]) -> tuple[int, list[ColumnDocument]]:
    """Return how many rows a table has, and the profile of each column."""
    surveyed = reading.survey(tables)
    return surveyed.rows, profiled(surveyed, reading.frames(tables, surveyed.types))


def compare(spec: Mapping[str, Any]) -> dict[str, object]:
    """Return what differs between two tables."""
    from modeldeck.ml.datasets import difference, drift  # SciPy takes its time

    known, n_rows, sides = [], [], []
    for one in (spec["before"], spec["after"]):
        tables = sources(one["files"])
        rows, columns = one["n_rows"], one["columns"]
        if columns is None:
            rows, columns = profile(tables)
        types = {column["name"]: column["type"] for column in columns}
        known.append(columns)
        n_rows.append(rows)
        sides.append(difference.Side(one["name"], tuple(tables), types))
    before, after = sides
    rows = None
    if spec["has_rows"] and max(n_rows) <= difference.MAX_ROWS:
        rows = difference.rows(before, after, key=spec["key"], limit=spec["limit"])
    return {
        "before_rows": n_rows[0],
        "after_rows": n_rows[1],
        "columns": difference.columns(before.types, after.types),
        "rows": rows,
        "most_rows": difference.MAX_ROWS,
        "moves": drift.compare(*known),
        "rule": drift.RULE,
    }


def work(path: Path) -> dict[str, object]:
    """Read a specification and do what it says.

    Raises
    ------
    InvalidInputError
        The specification, or a table, is not as expected.
    """
    try:
        spec = json.loads(files.read_bytes(path, MAX_SPEC))
        if spec["do"] == "diff":
            answer = compare(spec)
        else:
            rows, columns = profile(sources(spec["files"]))
            answer = {"rows": rows, "columns": columns}
    except (KeyError, TypeError) as error:
        msg = f"The job's specification is not as expected: {error!r}."
        raise InvalidInputError(msg) from error
    return cast("dict[str, object]", files.finite(answer))


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the work, print the answer, and return the exit code."""
    parser = argparse.ArgumentParser(prog="modeldeck.jobs.dataset")
    parser.add_argument("--spec", type=Path, required=True)
    options = parser.parse_args(arguments)
    confine(CPU_S)
    return answered(lambda: work(options.spec))


if __name__ == "__main__":
    sys.exit(main())
