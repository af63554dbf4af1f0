"""``release review``: everything that a vote on a release rests on, as the screen shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui import output
from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.commands.gates import show_gate
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.reading.reviews import DataSide, MetricRow, ReviewDocument, VoterDocument

_GOALS = {"max": "more", "min": "less"}
_STYLES = {"better": "good", "worse": "bad"}


def register(releases: typer.Typer) -> None:
    """Put the command where it belongs."""
    releases.command("review")(review)


def review(
    context: typer.Context,
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="As churn-12.")],
    *,
    has_code: Annotated[
        bool, typer.Option("--code", help="Also what differs in the code, in full.")
    ] = False,
) -> None:
    """Show what ships against what is live, who decides, and what that rests on."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.reviewing.review(release)
    if session.is_json:
        session.printer.document(found)
        return
    known, printer = found["release"], session.printer
    before = known["replaces_version"] or "nothing"
    ends = f"{found['ends']} until {output.moment(found['ends_at'])}" if found["ends"] else ""
    printer.fields(
        [
            ("release", f"{known['id']}, {known['status']}"),
            ("change", f"{before} → {known['version']} in {known['environment']}"),
            ("asked by", f"{known['requested_by']} {known['reason']}".strip()),
            ("lacks", ", ".join(known["missing"])),
            ("ends", ends),
        ]
    )
    for one in found["moved"]:
        text = f"! {one['name']} changed: {one['before']} → {one['after']}"
        printer.line(Cell(text, "bad"))
    _show_metrics(session, found["metrics"], before=before, after=known["version"])
    _show_rest(session, found)
    if known["gate"] is not None:
        printer.title("Gate")
        show_gate(session, known["gate"])
    _show_voters(session, found["voters"])
    if has_code:
        _show_code(session, found)


def _show_metrics(session: Session, metrics: list[MetricRow], *, before: str, after: str) -> None:
    session.printer.title("Metrics")
    session.printer.table(
        ["METRIC", "BETTER", before, after, "DIFFERENCE", "95 % INTERVAL", "ROWS", ""],
        [
            [
                one["name"],
                _GOALS[one["goal"]],
                _number(one["before"]),
                _number(one["after"]),
                _number(one["difference"], sign="+"),
                f"{_number(one['low'], sign='+')} to {_number(one['high'], sign='+')}"
                if one["n_rows"] is not None
                else "none: other hold-outs",
                "-" if one["n_rows"] is None else f"{one['n_rows']:,}",
                Cell(one["verdict"], _STYLES.get(one["verdict"], "")),
            ]
            for one in metrics
        ],
    )


def _number(value: float | str | None, *, sign: str = "") -> str:
    return format(value, f"{sign}.4g") if isinstance(value, int | float) else value or "-"


def _show_rest(session: Session, found: ReviewDocument) -> None:
    printer = session.printer
    if found["differences"]:
        printer.title("What else differs")
        rows = [
            [one["section"], one["name"], one["before"] or "-", one["after"] or "-"]
            for one in found["differences"]
        ]
        printer.table(["WHAT", "NAME", "LIVE", "NEW"], rows)
    printer.title("Data, code, drift")
    code, drift = found["code"], found["live"]["drift"]
    moved = [one["column"] for one in drift["moves"] if one["moved"]]
    drifted = f"{len(moved)} of {len(drift['moves'])} columns: {', '.join(moved)}".rstrip(": ")
    printer.fields(
        [
            ("data before", _data(found["data_before"])),
            ("data now", _data(found["data_after"])),
            ("code before", code["before"]["commit"] or code["before"]["problem"]),
            ("code now", code["after"]["commit"] or code["after"]["problem"]),
            ("drift", drift["why"] or drifted),
        ]
    )


def _data(side: DataSide) -> str:
    if not side["digest"]:
        return "not named"
    return f"{side['dataset']} {side['rows']} rows, sha256 {side['digest']}".strip()


def _show_voters(session: Session, voters: list[VoterDocument]) -> None:
    session.printer.title("Votes")
    session.printer.table(
        ["WHO", "VERDICT", "LEVEL", "KEY", "HOLDS UNTIL", ""],
        [
            [
                one["by"],
                one["verdict"] or ("may vote" if one["may"] else "may not"),
                one["level"],
                one["key"],
                output.moment(one["until"]) if one["until"] else "",
                one["why_not"] or one["reason"] or ", ".join(one["roles"]),
            ]
            for one in voters
        ],
    )


def _show_code(session: Session, found: ReviewDocument) -> None:
    code = found["code"]
    for title, text in (
        ("Between the commits", code["between"]),
        (f"Not committed: {code['after']['version']}", code["after"]["uncommitted"]),
        (f"Not committed: {code['before']['version']}", code["before"]["uncommitted"]),
    ):
        if text:
            session.printer.title(title)
            for line in text.splitlines():
                session.printer.line(line)
