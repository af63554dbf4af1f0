"""``run compare``: runs side by side, only what differs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.documents import ComparisonDocument, DifferenceDocument

_WIDEST = 28
_TITLES = {
    "metric": "Metrics",
    "parameter": "Parameters",
    "data": "Data",
    "code": "Code",
    "environment": "Environment",
    "run": "Run",
}


def register(app: typer.Typer) -> None:
    """Add ``compare``."""
    app.command("compare")(compare_runs)


def compare_runs(
    context: typer.Context,
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN …", help="Any unique endings of their ids.")
    ],
    *,
    has_same: Annotated[
        bool, typer.Option("--all", help="Show what is the same in all of them too.")
    ] = False,
) -> None:
    """Compare runs: metrics, parameters, data, code, environment; only what differs."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.reading.compare(runs)
    if session.is_json:
        session.printer.document(found)
        return
    _show(session, found, has_same=has_same)


def _show(session: Session, found: ComparisonDocument, *, has_same: bool) -> None:
    printer = session.printer
    mark = "*" if session.looks.is_ascii else "▲"
    has_any = False
    for kind, title in _TITLES.items():
        different = [one for one in found["different"] if one["kind"] == kind]
        same = [one for one in found["same"] if one["kind"] == kind] if has_same else []
        rows = [_cells(one, found["runs"], mark=mark) for one in different]
        rows += [
            [Cell(one["name"], "dim"), *[Cell(_text(one["value"]), "dim")] * len(found["runs"])]
            for one in same
        ]
        if not rows:
            continue
        if has_any:
            printer.line()
        has_any = True
        for part, names in _parts(session, rows, runs=found["runs"]):
            printer.table([title.upper(), *names], part)
    n_same = len(found["same"])
    if not has_any:
        printer.say(f"Nothing differs: {output.counted(n_same, 'thing')} the same in all of them.")
    elif not has_same and n_same:
        printer.say(f"{output.counted(n_same, 'thing')} the same in all: --all shows them too.")


def _cells(one: DifferenceDocument, runs: Sequence[str], *, mark: str) -> list[str | Cell]:
    name = f"{one['name']} ({one['goal']})" if one["goal"] else one["name"]
    cells: list[str | Cell] = [name]
    for run in runs:
        text = _text(one["values"][run])
        is_best = run in one["best"]
        cells.append(Cell(f"{text} {mark}", "good") if is_best else text)
    return cells


def _text(value: object) -> str:
    return "-" if value is None else output.number(value) or "-"


def _parts(
    session: Session, rows: Sequence[Sequence[str | Cell]], *, runs: Sequence[str]
) -> Iterator[tuple[list[Sequence[str | Cell]], list[str]]]:
    """Return a table in parts of so many runs as the terminal has room for."""
    names = [one[-6:] for one in runs]
    n_runs = len(runs)
    if session.printer.is_terminal:
        widths = [max(_width(row[at]) for row in rows) for at in range(n_runs + 1)]
        widest = max(6, *(min(_WIDEST, one) for one in widths[1:])) + 2
        room = shutil.get_terminal_size().columns - min(_WIDEST, widths[0])
        n_runs = max(1, room // widest)
    for at in range(0, len(runs), n_runs):
        yield [[row[0], *row[1 + at : 1 + at + n_runs]] for row in rows], names[at : at + n_runs]


def _width(cell: str | Cell) -> int:
    return output.cell_width(cell if isinstance(cell, str) else cell.text)
