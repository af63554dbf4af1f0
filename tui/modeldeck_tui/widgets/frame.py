"""The frame of every page: who and where on top, the pages, the way here, and keys below."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from modeldeck_tui import keymap
from modeldeck_tui.clean import clean
from modeldeck_tui.output import cell_width, cut
from modeldeck_tui.present import Snapshot, clock


class Header(Static):
    """The first line: product, workspace, who, whether it may be written, counters, time."""

    DEFAULT_CSS = "Header { height: 1; background: $panel; }"

    def show(self, snapshot: Snapshot) -> None:
        """Show where the person is."""
        width = self.app.size.width
        left = Text.assemble((" modeldeck ", "bold"), (f" {clean(snapshot.workspace)}", ""))
        right = Text(f"{clean(snapshot.actor)}@{clean(snapshot.host)} ")
        if snapshot.read_only_because:
            room = max(4, width - left.cell_len - right.cell_len - 30)
            because = cut(clean(snapshot.read_only_because), room)
            right.append(f" RO {because} ", "reverse")
        else:
            right.append(" RW ", "dim")
        count = len(snapshot.inbox)
        right.append(f"  ▲ {count} for you" if count else "  ✔ nothing waits")
        right.append(f"  {clock(snapshot.at)} ", "dim")
        gap = max(1, width - left.cell_len - right.cell_len)
        line = Text.assemble(left, " " * gap, right)
        line.truncate(width)
        self.update(line)


class Pages(Static):
    """The second line: the pages and their keys."""

    DEFAULT_CSS = "Pages { height: 1; }"

    def show(self, here: str) -> None:
        """Show which page is open."""
        line = Text(" ")
        for key, title, page in keymap.PAGES:
            line.append(f" {key} ", "dim")
            line.append(f"{title} ", "bold reverse" if page == here else "")
            line.append(" ")
        self.update(line)


class Crumb(Static):
    """The third line: what is open, and a word about it."""

    DEFAULT_CSS = "Crumb { height: 1; }"

    def show(self, path: str, note: str = "", *, style: str = "") -> None:
        """Show the way here, and something about the page on the right."""
        width = max(10, self.app.size.width - 2)
        note = cut(note, width // 2)
        path = cut(path, width - cell_width(note) - 2)
        gap = max(1, width - cell_width(path) - cell_width(note))
        self.update(Text.assemble(" ", (path, "bold"), " " * gap, (note, style)))


class Hints(Static):
    """The last line: the keys that matter here."""

    DEFAULT_CSS = "Hints { height: 1; dock: bottom; background: $panel; }"

    def show(self, page: str) -> None:
        """Show the keys of a page."""
        line = Text(" ")
        for one in keymap.hints(page):
            line.append(f"{one.shown} ", "bold")
            line.append(f"{one.hint}   ", "dim")
        line.truncate(self.app.size.width)
        self.update(line)
