"""Comparing runs: only what differs, against a baseline."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck_tui.present import runs
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.table import Table


class CompareScreen(Page):
    """Two to six runs side by side.

    Parameters
    ----------
    ids : tuple of str
        The runs.
    """

    NAME = "compare"
    PLACE = "runs"
    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")
    CSS = "#compared { height: 1fr; }"

    def __init__(self, ids: tuple[str, ...]) -> None:
        super().__init__()
        self.ids = ids
        self.baseline = 0
        self.has_equal = False

    def body(self) -> ComposeResult:
        """Make the table."""
        yield Table("Comparison", is_sideways=True, id="compared")

    def show(self, snapshot: Snapshot) -> None:
        """Show what differs."""
        found = [run for one in self.ids if (run := snapshot.run(one)) is not None]
        if not found:
            self.crumb("Runs › compare", "the runs are gone", style="bad")
            return
        self.baseline %= len(found)
        table = self.query_one("#compared", Table)
        names = [runs.short(one) for one in found]
        names[self.baseline] += " (base)"
        table.titles = ("", *names)
        lines = runs.compared(found, baseline=self.baseline, has_equal=self.has_equal)
        table.show_lines(lines, title=f"Comparison of {len(found)} runs")
        shown = "everything" if self.has_equal else "what differs"
        self.crumb("Runs › compare", f"{shown}, against {runs.short(found[self.baseline])}")

    def entity(self) -> str:
        """Return the baseline."""
        return f"run:{self.ids[self.baseline]}" if self.ids else ""

    def action_baseline(self) -> None:
        """Compare with the next run."""
        self.baseline += 1
        self.show_frame()

    def action_equal(self) -> None:
        """Show what is equal too, or hide it."""
        self.has_equal = not self.has_equal
        self.show_frame()
