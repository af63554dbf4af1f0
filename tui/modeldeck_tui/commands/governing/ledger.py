"""``activity`` and ``ledger show``; see ``history`` for the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import WHERE, Session, group, session_of
from modeldeck_tui.output import Cell

app = group("The ledger of decisions.")


def register(main: typer.Typer) -> None:
    """Add ``activity``."""
    main.command("activity")(show_activity)


def show_activity(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 50,
    where: Annotated[str, typer.Option(help=WHERE)] = "",
) -> None:
    """Show what was decided, newest first."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.activity.list(limit, where=where)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["N", "AT", "BY", "WHAT", "LEVEL", "REASON"],
        [
            [
                str(one["n"]),
                output.moment(one["at"]),
                one["by"],
                Cell(one["text"], "bad" if one["void"] else ""),
                one["level"],
                "" if one["void"] else one["reason"],
            ]
            for one in found
        ],
    )


@app.callback()
def ledger() -> None:
    """Look after the ledger of decisions."""


@app.command("show")
def show_entry(
    context: typer.Context,
    n: Annotated[int | None, typer.Argument(metavar="N", min=1, help="The entry's number.")] = None,
) -> None:
    """Show one entry with its file; without N, what is live after the last one, and by whom.

    With --as-of: what was live then, who approved it, and who made its gate report.
    """
    session = session_of(context)
    if n is None:
        _show_standing(session)
        return
    with session.open() as workspace:
        found = workspace.activity.entry(n)
    if session.is_json:
        session.printer.document(found)
        return
    known = found["activity"]
    session.printer.fields(
        [
            ("what", known["text"]),
            ("by", f"{known['by']} on {known['host']}"),
            ("at", output.moment(known["at"])),
            ("level", known["level"]),
            ("state", Cell(f"void: {known['reason']}", "bad") if known["void"] else "counts"),
            ("chain", Cell("broken here" if known.get("broken") else "", "bad")),
            ("sha256", known["digest"]),
            ("file", found["file"]),
        ]
    )
    session.printer.line()
    session.printer.line(found["raw"].strip())


def _show_standing(session: Session) -> None:
    with session.open() as workspace:
        found = workspace.standing.read()
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.fields(
        [
            ("entry", f"{found['n']}, {output.moment(found['at'])}, by {found['by']}"),
            ("sha256", found["head"]),
            ("policy", found["policy"]),
        ]
    )
    session.printer.line()
    session.printer.table(
        ["ENDPOINT", "VERSION", "STATUS", "SINCE", "RELEASE", "ASKED BY", "APPROVED BY", "GATE BY"],
        [
            [
                one["id"],
                one["version"],
                one["status"],
                output.moment(one["since"]),
                one["release"],
                one["asked_by"],
                ", ".join(one["approved_by"]),
                one["report_by"],
            ]
            for one in found["endpoints"]
        ],
        empty="Nothing was released yet.",
    )
