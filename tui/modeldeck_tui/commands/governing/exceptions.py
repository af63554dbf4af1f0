"""``release override|break-glass``, ``deploy review``: past a check, or back in an emergency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.documents import EndpointDocument

ReleaseArgument = Annotated[str, typer.Argument(metavar="RELEASE", help="As churn-12.")]
EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="As churn@production.")]


def register(releases: typer.Typer, deployments: typer.Typer) -> None:
    """Put these commands where they belong."""
    releases.command("override")(override)
    releases.command("break-glass")(break_glass)
    deployments.command("review")(review)


def override(
    context: typer.Context,
    release: ReleaseArgument,
    *,
    checks: Annotated[
        list[str], typer.Option("--check", metavar="NAME", help="A failed check; may be repeated.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; every vote names it.")],
    expect: Annotated[
        str, typer.Option(help="The `basis` that you looked at; refused when it changed since.")
    ] = "",
) -> None:
    """Let a blocked release go on although checks of its gate failed.

    Only the policy's override_roles may, and nobody who may not vote. When all failed checks are
    overridden the release waits for votes, each of which names the override.
    """
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.override(release, checks, reason=reason, expect=expect)
    if session.is_json:
        session.printer.document(found)
        return
    names = ", ".join(checks)
    session.printer.line(f"You overrode {names} of {found['id']}; it is now {found['status']}.")
    if found["status"] == "waiting":
        who = ", ".join(found["eligible"]) or "Nobody"
        session.printer.say(f"It lacks {', '.join(found['missing'])}. {who} can approve.")


def break_glass(
    context: typer.Context,
    endpoint: EndpointArgument,
    *,
    to: Annotated[str, typer.Option("--to", metavar="VERSION", help="One that was live there.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
) -> None:
    """Go back in an emergency to any version that was live there, without votes.

    Only the policy's break_glass roles may. Another person reviews it afterwards (`deploy
    review`), within the time that the policy gives; before that it cannot be done again.
    """
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.deployments.break_glass(endpoint, to=to, reason=reason)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.line(f"{found['id']} is {found['status']} with {found['version']}.")
    _tell(session, found)


def review(
    context: typer.Context,
    endpoint: EndpointArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="What you found; it is kept.")],
) -> None:
    """Review afterwards that the glass of an endpoint was broken: another person than who did."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.deployments.review(endpoint, reason)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.line(f"You reviewed the broken glass of {found['id']}.")


def _tell(session: Session, found: EndpointDocument) -> None:
    if "glass" not in found:
        return
    glass = found["glass"]
    who = ", ".join(glass["reviewers"]) or "nobody yet"
    until = output.moment(glass["review_by"])
    command = f"`modeldeck deploy review {found['id']} --reason TEXT`"
    session.printer.say(Cell("! ", "bad"), f"To be reviewed until {until} by {who}: {command}.")
