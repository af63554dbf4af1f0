"""``release request|list|show|approve|reject|request-changes|abstain|withdraw``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import FAILED_GATE, Session, group, session_of
from modeldeck_tui.commands.gates import EnvironmentOption, show_gate
from modeldeck_tui.commands.reviews import CONFLICT, ENDS, TimeoutOption, overridden, waited
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.domain.documents import DiffRow, ReleaseDocument
    from modeldeck.workspace import Workspace

app = group("Releases: asking for one, reviewing, voting.")

ReleaseArgument = Annotated[str, typer.Argument(metavar="RELEASE", help="As churn-12.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
ExpectOption = Annotated[
    str, typer.Option(help="The `basis` that you looked at; refused when it changed since.")
]
_STYLES = {"live": "good", "waiting": "bold", "blocked": "bad", "rejected": "bad", "failed": "bad"}


@app.command("request")
def request_release(
    context: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As churn@7.")],
    environment: EnvironmentOption,
    reason: ReasonOption = "",
    is_waiting: Annotated[
        bool, typer.Option("--wait", help="Wait until it is live, or never will be.")
    ] = False,
    timeout: TimeoutOption = 0.0,
) -> None:
    """Ask for a release and run its gate; exit code 7 when that blocks it.

    With --wait it ends as `release wait` does; what you asked for before, and is still open, is
    waited for again.
    """
    session = session_of(context)
    with session.open() as workspace:
        session.printer.status(f"Testing {version} for {environment} …")
        found = workspace.releases.request(version, environment, reason=reason, may_join=is_waiting)
        diff = workspace.releases.diff(found["id"])
        session.printer.status("")
        if not (session.is_json and is_waiting):
            _show(session, found, diff=diff)
        if found["status"] == "checking":
            _tell_who_reports(session, workspace, release=found)
        if is_waiting:
            found = waited(session, workspace, release=found["id"], timeout=timeout)
    if is_waiting:
        if session.is_json:
            session.printer.document(found)
        raise typer.Exit(ENDS.get(found["status"], CONFLICT))
    if found["status"] == "blocked":
        raise typer.Exit(FAILED_GATE)


@app.command("list")
def list_releases(
    context: typer.Context,
    is_open: Annotated[bool, typer.Option("--open", help="Only those not decided yet.")] = False,
) -> None:
    """List releases, newest first."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.list(open_only=is_open)
    if session.is_json:
        session.printer.document(found)
        return
    session.printer.table(
        ["RELEASE", "VERSION", "ENVIRONMENT", "STATUS", "BY", "ASKED", "LACKS"],
        [
            [
                one["id"],
                one["version"],
                one["environment"],
                Cell(one["status"], _STYLES.get(one["status"], "")),
                one["requested_by"],
                output.moment(one["requested_at"]),
                ", ".join(one["missing"]) if one["is_open"] else "",
            ]
            for one in found
        ],
        empty="There are none. `modeldeck release request VERSION --environment E` asks for one.",
    )


@app.command("show")
def show_release(context: typer.Context, release: ReleaseArgument) -> None:
    """Show one release: gate, what changes, votes, and who can approve."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.show(release)
        diff = workspace.releases.diff(release)
    _show(session, found, diff=diff)


@app.command("approve")
def approve_release(
    context: typer.Context,
    release: ReleaseArgument,
    reason: ReasonOption = "",
    expect: ExpectOption = "",
) -> None:
    """Approve a release as it stands."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.approve(release, reason, expect=expect)
    _voted(session, found, word="approved")


@app.command("reject")
def reject_release(
    context: typer.Context,
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    expect: ExpectOption = "",
) -> None:
    """Reject a release with a reason."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.reject(release, reason, expect=expect)
    _voted(session, found, word="rejected")


@app.command("request-changes")
def request_changes(
    context: typer.Context,
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option("--reason", help="Which changes; it is kept.")],
    expect: ExpectOption = "",
) -> None:
    """Ask for changes of a release, with a reason."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.vote(release, "request-changes", reason=reason, expect=expect)
    _voted(session, found, word="sent back")


