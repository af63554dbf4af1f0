"""What all pages share: what is under the cursor, what actions are judged by, panes and tabs."""

from __future__ import annotations

from textual.widget import Widget

from modeldeck_tui import keymap
from modeldeck_tui.keymap import Action
from modeldeck_tui.present.conditions import Situation, why_not
from modeldeck_tui.present.governing.talking import spoken
from modeldeck_tui.present.rows import Document
from modeldeck_tui.screens.overlays.asking import AskScreen
from modeldeck_tui.screens.saying import Saying
from modeldeck_tui.widgets import zoom
from modeldeck_tui.widgets.frame import Hints
from modeldeck_tui.widgets.table import Table
from modeldeck_tui.widgets.tabs import Tabs
from modeldeck_tui.widgets.text_view import TextView


class Page(Saying):
    """A page with panes.

    Attributes
    ----------
    release_id : str
        The release that the page reviews; empty on every other page.
    """

    release_id = ""

    def show_hints(self) -> None:
        """Show the keys that matter, and which are off."""
        if self.is_whole:
            now = self.situation()
            found = [(one, why_not(one, now)) for one in keymap.hints(self.NAME)]
            self.query_one(Hints).show(found)

    @property
    def table(self) -> Table | None:
        """The focused table, else the page's first one."""
        if isinstance(self.focused, Table):
            return self.focused
        return next(iter(self.query(Table)), None)

    def entity(self) -> str:
        """Return what is under the cursor, as ``kind:id``; empty when nothing is."""
        return self.table.key if self.table else ""

    def document(self) -> Document:
        """Return the document of what is under the cursor."""
        entity, snapshot = self.entity(), self.snapshot
        return snapshot.document(entity) if snapshot and entity else None

    def situation(self) -> Situation:
        """Return what actions are judged by."""
        table = self.table
        has: set[str] = set()
        if isinstance(self.focused, TextView):
            has |= self.focused.HAS
        elif table is not None:
            has |= table.has
            if table.rows:
                has |= {"rows", "shown"}
        return Situation(
            snapshot=self.snapshot,
            entity=self.entity(),
            document=self.document(),
            spoken=self.spoken(),
            n_marked=len(table.marks) if table else 0,
            has=frozenset(has),
        )

    def why_not(self, action: Action) -> str:
        """Return why an action is off here and now; empty when it is on."""
        return why_not(action, self.situation())

    def take_typed(self, text: str) -> bool:  # noqa: ARG002 -- pages use it
        """Do what was typed after a colon, where it means something on this page alone."""
        return False

    def on_table_moved(self, event: Table.Moved) -> None:  # noqa: ARG002 -- pages use it
        """Show what the row under the cursor offers."""
        self.show_hints()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open what was chosen, where it has a page; else show the row in full."""
        known = spoken(event.key)
        if known is not None and self.talk_about():
            self.host.tell(event.table.detail)
        elif ":" in event.key:
            self.host.open(event.key)
        elif event.table.detail:
            self.host.tell(event.table.detail)

    def action_find(self) -> None:
        """Ask what to look for in the text in focus."""
        view = self.focused
        if isinstance(view, TextView):

            def find(text: str | None) -> None:
                if text and not view.search(text):
                    self.host.tell(f"Nothing here has {text!r}.")

            self.app.push_screen(AskScreen("Find; n and N go on, esc leaves", view.pattern), find)

    # Panes and tabs

    def action_next_tab(self) -> None:
        """Turn to the next tab."""
        self._turn(1)

    def action_previous_tab(self) -> None:
        """Turn to the tab before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        node: Widget | None = self.focused
        while node is not None and not isinstance(node, Tabs):
            node = node.parent if isinstance(node.parent, Widget) else None
        tabs = node or next(iter(self.query(Tabs)), None)
        if tabs is not None:
            tabs.turn(step)
        else:
            self.host.tell("This page has no tabs.")

    def action_enlarge(self) -> None:
        """Give the focused pane more room."""
        zoom.by(self, 1)

    def action_shrink(self) -> None:
        """Give the focused pane less room."""
        zoom.by(self, -1)

    def step_back(self) -> bool:
        """Undo the page's own last step, such as a filter; say whether there was one."""
        if self.zoomed:
            zoom.by(self, -self.zoomed)
            return True
        table = self.table
        if table is not None and table.marks:
            table.mark(list(table.marks), is_on=False)
            return True
        return False
