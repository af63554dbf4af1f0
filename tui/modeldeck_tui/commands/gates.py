"""``gate run``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui.commands.base import FAILED_GATE, Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.documents import GateDocument

app = group("Gates: the checks that a version must pass.")

EnvironmentOption = Annotated[
    str, typer.Option("--environment", "-e", metavar="E", help="The environment.")
]


@app.callback()
def gate() -> None:
    """Gates: the checks that a version must pass."""


@app.command("run")
def run_gate(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@7.")],
    environment: EnvironmentOption,
) -> None:
    """Run an environment's gate on a version; exit code 7 when it fails."""
    session = session_of(context)
    with session.open() as workspace:
        session.printer.status(f"Testing {version} for {environment} …")
        found = workspace.gates.run(version, environment)
    session.printer.status("")
    if session.is_json:
        session.printer.document(found)
    else:
        show_gate(session, found)
    if not found["passed"]:
        raise typer.Exit(FAILED_GATE)


def show_gate(session: Session, gate: GateDocument) -> None:
    """Print a gate report."""
    word = Cell("passes", "good") if gate["passed"] else Cell("fails", "bad")
    session.printer.line(f"{gate['version']} ", word, f" the gate of {gate['environment']}")
    rows: list[list[str | Cell]] = []
    for one in gate["checks"]:
        if one["passed"]:
            mark = Cell("✔ passed", "good")
        elif one["required"]:
            mark = Cell("✖ failed", "bad")
        else:
            mark = Cell("⚠ advisory", "warn")
        rows.append([mark, one["name"], one["reason"]])
    session.printer.table(["", "CHECK", "FINDING"], rows)
