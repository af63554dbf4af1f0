"""``logs``: of a run, an endpoint or any file, from its end, and as it grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from modeldeck_tui.commands.base import Session, session_of
from modeldeck_tui.output import Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modeldeck.domain.documents import LogLine

_STYLES = {"ERROR": "bad", "CRITICAL": "bad", "WARN": "warn", "DEBUG": "dim"}
_POLL_S = 0.1


def register(app: typer.Typer) -> None:
    """Add ``logs``."""
    app.command("logs")(show_logs)


def show_logs(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="RUN|ENDPOINT|FILE", help="Whose log.")],
    *,
    is_following: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what comes.")
    ] = False,
    n: Annotated[int, typer.Option("-n", min=0, metavar="N", help="The last N lines.")] = 50,
) -> None:
    """Print a log's last lines, and with -f what comes after them."""
    session = session_of(context)
    with session.open() as workspace:
        if not is_following:
            _print(session, workspace.logs.tail(source, n, numbers=session.is_json))
            return
        following = workspace.logs.follower(source, n, numbers=session.is_json)
        try:
            while not session.printer.reader_is_gone():
                _print(session, following.poll())
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            return
        finally:
            following.close()


def _print(session: Session, lines: Sequence[LogLine]) -> None:
    for line in lines:
        if session.is_json:
            session.printer.record(line)
        else:
            session.printer.line(Cell(line["text"], _STYLES.get(line["level"], "")))
