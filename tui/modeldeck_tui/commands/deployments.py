"""``deploy list|start|stop|rollback`` and ``serve``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.documents import EndpointDocument, ServerDocument

app = group("Deployments: what each endpoint serves.")

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="As churn@production.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
_STYLES = {
    "live": "good",
    "deploying": "bold",
    "failed": "bad",
    "stopped": "warn",
    "silent": "warn",
}


def register(main: typer.Typer) -> None:
    """Add ``serve``."""
    main.command("serve")(serve)


@app.command("list")
def list_deployments(
    context: typer.Context,
    environment: Annotated[str, typer.Option("--environment", "-e", help="Only of this one.")] = "",
) -> None:
    """List endpoints with what they serve."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.deployments.list(environment)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["ENDPOINT", "VERSION", "STATUS", "SINCE", "SERVERS", "CAN GO BACK TO", ""],
        [
            [
                one["id"],
                one["version"],
                Cell(one["status"], _STYLES.get(one["status"], "")),
                output.moment(one["since"]),
                ", ".join(map(_word, one["servers"])),
                ", ".join(one["rollback_to"]),
                Cell(_mark(one), "bad"),
            ]
            for one in found
        ],
        empty="Nothing is deployed yet. `modeldeck release request VERSION --environment E` asks.",
    )


def _mark(endpoint: EndpointDocument) -> str:
    """Return what people have to see to: broken glass without a review, a revoked version."""
    found = []
    if "revoked" in endpoint:
        found.append(f"✖ revoked by {endpoint['revoked']['by']}")
    if "glass" in endpoint and not endpoint["glass"]["reviewed_by"]:
        glass = endpoint["glass"]
        due = "review overdue since" if glass["is_overdue"] else "to be reviewed until"
        found.append(f"✖ glass broken by {glass['by']}, {due} {output.moment(glass['review_by'])}")
    return "; ".join(found)


def _word(server: ServerDocument) -> str:
    """Return a server's name with its last word, or that it has none any more."""
    return f"{server['name']} {server['outcome'] if server.get('answers', True) else 'silent'}"


@app.command("start")
def start_deployment(
    context: typer.Context,
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="An approved one.")],
) -> None:
    """Start an approved release where the policy wants that done by hand."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.deployments.start(release)
    _moved(session, found)


@app.command("stop")
def stop_deployment(
    context: typer.Context, endpoint: EndpointArgument, reason: ReasonOption
) -> None:
    """Stop an endpoint: it answers no more predictions."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.deployments.stop(endpoint, reason)
    _moved(session, found)


@app.command("rollback")
def roll_back(
    context: typer.Context,
    endpoint: EndpointArgument,
    reason: ReasonOption,
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="Else the one before.")] = "",
) -> None:
    """Roll an endpoint back to an earlier version."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.deployments.rollback(endpoint, reason, to=to)
    _moved(session, found)


def _moved(session: Session, endpoint: EndpointDocument) -> None:
    if session.is_json:
        session.printer.document(endpoint)
        return
    if not endpoint["version"]:
        session.printer.line(f"{endpoint['id']} is stopped.")
        if endpoint["rollback_to"]:
            again = f"`modeldeck deploy rollback {endpoint['id']} --reason TEXT`"
            session.printer.say(f"{again} starts {endpoint['rollback_to'][0]} again.")
        return
    session.printer.line(f"{endpoint['id']} is {endpoint['status']} with {endpoint['version']}.")


def serve(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Whose endpoints.")],
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve what is live in an environment; it follows the ledger until Ctrl-C."""
    from modeldeck.services.base import processes
    from modeldeck.workspace import find_root

    session = session_of(context)
    root = find_root(session.workspace or None)
    arguments = ["--workspace", str(root), "--environment", environment]
    arguments += ["--port", str(port), "--host", host, *(["--json"] if session.is_json else [])]
    if session.key:
        arguments += ["--key", str(Path(session.key).expanduser().absolute())]
    sys.stdout.flush()
    command = processes.command("serve", arguments)
    os.execve(command[0], command, processes.environment())  # noqa: S606 -- our own interpreter
