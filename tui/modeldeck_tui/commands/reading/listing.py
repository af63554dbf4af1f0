"""``run list``: filtered, sorted, by chosen columns; as a table, CSV or JSON."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

import typer

from modeldeck.domain.metrics import in_order
from modeldeck_tui import output
from modeldeck_tui.clean import clean
from modeldeck_tui.commands.base import WHERE, Session, session_of
from modeldeck_tui.output import Cell
from modeldeck_tui.present.export.sheets import csv_text

if TYPE_CHECKING:
    from modeldeck.domain.documents import MetricSummary, RunDocument
    from modeldeck.domain.reading.columns import RunColumn
    from modeldeck.errors import InvalidInputError

STYLES = {"finished": "good", "running": "bold", "failed": "bad", "lost": "warn"}
_HEADERS = ("ID", "STATUS", "EXPERIMENT", "NAME", "STARTED", "TOOK", "USER", "METRICS")
_AT_ONCE = 1000
_NONE = (
    "There are no runs yet. `modeldeck.start_run` in Python makes one, and so do "
    "`modeldeck exec --experiment NAME -- PROGRAM` and `modeldeck train FILE`."
)
_MOST_METRICS = 4


def register(app: typer.Typer) -> None:
    """Add ``list``."""
    app.command("list")(list_runs)


def list_runs(
    context: typer.Context,
    *,
    experiment: Annotated[str, typer.Option(help="Only of this experiment.")] = "",
    status: Annotated[
        str, typer.Option(help="Only running, finished, failed, cancelled or lost ones.")
    ] = "",
    where: Annotated[str, typer.Option("--filter", "--where", help=WHERE)] = "",
    sort: Annotated[
        str, typer.Option(help="By a column, - before it for the contrary: -metrics.auc, duration.")
    ] = "",
    columns: Annotated[
        str, typer.Option(help="By name, with commas: id,status,metrics.auc,params.lr; or all.")
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 0,
    is_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV (RFC 4180), all columns by default.")
    ] = False,
    is_lines: Annotated[
        bool, typer.Option("--jsonl", help="Print a JSON document a line for each run.")
    ] = False,
    has_archived: Annotated[bool, typer.Option("--archived", help="Archived ones too.")] = False,
    has_deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones too.")] = False,
) -> None:
    """List runs, newest first."""
    session = session_of(context)
    one_format(session, csv=is_csv, jsonl=is_lines)
    given = {"archived": has_archived, "deleted": has_deleted}
    found, chosen = _read(
        session,
        columns or ("all" if is_csv else ""),
        experiment=experiment,
        status=status,
        where=where,
        sort=sort,
        shelf=[word for word, is_wanted in given.items() if is_wanted],
        limit=limit,
    )
    if is_csv:
        _csv(session, found, columns=chosen)
    elif is_lines or session.is_json:
        _json(session, found, columns=chosen, is_lines=is_lines)
    else:
        _table(session, found, columns=chosen, is_narrowed=bool(experiment or status or where))


class _Asked(TypedDict):
    """What :meth:`modeldeck.services.runs.Runs.list` is asked for."""

    experiment: str
    status: str
    where: str
    sort: str
    shelf: Sequence[str]
    limit: int


def _read(
    session: Session, columns: str, **asked: Unpack[_Asked]
) -> tuple[Sequence[RunDocument], Sequence[RunColumn]]:
    """Return runs and the columns to show of them; none for those that lists have anyhow."""
    from modeldeck.domain.reading.columns import chosen
    from modeldeck.errors import InvalidInputError

    gc.disable()  # many documents without cycles, and the process ends soon
    where = asked["where"]
    with session.open() as workspace:
        try:
            found = workspace.runs.list(**asked)
        except InvalidInputError as error:
            point_at(session, where, error=error)
            raise
        if not found and where:
            every = workspace.runs.list(shelf=("archived", "deleted"))
            _say_absent(session, where, runs=every)
    return found, chosen(columns, found) if columns else []


def one_format(session: Session, **asked: bool) -> None:
    """Refuse two formats at once.

    Raises
    ------
    UsageError
        Two are asked for.
    """
    from modeldeck.errors import UsageError

    names = [
        f"--{name}" for name, is_asked in {**asked, "json": session.is_json}.items() if is_asked
    ]
    if len(names) > 1:
        msg = f"{' and '.join(names)} cannot stand together."
        raise UsageError(msg, "Choose one of them.")


def point_at(session: Session, where: str, *, error: InvalidInputError) -> None:
    """Show where in a filter its error is, by a caret under it."""
    position = error.data.get("position")
    if isinstance(position, int) and not session.is_json and len(where) <= output.MOST_POINTED:
        before = output.cell_width(clean(where[:position]))
        session.printer.say("  ", where)
        session.printer.say("  ", " " * before, Cell("^", "bad"))


def _say_absent(session: Session, where: str, *, runs: Sequence[RunDocument]) -> None:
    from modeldeck.domain.filters.fields import absent

    for name, likely in absent(where, runs):
        meant = f" {likely} is the nearest." if likely else ""
        session.printer.say(f"No run has {name}.{meant}")


def _table(
    session: Session,
    found: Sequence[RunDocument],
    *,
    columns: Sequence[RunColumn],
    is_narrowed: bool,
) -> None:
    printer = session.printer
    if not found:
        printer.say("There are no such runs." if is_narrowed else _NONE)
    elif columns:
        titles = [one.name.upper() if "." not in one.name else one.name for one in columns]
        printer.table(titles, ([shown(one, run) for one in columns] for run in found))
    else:
        printer.table(_HEADERS, columns=_columns(found))


def _columns(found: Sequence[RunDocument]) -> list[list[str] | list[Cell]]:
    """Return the columns that lists have anyhow: of ten thousand runs faster than row by row."""
    return [
        [one["id"][-6:] for one in found],
        [*map(status_cell, found)],
        [one["experiment"] for one in found],
        [one["name"] for one in found],
        [output.moment(one["started_at"]) for one in found],
        [output.duration(one["duration_s"]) for one in found],
        [one["user"] for one in found],
        [_metrics(one["metrics"]) for one in found],
    ]


def _metrics(metrics: Mapping[str, MetricSummary]) -> str:
    first = _first_metrics(tuple(metrics))
    return "  ".join([f"{name} {output.number(metrics[name]['last'])}" for name in first])


@functools.lru_cache(maxsize=1000)  # runs of one experiment log the same metrics
def _first_metrics(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(in_order(names)[:_MOST_METRICS])


def status_cell(run: RunDocument) -> Cell:
    """Return a run's status, and whether it is archived or deleted."""
    status = text = run["status"]
    if "archived_at" in run:
        text += ", archived"
    if "deleted_at" in run:
        text += ", deleted"
    return _status_cell(text, status)


