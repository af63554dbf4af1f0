"""What differs between two versions of a dataset: columns, rows, distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modeldeck.domain.datasets.documents import (
    ColumnChange,
    DatasetDiff,
    MoveDocument,
    RowsDiff,
    SideDocument,
)
from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell, counted, number, size

MOVE_TITLES = ("COLUMN", "VERDICT", "STATISTIC", "VALUE", "Q", "PSI", "N", "WHY")
_SIGNS = {"added": "+", "removed": "-", "retyped": "~"}


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
    lines += [("", ""), ("Distributions", "bold"), *_move_lines(found["moves"])]
    lines.append((found["rule"], "dim"))
    lines += [("", ""), ("Rows", "bold")]
    if found["rows"] is None:
        lines.append((f"Rows were not compared: {found['rows_reason']}.", "warn"))
    else:
        lines += [(rows_text(found["rows"]), ""), *row_lines(found["rows"])]
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
