"""``run show`` and ``run metrics``: everything about one run."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck.domain.metrics import in_order
from modeldeck_tui import output
from modeldeck_tui.clean import clean
from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.commands.reading.listing import one_format, status_cell, write_csv
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from modeldeck.domain.datasets.documents import DatasetDocument
    from modeldeck.domain.documents import PointDocument, RunDetailDocument, RunDocument

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Any unique ending of its id.")]
_LONGEST = 400
"""Characters of a value in a list of many."""
_CHART_LINES = 16
_PIPE_WIDTH = 80


def register(app: typer.Typer) -> None:
    """Add ``show`` and ``metrics``."""
    app.command("show")(show_run)
    app.command("metrics")(show_metrics)


def show_run(context: typer.Context, run: RunArgument) -> None:
    """Show one run: what it was given, what it ran in, what it made, what was said about it."""
    session = session_of(context)
    with session.open() as workspace:
        found = workspace.reading.detail(run)
        versions = workspace.datasets.list()
    if session.is_json:
        session.printer.document(found)
        return
    show_document(session, found, versions=versions)
    _show_detail(session, found)


def show_document(
    session: Session, run: RunDocument, *, versions: Sequence[DatasetDocument] = ()
) -> None:
    """Print what a run's document says; its data by the versions that they are."""
    from modeldeck.domain.datasets.documents import named

    printer = session.printer
    progress = run["progress"]
    printer.fields(
        [
            ("run", run["id"]),
            ("experiment", run["experiment"]),
            ("name", run["name"]),
            ("status", status_cell(run)),
            ("progress", f"{progress['done']} of {progress['total']}" if progress else ""),
            ("error", run["error"].get("message", "")),
            ("started", output.moment(run["started_at"])),
            ("ended", output.moment(run["ended_at"])),
            ("took", output.duration(run["duration_s"])),
            ("by", f"{run['user']} on {run['host']}"),
            ("parent", run["parent"]),
            ("data", ", ".join(named(run.get("datasets", []), versions))),
            ("continued", output.counted(run["resumes"], "time") if "resumes" in run else ""),
            *(("note", text) for text in run.get("notes", ())),
        ]
    )
    _fields(session, "Parameters", values=run["parameters"])
    _fields(session, "Tags", values=run["tags"])
    if run["metrics"]:
        printer.title("Metrics")
        keys = ("last", "best", "min", "max")
        goals: Mapping[str, str] = run.get("goals", {})  # type: ignore[assignment]  # of a detail
        titles = ["METRIC", *(key.upper() for key in keys), "STEP", *(["BETTER"] if goals else [])]
        more = {"max": "more", "min": "less"}
        printer.table(
            titles,
            [
                [
                    name,
                    *(output.number(one[key]) for key in keys),  # type: ignore[literal-required]  # of keys
                    str(one["step"]),
                    *([more.get(goals.get(name, ""), "")] if goals else []),
                ]
                for name in goals or in_order(run["metrics"])
                for one in [run["metrics"][name]]
            ],
        )


def _fields(session: Session, title: str, *, values: Mapping[str, object]) -> None:
    if values:
        session.printer.title(title)
        session.printer.fields(
            (name, _short(output.number(one)) or "-") for name, one in values.items()
        )


