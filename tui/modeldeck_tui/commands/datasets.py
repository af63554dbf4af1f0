"""``dataset add|list|show|diff|verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck.errors import DamageError
from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.datasets.documents import (
        DatasetDetail,
        DatasetDiff,
        DatasetDocument,
        RowsDiff,
    )

app = group("Data versions: datasets frozen by their digest, as sales@3.")


@app.command("add")
def add_version(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")],
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="A file (csv, csv.gz, parquet, jsonl, arrow), or a folder."
        ),
    ],
    reason: Annotated[
        str, typer.Option("--reason", "--note", metavar="TEXT", help="What is new in it.")
    ] = "",
    target: Annotated[
        str, typer.Option("--target", metavar="COLUMN", help="The column to predict.")
    ] = "",
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key-column", metavar="COLUMN", help="A column that names a row; may be repeated."
        ),
    ] = None,
    snapshot: Annotated[
        str,
        typer.Option(
            "--snapshot",
            metavar="MODE",
            help="Keep the contents by reflink or copy, or none; else as modeldeck.toml says.",
        ),
    ] = "",
) -> None:
    """Freeze the contents of a file or folder as the next version of a dataset."""
    from modeldeck.services.datasets.datasets import About

    session = session_of(context)
    about = About(reason, target, tuple(key or ()))
    with session.open() as workspace:
        found = workspace.datasets.add(name, path, about=about, snapshot=snapshot)
    if session.is_json:
        session.printer.document(found)
        return
    one = found["dataset"]
    if found["existed"]:
        session.printer.line(f"That content is {one['id']} already.")
        return
    rows = "" if one["rows"] is None else f"{output.counted(one['rows'], 'row')}, "
    columns = output.counted(one["n_columns"], "column")
    kept = {"none": "contents not kept"}.get(one["snapshot"], output.size(one["size_bytes"]))
    session.printer.line(f"{one['id']} is added: {rows}{columns}, {kept} ({one['digest'][:12]}).")
    session.printer.say(f'Next: `dataset = "{one["id"]}"` under [data] of a pipeline.')


@app.command("list")
def list_versions(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only of this dataset.")] = "",
) -> None:
    """List versions of datasets."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.datasets.list(name)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["VERSION", "ROWS", "COLUMNS", "SIZE", "BY", "ADDED", "KEPT", "SOURCE", "REASON"],
        [
            [
                one["id"],
                "" if one["rows"] is None else f"{one['rows']:,}",
                str(one["n_columns"]),
                output.size(one["size_bytes"]),
                one["added_by"],
                output.moment(one["added_at"]),
                _kept(one),
                one["source"],
                one["reason"],
            ]
            for one in found
        ],
        empty="There are no data versions yet. `modeldeck dataset add NAME PATH` freezes a file.",
    )


def _kept(one: DatasetDocument) -> Cell:
    if one.get("problem"):
        return Cell("damaged", "bad")
    return Cell("no" if one["snapshot"] == "none" else "yes")


@app.command("show")
def show_version(
    context: typer.Context,
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="A version; without a number the latest.")
    ],
) -> None:
    """Show one version: its columns with their distributions, and where it was used."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.datasets.show(version)
    if session.is_json:
        session.printer.document(found)
        return
    _show(session, found)


def _show(session: Session, found: DatasetDetail) -> None:
    from modeldeck_tui.present.datasets.versions import COLUMN_TITLES, about, column_cells, files

    printer = session.printer
    printer.fields(about(found))
    if found["columns"]:
        printer.title("Columns")
        printer.table(
            COLUMN_TITLES,
            [column_cells(one, rows=found["rows"] or 0) for one in found["columns"]],
        )
    if found["kind"] == "folder":
        printer.title("Files")
        printer.table(["FILE", "SIZE", "SHA256"], files(found))
    printer.title("Used by")
    uses = found["used_by"]
    named = [
        *(("run", one) for one in uses["runs"]),
        *(("version", one) for one in uses["versions"]),
        *(("release", one) for one in uses["releases"]),
    ]
    printer.fields(named or [("", "nothing yet")])


@app.command("diff")
def show_diff(
    context: typer.Context,
    before: Annotated[
        str, typer.Argument(metavar="BEFORE", help="A version as sales@1, or a path.")
    ],
    *,
    after: Annotated[str, typer.Argument(metavar="AFTER", help="A version as sales@2, or a path.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key-column", metavar="COLUMN", help="A column that names a row; may be repeated."
        ),
    ] = None,
    is_whole: Annotated[
        bool, typer.Option("--whole-rows", help="Compare whole rows, whatever the key is.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", help="Rows of each kind that are shown.")] = 10,
) -> None:
    """Show what differs: columns, rows, and distributions that moved, with their doubt."""
    from modeldeck.services.datasets.comparing import Request

    session = session_of(context)
    wanted = [] if is_whole else key
    with session.open() as workspace:
        found = workspace.datasets.diff(before, after, request=Request(wanted, limit))
    if session.is_json:
        session.printer.document(found)
        return
    _show_diff(session, found)


def _show_diff(session: Session, found: DatasetDiff) -> None:
    from modeldeck_tui.present.datasets.differences import (
        MOVE_TITLES,
        change_text,
        move_cells,
        side_text,
    )

    printer = session.printer
    printer.fields([("before", side_text(found["before"])), ("after", side_text(found["after"]))])
    if found["is_equal"]:
        printer.line("Both hold the same bytes.")
        return
    printer.title("Columns")
    for change in found["columns"]:
        printer.line(change_text(change))
    if not found["columns"]:
        printer.line("The same names and types.")
    printer.title("Distributions")
    if found["moves"]:
        printer.table(MOVE_TITLES, [move_cells(one) for one in found["moves"]])
        printer.line(Cell(found["rule"], "dim"))
    else:
        printer.line("No column is on both sides with values of one kind.")
    printer.title("Rows")
    if found["rows"] is None:
        printer.line(f"Rows were not compared: {found['rows_reason']}.")
    else:
        _show_rows(session, found["rows"])


def _show_rows(session: Session, rows: RowsDiff) -> None:
    from modeldeck_tui.present.datasets.differences import row_lines, rows_text

    session.printer.line(rows_text(rows))
    for line in row_lines(rows):
        session.printer.line(line)


@app.command("verify")
def verify_versions(
    context: typer.Context,
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="Only this dataset, or this version.")
    ] = "",
) -> None:
    """Hash kept contents again, and say what the files that they came from are now."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.datasets.verify(version)
    if session.is_json:
        session.printer.document(found)
    else:
        session.printer.table(
            ["VERSION", "CONTENTS", "SOURCE", "NOW"],
            [
                [
                    one["id"],
                    Cell(one["snapshot"], "good" if one["ok"] else "bad"),
                    one["source"],
                    one["working"] or Cell("outside of the workspace", "dim"),
                ]
                for one in found
            ],
        )
    problems = [f"{one['id']}: {text}" for one in found for text in one["problems"]]
    for problem in problems:
        session.printer.say(Cell("Error: ", "bad"), problem)
    if problems:
        session.printer.say("Do not use these versions; restore the files from a copy.")
        raise typer.Exit(DamageError.exit_code)
