"""The frame of every page: who and where on top, the pages, the way here, and keys below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.style import Style
from rich.text import Text
from textual import events
from textual.widgets import Static

from modeldeck_tui import keymap
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import Action
from modeldeck_tui.output import cell_width, cut
from modeldeck_tui.present.rows import clock
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.widgets.styles import STYLES

WIDE = 110
FRESH_S = 10.0
OLD_S = 60.0
LEAST = (60, 16)
"""The smallest terminal that shows more than one pane, in columns and rows."""


_ASKED = "it was opened so"
"""The reason to be read-only that the person knows."""


_TO_DECIDE = {"approve", "start", "support"}
"""What of the inbox waits for a decision; the rest went wrong."""


class Quiet(Static):
    """A text that is drawn again only when it changed, so that an idle page sends nothing.

    Where its height is given, nothing around it is laid out and drawn with it.
    """

    _shown: Text | None = None

    def put(self, text: Text) -> None:
        """Show a text."""
        if text != self._shown:
            self._shown = text
            height = self.styles.height
            if height is not None and height.is_cells:
                self.update(text, layout=False)
            else:
                self.update(text)


class Counter(NamedTuple):
    """How much there is of something, and the action that goes there."""

    text: str
    style: str
    action: str


class Place(NamedTuple):
    """Columns of the header that jump somewhere: the first, the one behind, and the action."""

    start: int
    end: int
    action: str


class Header(Quiet):
    """The first line: product, workspace, who, whether it may be written, counters, time.

    Attributes
    ----------
    places : sequence of Place
        Where the counters stand, and where they lead.
    """

    DEFAULT_CSS = "Header { height: 1; }"

    places: Sequence[Place] = ()

    def show(self, snapshot: Snapshot) -> None:
        """Show where the person is; a long name of a person, host or reason gives way."""
        width = self.app.size.width
        name = cut(clean(snapshot.workspace), width // 4)
        left = Text.assemble((" modeldeck ", "bold reverse"), f"  {name} ")
        found = counters(snapshot, is_wide=width >= WIDE)
        tail = Text.assemble(*((f"  {one.text}", STYLES[one.style]) for one in found))
        n_counters = tail.cell_len
        tail.append(f"  {clock(snapshot.at)} ", STYLES["dim"])
        room = width - left.cell_len - tail.cell_len - 1
        mode = _mode(snapshot, room)
        who = cut(f"{clean(snapshot.actor)}@{clean(snapshot.host)} ", max(0, room - mode.cell_len))
        gap = max(1, width - left.cell_len - cell_width(who) - mode.cell_len - tail.cell_len)
        line = Text.assemble(left, " " * gap, who, mode, tail)
        self.places = _places(found, line.cell_len - tail.cell_len, n_cells=n_counters)
        line.truncate(width)
        self.put(line)

    def on_click(self, event: events.Click) -> None:
        """Go where the clicked counter leads."""
        event.stop()
        for place in self.places:
            if place.start <= event.x < place.end:
                self.app.run_worker(self.app.run_action(place.action), exit_on_error=False)


def _places(found: Sequence[Counter], start: int, *, n_cells: int) -> list[Place]:
    """Return where counters stand that begin at a column."""
    places = []
    end = start + n_cells
    for one in found:
        start += 2
        stop = start + cell_width(one.text)
        places.append(Place(start, min(stop, end), one.action))
        start = stop
    return places


def _mode(snapshot: Snapshot, room: int) -> Text:
    """Return whether the workspace may be written, or which moment is shown."""
    if snapshot.as_of:
        return Text(f" AS OF {snapshot.as_of[:16].replace('T', ' ')}Z ", "reverse bold")
    because = clean(snapshot.read_only_because)
    if because:
        why = "" if because == _ASKED else cut(because, max(8, room // 2))
        return Text(f" RO {why} " if why else " RO ", "reverse")
    return Text(" RW ", STYLES["dim"])


def counters(snapshot: Snapshot, *, is_wide: bool) -> list[Counter]:
    """Return how much waits for the person, went wrong, and runs."""
    votes = sum(one["kind"] in _TO_DECIDE for one in snapshot.inbox)
    said = sum(one["kind"] in {"mention", "thread"} for one in snapshot.inbox)
    wrong = len(snapshot.inbox) - votes - said
    running = len(snapshot.running)
    found = []
    if votes:
        found.append(Counter(f"▲ {votes} to review", "warn", "page('inbox')"))
    if wrong:
        text = f"✖ {wrong}{' to look at' if is_wide else ''}"
        found.append(Counter(text, "bad", "page('overview')"))
    if said:
        found.append(Counter(f"@ {said} to answer", "warn", "page('inbox')"))
    if snapshot.expiring:
        found.append(Counter(f"◌ {len(snapshot.expiring)} ending", "warn", "page('inbox')"))
    if not (snapshot.inbox or snapshot.expiring):
        found.append(Counter("✔ nothing waits", "good", "page('overview')"))
    if running:
        found.append(Counter(f"● {running} running", "", "listed('runs', 'status:running')"))
    return found


class Pages(Quiet):
    """The second line: the pages and their keys."""

    DEFAULT_CSS = "Pages { height: 1; }"

    def show(self, here: str) -> None:
        """Show which page is open."""
        width = self.app.size.width
        line = Text(" ")
        is_narrow = sum(len(one[1]) + 5 for one in keymap.PAGES_IN_ORDER) > width
        self._spans: list[tuple[int, int, str]] = []
        for _key, title, page in keymap.PAGES_IN_ORDER:
            key = keymap.shown(keymap.BY_ID[f"app.{page}"])
            start = line.cell_len
            name = title[:3] if is_narrow else title
            line.append(f" {key} {name} ", "bold reverse" if page == here else "")
            self._spans.append((start, line.cell_len, page))
            line.append("" if is_narrow else " ")
        self.put(line)

    def on_click(self, event: events.Click) -> None:
        """Open the page that was clicked."""
        for start, end, page in self._spans:
            if start <= event.x < end:
                self.app.run_worker(self.app.run_action(f"page('{page}')"), exit_on_error=False)


class Crumb(Quiet):
    """The third line: what is open, a word about it, and how old what is shown is."""

    DEFAULT_CSS = "Crumb { height: 1; }"

    _parts: tuple[str, str, str] = ("", "", "")
    _age_s: float | None = None

    def show(self, path: str, note: str = "", *, style: str = "") -> None:
        """Show the way here, and something about the page on the right."""
        self._parts = (path, note, style)
        self._draw()

    def show_age(self, seconds: float | None) -> None:
        """Show how old the data is."""
        self._age_s = seconds
        self._draw()

    def _draw(self) -> None:
        path, note, style = self._parts
        age, age_style = freshness(self._age_s)
        width = max(10, self.app.size.width - 4 - cell_width(age))
        note = cut(note, max(width // 2, width - cell_width(path) - 2))
        path = cut(path, width - cell_width(note) - 2)
        gap = max(1, width - cell_width(path) - cell_width(note))
        parts = (" ", (path, "bold"), " " * gap, (note, STYLES[style]), "  ", (age, age_style))
        self.put(Text.assemble(*parts))


def freshness(seconds: float | None) -> tuple[str, Style]:
    """Return how old the data is in words, and their style; None is not read yet.

    >>> freshness(0.4)[0], freshness(12)[0], freshness(150)[0]
    ('● live', '⚠ 12 s old', '✖ 2 min old')
    """
    if seconds is None:
        return "◌ reading", STYLES["dim"]
    if seconds < FRESH_S:
        return "● live", STYLES["good"]
    if seconds < OLD_S:
        return f"⚠ {seconds:.0f} s old", STYLES["warn"]
    return f"✖ {seconds // 60:.0f} min old", STYLES["bad"]


class Hints(Quiet):
    """The last line: the keys that matter here; those that are off stay, dim and in brackets."""

    DEFAULT_CSS = "Hints { height: 1; dock: bottom; }"

    def show(self, actions: Sequence[tuple[Action, str]]) -> None:
        """Show some actions, each with why it is off."""
        width, height = self.app.size
        found = []
        if width < LEAST[0] or height < LEAST[1]:
            found.append(Text(f"small: {LEAST[0]}×{LEAST[1]} shows all   ", STYLES["warn"]))
        for one, because in actions:
            key = keymap.shown(one)
            if because:
                found.append(Text(f"({key} {one.hint})  ", STYLES["dim"]))
            elif key:
                found.append(Text.assemble((f"{key} ", "bold"), f"{one.hint}   "))
        while len(found) > 1 and sum(one.cell_len for one in found) > width:
            del found[-2]  # help stays, whatever there is room for
        self.put(Text.assemble(" ", *found))
