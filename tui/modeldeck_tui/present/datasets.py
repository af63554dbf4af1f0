"""Versions of datasets: all of them, the columns of one, what differs between two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from modeldeck.domain.datasets.documents import (
    CategoriesDocument,
    ColumnChange,
    ColumnDocument,
    DatasetDetail,
    DatasetDiff,
    DatasetDocument,
    MoveDocument,
    NumbersDocument,
    RowsDiff,
    SideDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, counted, moment, number, size
from modeldeck_tui.present.charts import sparkline
from modeldeck_tui.present.rows import Column, Line, Rows, ago, cell, exact
from modeldeck_tui.present.runs import tags

BINS = 16
"""Bars of a small histogram."""

MOVE_TITLES = ("COLUMN", "VERDICT", "STATISTIC", "VALUE", "Q", "PSI", "N", "WHY")
_MOST_TOP = 3
_MOST_LETTERS = 24
_SIGNS = {"added": "+", "removed": "-", "retyped": "~"}


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
        ("contents", f"kept ({found['snapshot']})" if is_kept else "not kept"),
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


# What differs


def side_text(one: SideDocument) -> str:
    """Return one side of a comparison."""
    rows = "" if one["rows"] is None else f"{counted(one['rows'], 'row')}, "
    return f"{one['name']}  {rows}{size(one['size_bytes'])}  {one['digest'][:12]}"


def change_text(one: ColumnChange) -> Cell:
    """Return what happened to a column."""
    kinds = " → ".join(kind for kind in (one["before"], one["after"]) if kind)
    style = {"added": "good", "removed": "bad"}.get(one["change"], "warn")
    return Cell(f"{_SIGNS[one['change']]} {one['name']}  {one['change']}  {kinds}", style)


def rows_text(rows: RowsDiff) -> str:
    """Return how many rows differ, and how they were compared."""
    parts = [f"{rows['added']:,} added", f"{rows['removed']:,} removed"]
    if rows["by"]:
        parts.append(f"{rows['changed']:,} changed")
        return f"{', '.join(parts)} (by {', '.join(rows['by'])})"
    return f"{', '.join(parts)} (whole rows, {counted(len(rows['compared']), 'column')})"


def row_lines(rows: RowsDiff) -> Iterator[Cell]:
    """Return the rows that are shown, each as a line."""
    if rows["changed_columns"]:
        counts = ", ".join(f"{name} {n:,}" for name, n in rows["changed_columns"].items())
        some = (
            f" of the first {rows['n_examined']:,}" if rows["n_examined"] < rows["changed"] else ""
        )
        yield Cell(f"  changed columns{some}: {counts}")
    for one in rows["changed_rows"]:
        changes = "  ".join(
            f"{name}: {_shown(old)} → {_shown(new)}" for name, (old, new) in one["columns"].items()
        )
        yield Cell(f"~ {_pairs(one['key'])}   {changes}", "warn")
    yield from (Cell(f"+ {_pairs(row)}", "good") for row in rows["added_rows"])
    yield from (Cell(f"- {_pairs(row)}", "bad") for row in rows["removed_rows"])


def _pairs(row: Mapping[str, object]) -> str:
    return "  ".join(f"{name}={_shown(value)}" for name, value in row.items())


def _shown(value: object) -> str:
    return "-" if value is None else number(value) if isinstance(value, float) else str(value)


def move_cells(one: MoveDocument) -> list[str | Cell]:
    """Return how far a column moved as cells."""
    verdict = {
        True: Cell("moved", "bad"),
        False: Cell("no", "dim"),
        None: Cell("unknown", "warn"),
    }[one["moved"]]
    return [
        one["column"],
        verdict,
        one["statistic"],
        number(one["value"]),
        "" if one["q"] is None else f"{one['q']:.2g}",
        "" if one["psi"] is None else f"{one['psi']:.3f}",
        f"{one['n_before']:,} / {one['n_after']:,}",
        Cell(_why(one), "dim"),
    ]


def _why(one: MoveDocument) -> str:
    parts = [one["why"]]
    before, after = one["missing_before_share"], one["missing_after_share"]
    if before or after:
        parts.append(f"missing {before:.1%} → {after:.1%}")
    if one["rank_error"]:
        parts.append(f"ranks ± {one['rank_error']:.2%}")
    return "; ".join(parts)


def diff_lines(found: DatasetDiff) -> list[tuple[str, str]]:
    """Return a comparison as lines of clean text with a style."""
    lines: list[tuple[str, str]] = [
        (f"before  {side_text(found['before'])}", ""),
        (f"after   {side_text(found['after'])}", ""),
        ("", ""),
    ]
    if found["is_equal"]:
        lines.append(("Both hold the same bytes.", "good"))
        return _clean(lines)
    lines.append(("Columns", "bold"))
    lines += [change_text(one) for one in found["columns"]] or [("The same names and types.", "")]
    lines += [("", ""), ("Rows", "bold")]
    if found["rows"] is None:
        lines.append((f"Rows were not compared: {found['rows_reason']}.", "warn"))
    else:
        lines += [(rows_text(found["rows"]), ""), *row_lines(found["rows"])]
    lines += [("", ""), ("Distributions", "bold"), *_move_lines(found["moves"]), ("", "")]
    lines.append((found["rule"], "dim"))
    return _clean(lines)


def _clean(lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(clean(text), style) for text, style in lines]


def _move_lines(moves: Sequence[MoveDocument]) -> Iterator[tuple[str, str]]:
    rows = [[one if isinstance(one, Cell) else Cell(one) for one in move_cells(m)] for m in moves]
    titles = [Cell(title) for title in MOVE_TITLES]
    widths = [max(len(row[at].text) for row in [titles, *rows]) for at in range(len(titles))]
    for row in [titles, *rows] if rows else ():
        text = "  ".join(one.text.ljust(width) for one, width in zip(row, widths, strict=True))
        yield text.rstrip(), "dim" if row is titles else row[1].style
