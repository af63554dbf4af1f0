"""``run archive|unarchive|delete|undelete``: putting runs away, and bringing them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, session_of

if TYPE_CHECKING:
    from modeldeck.domain.documents import ShelvedDocument

Runs = Annotated[
    list[str], typer.Argument(metavar="RUN …", help="Any unique endings of their ids.")
]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Children = Annotated[bool, typer.Option("--children", help="With the runs that these started.")]


def register(app: typer.Typer) -> None:
    """Add the four commands."""
    app.command("archive")(archive)
    app.command("unarchive")(unarchive)
    app.command("delete")(delete)
    app.command("undelete")(undelete)


def archive(
    context: typer.Context, runs: Runs, *, reason: Reason = "", has_children: Children = False
) -> None:
    """Leave runs out of lists; `run unarchive` brings them back."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.shelf.archive(runs, reason=reason, has_children=has_children)
    _tell(session, done, what="archived: lists leave them out.", back="unarchive")


def unarchive(context: typer.Context, runs: Runs, *, reason: Reason = "") -> None:
    """Bring archived runs back into lists."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.shelf.unarchive(runs, reason=reason)
    _tell(session, done, what="back from the archive.", back="archive")


def delete(
    context: typer.Context, runs: Runs, *, reason: Reason = "", has_children: Children = False
) -> None:
    """Mark runs as deleted; their files stay until garbage collection removes them."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.shelf.delete(runs, reason=reason, has_children=has_children)
    _tell(
        session, done, what="deleted: their files stay until garbage collection.", back="undelete"
    )


def undelete(context: typer.Context, runs: Runs, *, reason: Reason = "") -> None:
    """Take the deletion of runs back."""
    session = session_of(context)
    with session.open() as workspace:
        done = workspace.shelf.undelete(runs, reason=reason)
    _tell(session, done, what="there again.", back="delete")


def _tell(session: Session, done: ShelvedDocument, *, what: str, back: str) -> None:
    if session.is_json:
        session.printer.document(done)
        return
    count = len(done["runs"])
    entries = ", ".join(str(one) for one in done["entries"])
    session.printer.line(f"{output.counted(count, 'run')} {what} (entry {entries})")
    names = " ".join(one[-6:] for one in done["runs"]) if count <= 5 else "RUN …"
    session.printer.say(f"`modeldeck run {back} {names}` takes that back.")
