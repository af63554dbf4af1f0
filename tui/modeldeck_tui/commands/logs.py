"""``logs``: of runs, endpoints or any files, filtered, counted, from the end and as they grow."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modeldeck.errors import NotFoundError, UsageError
from modeldeck_tui.clean import clean
from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.output import Cell, counted, harmless_lines, has_colours, size
from modeldeck_tui.present.rows import exact

if TYPE_CHECKING:
    from modeldeck.services.logs import Asked, Block, Counts, Line, Passage, Query, Reading, Target
    from modeldeck.workspace import Workspace

_STYLES = {"ERROR": "bad", "CRITICAL": "bad", "WARN": "warn", "DEBUG": "dim"}
_POLL_S = 0.05
STDIN = "-"
_NAME_ONE = "Name a run, an endpoint, a path, a glob, or - for standard input"
_AT_ONCE = 500
_MINUTES = 60
_CHANGES = {
    "rotated": "{} was rotated; what follows is from the new file.",
    "missed": "{} was rotated more than once; a file in between is missing.",
    "shortened": "{} was cut or written anew; what was not read before is lost.",
    "gone": "{} is gone; it is followed when it comes back.",
    "appeared": "{} is there again.",
}


_Things = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="THING|PATH|GLOB|-...",
        help="Whose logs: runs, endpoints, predictions:ENDPOINT, files; - is standard input; "
        "without any, which logs the workspace has.",
    ),
]
_Following = Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes.")]
_Last = Annotated[
    int | None,
    typer.Option("-n", min=0, metavar="N", help="The last N lines that fit [50; all if asked]."),
]
_Since = Annotated[
    str, typer.Option(metavar="TIME", help="From 15m ago, 13:00, 2026-11-23T07:10Z on.")
]
_Until = Annotated[str, typer.Option(metavar="TIME", help="Before this time.")]
_Grep = Annotated[
    list[str] | None,
    typer.Option(metavar="REGEX", help="Only lines with this; small letters find capitals."),
]
_Hide = Annotated[list[str] | None, typer.Option(metavar="REGEX", help="No lines with this.")]
_Fixed = Annotated[bool, typer.Option("-F", "--fixed", help="--grep and --hide are plain texts.")]
_Level = Annotated[
    str, typer.Option(metavar="LEVEL", help="error: at least; =warn,info: these; !debug: not.")
]
_Fields = Annotated[
    list[str] | None,
    typer.Option("--field", metavar="TEST", help="Compare a field: latency_s>0.5."),
]
_Around = Annotated[
    int, typer.Option("-C", "--context", min=0, max=1000, metavar="N", help="Lines around.")
]
_Counting = Annotated[
    bool, typer.Option("--stats", help="Count by level, minute and source instead.")
]
_Screen = Annotated[bool, typer.Option("--screen", help="Open them on the full screen.")]
_Raw = Annotated[bool, typer.Option("--raw", help="Bytes as they are; never on a terminal.")]


def register(app: typer.Typer) -> None:
    """Add ``logs``."""
    app.command("logs")(show_logs)


def show_logs(
    context: typer.Context,
    things: _Things = None,
    *,
    is_following: _Following = False,
    n: _Last = None,
    since: _Since = "",
    until: _Until = "",
    grep: _Grep = None,
    hide: _Hide = None,
    is_fixed: _Fixed = False,
    level: _Level = "",
    fields: _Fields = None,
    around: _Around = 0,
    is_counting: _Counting = False,
    is_raw: _Raw = False,
    is_screen: _Screen = False,
) -> None:
    """Print lines of logs: the last ones, those that fit, their counts, and with -f what comes."""
    from modeldeck.services.logs import Asked

    session = session_of(context)
    if not things:
        _list(session, is_asked=any(context.params.values()))
        return
    query = _query(grep or [], hide or [], fields=fields or [], level=level, is_fixed=is_fixed)
    if is_screen:
        has_more = is_counting or is_raw or session.is_json or n is not None or around > 0
        _check_screen(session, things, has_more=has_more)
        query = _timed(query, "", until=until)
        _on_screen(session, things, since=since, asked=_as_filter(context.params, query))
        return
    query = _timed(query, since, until=until)
    _check(session, is_raw=is_raw, is_counting=is_counting, is_following=is_following)
    asked = Asked(query, last=n, around=around, has_numbers=session.is_json)
    with _reading(session, things, asked=asked) as reading:
        show = _Show(session, reading, is_raw=is_raw)
        if is_counting:
            _count(session, reading)
            show.problems()
            return
        if is_following or (things == ["-"] and n is None and not around):
            _follow(session, reading, show=show)
        elif show.is_quick:
            show.passages(reading.passages())
        else:
            show.blocks(reading.blocks(), has_gaps=around > 0)
        show.problems()
        show.nothing(query)


def _list(session: Session, *, is_asked: bool) -> None:
    """Say which logs there are, where nobody said which one is meant."""
    try:
        with session.open() as workspace:
            known = workspace.logs.known()
    except NotFoundError:
        msg = "Nobody said whose log, and this is no workspace that could have one."
        raise UsageError(msg, f"{_NAME_ONE}.") from None
    if is_asked:
        msg = "Nobody said whose log."
        first = f", for example {known[0]['log']}" if known else ""
        hint = f"{_NAME_ONE}{first}; `modeldeck logs` alone lists those of the workspace."
        raise UsageError(msg, hint)
    if session.is_json:
        session.printer.document(known)
        return
    if not known:
        session.printer.say("No run or endpoint has written a log yet.")
        return
    session.printer.table(
        ["LOG", "KIND", "SIZE", "WRITTEN"],
        [
            [one["log"], one["kind"], size(one["size_bytes"]), exact(one["written_at"])]
            for one in known
        ],
    )
    session.printer.say("`modeldeck logs LOG` shows its last lines, with -f what comes.")


def _typed(texts: Sequence[str], sign: str, *, is_fixed: bool) -> list[str]:
    """Return words as they are typed on the screen."""
    if not is_fixed:
        return [f"{sign}{one}" for one in texts]
    quoted = [one.replace("\\", "\\\\").replace('"', '\\"') for one in texts]
    return [f'{sign}"{one}"' for one in quoted]


def _as_filter(options: Mapping[str, Any], query: Query) -> str:
    """Return what asks the same as some options, as it is typed on the screen.

    Raises
    ------
    UsageError
        One line cannot ask that.
    """
    from modeldeck.services import logs

    named = ((name, options[name].replace(" ", "_")) for name in ("level", "until"))
    is_fixed = options["is_fixed"]
    parts = [
        *(f"{name}:{value}" for name, value in named if value),
        *(options["fields"] or []),
        *_typed(options["grep"] or [], "", is_fixed=is_fixed),
        *_typed(options["hide"] or [], "!", is_fixed=is_fixed),
    ]
    text = " ".join(parts)
    found = logs.query_of(text, datetime.now().astimezone())
    if replace(found, until=query.until) != query:
        msg = "These options together are no filter that the screen could show."
        hint = "Leave one --grep or --hide out and ask there (`/` asks), or leave --screen out."
        raise UsageError(msg, hint)
    return text


def _check_screen(session: Session, things: list[str], *, has_more: bool) -> None:
    if has_more:
        msg = "--screen shows all of a log and follows it."
        raise UsageError(msg, "Leave -n, -C, --stats, --raw and --json out, or --screen.")
    if not session.printer.is_terminal:
        msg = "There is no terminal for the screen."
        raise UsageError(msg, "Leave --screen out to print lines.")
    if STDIN in things:
        msg = "The screen needs the keyboard; standard input cannot be the log."
        raise UsageError(msg, "Write the output into a file, and name that.")


def _on_screen(session: Session, things: list[str], *, since: str, asked: str) -> None:
    """Open the screen at logs."""
    logs = [*things, *([f"@{since}"] if since else [])]
    try:
        session.open_screen(session, logs=logs, asked=asked)
    except NotFoundError as error:
        hint = f"{error.hint} Without --screen, logs are read anywhere."
        raise NotFoundError(error.message, hint) from None


def _check(session: Session, *, is_raw: bool, is_counting: bool, is_following: bool) -> None:
    if is_raw and session.printer.is_terminal:
        msg = "A log's bytes could command the terminal."
        raise UsageError(msg, "Write them into a file or a pipe, or leave --raw out.")
    if is_raw and session.is_json:
        msg = "--raw and --json exclude each other."
        raise UsageError(msg, "Leave one of them out.")
    if is_counting and is_following:
        msg = "--stats counts what is there; it does not follow."
        raise UsageError(msg, "Leave -f or --stats out.")


def _query(
    grep: list[str], hide: list[str], *, fields: list[str], level: str, is_fixed: bool
) -> Query:
    from modeldeck.services import logs

    return logs.Query(
        keep=tuple(logs.words(one, is_regex=not is_fixed) for one in grep),
        hide=tuple(logs.words(one, is_regex=not is_fixed) for one in hide),
        levels=logs.levels_from(level) if level else None,
        fields=tuple(logs.field_test(one) for one in fields),
    )


def _timed(query: Query, since: str, *, until: str) -> Query:
    from modeldeck.services import logs

    now = datetime.now().astimezone()
    times = logs.Query(
        since=logs.moment_from(since, now) if since else None,
        until=logs.moment_from(until, now) if until else None,
    )
    return logs.all_of([query, times])


@contextmanager
def _workspace_for(session: Session, things: list[str]) -> Iterator[Workspace]:
    """Open the workspace that has a thing which is no file; say so where there is none."""
    from modeldeck.services import logs

    with ExitStack() as stack:
        try:
            workspace = stack.enter_context(session.open())
        except NotFoundError:
            if session.workspace:
                raise
            name = next(one for one in things if logs.paths_of([one]) is None)
            is_folder = Path(name).is_dir()
            what = "is a folder" if is_folder else "is no file"
            msg = f"{name[:200]!r} {what}, and there is no workspace here that could have its log."
            hint = "Name the files in it" if is_folder else "Look at how the file's name is written"
            raise NotFoundError(msg, f"{hint}; -w PATH names a workspace.") from None
        yield workspace


@contextmanager
def _reading(session: Session, things: list[str], *, asked: Asked) -> Iterator[Reading]:
    """Open logs; a workspace only where something in it is named."""
    from modeldeck.services import logs

    targets: list[Target] | None = logs.paths_of(things)
    if targets is None:
        with _workspace_for(session, things) as workspace:
            targets = workspace.logs.targets(things)
    with logs.opened(targets) as merged:
        yield logs.Reading(merged, asked)


def _follow(session: Session, reading: Reading, *, show: _Show) -> None:
    tracking = reading.follow()
    try:
        while not session.printer.reader_is_gone():
            passages = tracking.passages() if show.is_quick else iter(())
            lines = [] if show.is_quick else tracking.poll()
            for log, change in tracking.changes:
                show.change(log.name, change.kind)
            has_come = show.passages(passages) or bool(lines)
            show.lines(lines)
            show.flush()
            show.problems()
            if tracking.is_over:
                return
            if not has_come:
                tracking.wait(_POLL_S)
    except KeyboardInterrupt:
        return


class _Show:
    """Prints lines, many at once."""

    def __init__(self, session: Session, reading: Reading, *, is_raw: bool) -> None:
        self._session = session
        self._printer = session.printer
        self._reading = reading
        self._is_raw = is_raw
        self._has_names = len(reading.merged.logs) > 1
        self._cells: list[tuple[Cell, ...]] = []
        self._has_any = False

    def blocks(self, blocks: Iterable[Block], *, has_gaps: bool) -> None:
        """Print what fits as it is found, at most a moment late."""
        printed_at = time.monotonic()
        is_first = True
        for block in blocks:
            if has_gaps and not is_first and not self._session.is_json:
                self._cells.append((Cell("--", "dim"),))
            is_first = False
            self.lines(block.lines)
            if len(self._cells) >= _AT_ONCE or time.monotonic() - printed_at > _POLL_S:
                self.flush()
                printed_at = time.monotonic()
            if self._printer.is_closed:
                return
        self.flush()

    @property
    def is_quick(self) -> bool:
        """Whether lines are printed as they lie in the file, without telling them apart."""
        is_plain = not (self._session.is_json or self._is_raw or has_colours(sys.stdout))
        return is_plain and self._reading.has_passages

    def passages(self, found: Iterable[Passage]) -> bool:
        """Print lines as they lie in the file; say whether there were any."""
        has_any = False
        for one in found:
            if one.spans:
                has_any = self._has_any = True
                text = harmless_lines(one.data, clean)
                if text is not None:
                    self._printer.raw(f"{text}\n")
                else:
                    self.lines(self._reading.lines_of(one))
                    self.flush()
            if self._printer.is_closed:
                break
        return has_any

    def lines(self, lines: Iterable[Line]) -> None:
        """Take lines to print."""
        lines = [*lines]
        self._has_any = self._has_any or bool(lines)
        if self._session.is_json:
            for line in lines:
                self._printer.record(
                    {**line.document(), "time": line.instant, "offset": line.offset}
                )
        elif self._is_raw:
            for line in lines:
                self._printer.data(self._reading.raw(line))
        else:
            self._cells += [self._cell(line) for line in lines]
        if len(self._cells) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Print what was taken."""
        cells, self._cells = self._cells, []
        self._printer.lines(cells)

    def _cell(self, line: Line) -> tuple[Cell, ...]:
        text = Cell(line.shown, _STYLES.get(line.head.level, ""))
        return (Cell(f"{line.name}: ", "dim"), text) if self._has_names else (text,)

    def change(self, name: str, kind: str) -> None:
        """Say what became of a file."""
        self.flush()
        self._printer.say(Cell(_CHANGES[kind].format(name), "dim"))

    def nothing(self, query: Query) -> None:
        """Tell a person at a terminal why nothing stands there."""
        if self._has_any or query.is_empty or not self._printer.is_terminal:
            return
        is_timed = query.since is not None or query.until is not None
        more = " Times without a date are of today; lines that tell none are left out."
        self._printer.say(Cell(f"No line fits.{more if is_timed else ''}", "dim"))

    def problems(self) -> None:
        """Say what could not be read."""
        while self._reading.problems:
            error = self._reading.problems.pop(0)
            self._printer.say(Cell("Warning: ", "warn"), error.message)


def _count(session: Session, reading: Reading) -> None:
    counts = reading.counts()
    if session.is_json:
        session.printer.document(counts.document())
    else:
        _print_counts(session, counts)


def _print_counts(session: Session, counts: Counts) -> None:
    document = counts.document()
    printer = session.printer
    printer.line(counted(document["lines"], "line"))
    printer.title("By level")
    printer.table(
        ["LEVEL", "LINES"],
        [
            [Cell(level, _STYLES.get(level, "")), f"{n:,}"]
            for level, n in document["levels"].items()
        ],
    )
    if len(document["sources"]) > 1:
        printer.title("By source")
        printer.table(
            ["SOURCE", "LINES"], [[one, f"{n:,}"] for one, n in document["sources"].items()]
        )
    minutes = [*document["minutes"].items()]
    if minutes:
        printer.title(f"By minute, the last {min(len(minutes), _MINUTES)} of {len(minutes):,}")
        names = [*document["levels"]]
        printer.table(
            ["MINUTE", *names],
            [
                [at, *(f"{levels[one]:,}" if one in levels else "" for one in names)]
                for at, levels in minutes[-_MINUTES:]
            ],
        )