@app.command("abstain")
def abstain(context: typer.Context, release: ReleaseArgument, reason: ReasonOption = "") -> None:
    """Take your vote on a release back, while it is undecided."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.vote(release, "abstain", reason=reason)
    _voted(session, found, word="no longer voted on")


@app.command("withdraw")
def withdraw_release(
    context: typer.Context, release: ReleaseArgument, reason: ReasonOption = ""
) -> None:
    """Withdraw a release that you asked for."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.withdraw(release, reason)
    _voted(session, found, word="withdrawn")


def _voted(session: Session, release: ReleaseDocument, *, word: str) -> None:
    if session.is_json:
        session.printer.document(release)
        return
    session.printer.line(f"{release['id']} is {word} by you; it is now {release['status']}.")
    if release["status"] == "deploying":
        session.printer.say(
            f"A server that runs takes it live; else: `modeldeck serve {release['environment']}`."
        )
    _tell_what_lacks(session, release)


def _tell_who_reports(session: Session, workspace: Workspace, *, release: ReleaseDocument) -> None:
    names = ", ".join(workspace.gates.reporters(release["id"])) or "nobody yet"
    command = f"modeldeck gate run {release['version']} --environment {release['environment']}"
    session.printer.say(
        f"{release['id']} waits for {release['missing'][0]}, and yours does not count. "
        f"Whose does ({names}) runs: {command}"
    )


def _tell_what_lacks(session: Session, release: ReleaseDocument) -> None:
    if release["status"] == "waiting" and release["missing"]:
        session.printer.say(
            f"It lacks {', '.join(release['missing'])}. "
            f"{', '.join(release['eligible']) or 'Nobody'} can approve."
        )
        if not release["eligible"]:
            session.printer.say(
                "Let somebody in who may (`modeldeck member add NAME`), withdraw it and ask again: "
                "who joins later has no vote on this one."
            )


def _show(session: Session, release: ReleaseDocument, *, diff: Sequence[DiffRow]) -> None:
    if session.is_json:
        session.printer.document(release)
        return
    printer = session.printer
    replaces = release["replaces_version"] or "nothing"
    printer.fields(
        [
            ("release", release["id"]),
            ("what", f"{release['version']} to {release['environment']}, in place of {replaces}"),
            ("status", Cell(release["status"], _STYLES.get(release["status"], ""))),
            ("because", release["outdated_because"]),
            (
                "asked for by",
                f"{release['requested_by']}, {output.moment(release['requested_at'])}",
            ),
            ("reason", release["reason"]),
            ("expires", output.moment(release["expires_at"]) if release["is_open"] else ""),
            ("frozen", release.get("frozen", "")),
            ("overridden", Cell(overridden(release), "warn")),
            ("basis", release["basis"]),
            ("you", release["why_not"] or "can approve"),
        ]
    )
    if release["gate"] is not None:
        printer.title("Gate")
        show_gate(session, release["gate"])
    if diff:
        printer.title("What changes")
        headers = ["", "", f"{replaces}", release["version"], "CHANGE"]
        printer.table(headers, [_diff_row(one) for one in diff])
    if release["approvals"]:
        printer.title("Votes")
        printer.table(
            ["BY", "VERDICT", "AT", "LEVEL", "REASON", ""],
            [
                [
                    one["by"],
                    Cell(one["verdict"], "good" if one["verdict"] == "approve" else "bad"),
                    output.moment(one["at"]),
                    one["level"],
                    one["reason"],
                    one["why_not"],
                ]
                for one in release["approvals"]
            ],
        )
    _tell_what_lacks(session, release)


def _diff_row(row: DiffRow) -> list[str | Cell]:
    better = {True: " ▲ better", False: " ▼ worse", None: ""}[row["better"]]
    style = {True: "good", False: "bad", None: ""}[row["better"]]
    return [
        row["section"],
        row["name"],
        row["before"],
        row["after"],
        Cell(row["delta"] + better, style),
    ]
