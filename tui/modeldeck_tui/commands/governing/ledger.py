"""``activity``, ``ledger show`` and ``member list|add|revoke``; see ``history`` for the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import WHERE, group, session_of
from modeldeck_tui.output import Cell

app = group("The ledger of decisions.")
member_app = group("Members: people, servers and CI jobs.")


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
                Cell(f"void: {one['text']}", "bad") if one["void"] else one["text"],
                one["level"],
                one["reason"],
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
    n: Annotated[int, typer.Argument(metavar="N", min=1, help="The entry's number.")],
) -> None:
    """Show one entry: what became of it, and its file."""
    session = session_of(context)
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


@member_app.command("list")
def list_members(context: typer.Context) -> None:
    """List members with their roles and keys."""
    session = session_of(context)
    with session.open() as workspace:
        found, proposals = workspace.members.list(), workspace.members.proposals()
    for one in proposals:
        session.printer.say(f"A proposal waits for other owners: modeldeck member support {one}")
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["NAME", "KIND", "ROLES", "SERVES", "KEYS"],
        [
            [
                one["name"],
                "owner" if one["is_owner"] else one["kind"],
                ", ".join(one["roles"]),
                ", ".join(one["environments"]),
                str(len(one["keys"])),
            ]
            for one in found
        ],
    )


@member_app.command("add")
def add_member(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[list[str] | None, typer.Option("--role", help="May be repeated.")] = None,
    server: Annotated[
        list[str] | None,
        typer.Option("--server", metavar="E", help="A server of this environment."),
    ] = None,
    public_key: Annotated[
        list[str] | None, typer.Option("--public-key", metavar="FILE", help="An SSH key.")
    ] = None,
    uid: Annotated[int, typer.Option(help="The Unix user id; -1 when unknown.")] = -1,
) -> None:
    """Add a member; only owners may."""
    from modeldeck.services.base.config import NewMember

    session = session_of(context)
    member = NewMember(
        name,
        kind="server" if server else "person",
        roles=tuple(role or ()),
        environments=tuple(server or ()),
        keys=tuple(public_key or ()),
        uid=uid,
    )
    with session.open() as workspace:
        found = workspace.members.add(member)
    if session.is_json:
        session.printer.document(found)
    elif found is None:
        session.printer.line(f"{name} is proposed; other owners have to support that.")
    else:
        session.printer.line(f"{name} is a member.")


@member_app.command("revoke")
def revoke_member(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
) -> None:
    """Revoke a member with all keys, from now on."""
    session = session_of(context)
    with session.open() as workspace:
        workspace.members.revoke(name, reason)
    if session.is_json:
        session.printer.document({"name": name, "revoked": True})
    else:
        session.printer.line(f"{name} is a member no more.")


@member_app.command("support")
def support_proposal(
    context: typer.Context,
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="The beginning of its id.")],
) -> None:
    """Support an owners' decision that waits for more owners."""
    session = session_of(context)
    with session.open() as workspace:
        workspace.members.support(proposal)
    if session.is_json:
        session.printer.document({"proposal": proposal, "supported": True})
    else:
        session.printer.line("Your support is recorded.")
