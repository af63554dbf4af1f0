"""What every part of a log's page needs: its logs, the question, and where it is."""

from __future__ import annotations

from datetime import datetime

from modeldeck.services.logs import Line, Matcher, Place, Query, zone_of
from modeldeck_tui.present.conditions import Situation
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.logs.errands import Where
from modeldeck_tui.screens.logs.reader import Reader
from modeldeck_tui.widgets.logs.bars import Bars
from modeldeck_tui.widgets.logs.view import LogView

_HUSH_S = 0.06


class LogPage(Page):
    """A page of one log or several, read in a thread.

    Parameters
    ----------
    sources : str
        ``run:ID``, ``endpoint:ID``, ``predictions:ID``, a path or a glob, several as one; last
        of them may be ``@TIME`` to begin there.
    """

    NAME = "logs"
    PLACE = "sources"
    reader: Reader

    def __init__(self, *sources: str) -> None:
        super().__init__()
        self.sources = tuple(one for one in sources if not one.startswith("@"))
        self.begin_at = next((one[1:] for one in sources if one.startswith("@")), "")
        self.names: list[str] = []
        self.paths: list[str] = []
        self.generation = 0
        self.question = Query()
        self.latest: int | None = None

    @property
    def view(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    @property
    def bars(self) -> Bars:
        """The histogram."""
        return self.query_one(Bars)

    @property
    def is_of_one(self) -> bool:
        """Whether the page is about one run or endpoint."""
        return len(self.sources) == 1 and self.sources[0].startswith(("run:", "endpoint:"))

    def entity(self) -> str:
        """Return what the log is of; empty for files, and for several."""
        if self.is_of_one:
            return self.sources[0]
        return ""

    def situation(self) -> Situation:
        """Return what actions are judged by: a log can be copied and saved."""
        return Situation(
            self.snapshot, self.entity(), self.document(), has=frozenset({"shown", "rows"})
        )

    def go(self, where: Where, *, query: Query | None = None) -> None:
        """Show another place, or what fits another question."""
        if query is not None and query != self.question:
            self.generation += 1
            self.question = query
            view = self.view
            view.look.keeping = Matcher(query) if query.keep else None
            view.changed()
        self.reader.show(self.generation, self.question, where=where)

    def here(self) -> Place:
        """Return the place before the line that is looked at; the end while following."""
        view = self.view
        if view.is_following or not view.window.lines:
            return view.window.last
        return view.window.place_of(view.cursor)

    def behind_here(self) -> Place:
        """Return the place behind the line that is looked at."""
        view = self.view
        if view.is_following or not view.window.lines:
            return view.window.last
        return view.window.place_behind(view.cursor)

    def moment(self, line: Line | None) -> datetime:
        """Return the present for what is typed: a line's day and zone, else those of the clock."""
        present = datetime.now().astimezone()
        if line is None or line.time is None:
            return present
        zone = zone_of(line.head) or present.tzinfo
        try:
            return datetime.fromtimestamp(line.time / 1_000_000, zone)
        except (OverflowError, OSError, ValueError):
            return present

    def hush(self) -> None:
        """Let the long work rest while a key is handled."""
        self.reader.hush(_HUSH_S)
