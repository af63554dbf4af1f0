"""The first page: what needs me, what is live, what runs, what happened last."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from modeldeck_tui import present
from modeldeck_tui.present import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.review import ReviewScreen
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Crumb
from modeldeck_tui.widgets.row_list import RowList

NOTHING = (
    "Nothing needs you.",
    "Try: modeldeck train pipelines/NAME.toml",
    "     modeldeck release request MODEL@N -e ENVIRONMENT",
    "     modeldeck demo, for a workspace with something in it",
)


class OverviewScreen(Page):
    """The overview."""

    NAME = "overview"
    PLACE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = bindings("overview")
    CSS = """
    #body { height: 1fr; }
    #inbox { height: 1fr; }
    #middle { height: 1fr; }
    #deployed { width: 54; }
    #running { width: 1fr; }
    .-tiny #deployed { width: 1fr; }
    .-tiny #running { display: none; }
    .-wide #deployed { width: 3fr; }
    .-wide #running { width: 2fr; }
    #latest { height: 1fr; }
    .-tall #inbox { height: 10; }
    .-tall #middle { height: 14; }
    """

    def body(self) -> ComposeResult:
        """Make the four lists."""
        with Vertical(id="body"):
            yield RowList("Needs you", empty=NOTHING, elastic=2, id="inbox")
            with Horizontal(id="middle"):
                yield RowList(
                    "Deployed",
                    headers=("ENDPOINT", "VER", "STATUS", "RATE", "P95", "ERR"),
                    empty=("Nothing is deployed yet.", "A release goes live by approval."),
                    elastic=4,
                    id="deployed",
                )
                yield RowList(
                    "Runs",
                    empty=("No runs yet.", "modeldeck train FILE"),
                    elastic=3,
                    id="running",
                )
            yield RowList("Latest activity", empty=("Nothing was decided yet.",), id="latest")

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        inbox = present.inbox(snapshot)
        self.query_one("#inbox", RowList).show(inbox, title=f"Needs you · {len(inbox)}")
        self.query_one("#deployed", RowList).show(present.deployed(snapshot))
        running = f"Running · {len(snapshot.running)}" if snapshot.running else "Last runs"
        self.query_one("#running", RowList).show(present.running(snapshot), title=running)
        self.query_one("#latest", RowList).show(present.activity(snapshot))
        self.query_one(Crumb).show("Overview")

    def entity(self) -> str:
        """Return what is under the cursor of the focused list."""
        return self.focused.key if isinstance(self.focused, RowList) else ""

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Open what was chosen."""
        kind, _colon, name = event.key.partition(":")
        if kind == "release":
            self.app.push_screen(ReviewScreen(name))
        elif kind in {"run", "endpoint"}:
            self.action_logs()
        else:
            self.notify(
                f"{event.key} has no page of its own yet: use the command line.", markup=False
            )

    def action_review(self) -> None:
        """Open the release under the cursor."""
        kind, _colon, name = self.entity().partition(":")
        if kind == "release":
            self.app.push_screen(ReviewScreen(name))
        else:
            self.notify("Put the cursor on a release to review it.")