@functools.cache
def _status_cell(text: str, status: str) -> Cell:
    return Cell(text, STYLES.get(status, ""))


def shown(column: RunColumn, run: RunDocument) -> str | Cell:
    """Return a cell for people."""
    if column.name == "status":
        return status_cell(run)
    value: Any = column.value(run)
    if value is None or value == "":
        return "-"
    if column.name == "id":
        return str(value).rsplit("-", 1)[-1]
    if column.name == "duration":
        return output.duration(value)
    if column.name in {"started", "ended", "archived", "deleted"}:
        return output.moment(value)
    return output.number(value)


def _csv(session: Session, found: Sequence[RunDocument], *, columns: Sequence[RunColumn]) -> None:
    def rows() -> Iterable[list[object]]:
        yield [one.name for one in columns]
        for run in found:
            yield [one.value(run) for one in columns]

    write_csv(session, rows())


def write_csv(session: Session, rows: Iterable[Sequence[object]]) -> None:
    """Print rows as CSV, some thousand at a time."""
    block: list[Sequence[object]] = []
    for row in rows:
        block.append(row)
        if len(block) == _AT_ONCE:
            session.printer.raw(csv_text(block))
            block = []
    session.printer.raw(csv_text(block))


def _json(
    session: Session,
    found: Sequence[RunDocument],
    *,
    columns: Sequence[RunColumn],
    is_lines: bool,
) -> None:
    documents: Sequence[object] = found
    if columns:
        documents = [{one.name: one.value(run) for one in columns} for run in found]
    if not is_lines:
        session.printer.document(documents)
        return
    for one in documents:
        session.printer.record(one)
