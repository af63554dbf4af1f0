"""``thread list|show|start|reply|edit|resolve|reopen``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modeldeck.domain.talking.documents import RemarkDocument, ThreadDocument

app = group("Threads: discussing releases, versions, runs, points of a metric, lines of a log.")

_SHOWN = 12
ThreadArgument = Annotated[
    str, typer.Argument(metavar="THREAD", help="Its id, or the beginning of that.")
]
TextArgument = Annotated[
    str, typer.Argument(metavar="TEXT", help="What you say; @bob mentions a member.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]


@app.command("list")
def list_threads(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(metavar="[ENTITY]", help="Only about this.")] = "",
    *,
    is_all: Annotated[bool, typer.Option("--all", help="Also those that are resolved.")] = False,
) -> None:
    """List open threads, those with the newest remark first."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.list(entity, is_all=is_all)
    if session.is_json:
        session.printer.document(found)
        return
    if not found:
        session.printer.say("There are no threads." if is_all else "No thread is open.")
        return
    session.printer.table(
        ["THREAD", "STATUS", "ABOUT", "BY", "LAST", "REMARKS", "TEXT"],
        [
            [
                one["id"][:_SHOWN],
                _status(one),
                one["subject"],
                one["by"],
                output.moment(one["last_at"]),
                str(len(one["remarks"])),
                one["remarks"][0]["text"],
            ]
            for one in found
        ],
    )


@app.command("show")
def show_thread(context: typer.Context, thread: ThreadArgument) -> None:
    """Show a thread with its remarks, what they said before they were edited, and its state."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.show(thread)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.fields(
        [
            ("thread", found["id"][:_SHOWN]),
            ("about", found["subject"]),
            ("status", _status(found)),
            ("resolved", _resolved(found)),
            ("holds up", ", ".join(found["blocks"])),
            ("you", "can resolve it" if found["can_resolve"] else _not_you(found)),
        ]
    )
    for one in found["remarks"]:
        _show_remark(session, one)


@app.command("start")
def start_thread(
    context: typer.Context,
    entity: Annotated[
        str,
        typer.Argument(
            metavar="ENTITY",
            help="A release, version, run …; k3f9wz#auc@120 is a point, k3f9wz#log:57 a line.",
        ),
    ],
    text: TextArgument,
) -> None:
    """Begin a thread, which waits for an answer until it is resolved."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.start(entity, text)
    _said(session, found, word="Began")


@app.command("reply")
def reply_in_thread(
    context: typer.Context,
    thread: Annotated[
        str,
        typer.Argument(
            metavar="THREAD", help="Its id, or that of any remark: a reply makes a thread of it."
        ),
    ],
    text: TextArgument,
) -> None:
    """Reply in a thread, or to an annotation."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.reply(thread, text)
    _said(session, found, word="Replied in")


@app.command("edit")
def edit_remark(
    context: typer.Context,
    remark: Annotated[
        str, typer.Argument(metavar="REMARK", help="As `thread show` has it: one of your own.")
    ],
    text: TextArgument,
) -> None:
    """Give a remark of your own another text; the earlier ones stay readable."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.edit(remark, text)
    _said(session, found, word="Edited a remark in")


@app.command("resolve")
def resolve_thread(
    context: typer.Context, thread: ThreadArgument, reason: ReasonOption = ""
) -> None:
    """Resolve a thread: who began it, or an owner; exit code 6 for others, with the reason."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.resolve(thread, reason)
    _said(session, found, word="Resolved")


@app.command("reopen")
def reopen_thread(
    context: typer.Context, thread: ThreadArgument, reason: ReasonOption = ""
) -> None:
    """Open a resolved thread again."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.threads.reopen(thread, reason)
    _said(session, found, word="Reopened")


def _said(session: Session, found: ThreadDocument, *, word: str) -> None:
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.line(f"{word} thread {found['id'][:_SHOWN]} about {found['subject']}.")
    tell_strange(session, found["strange"])


def tell_strange(session: Session, strange: Mapping[str, str]) -> None:
    """Say which names a text mentions that nobody has."""
    for name, near in strange.items():
        likely = f"; did you mean @{near}?" if near else "."
        session.printer.say(f"Nobody here is called @{name}, it stays text{likely}")


def _status(found: ThreadDocument) -> Cell:
    return Cell(found["status"], "warn" if found["status"] == "open" else "good")


def _resolved(found: ThreadDocument) -> str:
    if found["status"] == "open":
        return ""
    because = f": {found['because']}" if found["because"] else ""
    return f"by {found['resolved_by']}, {output.moment(found['resolved_at'])}{because}"


def _not_you(found: ThreadDocument) -> str:
    return "" if found["status"] == "resolved" else f"cannot resolve it: {found['why_not']}"


def _show_remark(session: Session, remark: RemarkDocument) -> None:
    edited = f", edited {output.moment(remark['edited_at'])}" if remark["edited_at"] else ""
    session.printer.line()
    session.printer.line(
        Cell(remark["by"], "bold"),
        Cell(f"  {output.moment(remark['at'])}{edited}  {remark['id'][:_SHOWN]}", "dim"),
    )
    for one in remark["earlier"]:
        session.printer.line(Cell(f"  until edited: {one['text']}", "dim"))
    if remark["state"] == "withdrawn":
        session.printer.line(Cell("  (taken back)", "dim"))
        return
    for line in remark["text"].splitlines() or [""]:
        session.printer.line(f"  {line}")
