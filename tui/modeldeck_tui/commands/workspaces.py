"""``init``, ``demo``, and what ``modeldeck`` alone prints without a terminal."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.services.demo import DemoSummary


Owners = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:UID[:KEYFILE]]", help="An owner, the first of them you; may be repeated."
    ),
]
Trust = Annotated[str, typer.Option(help="How sure authors have to be: claimed, owner or signed.")]
Group = Annotated[
    str, typer.Option(metavar="NAME", help="A Unix group whose members share the folder.")
]
Threshold = Annotated[
    int, typer.Option(min=0, help="How many owners decide together; else more than half of them.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(init)
    app.command("demo")(demo)


def init(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The folder; it is made when missing.")
    ],
    *,
    name: Annotated[str, typer.Option(help="The workspace's name; else the folder's.")] = "",
    owner: Owners = None,
    threshold: Threshold = 0,
    trust: Trust = "",
    group: Group = "",
) -> None:
    """Make a folder a workspace and adopt the policy of its modeldeck.toml."""
    from modeldeck.services import founding
    from modeldeck.services.demo import default_person
    from modeldeck.workspace import Workspace

    session = session_of(context)
    owners = [founding.founder_from(one) for one in owner or [default_person()]]
    first, threshold = founding.first_of(owners), threshold or founding.majority(len(owners))
    keys = [session.key] if session.key else [*first.keys]
    identifier = founding.init(
        path,
        owner=first.name,
        name=name,
        keys=keys,
        trust=trust or ("signed" if keys else "owner"),
        others=owners[1:],
        threshold=threshold,
        may_ask=_is_terminal(),
        group=group,
    )
    with Workspace.open(path, user=first.name, is_read_only=True) as workspace:
        found = {
            "id": identifier,
            "name": workspace.name,
            "path": str(workspace.root),
            "owner": first.name,
            "owners": [one.name for one in owners],
            "threshold": threshold,
            "environments": workspace.environments,
        }
        trouble = workspace.policies.show()["warnings"]
        n_waiting = len(workspace.proposals.list())
    for text in founding.cautions(len(owners), threshold):
        session.printer.say(Cell("Warning: ", "warn"), text)
    if session.is_json:
        session.printer.document(found)
        return
    _show_trouble(session, trouble, trust=trust)
    _show_founded(session, found, n_waiting=n_waiting)


def _show_trouble(session: Session, trouble: Sequence[str], *, trust: str) -> None:
    """Say what nobody can satisfy yet, and how others join or one person tries both sides."""
    alone = "To try both sides alone: `modeldeck init PATH --trust claimed`."
    if trust == "claimed":
        alone = "MODELDECK_USER=NAME acts as one of them."
    for text in trouble:
        session.printer.say(Cell("! ", "warn"), text)
    if trouble:
        session.printer.say(f"  `modeldeck member add NAME` adds others. {alone}")


def _show_founded(session: Session, found: dict[str, Any], *, n_waiting: int) -> None:
    printer, owners = session.printer, found["owners"]
    names = ", ".join(owners)
    printer.line(f"{found['name']} is a workspace in {found['path']}, owned by {names}.")
    if len(owners) > 1:
        printer.line(f"{found['threshold']} of them decide together about members and policy.")
    if n_waiting:
        waits = output.counted(n_waiting, "decision")
        printer.say(f"Waiting for other owners: {waits}; see `modeldeck member pending`.")
    folder = shlex.quote(found["path"])
    printer.say(
        "Next: log a run, from Python with `modeldeck.start_run`, or any program there with"
    )
    printer.say(f"  cd {folder} && modeldeck exec --experiment NAME -- python train.py")
    printer.say("`modeldeck` there opens the screen.")


def demo(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="The demo's folder, modeldeck-demo by default."),
    ] = None,
    *,
    headless: Annotated[
        bool, typer.Option("--headless", help="Print the summary, open no screen.")
    ] = False,
) -> None:
    """Build a demo workspace by really training on real data, and open it."""
    from modeldeck.services import demo as service

    session = session_of(context)
    folder = path or Path(service.DEFAULT)
    person = service.default_person()
    is_screen = not headless and not session.is_json and _is_terminal()
    narrate = session.printer.status if is_screen else session.printer.say
    with service.running(folder, person=person, narrate=narrate) as summary:
        if not is_screen:
            _show_summary(session, summary)
            return
        session.printer.status("")
        os.environ["MODELDECK_USER"] = person
        session.open_screen(session, path=str(summary.path), user=person)
    again = f"{_program()} demo {folder}"
    session.printer.say(f"The demo's server and traffic have ended. Again: {again}")


def _program() -> str:
    """Return how this program is called here: by its name only where that finds it."""
    return "modeldeck" if shutil.which("modeldeck") else sys.argv[0]


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _show_summary(session: Session, summary: DemoSummary) -> None:
    printer = session.printer
    if session.is_json:
        printer.document(dataclasses.asdict(summary))
        return
    waiting = ", ".join(summary.waiting) or "nothing"
    printer.line(Cell(f"A demo workspace is in {summary.path}", "bold"))
    printer.fields(
        [
            ("runs", f"{summary.runs} in {summary.experiments} experiments"),
            ("model versions", str(summary.versions)),
            ("live", ", ".join(summary.live)),
            ("waits for you", f"{waiting} (you are {summary.person})"),
            ("rejected", ", ".join(summary.rejected)),
            ("annotations", str(summary.annotations)),
            ("served", f"{summary.url} (ended with this command)"),
            ("took", output.duration(summary.seconds)),
        ]
    )
    printer.say(f"Next: `{_program()} demo {summary.path}` in a terminal opens the screen.")


def show_overview(session: Session) -> None:
    """Print what waits, what is live, and what happened last."""
    with session.open() as workspace:
        inbox, live = workspace.overview.inbox(), workspace.overview.live()
        running, latest = workspace.overview.running(), workspace.overview.latest(10)
        name, actor = workspace.name, workspace.actor.name
    if session.is_json:
        whole = {
            "workspace": name,
            "user": actor,
            "inbox": inbox,
            "live": live,
            "running": running,
            "latest": latest,
        }
        session.printer.document(whole)
        return
    printer = session.printer
    printer.line(Cell(name, "bold"), f"  as {actor}")
    printer.title("Needs you")
    rows = [[one["kind"], one["subject"], one["title"], one["detail"]] for one in inbox]
    printer.table(["KIND", "WHAT", "ABOUT", "WHY"], rows) if rows else printer.line("Nothing.")
    printer.title("Deployed")
    deployed = [[one["id"], one["version"], one["status"]] for one in live]
    printer.table(["ENDPOINT", "VERSION", "STATUS"], deployed) if deployed else printer.line(
        "Nothing."
    )
    printer.title("Latest")
    with contextlib.suppress(IndexError):
        printer.table(
            ["AT", "BY", "WHAT"],
            [[output.moment(one["at"]), one["by"], one["text"]] for one in latest],
        )
