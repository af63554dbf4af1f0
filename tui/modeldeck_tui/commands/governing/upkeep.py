"""``doctor`` and ``gc``: looking after the folder of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import session_of
from modeldeck_tui.output import Cell
from modeldeck_tui.present.upkeep import report

if TYPE_CHECKING:
    from modeldeck.domain.history.documents import GcDocument

MOST_LISTED = 20


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("doctor")(doctor)
    app.command("gc")(collect)


def doctor(
    context: typer.Context,
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended for certain.")
    ] = False,
) -> None:
    """Look for what is wrong in the workspace's folder; exit code 10, 11 or 12 if something is."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.upkeep.doctor(repair=repair)
    if session.is_json:
        session.printer.document(found)
    else:
        for text, style in report.lines(found, is_repairing=repair):
            session.printer.line(Cell(text, style))
    if found["exit_code"]:
        raise typer.Exit(found["exit_code"])


def collect(
    context: typer.Context,
    *,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Move them; else only say what would be done.")
    ] = False,
    grace: Annotated[
        str, typer.Option(metavar="SPAN", help="Keep what was written or deleted within: 24h, 7d.")
    ] = "24h",
) -> None:
    """Move deleted runs, and objects that no entry and no run needs, into the trash, for a week."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.upkeep.gc(apply=apply, grace=grace)
    if session.is_json:
        session.printer.document(found)
        return
    printer = session.printer
    listed = list(found["objects"].items())[:MOST_LISTED]
    if listed:
        printer.table(["OBJECT", "SIZE"], [[name, output.size(size)] for name, size in listed])
    if len(listed) < len(found["objects"]):
        printer.line(f"and {output.counted(len(found['objects']) - len(listed), 'more object')}")
    deleted = list(found["runs"].items())[:MOST_LISTED]
    if deleted:
        printer.table(
            ["DELETED RUN", "SIZE"], [[name, output.size(size)] for name, size in deleted]
        )
    count = output.counted(len(found["objects"]), "object")
    size = output.size(found["objects_bytes"])
    moved = f"{count}, {size}, moved to {found['trash']}" if apply else f"{count}, {size}"
    printer.fields(
        [
            ("moved" if apply else "nobody needs", Cell(moved, "bold")),
            ("deleted runs", _runs(found, is_moved=apply)),
            ("needed", output.counted(found["n_needed"], "object")),
            ("too young", _some(found["n_young"], f"written within {grace}")),
            ("not yours", _some(found["n_foreign"], "for their owners, or the folder's")),
            ("brought back", _some(found["n_restored"], "out of the trash, needed again")),
            (
                "emptied" if apply else "to empty",
                _some(found["n_emptied"], f"{output.size(found['emptied_bytes'])} of the trash"),
            ),
        ]
    )
    is_any = found["objects"] or found["runs"] or found["n_emptied"] or found["n_restored"]
    if not apply and is_any:
        printer.say("Nothing was changed: `modeldeck gc --apply` does it.")


def _runs(found: GcDocument, *, is_moved: bool) -> str:
    if not found["runs"]:
        return ""
    moved = ", moved; `run undelete` brings them back for a week" if is_moved else ""
    return f"{output.counted(len(found['runs']), 'run')}, {output.size(found['runs_bytes'])}{moved}"


def _some(count: int, what: str) -> str:
    return f"{count:,} ({what})" if count else ""
