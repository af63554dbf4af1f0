"""Activity: every entry of the ledger, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck.domain.documents import ActivityDocument
from modeldeck.domain.filters.fields import ACTIVITY
from modeldeck_tui.clean import clean
from modeldeck_tui.present import activity
from modeldeck_tui.present.rows import Rows
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.overlays.dialogs import ConfirmDialog
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.frame import Quiet
from modeldeck_tui.widgets.styles import styled
from modeldeck_tui.widgets.table import Table


class ActivityScreen(ListingPage):
    """The table of entries."""

    NAME = "activity"
    PLACE = "activity"
    TITLE = "Activity"
    TABLE = "#entries"
    FIELDS = ACTIVITY
    BINDINGS: ClassVar[list[BindingType]] = bindings("activity")
    CSS = """
    #entries { height: 1fr; }
    #entry-detail { height: 1; padding: 0 1; }
    """

    def body(self) -> ComposeResult:
        """Make the table, and the line about one entry."""
        yield Table(
            "Ledger",
            empty=("No entry fits the filter; esc takes it away.",),
            elastic=4,
            has="filterable sortable",
            id="entries",
        )
        yield Quiet(id="entry-detail", markup=False)
        yield from self.filter_field()

    def documents(self, snapshot: Snapshot) -> Sequence[ActivityDocument]:
        """Return all entries."""
        return snapshot.latest

    def make(self, found: Sequence[ActivityDocument], snapshot: Snapshot) -> Rows:
        """Return entries as rows."""
        return activity.table(found, snapshot.at)

    def document(self) -> ActivityDocument | None:
        """Return the entry under the cursor."""
        found: ActivityDocument | None = self.main.document
        return found

    def show(self, snapshot: Snapshot) -> None:
        """Show what was read."""
        super().show(snapshot)
        self._show_detail()

    def on_table_moved(self, event: Table.Moved) -> None:  # noqa: ARG002 -- pages use it
        """Show more about the entry under the cursor."""
        self._show_detail()

    def _show_detail(self) -> None:
        self.query_one("#entry-detail", Quiet).put(styled([(self.main.detail, "dim")]))

    def action_verify(self) -> None:
        """Check the whole ledger."""
        self.host.verify()

    def action_redact(self) -> None:
        """Ask why, and remove the text of the remark under the cursor."""
        found = self.document()
        if found is None:
            return
        entry, about = f"entry:{found['n']}", clean(found["subject"])
        dialog = ConfirmDialog(
            f"REMOVE THE TEXT  of entry {found['n']}",
            [
                f"What {clean(found['by'])} wrote on {about} is removed; z cannot bring it back.",
                "That it was written stays in the ledger, and your reason stands in its place.",
            ],
            verb="Remove",
            reason="needed",
        )

        def done(reason: str | None) -> None:
            if reason is not None:
                self.host.perform(
                    lambda: self._redact(entry, reason),
                    "",
                    command=f"modeldeck annotate --redact {entry} --reason {reason!r}",
                )

        self.app.push_screen(dialog, done)

    def _redact(self, entry: str, reason: str) -> str:
        found = self.workspace.annotations.redact(entry, reason)
        if found["removed"]:
            return f"The text on {found['subject']} is removed."
        return f"The text is hidden, but not removed: {found['problem']}."

    def action_travel(self) -> None:
        """Look at everything as it was after the entry under the cursor."""
        n = self.entity().partition(":")[2]
        self.app.run_worker(self.app.run_action(f"travel('{clean(n)}')"), exit_on_error=False)
