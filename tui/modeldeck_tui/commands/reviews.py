"""``release who|status|wait|evidence`` and ``inbox``: what a release waits for, and rests on.

``release status`` prints one word; what is said beside it goes to standard error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import FAILED_GATE, Session, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.domain.documents import InboxItem, ReleaseDocument
    from modeldeck.workspace import Workspace

CONFLICT, NOT_PERMITTED = 5, 6
ENDS = {
    "live": 0,
    "blocked": FAILED_GATE,
    "rejected": NOT_PERMITTED,
    "withdrawn": NOT_PERMITTED,
    "expired": NOT_PERMITTED,
}
"""The exit codes of a wait, by the state that ended it; any other state is a conflict."""

ReleaseArgument = Annotated[str, typer.Argument(metavar="RELEASE", help="As churn-12.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", help="Wait no longer; 0 waits for ever.")
]


def register(app: typer.Typer, releases: typer.Typer) -> None:
    """Put these commands where they belong."""
    app.command("inbox")(inbox)
    for name, command in (
        ("who", who),
        ("status", status),
        ("wait", wait),
        ("evidence", evidence),
    ):
        releases.command(name)(command)


def inbox(
    context: typer.Context,
    *,
    is_all: Annotated[
        bool, typer.Option("--all", help="Also what you asked for, in lists of their own.")
    ] = False,
) -> None:
    """Show what waits for you and what of yours ends soon, the most urgent first."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.inbox.read()
    if session.is_json:
        urgent = [*found["waiting"], *found["expiring"]]
        session.printer.document(found if is_all else urgent)
        return
    if not is_all:
        urgent = [*found["waiting"], *found["expiring"]]
        _items(session, urgent, nothing="Nothing waits for you.")
        return
    for title, items, nothing in (
        ("Waiting for you", found["waiting"], "Nothing waits for you."),
        ("Yours", found["mine"], "You asked for nothing that is still open."),
        ("Expiring", found["expiring"], "Nothing of yours ends soon."),
    ):
        session.printer.title(title)
        _items(session, items, nothing=nothing)


def _items(session: Session, items: Sequence[InboxItem], *, nothing: str) -> None:
    if not items:
        session.printer.say(nothing)
        return
    session.printer.table(
        ["WHAT", "ABOUT", "", "SINCE", "NEXT"],
        [
            [
                one["kind"],
                one["title"],
                one["detail"],
                output.moment(one["since"]),
                one.get("next", ""),
            ]
            for one in items
        ],
    )


def who(context: typer.Context, release: ReleaseArgument) -> None:
    """Show who can still decide a release, who may not and why, and why you cannot."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.show(release)
    if session.is_json:
        session.printer.document(_picked(found, _WHO))
        return
    session.printer.fields(
        [
            ("release", f"{found['id']}, {found['status']}"),
            ("because", found["outdated_because"]),
            ("ends", _ends(found)),
            ("frozen", found.get("frozen", "")),
            ("lacks", ", ".join(found["missing"]) if found["is_open"] else ""),
            ("overridden", overridden(found)),
            ("can approve", ", ".join(found["eligible"]) or "nobody"),
            ("you", found["why_not"] or "can approve"),
        ]
    )
    if found["excluded"]:
        session.printer.title("May not")
        session.printer.table(
            ["WHO", "WHY"], [[one["by"], one["why"]] for one in found["excluded"]]
        )


def status(context: typer.Context, release: ReleaseArgument) -> None:
    """Print the state of a release as one word; why, and what is about to end, beside it."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.releases.show(release)
    if session.is_json:
        session.printer.document(_picked(found, _STATUS))
        return
    session.printer.line(found["status"])
    said = [found["outdated_because"], found.get("frozen", "")]
    if found["is_open"] and found["missing"]:
        said.append(f"It lacks {', '.join(found['missing'])}.")
    said.append(f"It ends {_ends(found)}." if found.get("is_ending") else "")
    for text in filter(None, said):
        session.printer.say(text)


_TIMES = ("expires_at", "is_ending", "frozen", "frozen_until", "outdated_because", "overrides")
_WHO = ("id", "status", "missing", "eligible", "excluded", "can_approve", "why_not", *_TIMES)
_STATUS = (
    *("id", "version", "environment", "status", "missing", "decided_at", "decided_by"),
    *_TIMES,
)


def _picked(found: ReleaseDocument, keys: Sequence[str]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key in keys}


def _ends(found: ReleaseDocument) -> str:
    """Return when an open release ends by itself; empty for another one."""
    return output.moment(found["expires_at"]) if found["is_open"] else ""


def overridden(found: ReleaseDocument) -> str:
    """Return which checks of a release were overridden, by whom, and why."""
    return "; ".join(
        f"{', '.join(one['checks'])} by {one['by']}: {one['reason']}"
        + ("" if one["holds"] else " (holds no more)")
        for one in found.get("overrides", [])
    )


def wait(context: typer.Context, release: ReleaseArgument, *, timeout: TimeoutOption = 0.0) -> None:
    """Wait until a release is live, or never will be.

    Exit code 0 when it is live, 7 when its gate blocks it, 6 when people ended it, or time did, 5
    when something else took its place, 12 when the time is over.
    """
    session = session_of(context)
    with session.open() as workspace:
        found = waited(session, workspace, release=release, timeout=timeout)
    if session.is_json:
        session.printer.document(found)
    raise typer.Exit(ENDS.get(found["status"], CONFLICT))


def waited(
    session: Session, workspace: Workspace, *, release: str, timeout: float
) -> ReleaseDocument:
    """Wait for a release, and say when its state changes."""

    def told(one: ReleaseDocument) -> None:
        if session.is_json:
            return
        lacks = f"; it lacks {', '.join(one['missing'])}" if one["status"] == "waiting" else ""
        session.printer.line(f"{one['id']} is {one['status']}{lacks}.")

    return workspace.releases.wait(release, timeout_s=timeout, told=told)


def evidence(
    context: typer.Context,
    release: ReleaseArgument,
    *,
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where to; else evidence-RELEASE."),
    ] = None,
) -> None:
    """Write what a release rests on into a folder that others check without ModelDeck."""
    session = session_of(context)
    with session.open() as workspace:
        identifier = workspace.releases.show(release)["id"]
        written = workspace.releases.evidence(release, folder or Path(f"evidence-{identifier}"))
    if session.is_json:
        session.printer.document(
            {
                "folder": str(written.folder),
                "entries": written.n_entries,
                "signatures": written.n_signatures,
                "objects": written.n_objects,
                "head": written.head,
                "digest": written.digest,
            }
        )
        return
    session.printer.line(
        f"{written.folder}: {written.n_entries} entries, {written.n_signatures} signatures, "
        f"{written.n_objects} objects."
    )
    session.printer.say(f"Check it with sh {written.folder}/check.sh; README.md says what it does.")
    session.printer.say(
        f"Note elsewhere what `sha256sum SHA256SUMS` prints there: {written.digest}"
    )
