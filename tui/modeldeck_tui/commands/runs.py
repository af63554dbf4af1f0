"""``run stop`` and ``train``; what reads runs is in :mod:`modeldeck_tui.commands.reading`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui.commands.base import Session, group, session_of
from modeldeck_tui.commands.reading import comparing, listing, shelving, showing
from modeldeck_tui.commands.reading.showing import RunArgument, show_document

if TYPE_CHECKING:
    from modeldeck.domain.documents import RunDocument
    from modeldeck.services.runs import StartedJob
    from modeldeck.workspace import Workspace

app = group("Runs of experiments.")

_LOOK_EVERY_S = 0.2


def register(main: typer.Typer) -> None:
    """Add ``train``, and what reads runs."""
    main.command("train")(train)
    for part in (listing, showing, comparing):
        part.register(app)
    app.command("stop")(stop_run)
    shelving.register(app)


def stop_run(
    context: typer.Context,
    run: RunArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
) -> None:
    """Ask a running run to stop."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.runs.stop(run, reason)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.line(f"Run {found['id'].rsplit('-', 1)[-1]} was asked to stop.")


@app.command("adopt")
def adopt_runs(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Of one run, or of several, written elsewhere.")
    ],
) -> None:
    """Copy runs that were written outside of a workspace into this one; again changes nothing."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.runs.adopt(folder)
    if session.is_json:
        session.printer.document(found)
        return
    says = {
        "adopted": "was adopted",
        "updated": "was brought up to date",
        "there": "is here already",
    }
    for run_id, what in found.items():
        session.printer.line(f"Run {run_id.rsplit('-', 1)[-1]} {says[what]}.")


def train(
    context: typer.Context,
    pipeline: Annotated[Path, typer.Argument(metavar="FILE", help="A pipeline, in TOML.")],
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the run's id and do not wait.")
    ] = False,
) -> None:
    """Train a pipeline in a job of its own; Ctrl-C asks it to stop."""
    session = session_of(context)
    with session.open() as workspace:
        job = workspace.training.start(pipeline)
        if detach:
            _started(session, job)
            return
        session.printer.say(f"Training as run {job.run_id.rsplit('-', 1)[-1]}; Ctrl-C stops it.")
        try:
            found = _await(session, workspace, job=job)
        except KeyboardInterrupt:
            workspace.runs.stop(job.run_id, "Ctrl-C")
            short = job.run_id.rsplit("-", 1)[-1]
            session.printer.say(f"Run {short} was asked to stop.")
            raise typer.Exit(130) from None
        made = [one["id"] for one in workspace.models.versions() if one["run"] == job.run_id]
    session.printer.status("")
    if session.is_json:
        session.printer.document(found)
    else:
        show_document(session, found)
        for one in made:
            session.printer.say(f"{one} is registered.")
            session.printer.say(f"Next: `modeldeck release request {one} --environment E`.")
    _check(found)


def _started(session: Session, job: StartedJob) -> None:
    if session.is_json:
        session.printer.document({"id": job.run_id, "pid": job.pid})
    else:
        session.printer.line(job.run_id)


def _await(session: Session, workspace: Workspace, *, job: StartedJob) -> RunDocument:
    from modeldeck.errors import NotFoundError, error_of_code

    told = ""
    while True:
        code = job.process.poll()
        try:
            run = workspace.runs.show(job.run_id)
        except NotFoundError:
            run = None
        if run is not None and run["progress"]:
            progress = run["progress"]
            text = f"{progress['done']} of {progress['total']}: {progress['text']}"
            if text != told:
                session.printer.status(text)
                told = text
        if code is not None:
            if run is None:
                why = job.words or f"It ended with exit code {code}."
                msg = f"The training job could not begin its run: {why}"
                raise error_of_code(code)(msg)
            return run
        time.sleep(_LOOK_EVERY_S)


def _check(run: RunDocument) -> None:
    """Turn a run that failed into the error that its job had."""
    from modeldeck.errors import error_of_code

    if run["status"] == "cancelled":
        raise typer.Exit(130)
    if run["status"] != "finished":
        error = run["error"]
        message = error.get("message", "") or f"The run ended as {run['status']}."
        kind = error_of_code(error.get("exit_code", 1))
        raise kind(
            message, error.get("hint", "") or f"`modeldeck logs {run['id'][-6:]}` tells more."
        )
