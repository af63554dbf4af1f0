"""Logs: choosing some, and reading them as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from modeldeck.domain.filters.query import Fields
from modeldeck.services.logs import Goto
from modeldeck_tui.messages import LogRead
from modeldeck_tui.present import logs
from modeldeck_tui.present.logs import Source
from modeldeck_tui.present.rows import Document, Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.logs.errands import Where
from modeldeck_tui.screens.logs.hearing import Hearing
from modeldeck_tui.screens.logs.reader import Reader
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.logs.bars import Bars
from modeldeck_tui.widgets.logs.sheet import Sheet
from modeldeck_tui.widgets.logs.view import LogView
from modeldeck_tui.widgets.table import Table

QUICK_S, SLOW_S = 0.1, 0.2
"""How often new lines are drawn at most: on this machine, and over a slow link."""

_DEBUG_S = 1.0


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
            has="filterable markable",
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
        """Open its log, or those of all that are marked as one."""
        event.prevent_default()
        known = self.main.rows.keys()
        marked = [one for one in known if one in self.main.marks]
        self.app.push_screen(LogScreen(*(marked or [event.key])))


class LogScreen(Hearing):
    """The log of a run, an endpoint or any files, several as one, as they grow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings("logs") if str(getattr(one, "action", "")).startswith("app.do")
    ]
    CSS = """
    #log-body { height: 1fr; }
    #asked { height: 1; display: none; }
    #debug { height: 1; display: none; dock: bottom; margin-bottom: 1; }
    #problem { height: auto; padding: 1 2; display: none; }
    #ask { dock: bottom; height: 1; border: none; display: none; padding: 0 1; margin-bottom: 1; }
    #ask:focus { border: none; }
    """

    def body(self) -> ComposeResult:
        """Make the line that says what is asked, the log, its histogram and the fields below."""
        yield Static(id="problem", markup=False)
        yield Quiet(id="asked")
        with Horizontal(id="log-body"):
            yield LogView(id="log")
            yield Bars(id="bars")
        yield Quiet(id="debug")
        yield Input(id="ask")

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one("#ask", Input).cursor_blink = False
        self.view.empty = ("Reading …",)
        self.view.focus()
        found, sources = self.workspace.logs, self.sources
        self.reader = Reader(
            lambda: found.targets(sources),
            self._tell,
            every_s=SLOW_S if self.host.is_slow else QUICK_S,
        )
        self.run_worker(self.reader.run, thread=True, group="log", exit_on_error=False)
        self.set_interval(_DEBUG_S, self.show_debug)
        self.show_frame()

    def _tell(self, news: object) -> None:
        """Take what the reading thread tells, in that thread."""
        self.post_message(LogRead(news))

    def on_unmount(self) -> None:
        """End reading."""
        self.reader.stop()

    def on_resize(self) -> None:
        """Lay out again."""
        if self.is_whole:
            self.show_asked()
            self.show_bars()

    @property
    def is_filled(self) -> bool:
        """Whether there is something that keys act on, or nothing to wait for."""
        return self.snapshot is not None and bool(self.names or self.reading_problem)

    def show(self, snapshot: Snapshot) -> None:
        """Show what was said about the log's lines."""
        self.show_state()
        if self.is_whole:
            self.show_remarks(snapshot)

    def on_sheet_moved(self) -> None:
        """Say where the cursor is."""
        view = self.view
        if not view.is_following:
            self.hush()
        if view.look.has_numbers and not all(one.number for one in view.in_sight):
            self.number_lines()
        self.show_state()
        self.show_span()
        if self.find_text:
            self.show_asked()

    def on_sheet_wanted(self, event: Sheet.Wanted) -> None:
        """Read more lines."""
        self.reader.more(event.place, is_back=event.is_back)

    def on_bars_chosen(self, event: Bars.Chosen) -> None:
        """Go to a part of the log."""
        self.view.pause()
        self.go(Where("goto", goto=Goto("share", event.share)))

    # Actions

    def action_bars(self) -> None:
        """Show the histogram, or hide it."""
        self.turn_bars()

    def action_debug(self) -> None:
        """Show what the screen sends, or show it no more."""
        self.turn_debug()

    def step_back(self) -> bool:
        """Leave the field, end the range, then take search and filter away."""
        if self.close_field():
            return True
        view = self.view
        if view.range_from is not None:
            view.action_range()
            return True
        if self.find_text:
            self.find("")
            return True
        if self.filter_text or self.level:
            self.filter_text = self.level = ""
            self.is_lifted = False
            self.ask_again()
            return True
        return super().step_back()

    def take(self, tag: str, value: object) -> None:
        """Ask for a remark on the place that was found."""
        self.say(tag, str(value))
