"""Logs: choosing one, and following it."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from modeldeck.errors import ModelDeckError
from modeldeck_tui import present
from modeldeck_tui.clean import clean
from modeldeck_tui.messages import LinesCame
from modeldeck_tui.present import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Crumb
from modeldeck_tui.widgets.log_view import LogView
from modeldeck_tui.widgets.row_list import RowList

FIRST_LINES = 2_000
LOOK_EVERY_S = 0.2


class SourcesScreen(Page):
    """What has a log."""

    NAME = "sources"
    PLACE = "logs"
    CSS = "#sources { height: 1fr; }"

    def body(self) -> ComposeResult:
        """Make the list."""
        yield RowList("Logs of", empty=("There are no endpoints or runs yet.",), id="sources")

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        rows = present.sources(snapshot)
        self.query_one(RowList).show(rows)
        self.query_one(Crumb).show("Logs", f"{len(rows)} sources")

    def entity(self) -> str:
        """Return what is under the cursor."""
        return self.query_one(RowList).key

    def on_row_list_opened(self) -> None:
        """Open its log."""
        self.action_logs()


class LogScreen(Page):
    """The log of a run, an endpoint or a file, as it grows.

    Parameters
    ----------
    source : str
        ``run:ID``, ``endpoint:ID`` or a path.
    """

    NAME = "logs"
    PLACE = "logs"
    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("logs") if getattr(one, "action", "") == "search"
    ]
    CSS = """
    LogView { height: 1fr; }
    #problem { height: auto; padding: 1 2; display: none; }
    #search { dock: bottom; height: 1; border: none; display: none; }
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source

    def body(self) -> ComposeResult:
        """Make the view, a place for problems, and the search field."""
        yield Static(id="problem", markup=False)
        yield LogView(id="log")
        yield Input(placeholder="Search; enter finds, esc leaves", id="search")

    def on_mount(self) -> None:
        """Begin to follow."""
        self.query_one("#search", Input).cursor_blink = False
        self.query_one(LogView).focus()
        self.show_frame()
        self.follow()

    def show_frame(self) -> None:
        """Show the frame and whether the end is followed."""
        super().show_frame()
        self.show_state()

    def show_state(self) -> None:
        """Say how many lines there are, and whether the end is followed."""
        view = self.query_one(LogView)
        lines = f"{view.count:,} lines"
        if view.is_following:
            note, style = f"{lines}   ▶ FOLLOW", "green"
        else:
            note, style = f"{lines}   ‖ PAUSED +{view.unseen:,} (G follows)", "yellow"
        self.query_one(Crumb).show(f"Logs › {clean(self.source)}", note, style=style)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def follow(self) -> None:
        """Read the log until the page is left."""
        worker = get_current_worker()
        following = self.workspace.logs.follower(self.source, FIRST_LINES)
        try:
            while not worker.is_cancelled:
                try:
                    lines = following.poll()
                    if lines:
                        self.post_message(LinesCame(lines))
                except ModelDeckError as error:
                    self.post_message(LinesCame((), problem=str(error)))
                time.sleep(LOOK_EVERY_S)
        finally:
            following.close()

    def on_lines_came(self, message: LinesCame) -> None:
        """Show new lines, or why there are none."""
        problem = self.query_one("#problem", Static)
        problem.display = bool(message.problem)
        if message.problem:
            problem.update(Text(clean(message.problem), "yellow"))
        if message.lines:
            self.query_one(LogView).add(message.lines)

    def on_log_view_paused(self) -> None:
        """Show the new state."""
        self.show_state()

    def action_search(self) -> None:
        """Ask what to look for."""
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for it, upwards from the end."""
        self.close_search()
        view = self.query_one(LogView)
        if event.value and not view.search(event.value):
            self.notify(f"No line that is held has {clean(event.value)!r}.", markup=False)

    def close_search(self) -> bool:
        """Leave the search field; say whether it was open."""
        field = self.query_one("#search", Input)
        was_open = bool(field.display)
        field.display = False
        self.query_one(LogView).focus()
        return was_open
