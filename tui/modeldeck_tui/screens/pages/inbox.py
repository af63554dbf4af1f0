"""The inbox: what waits for the person, what they wait for themselves, what ends soon."""

from __future__ import annotations

from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from modeldeck.domain.reading.reviews import ProposalDocument
from modeldeck_tui.present import overview
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.overlays.withdrawing import ask_to_withdraw
from modeldeck_tui.screens.voting import VotingPage
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.styles import styled
from modeldeck_tui.widgets.table import Table

_DETAIL = 2
"""The column that gives way first."""

NOTHING = ("Nothing waits for you.",)


class InboxScreen(VotingPage):
    """Three lists: waiting for me, mine, expiring."""

    NAME = "inbox"
    PLACE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = bindings("inbox")
    CSS = """
    #inbox-body { height: 1fr; }
    #inbox-waiting { height: 2fr; min-height: 4; }
    #inbox-mine, #inbox-expiring { height: 1fr; min-height: 3; }
    #inbox-detail { height: auto; max-height: 2; padding: 0 1; }
    """

    def body(self) -> ComposeResult:
        """Make the lists."""
        with Vertical(id="inbox-body"):
            yield Table("Waiting for me", empty=NOTHING, elastic=_DETAIL, id="inbox-waiting")
            yield Table(
                "Mine",
                empty=("You asked for nothing that is still open.",),
                elastic=_DETAIL,
                id="inbox-mine",
            )
            yield Table(
                "Expiring",
                empty=("Nothing of yours ends soon.",),
                elastic=_DETAIL,
                id="inbox-expiring",
            )
        yield Quiet(id="inbox-detail", markup=False)

    def action_withdraw(self) -> None:
        """Withdraw the release, or the proposal, under the cursor."""
        one = self.snapshot.document(self.entity()) if self.snapshot else None
        if self.entity().startswith("proposal:") and one is not None:
            ask_to_withdraw(self, cast("ProposalDocument", one))
        else:
            super().action_withdraw()

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        groups = (
            ("#inbox-waiting", "Waiting for me", snapshot.inbox),
            ("#inbox-mine", "Mine", snapshot.mine),
            ("#inbox-expiring", "Expiring", snapshot.expiring),
        )
        for name, title, items in groups:
            lines = overview.inbox(items, snapshot.at)
            self.query_one(name, Table).show_lines(lines, title=f"{title} · {len(lines)}")
        self.crumb("Inbox", f"{len(snapshot.inbox)} for you")
        self._show_detail()

    def on_table_moved(self, event: Table.Moved) -> None:
        """Show what the row under the cursor says, whole."""
        super().on_table_moved(event)
        self._show_detail()

    def _show_detail(self) -> None:
        table = self.table
        said = table.detail if table is not None and table.rows else ""
        self.query_one("#inbox-detail", Quiet).put(styled([(said, "")]))
