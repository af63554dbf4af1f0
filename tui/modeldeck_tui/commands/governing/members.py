"""``member …``: who belongs to the workspace, with roles and keys; owners decide together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck.errors import UsageError
from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.membership.documents import MemberDetailDocument
    from modeldeck.services.members import Change

app = group("Members: people, servers and CI jobs, with roles and keys.")

Name = Annotated[str, typer.Argument(metavar="NAME")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--public-key", metavar="FILE", help="An SSH public key; may be repeated."),
]
Revoked = Annotated[
    list[str] | None,
    typer.Option(
        "--revoke", metavar="OLD", help="End a key for good: SHA256:…, or its file. Repeatable."
    ),
]
_WAITS = "It waits for other owners, who run: modeldeck member support"


@app.command("list")
def list_members(context: typer.Context) -> None:
    """List members with their roles and keys."""
    session = session_of(context)
    with session.open() as workspace:
        found, waiting = workspace.members.list(), workspace.proposals.list()
    mine = sum(one["can_support"] for one in waiting)
    if waiting:
        yours = f", {mine} for you" if mine else ""
        waits = output.counted(len(waiting), "decision")
        session.printer.say(f"Waiting for owners: {waits}{yours}; see `modeldeck member pending`.")
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


@app.command("show")
def show_member(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who; else you.")] = "",
) -> None:
    """Show a member: roles and keys with their entries, and what they may do."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.members.show(name)
        signing = workspace.members.signing() if found["name"] == workspace.actor.name else None
    if session.is_json:
        session.printer.document({**found, "signing": signing})
        return
    _show(session, found)
    if signing is not None and signing["fingerprint"]:
        where = signing["path"] or "an agent"
        session.printer.say(f"You would sign with {signing['fingerprint']}, from {where}.")
    elif signing is not None:
        session.printer.say(signing["help"])


def _show(session: Session, found: MemberDetailDocument) -> None:
    kind = "owner" if found["is_owner"] else found["kind"]
    gone = f"revoked by entry {found['until_n']}, {output.moment(found['until'])}"
    roles = ", ".join(f"{one['role']} since entry {one['since_n']}" for one in found["roles"])
    printer = session.printer
    printer.fields(
        [
            ("member", Cell(found["name"], "bold")),
            ("kind", kind),
            ("since", f"entry {found['since_n']}, {output.moment(found['since'])}"),
            ("until", Cell("" if found["is_active"] else gone, "bad")),
            ("user id", str(found["uid"]) if found["uid"] >= 0 else "unknown"),
            ("level", found["level"] if found["is_active"] else ""),
            ("roles", roles or "none"),
            ("serves", ", ".join(found["environments"])),
            *(("may", text) for text in found["may"]),
            *(("may not", Cell(text, "warn")) for text in found["may_not"]),
        ]
    )
    if found["keys"]:
        printer.title("Keys")
        rows = [
            [
                one["fingerprint"],
                one["public"].partition(" ")[0],
                str(one["since_n"]),
                str(one["until_n"] or ""),
                Cell("revoked", "bad") if one["is_revoked"] else "ended" if one["until_n"] else "",
            ]
            for one in found["keys"]
        ]
        printer.table(["FINGERPRINT", "TYPE", "SINCE", "UNTIL", ""], rows)


@app.command("add")
def add_member(
    context: typer.Context,
    name: Name,
    role: Annotated[list[str] | None, typer.Option("--role", help="May be repeated.")] = None,
    server: Annotated[
        list[str] | None,
        typer.Option("--server", metavar="E", help="A server of this environment. Repeatable."),
    ] = None,
    public_key: Keys = None,
    uid: Annotated[int, typer.Option(help="The Unix user id; -1 when unknown.")] = -1,
    kind: Annotated[
        str, typer.Option(metavar="person|server|ci", help="Else a person, or a server's.")
    ] = "",
) -> None:
    """Add a member; owners decide that together."""
    from modeldeck.services.base.config import NewMember

    session = session_of(context)
    chosen = kind or ("server" if server else "person")
    if server and chosen != "server":
        msg = f"A {chosen} serves no environment."
        raise UsageError(msg, "Leave out --server, or take --kind server.")
    member = NewMember(
        name,
        kind=chosen,
        roles=tuple(role or ()),
        environments=tuple(server or ()),
        keys=tuple(public_key or ()),
        uid=uid,
    )
    with session.open() as workspace:
        found = workspace.members.add(member)
        n = workspace.deck.state.n
        _say_strange(session, workspace.members.strange(member.roles))
    if session.is_json:
        session.printer.document(found)
    elif found is None:
        session.printer.line(f"{name} is proposed. {_WAITS} {n}")
    else:
        session.printer.line(f"{name} is a member.")


def _say_strange(session: Session, texts: Sequence[str]) -> None:
    for text in texts:
        session.printer.say(Cell("! ", "warn"), text)


