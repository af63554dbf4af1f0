"""Logs: choosing one, and following it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from modeldeck.domain.filters.query import Fields
from modeldeck.errors import ModelDeckError
from modeldeck_tui.clean import clean
from modeldeck_tui.messages import LinesCame
from modeldeck_tui.output import counted
from modeldeck_tui.present import logs
from modeldeck_tui.present.conditions import Situation
from modeldeck_tui.present.logs import Source
from modeldeck_tui.present.rows import Document, Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.log_view import LogView
from modeldeck_tui.widgets.table import Table

FIRST_LINES = 2_000
LOOK_EVERY_S = 0.2


class SourcesScreen(ListingPage):
    """What has a log."""

    NAME = "sources"
    PLACE = "sources"
    TITLE = "Logs"
    TABLE = "#sources"
    HAS_RUNS = True
    FIELDS = Fields(
        text=lambda one: f"{one['id']} {one.get('experiment', '')} {one.get('name', '')}".lower(),
        at=lambda one: one.get("started_at") or one.get("since", ""),
        named={
            "status": lambda one: one["status"],
            "kind": lambda one: "run" if "experiment" in one else "endpoint",
        },
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("sources")
    CSS = "#sources { height: 1fr; }"

    def body(self) -> ComposeResult:
        """Make the list."""
        yield Table(
            "Logs of",
            empty=("There are no endpoints or runs yet.",),
            has="filterable",
            elastic=1,
            id="sources",
        )
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[Source]:
        """Return endpoints and runs."""
        return logs.sources(snapshot)

    def make(self, found: Sequence[Document], snapshot: Snapshot) -> Rows:
        """Return them as rows."""
        return logs.table(found, snapshot.at)

    def document(self) -> Document:
        """Return what is under the cursor."""
        return self.main.document

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open its log."""
        event.prevent_default()
        self.app.push_screen(LogScreen(event.key))


class LogScreen(Page):
    """The log of a run, an endpoint or a file, as it grows.

    Parameters
    ----------
    source : str
        ``run:ID``, ``endpoint:ID`` or a path.
    """

    NAME = "logs"
    PLACE = "sources"
    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("logs") if str(getattr(one, "action", "")).startswith("app.do")
    ]
    CSS = """
    LogView { height: 1fr; }
    #problem { height: auto; padding: 1 2; display: none; }
    #ask { dock: bottom; height: 1; border: none; display: none; padding: 0 1; margin-bottom: 1; }
    #ask:focus { border: none; }
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self._asks = "filter"

    def body(self) -> ComposeResult:
        """Make the view, a place for problems, and the field for filter and search."""
        yield Static(id="problem", markup=False)
        yield LogView(id="log")
        yield Input(id="ask")

    def on_mount(self) -> None:
        """Begin to follow."""
        self.query_one("#ask", Input).cursor_blink = False
        self.query_one(LogView).focus()
        self.show_frame()
        self.follow()

    def entity(self) -> str:
        """Return what the log is of."""
        return self.source if ":" in self.source else ""

    def situation(self) -> Situation:
        """Return what actions are judged by: a log can be copied and saved."""
        return Situation(
            self.snapshot, self.entity(), self.document(), has=frozenset({"shown", "rows"})
        )

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002 -- a log is no part of it
        """Show whether the end is followed."""
        self.show_state()

    def show_state(self) -> None:
        """Say how many lines there are, and whether the end is followed."""
        if not self.is_whole:
            return
        view = self.query_one(LogView)
        held = view.held
        path = f"{clean(self.source)}" if held.is_narrowed else f"Logs › {clean(self.source)}"
        path += f"  /{clean(held.wanted)}" if held.wanted else ""
        path += f"  ≥{held.least_level}" if held.least_level else ""
        shown = held.n_shown
        lines = (
            f"{shown:,} of {held.n_held:,}"
            if held.is_narrowed
            else f"last {counted(shown, 'line')}"
        )
        if view.is_following:
            note, style = f"{lines}  ▶ FOLLOW", "good"
        else:
            note, style = f"{lines}  ‖ PAUSED +{view.unseen:,} (G)", "warn"
        self.crumb(path, note, style=style)

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
        if not self.is_whole:
            return
        problem = self.query_one("#problem", Static)
        problem.display = bool(message.problem)
        if message.problem:
            problem.update(Text(clean(message.problem)))
        if message.lines:
            self.query_one(LogView).add(message.lines)

    def on_log_view_paused(self) -> None:
        """Show the new state."""
        self.show_state()

    def action_filter(self) -> None:
        """Ask for a filter: other lines are hidden."""
        value = self.query_one(LogView).held.wanted
        self._ask(
            "filter", value=value, placeholder="Only lines with: a regular expression; ! hides them"
        )

    def action_find(self) -> None:
        """Ask what to look for."""
        self._ask("find", value="", placeholder="Find; enter finds upwards, esc leaves")

    def _ask(self, what: str, *, value: str, placeholder: str) -> None:
        field = self.query_one("#ask", Input)
        self._asks = what
        field.value = value
        field.placeholder = placeholder
        field.display = True
        self.set_focus(field)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while somebody types."""
        if self._asks == "filter" and event.input.display:
            view = self.query_one(LogView)
            view.held.wanted = event.value
            view.show_again()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, or look for the text upwards from the end."""
        asked = self._asks
        self._close()
        view = self.query_one(LogView)
        if asked == "find" and event.value and not view.search(event.value):
            self.host.tell(f"No line that is held has {clean(event.value)!r}.")

    def _close(self) -> bool:
        field = self.query_one("#ask", Input)
        was_open = bool(field.display)
        self._asks = ""
        field.display = False
        self.query_one(LogView).focus()
        return was_open

    def step_back(self) -> bool:
        """Leave the field, then take the filter away; say whether there was one."""
        view = self.query_one(LogView)
        if self._close():
            return True
        if view.held.wanted:
            view.held.wanted = ""
            view.show_again()
            return True
        return super().step_back()
