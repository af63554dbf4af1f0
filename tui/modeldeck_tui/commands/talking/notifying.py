"""``notify status|test|trust|send|watch``."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck.errors import ConflictError, UnavailableError
from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.notifying.documents import DeliveryDocument, NotifyDocument

app = group("Notifications: who is told of votes, releases, failures and mentions; what arrived.")

_STYLES = {"delivered": "good", "failed": "warn", "given up": "bad"}
ReceiversArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[RECEIVER]...", help="Which; none takes all.")
]


@app.command("status")
def show_status(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=0, help="Lines of the delivery log; 0 for all.")] = 10,
) -> None:
    """Show the receivers, what waits for them, and what became of earlier deliveries."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.notifying.status()
    found["log"] = found["log"][-limit:] if limit else found["log"]
    if session.is_json:
        session.printer.document(found)
        return
    _show(session, found)


@app.command("test")
def send_test(context: typer.Context, receivers: ReceiversArgument = None) -> None:
    """Send a test event to receivers now; exit code 12 when one could not be reached."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.notifying.test(receivers or ())
    if session.is_json:
        session.printer.document(found)
    else:
        session.printer.table(
            ["RECEIVER", "OUTCOME", "", "TOOK"],
            [
                [
                    one["receiver"],
                    Cell("delivered", "good") if one["delivered"] else Cell("failed", "bad"),
                    one["detail"],
                    output.duration(one["took_s"]),
                ]
                for one in found
            ],
        )
    if not all(one["delivered"] for one in found):
        raise typer.Exit(UnavailableError.exit_code)


@app.command("trust")
def trust_receivers(context: typer.Context, receivers: ReceiversArgument = None) -> None:
    """Let receivers be contacted, and commands be run, in your name, as they are written now."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.notifying.trust(receivers or ())
    if session.is_json:
        session.printer.document(found)
        return
    for one in found:
        session.printer.line(f"Agreed to {one['name']} ({one['kind']}): {one['address']}")
        if one["problem"]:
            session.printer.say(f"{one['name']} cannot be contacted yet: {one['problem']}.")


@app.command("send")
def send_now(
    context: typer.Context,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to try again what fails.")
    ] = 30.0,
) -> None:
    """Deliver what waits and what is new now; exit code 12 when something is left."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.notifying.send(patience_s=patience)
    if session.is_json:
        session.printer.document(found)
    elif not found["waiting"]:
        session.printer.line("Nothing waits any more.")
    else:
        _show_waiting(session, found)
    if found["waiting"]:
        raise typer.Exit(UnavailableError.exit_code)


@app.command("watch")
def watch_and_send(context: typer.Context) -> None:
    """Deliver as things happen, and remind people in time, until it is stopped."""
    session = session_of(context)
    is_over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: is_over.set())

    def told(one: DeliveryDocument) -> None:
        if session.is_json:
            session.printer.record(one)
        else:
            session.printer.line(*_line(one))

    with session.open() as workspace:
        session.printer.say(f"Delivering for {workspace.actor.name}; Ctrl-C ends it.")
        was_alone = workspace.notifying.watch(told=told, is_over=is_over.is_set)
    if not was_alone:
        msg = "Another process of yours delivers already."
        raise ConflictError(msg, "`modeldeck notify status` shows what arrived.")


def _show(session: Session, found: NotifyDocument) -> None:
    session.printer.fields(
        [
            ("you", f"{found['member']}" + ("" if found["sends"] else f": {found['why_not']}")),
            ("sender", found["sender"] or "each member, of what they did"),
            ("looked at", f"entry {found['position']}" if found["position"] >= 0 else ""),
            ("now", "delivering" if found["busy"] else ""),
        ]
    )
    if found["receivers"]:
        session.printer.title("Receivers")
        session.printer.table(
            ["NAME", "KIND", "WHERE TO", "SIGNED", "EVENTS", "PEOPLE", "PROBLEM"],
            [
                [
                    one["name"],
                    one["kind"],
                    one["address"],
                    "yes" if one["signed"] else "no",
                    ", ".join(one["events"]) or "all",
                    ", ".join(one["people"]) or "all",
                    Cell(one["problem"], "bad"),
                ]
                for one in found["receivers"]
            ],
        )
    if found["waiting"]:
        session.printer.title("Waiting")
        _show_waiting(session, found)
    if found["log"]:
        session.printer.title("Log")
        for one in found["log"]:
            session.printer.line(*_line(one))


def _show_waiting(session: Session, found: NotifyDocument) -> None:
    session.printer.table(
        ["RECEIVER", "EVENT", "TITLE", "TRIES", "NEXT", "PROBLEM"],
        [
            [
                one["receiver"],
                one["event"],
                one["title"],
                str(one["tries"]),
                output.moment(one["next_at"]),
                one["problem"],
            ]
            for one in found["waiting"]
        ],
    )


def _line(one: DeliveryDocument) -> list[str | Cell]:
    tries = f", try {one['tries']}" if one["tries"] > 1 else ""
    return [
        Cell(f"{output.moment(one['at'])}  ", "dim"),
        Cell(one["outcome"], _STYLES.get(one["outcome"], "")),
        f"  {one['receiver']}  {one['title']}",
        Cell(f"  ({one['detail']}{tries})", "dim"),
    ]
