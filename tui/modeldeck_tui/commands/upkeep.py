"""``doctor`` and ``gc``: looking after the folder of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import session_of
from modeldeck_tui.output import Cell, Printer

if TYPE_CHECKING:
    from modeldeck.domain.documents import DoctorDocument

MOST_LISTED = 20


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("doctor")(doctor)
    app.command("gc")(collect)


_SIGNS = {
    "ok": Cell("✔ ok", "good"),
    "note": Cell("· note", "dim"),
    "problem": Cell("✖ problem", "bad"),
    "repaired": Cell("✔ repaired", "warn"),
    "not-repairable": Cell("✖ not repairable", "bad"),
}
_WIDTH = 18


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
        _show(session.printer, found, is_repairing=repair)
    if found["exit_code"]:
        raise typer.Exit(found["exit_code"])


def _show(printer: Printer, found: DoctorDocument, *, is_repairing: bool) -> None:
    for line in found["checks"]:
        sign = _SIGNS[line["state"]]
        about = Cell(f"{line['name']}  ", "bold")
        printer.line(Cell(sign.text.ljust(_WIDTH), sign.style), about, line["text"])
        if line["hint"]:
            printer.line(" " * _WIDTH, Cell(line["hint"], "dim"))
    level = found["level"]
    printer.title(f"Protection: {level['level']}, {level['title']}")
    parts = (
        ("prevented", level["prevents"]),
        ("detected", level["detects"]),
        ("not covered", level["does_not_cover"]),
    )
    for name, texts in parts:
        for at, text in enumerate(texts):
            printer.line(Cell(("" if at else name).ljust(_WIDTH), "dim"), text)
    for rung in level["rungs"]:
        word = "holds" if rung["holds"] else "does not hold"
        printer.line(Cell(f"{rung['level']} {word}".ljust(_WIDTH), "dim"), rung["because"])
    printer.line()
    printer.line(_outcome(found, is_repairing=is_repairing))


def _outcome(found: DoctorDocument, *, is_repairing: bool) -> Cell:
    wrong = sum(1 for one in found["checks"] if one["exit_code"])
    done = f"{output.counted(found['n_repaired'], 'thing')} repaired" if found["n_repaired"] else ""
    if not wrong:
        return Cell(f"All is well{f': {done}' if done else ''}.", "good")
    left = f"{output.counted(wrong, 'problem')}{' left' if is_repairing else ''}"
    return Cell(f"{left}{f', {done}' if done else ''}.", "bad")


def collect(
    context: typer.Context,
    *,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Move them; else only say what would be done.")
    ] = False,
    grace: Annotated[
        str, typer.Option(metavar="SPAN", help="Keep what was written within: 24h, 7d.")
    ] = "24h",
) -> None:
    """Move objects that no entry and no run needs into the trash, for a week."""
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
    count = output.counted(len(found["objects"]), "object")
    size = output.size(found["objects_bytes"])
    moved = f"{count}, {size}, moved to {found['trash']}" if apply else f"{count}, {size}"
    printer.fields(
        [
            ("moved" if apply else "nobody needs", Cell(moved, "bold")),
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
    if not apply and (found["objects"] or found["n_emptied"] or found["n_restored"]):
        printer.say("Nothing was changed: `modeldeck gc --apply` does it.")


def _some(count: int, what: str) -> str:
    return f"{count:,} ({what})" if count else ""
