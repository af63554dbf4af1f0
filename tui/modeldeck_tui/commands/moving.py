"""``import mlflow``, ``export mlflow`` and ``sync``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import WHERE, Session, group, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.services.moving.importing import Narrate
    from modeldeck.services.moving.reading.values import Skipped

MOST = 20
"""Things that were not taken and are listed one by one; `--json` has all."""

import_app = group("Bring runs and models in.")
export_app = group("Hand runs out.")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")]


def register(main: typer.Typer) -> None:
    """Add ``sync``."""
    main.command("sync")(sync)


@import_app.command("mlflow")
def import_mlflow(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An mlruns folder, an mlflow.db, or its folder.")
    ],
    *,
    dry_run: DryRun = False,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Take also what was deleted in MLflow.")
    ] = False,
) -> None:
    """Bring in the experiments, runs, artifacts and models of MLflow; again brings what is new."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.moving.take_mlflow(
            path, is_dry=dry_run, with_deleted=deleted, narrate=_narrate(session)
        )
    session.printer.status("")
    if session.is_json:
        session.printer.document(found)
        return
    verb = "Would take" if dry_run else "Took"
    parts = [
        output.counted(found["runs"], "run"),
        f"in {output.counted(found['experiments'], 'experiment')}",
        f"and {output.counted(found['versions'], 'model version')}",
    ]
    session.printer.line(f"{verb} {' '.join(parts)} from {path}.")
    if found["there"]:
        renewed = f", {found['renewed']} of them brought up to date" if found["renewed"] else ""
        there = output.counted(found["there"], "run")
        session.printer.line(f"{there} had been taken before{renewed}.")
    _tell(session, found["skipped"])


@export_app.command("mlflow")
def export_mlflow(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A new folder, or an mlruns that gets the rest.")
    ],
    *,
    run: Annotated[
        list[str] | None, typer.Option("--run", metavar="RUN", help="Only this run; repeatable.")
    ] = None,
    where: Annotated[str, typer.Option("--where", "--filter", help=WHERE)] = "",
    dry_run: DryRun = False,
) -> None:
    """Write runs and model versions as MLflow's file store; again adds what is new."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.moving.give_mlflow(path, runs=run or (), where=where, is_dry=dry_run)
    if session.is_json:
        session.printer.document(found)
        return
    verb = "Would write" if dry_run else "Wrote"
    runs = output.counted(found["runs"], "run")
    where_from = output.counted(found["experiments"], "experiment")
    session.printer.line(f"{verb} {runs} of {where_from} to {path}.")
    if found["there"]:
        session.printer.line(f"{output.counted(found['there'], 'run')} had been there before.")
    if found["models"]:
        versions = output.counted(found["versions"], "new version")
        session.printer.line(f"{versions} of {output.counted(found['models'], 'model')}.")
    _tell(session, found["skipped"], title="Changed or left out")


def sync(
    context: typer.Context,
    other: Annotated[
        Path, typer.Argument(metavar="OTHER", help="The folder of another workspace.")
    ],
    *,
    dry_run: DryRun = False,
) -> None:
    """Take in the runs, objects and versions of another workspace; again takes what is new."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.moving.sync(other, is_dry=dry_run, narrate=_narrate(session))
    session.printer.status("")
    if session.is_json:
        session.printer.document(found)
        return
    verb = "Would take" if dry_run else "Took"
    counts = [
        output.counted(found["runs"], "run"),
        output.counted(len(found["versions"]), "model version"),
        *([output.counted(len(found["datasets"]), "data version")] if found["datasets"] else []),
        output.counted(found["objects"], "object"),
    ]
    if not (found["entries"] or found["runs"] or found["renewed"] or found["objects"]):
        session.printer.line(f"{found['name']} has nothing new; nothing was written.")
    else:
        session.printer.line(f"{verb} {', '.join(counts)} from {found['name']}.")
    if found["renewed"]:
        session.printer.line(f"{output.counted(found['renewed'], 'run')} brought up to date.")
    for one in [*found["versions"], *found["datasets"]]:
        session.printer.line(f"{one['there']} of {found['name']} is {one['here'] or 'new'} here.")
    if found["entries"]:
        count = found["entries"]
        entries = f"{count:,} {'entry' if count == 1 else 'entries'} of its ledger"
        session.printer.line(f"{entries} {'would be kept' if dry_run else 'kept'} as evidence.")
    if found["entry"]:
        session.printer.line(f"Entry {found['entry']} records it.")
    _tell(session, found["conflicts"], title="Conflicts, where ours stays")
    _tell(session, found["skipped"])


def _narrate(session: Session) -> Narrate:
    """Return what tells a person at a terminal how far it is."""
    return session.printer.status if output.is_terminal(sys.stderr) else _silent


def _silent(_text: str) -> None:
    """Tell nobody: a pipe wants no progress."""


def _tell(session: Session, skipped: Sequence[Skipped], *, title: str = "Not taken") -> None:
    """List what was not taken, and why."""
    if not skipped:
        return
    session.printer.title(f"{title}: {len(skipped)}")
    session.printer.table(["WHAT", "WHY"], [[one["what"], one["reason"]] for one in skipped[:MOST]])
    if len(skipped) > MOST:
        session.printer.say(f"… and {len(skipped) - MOST} more: --json lists all.")
