"""``annotate``, ``annotation list|edit|withdraw``, ``tag``, ``lineage``."""

from __future__ import annotations

from typing import Annotated

import typer

from modeldeck.errors import NotPermittedError, UsageError
from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.commands.talking.threads import tell_strange
from modeldeck_tui.output import Cell

app = group("Annotations: what was said about runs, models, versions, releases, endpoints.")


def register(main: typer.Typer) -> None:
    """Add ``annotate``, ``tag`` and ``lineage``."""
    main.command("annotate")(annotate)
    main.command("tag")(tag)
    main.command("lineage")(show_lineage)


def annotate(
    context: typer.Context,
    entity: Annotated[
        str,
        typer.Argument(
            metavar="[ENTITY]",
            help="A run, model, version, release or endpoint; k3f9wz#auc@120, k3f9wz#log:57.",
        ),
    ] = "",
    *,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="The remark.")] = "",
    redact: Annotated[
        str,
        typer.Option(metavar="ID", help="Remove the text of this remark for good, instead."),
    ] = "",
    reason: Annotated[str, typer.Option(help="Why a text is removed; it is kept.")] = "",
) -> None:
    """Write a remark on anything; or remove the text of one, by its id."""
    session = session_of(context)
    if redact:
        _redact(session, redact, reason=reason, extra=entity or text)
        return
    if not entity or not text or reason:
        msg = "A remark needs ENTITY and TEXT; --reason goes with --redact."
        raise UsageError(msg, "As in: modeldeck annotate churn@7 'looks good'.")
    with session.open() as workspace:
        found = workspace.annotations.add(entity, text)
        strange = workspace.threads.strange(text)
    if session.is_json:
        session.printer.document(found)
    else:
        session.printer.line(f"Noted on {found['subject']}.")
        tell_strange(session, strange)


def _redact(session: Session, annotation: str, *, reason: str, extra: str) -> None:
    if extra:
        msg = f"--redact takes the id of a remark alone; {extra[:40]!r} is too much."
        raise UsageError(msg, "As in: modeldeck annotate --redact 3f9a2c --reason 'a name'.")
    with session.open() as workspace:
        found = workspace.annotations.redact(annotation, reason)
    if session.is_json:
        session.printer.document(found)
    elif found["removed"]:
        session.printer.line(f"The text on {found['subject']} is removed.")
    else:
        session.printer.line(
            Cell(f"The text is hidden, but not removed: {found['problem']}.", "bad")
        )
    if not found["removed"]:
        raise typer.Exit(NotPermittedError.exit_code)


def tag(
    context: typer.Context,
    entity: Annotated[
        str,
        typer.Argument(metavar="ENTITY", help="A run, model, version, release or endpoint."),
    ],
    *,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME[=VALUE]]...", help="None: show them.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take them away instead.")] = False,
) -> None:
    """Put tags on anything, take them away, or show them."""
    session = session_of(context)
    with session.open() as workspace:
        annotations = workspace.annotations
        for one in tags or ():
            name, _sign, value = one.partition("=")
            if remove:
                annotations.untag(entity, name)
            else:
                annotations.tag(entity, name, value=value)
        found = annotations.tags(entity)
        subject = annotations.entity(entity)
    if session.is_json:
        session.printer.document({"subject": subject, "tags": found})
    else:
        shown = "  ".join(f"{name}={value}" if value else name for name, value in found.items())
        session.printer.line(f"{subject}: {shown or 'no tags'}")


@app.command("list")
def list_annotations(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="[ENTITY]", help="Only about this.")] = "",
) -> None:
    """List remarks, oldest first."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.annotations.list(entity)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["ID", "AT", "BY", "ABOUT", "REMARK"],
        [
            [
                one["id"],
                output.moment(one["at"]),
                one["by"],
                one["subject"],
                one["text"] + (" (edited)" if "edited_at" in one else ""),
            ]
            for one in found
        ],
        empty="There are no remarks yet. `modeldeck annotate ENTITY TEXT` writes one.",
    )


@app.command("edit")
def edit_annotation(
    context: typer.Context,
    annotation: Annotated[str, typer.Argument(metavar="ID", help="As `annotation list` has it.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What it shall say.")],
) -> None:
    """Give a remark of your own another text; the earlier ones stay readable."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.annotations.edit(annotation, text)
    if session.is_json:
        session.printer.document(found)
    else:
        session.printer.line(f"Edited on {found['subject']}.")


@app.command("withdraw")
def withdraw_annotation(
    context: typer.Context,
    annotation: Annotated[str, typer.Argument(metavar="ID", help="As `annotation list` has it.")],
) -> None:
    """Take back a remark of your own; the ledger keeps that it was made."""
    session = session_of(context)
    with session.open() as workspace:
        workspace.annotations.withdraw(annotation)
    if session.is_json:
        session.printer.document({"withdrawn": annotation})
    else:
        session.printer.line("Taken back.")


def show_lineage(
    context: typer.Context,
    entity: Annotated[
        str, typer.Argument(metavar="ENTITY", help="A run, version, release or endpoint.")
    ],
) -> None:
    """Show where something comes from, and what became of it."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.lineage.of(workspace.annotations.entity(entity))
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["KIND", "ID", "WHAT"], [[one["kind"], one["id"], one["text"]] for one in found]
    )
