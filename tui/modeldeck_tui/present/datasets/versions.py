"""Versions of datasets: all of them, and the columns of one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from modeldeck.domain.datasets.documents import (
    CategoriesDocument,
    ColumnDocument,
    DatasetDetail,
    DatasetDocument,
    NumbersDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, counted, moment, number, size
from modeldeck_tui.present.charts import sparkline
from modeldeck_tui.present.rows import Column, Line, Rows, ago, cell, exact
from modeldeck_tui.present.runs import tags

BINS = 16
"""Bars of a small histogram."""

COLUMN_TITLES = ("COLUMN", "TYPE", "MISSING", "DISTRIBUTION", "VALUES")
_MOST_TOP = 3
_MOST_LETTERS = 24


def newest_first(found: Sequence[DatasetDocument]) -> list[DatasetDocument]:
    """Return versions by dataset, the newest of each first."""
    return sorted(found, key=lambda one: (one["name"], -one["version"]))


def table(found: Sequence[DatasetDocument], now: str) -> Rows:
    """Return versions as rows."""
    columns = [
        Column("VERSION", lambda o: cell(o["id"], "bold"), lambda o: (o["name"], o["version"])),
        Column("ROWS", lambda o: cell(_rows(o)), lambda o: o["rows"], "right"),
        Column("COLUMNS", lambda o: cell(o["n_columns"]), lambda o: o["n_columns"], "right"),
        Column("SIZE", lambda o: cell(size(o["size_bytes"])), lambda o: o["size_bytes"], "right"),
        Column("KEPT", _kept, lambda o: o["snapshot"]),
        Column("BY", lambda o: cell(o["added_by"]), lambda o: o["added_by"]),
        Column("AGE", lambda o: cell(ago(o["added_at"], now), "dim"), lambda o: o["added_at"]),
        Column("SOURCE", lambda o: cell(o["source"], "dim"), lambda o: o["source"]),
        Column("TAGS", lambda o: cell(" ".join(tags(o["tags"])), "dim"), lambda o: tags(o["tags"])),
        Column("REASON", lambda o: cell(o["reason"]), lambda o: o["reason"]),
    ]
    return Rows(columns, found, key=lambda o: f"dataset:{o['id']}", detail=_detail)


def _rows(one: DatasetDocument) -> str:
    return "-" if one["rows"] is None else f"{one['rows']:,}"


def _kept(one: DatasetDocument) -> Cell:
    if one.get("problem"):
        return Cell("✖ damaged", "bad")
    return Cell("no", "dim") if one["snapshot"] == "none" else Cell("yes")


def _detail(one: DatasetDocument) -> str:
    return clean(f"{one['added_by']} added it {exact(one['added_at'])} {one['digest']}")


def name_for(path: str) -> str:
    """Return what a dataset of a file could be called.

    >>> name_for("datasets/Sales 2026.csv.gz")
    'sales-2026'
    """
    stem = path.rstrip("/").rsplit("/", 1)[-1].partition(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-_") or "data"


def in_short(one: DatasetDocument) -> str:
    """Return how much a version holds."""
    rows = "" if one["rows"] is None else f"{counted(one['rows'], 'row')} × "
    return f"{rows}{counted(one['n_columns'], 'column')}  {size(one['size_bytes'])}"


def about(found: DatasetDetail) -> list[tuple[str, str]]:
    """Return what is known of a version, by name."""
    is_kept = found["snapshot"] != "none"
    return [
        ("version", found["id"]),
        ("digest", found["digest"]),
        ("added", f"{moment(found['added_at'])} by {found['added_by']}"),
        ("level", found["level"]),
        ("reason", found["reason"]),
        ("source", found["source"]),
        ("format", ", ".join(found["formats"])),
        ("files", counted(found["n_files"], "file") if found["kind"] == "folder" else ""),
        ("size", size(found["size_bytes"])),
        ("rows", "" if found["rows"] is None else f"{found['rows']:,}"),
        ("target", found["target"]),
        ("key", ", ".join(found["key"])),
        ("contents", "kept" if is_kept else "not kept"),
        ("same as", ", ".join(found["same_as"])),
        ("tags", " ".join(tags(found["tags"]))),
    ]


def about_lines(found: DatasetDetail) -> list[Line]:
    """Return what is known of a version as rows."""
    return [
        Line(name, (cell(name, "dim"), cell(text)), clean(text))
        for name, text in about(found)
        if text
    ]


def files(found: DatasetDetail) -> list[list[str | Cell]]:
    """Return the files of a version as cells."""
    return [[one["name"], size(one["size_bytes"]), one["sha256"][:16]] for one in found["files"]]


def file_lines(found: DatasetDetail) -> list[Line]:
    """Return the files of a version as rows."""
    return [
        Line(
            one["name"],
            (cell(one["name"]), cell(size(one["size_bytes"])), cell(one["sha256"][:16], "dim")),
            clean(f"{one['name']} {one['sha256']}"),
        )
        for one in found["files"]
    ]


def column_cells(one: ColumnDocument, *, rows: int) -> list[str | Cell]:
    """Return a column as cells: name, type, share of missing values, histogram, values."""
    share = one["missing"] / rows if rows else 0.0
    missing = f"{share:.1%}" if one["missing"] else ""
    kind = f"{one['type']}, mixed" if one["mixed"] else one["type"]
    return [
        one["name"],
        Cell(kind, "warn" if one["mixed"] else ""),
        Cell(missing, "warn" if share > 0 else ""),
        histogram(one),
        values_text(one),
    ]


def column_lines(found: DatasetDetail) -> list[Line]:
    """Return the columns of a version as rows."""
    lines = []
    for one in found["columns"]:
        cells = [
            cell(part.text, part.style) if isinstance(part, Cell) else cell(part)
            for part in column_cells(one, rows=found["rows"] or 0)
        ]
        mixed = f"; {one['mixed']:,} numbers stand among texts" if one["mixed"] else ""
        detail = clean(f"{one['name']}: {values_text(one)}{mixed}")
        lines.append(Line(f"column-{one['name']}", tuple(cells), detail))
    return lines


def histogram(one: ColumnDocument) -> str:
    """Return a small histogram of a column; empty where there is none."""
    if "numbers" in one:
        return sparkline(_bars(one["numbers"]), BINS)
    if "categories" in one:
        top = [float(n) for _text, n in one["categories"]["top"][:BINS]]
        return sparkline(top, BINS)
    return ""


def _bars(found: NumbersDocument) -> list[float | None]:
    """Return how many rows lie in bins of equal width between the least and the greatest value."""
    points = [(_float(value), _float(weight)) for value, weight in found["points"]]
    finite = [one for one in points if math.isfinite(one[0]) and math.isfinite(one[1])]
    if not finite:
        return []
    low, high = min(finite)[0], max(finite)[0]
    width = (high - low) / BINS
    if not width or not math.isfinite(width):
        return [sum(weight for _value, weight in finite)]
    bars = [0.0] * BINS
    for value, weight in finite:
        bars[min(BINS - 1, int((value - low) / width))] += weight
    return [one or None for one in bars]


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def values_text(one: ColumnDocument) -> str:
    """Return what a column holds, in short."""
    if "numbers" in one:
        return _numbers_text(one["numbers"])
    if "categories" in one:
        return _categories_text(one["categories"])
    if "times" in one:
        return f"{one['times']['min']} … {one['times']['max']}"
    return ""


def _numbers_text(found: NumbersDocument) -> str:
    if not found["count"]:
        return "no value"
    middle = found["deciles"][4] if len(found["deciles"]) > 4 else None
    parts = {
        "min": found["min"],
        "median": middle,
        "max": found["max"],
        "mean": found["mean"],
        "sd": found["sd"],
    }
    text = "  ".join(f"{name} {number(one)}" for name, one in parts.items() if one is not None)
    return f"{text}  infinite {found['infinite']:,}" if found["infinite"] else text


def _categories_text(found: CategoriesDocument) -> str:
    about = "" if found["unique_is_exact"] else "about "
    top = ", ".join(f"{_cut(str(text))} {count:,}" for text, count in found["top"][:_MOST_TOP])
    return f"{about}{counted(found['unique'], 'value')}: {top}" if top else "no value"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