def _short(text: str) -> str:
    """Return a value as a list of them shows it; `--json` has all of it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"


def _measured(name: str, value: object) -> str:
    """Return a measure of the processor or memory in the unit that its name ends in."""
    if isinstance(value, float | int) and name.endswith("_bytes"):
        return output.size(value)
    return output.number(value)


def _show_detail(session: Session, run: RunDetailDocument) -> None:
    printer = session.printer
    _fields(session, "Data", values=run["data"])
    _fields(session, "Code", values=run["code"])
    _fields(session, "Environment", values=run["environment"])
    if run["artifacts"]:
        printer.title("Artifacts")
        printer.table(
            ["FILE", "SIZE"],
            [[one["path"], output.size(one["size_bytes"])] for one in run["artifacts"]],
        )
    if run["system"]:
        printer.title("System")
        printer.table(
            ["MEASURE", "LAST", "MEAN", "MAX"],
            [
                [name, *(_measured(name, one[key]) for key in ("last", "mean", "max"))]
                for name, one in run["system"].items()
            ],
        )
    if run["annotations"]:
        printer.title("Annotations")
        for one in run["annotations"]:
            at = output.moment(one["at"])
            printer.line(Cell(f"{at}  {one['by']}", "dim"), "  ", one["text"])
    if run["children"]:
        printer.title("Runs that it started")
        printer.table(
            ["ID", "STATUS", "NAME"],
            [[one["id"][-6:], one["status"], one["name"]] for one in run["children"]],
        )
    if run["versions"]:
        printer.title("Versions made of it")
        printer.line(", ".join(run["versions"]))
    printer.line()
    printer.fields([("folder", run["folder"])])


def show_metrics(
    context: typer.Context,
    run: RunArgument,
    *,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Only these; may be repeated.")
    ] = None,
    is_csv: Annotated[bool, typer.Option("--csv", help="Print CSV (RFC 4180).")] = False,
    is_lines: Annotated[
        bool, typer.Option("--jsonl", help="Print a JSON document a line for each point.")
    ] = False,
    is_chart: Annotated[bool, typer.Option("--chart", help="Draw curves.")] = False,
    is_ascii: Annotated[
        bool, typer.Option("--ascii", help="Draw them with ASCII characters.")
    ] = False,
) -> None:
    """Print every value that a run logged, or draw its curves."""
    session = session_of(context)
    one_format(session, csv=is_csv, jsonl=is_lines, chart=is_chart)
    with session.open() as workspace:
        points = workspace.reading.points(run, metric or ())
    if is_chart:
        _draw(session, points, is_ascii=is_ascii or session.looks.is_ascii)
    elif is_csv:
        rows = ([one["metric"], one["step"], one["at"], one["value"]] for one in points)
        write_csv(session, [["metric", "step", "at", "value"], *rows])
    elif is_lines:
        for one in points:
            session.printer.record(one)
    elif session.is_json:
        session.printer.document(points)
    else:
        _table(session, points)


def _table(session: Session, points: Sequence[PointDocument]) -> None:
    if not points:
        session.printer.say("The run has logged no metric yet.")
        return
    session.printer.table(
        ["METRIC", "STEP", "AT", "VALUE"],
        [
            [one["metric"], str(one["step"]), output.moment(one["at"]), output.number(one["value"])]
            for one in points
        ],
    )


def _draw(session: Session, points: Iterable[PointDocument], *, is_ascii: bool) -> None:
    """Draw a chart a metric, as wide as the terminal; a single value is told, not drawn."""
    from modeldeck_tui.present.charts import Point, curves, reduced
    from modeldeck_tui.present.export.plain import to_ascii

    printer = session.printer
    series: dict[str, list[Point]] = {}
    for one in points:
        value = one["value"]
        if isinstance(value, int | float):
            series.setdefault(one["metric"], []).append((float(one["step"]), float(value)))
    if not series:
        printer.say("The run has logged no number yet.")
        return
    width = shutil.get_terminal_size().columns if printer.is_terminal else _PIPE_WIDTH
    for number, (name, curve) in enumerate(series.items()):
        if number:
            printer.line()
        last = output.number(curve[-1][1])
        printer.line(Cell(clean(name), "bold"), f"  {output.counted(len(curve), 'value')}, {last}")
        if len({x for x, _y in curve}) < 2:
            continue
        curve.sort(key=_step)
        for parts in curves([reduced(curve)], width, height=_CHART_LINES):
            text = "".join(part.text for part in parts)
            printer.line(to_ascii(text) if is_ascii else text)


def _step(point: tuple[float, float]) -> float:
    return point[0]
