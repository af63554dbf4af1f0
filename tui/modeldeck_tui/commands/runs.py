"""``run list|show|stop`` and ``train``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import WHERE, Session, group, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.domain.datasets.documents import DatasetDocument
    from modeldeck.domain.documents import RunDocument
    from modeldeck.services.runs import StartedJob
    from modeldeck.workspace import Workspace

app = group("Runs of experiments.")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Any unique ending of its id.")]
_STYLES = {"finished": "good", "running": "bold", "failed": "bad", "lost": "warn"}
_LOOK_EVERY_S = 0.2


def register(main: typer.Typer) -> None:
    """Add ``train``."""
    main.command("train")(train)


@app.command("list")
def list_runs(
    context: typer.Context,
    experiment: Annotated[str, typer.Option(help="Only of this experiment.")] = "",
    status: Annotated[
        str, typer.Option(help="Only running, finished, failed, cancelled or lost ones.")
    ] = "",
    where: Annotated[str, typer.Option(help=WHERE)] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 for all.")] = 0,
) -> None:
    """List runs, newest first."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.runs.list(experiment=experiment, status=status, where=where, limit=limit)
    if session.is_json:
        session.printer.document(found)
        return
    if not found:
        session.printer.say("There are no such runs. `modeldeck train FILE` makes some.")
        return
    session.printer.table(
        ["ID", "STATUS", "EXPERIMENT", "NAME", "STARTED", "TOOK", "USER", "METRICS"],
        [_row(one) for one in found],
    )


def _row(run: RunDocument) -> list[str | Cell]:
    metrics = [f"{name} {output.number(one['last'])}" for name, one in run["metrics"].items()]
    return [
        run["id"].rsplit("-", 1)[-1],
        Cell(run["status"], _STYLES.get(run["status"], "")),
        run["experiment"],
        run["name"],
        output.moment(run["started_at"]),
        output.duration(run["duration_s"]),
        run["user"],
        "  ".join(metrics[:4]),
    ]


@app.command("show")
def show_run(context: typer.Context, run: RunArgument) -> None:
    """Show one run."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.runs.show(run)
        versions = workspace.datasets.list()
    _show(session, found, versions=versions)


def _show(session: Session, run: RunDocument, *, versions: Sequence[DatasetDocument] = ()) -> None:
    from modeldeck.domain.datasets.documents import named

    printer = session.printer
    if session.is_json:
        printer.document(run)
        return
    progress = run["progress"]
    printer.fields(
        [
            ("run", run["id"]),
            ("experiment", run["experiment"]),
            ("name", run["name"]),
            ("status", Cell(run["status"], _STYLES.get(run["status"], ""))),
            ("progress", f"{progress['done']} of {progress['total']}" if progress else ""),
            ("error", run["error"].get("message", "")),
            ("started", output.moment(run["started_at"])),
            ("took", output.duration(run["duration_s"])),
            ("by", f"{run['user']} on {run['host']}"),
            ("parent", run["parent"]),
            ("data", ", ".join(named(run.get("datasets", []), versions))),
            ("continued", output.counted(run["resumes"], "time") if "resumes" in run else ""),
            *(("note", text) for text in run.get("notes", ())),
        ]
    )
    if run["parameters"]:
        printer.title("Parameters")
        printer.fields((name, str(value)) for name, value in run["parameters"].items())
    if run["tags"]:
        printer.title("Tags")
        printer.fields(run["tags"].items())
    if run["metrics"]:
        printer.title("Metrics")
        keys = ("last", "best", "min", "max")
        printer.table(
            ["METRIC", *(key.upper() for key in keys), "STEP"],
            [
                [name, *(output.number(one[key]) for key in keys), str(one["step"])]  # type: ignore[literal-required]  # of keys
                for name, one in run["metrics"].items()
            ],
        )


@app.command("stop")
def stop_run(
    context: typer.Context,
    run: RunArgument,
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
    session.printer.status("")
    _show(session, found)
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