@app.command("change")
def change_member(
    context: typer.Context,
    name: Name,
    role: Annotated[
        list[str] | None, typer.Option("--role", metavar="R", help="Give a role. Repeatable.")
    ] = None,
    without_role: Annotated[
        list[str] | None, typer.Option("--without-role", metavar="R", help="Take a role.")
    ] = None,
    owner: Annotated[
        bool | None, typer.Option("--owner/--no-owner", help="Make an owner, or end that.")
    ] = None,
    public_key: Keys = None,
    revoke: Revoked = None,
    reason: Reason = "",
) -> None:
    """Give or take roles, keys and ownership; owners decide that together."""
    from modeldeck.services.members import Change

    change = Change(
        add_roles=tuple(role or ()),
        remove_roles=tuple(without_role or ()),
        add_keys=tuple(public_key or ()),
        revoke_keys=tuple(revoke or ()),
        owner={True: "yes", False: "no", None: ""}[owner],
        reason=reason,
    )
    _change(session_of(context), name, change=change)


@app.command("rotate-key")
def rotate_key(
    context: typer.Context,
    name: Name,
    public_key: Keys = None,
    revoke: Revoked = None,
    reason: Reason = "",
) -> None:
    """Record a new key of a member, and end old ones; without --public-key, --key names it.

    What the old key signed stays what it was; approvals by it that decided nothing yet count no
    more. The new one votes on releases that are asked for from then on.
    """
    from modeldeck.services.members import Change

    session = session_of(context)
    new = tuple(public_key or ())
    if not new and session.key:
        new, session.key = (session.key,), ""
    if not new:
        msg = "Which key is the new one?"
        raise UsageError(msg, f"`modeldeck member rotate-key {name} --public-key FILE.pub`.")
    change = Change(add_keys=new, revoke_keys=tuple(revoke or ()), reason=reason)
    _change(session, name, change=change)


def _change(session: Session, name: str, *, change: Change) -> None:
    with session.open() as workspace:
        is_done = workspace.members.change(name, change)
        n, found = workspace.deck.state.n, workspace.members.show(name)
        _say_strange(session, workspace.members.strange(change.add_roles))
    if session.is_json:
        session.printer.document({"member": found, "n": n, "in_force": is_done})
    elif is_done:
        session.printer.line(f"{name} is changed from entry {n} on.")
        _show(session, found)
    else:
        session.printer.line(f"The change of {name} is proposed. {_WAITS} {n}")


@app.command("revoke")
def revoke_member(context: typer.Context, name: Name, reason: Reason) -> None:
    """Revoke a member with all keys, from now on; owners decide that together."""
    session = session_of(context)
    with session.open() as workspace:
        is_done = workspace.members.revoke(name, reason)
        n = workspace.deck.state.n
    if session.is_json:
        session.printer.document({"name": name, "revoked": is_done, "n": n})
    elif is_done:
        session.printer.line(f"{name} is a member no more.")
    else:
        session.printer.line(f"That {name} leaves is proposed. {_WAITS} {n}")


@app.command("pending")
def pending(context: typer.Context) -> None:
    """Show what owners proposed and what it waits for."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.proposals.list()
    if session.is_json:
        session.printer.document(found)
        return
    if not found:
        session.printer.say("Nothing waits for owners.")
        return
    session.printer.table(
        ["ENTRY", "AT", "BY", "WHAT", "SUPPORTED BY", "WAITS FOR"],
        [
            [
                str(one["n"]),
                output.moment(one["at"]),
                one["by"],
                one["text"] + (f" ({one['reason']})" if one["reason"] else ""),
                _names([each["by"] for each in one["supporters"] if each["counts"]]),
                Cell(f"nobody: {one['problem']}", "bad")
                if one["problem"]
                else f"{one['lacks']} more: {_names(one['waits_for'])}",
            ]
            for one in found
        ],
    )
    mine = [one for one in found if one["can_support"]]
    if mine:
        session.printer.say(f"For you: `modeldeck member support {mine[0]['n']}`.")
    own = [one for one in found if one["can_withdraw"] and not one["can_support"]]
    if own:
        session.printer.say(f"To take one back: `modeldeck member withdraw {own[0]['n']}`.")


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"


@app.command("support")
def support_proposal(
    context: typer.Context,
    proposal: Annotated[
        str, typer.Argument(metavar="ENTRY", help="Its entry's number, or the beginning of its id.")
    ],
) -> None:
    """Support an owners' decision that waits for more owners."""
    session = session_of(context)
    with session.open() as workspace:
        is_done = workspace.proposals.support(proposal)
    if session.is_json:
        session.printer.document({"proposal": proposal, "supported": True, "in_force": is_done})
    else:
        more = "It is in force now." if is_done else "It waits for more owners."
        session.printer.line(f"Your support is recorded. {more}")


@app.command("withdraw")
def withdraw_proposal(
    context: typer.Context,
    proposal: Annotated[
        str, typer.Argument(metavar="ENTRY", help="Its entry's number, or the beginning of its id.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "",
) -> None:
    """Withdraw an owners' decision that waits: whoever proposed it, or an owner."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.proposals.withdraw(proposal, reason)
        n = workspace.deck.state.n
    if session.is_json:
        session.printer.document({"proposal": found["id"], "withdrawn": True, "n": n})
    else:
        session.printer.line(f"Withdrawn: {found['text']}, proposed by {found['by']}.")
