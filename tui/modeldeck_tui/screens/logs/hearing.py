"""What a log's page does with what the reading thread tells."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual.widgets import Static

from modeldeck.errors import InvalidInputError
from modeldeck.services.logs import zone_of
from modeldeck_tui.clean import clean
from modeldeck_tui.messages import LogRead
from modeldeck_tui.present.logs import short_names
from modeldeck_tui.screens.logs import news
from modeldeck_tui.screens.logs.errands import Where
from modeldeck_tui.screens.logs.showing import Showing


class Hearing(Showing):
    """A log's page that takes news."""

    _has_begun = True

    def on_log_read(self, message: LogRead) -> None:
        """Take what the reading thread tells."""
        if not self.is_whole:
            self.reader.shown()
            return
        takers: dict[type, Callable[[Any], None]] = {
            news.Opened: self._opened,
            news.Shown: self._shown,
            news.More: self._more,
            news.Came: self._came,
            news.Counted: self._counted,
            news.Indexed: self._indexed,
            news.Bars: self._bars,
            news.Numbered: self._numbered,
            news.Sought: self._sought_in_vain,
            news.Places: self.take_places,
            news.Trouble: self._trouble,
        }
        takers[type(message.news)](message.news)

    def _opened(self, found: news.Opened) -> None:
        was_open = bool(self.names)
        self.names, self.paths = [*found.names], [*found.paths]
        view = self.view
        view.look.names = short_names(self.names)
        view.look.rules.clear()
        self._trouble(news.Trouble("", is_lasting=True))
        self.load_marks()
        if self.snapshot is not None:
            self.show_remarks(self.snapshot)
        if was_open and not view.is_following:
            self.host.tell("There is another file now: what is shown is the end of all of them.")
        query = self.question
        if self.filter_text and not was_open:
            with contextlib.suppress(InvalidInputError):
                query = self.asked()
        self.go(Where("end"), query=query)
        self.count()
        if self.begin_at:
            begin, self.begin_at = self.begin_at, ""
            self._has_begun = False
            self.go_to(begin)
        self.show_bars()

    def _shown(self, found: news.Shown) -> None:
        if found.generation != self.generation:
            return
        view = self.view
        view.empty = self.nothing()
        ends = (found.has_begin, found.has_end)
        view.put(found.lines, found.first, last=found.last, ends=ends, cursor=found.cursor)
        if found.cursor >= 0 and not self._has_begun:
            self._has_begun = True
            if view.shows_all:
                view.put(found.lines, found.first, last=found.last, ends=ends, cursor=-1)
        self.check_marks()
        self.number_lines()

    def _more(self, found: news.More) -> None:
        if found.generation != self.generation:
            return
        view = self.view
        window = view.window
        if found.base != (window.first if found.is_back else window.last):
            return
        if found.lines or found.is_last:
            view.more(found.lines, found.place, is_back=found.is_back, is_last=found.is_last)
        if found.is_over:
            view.more_is_there(is_back=found.is_back)
        self.number_lines()

    def _came(self, found: news.Came) -> None:
        view = self.view
        for source, offset, text in found.rules:
            view.look.rules[source, offset] = clean(text)
        if found.rules:
            view.changed()
        if found.generation == self.generation:
            view.came(found.lines, found.base, place=found.place, n=found.n)
            view.pend(found.pending)
            view.settle()
            self.number_lines()
        self.reader.shown()
        self.refresh_bars()

    def _counted(self, found: news.Counted) -> None:
        if found.generation == self.counted_for:
            self.counted[found.what] = found
            view = self.view
            view.empty = self.nothing()
            if not view.window.lines:
                view.settle()
            self.show_asked()

    def _indexed(self, found: news.Indexed) -> None:
        self.indexed = found
        self.show_state()
        if found.share >= 1.0:
            self.show_asked()

    def _bars(self, found: news.Bars) -> None:
        line = self.view.line
        self.bars.zone = zone_of(line.head) if line is not None else None
        self.bars.show(found.bars)

    def _numbered(self, _found: news.Numbered) -> None:
        self.view.changed()

    def _sought_in_vain(self, found: news.Sought) -> None:
        name = f"“{clean(self.find_text)}”" if found.what == "match" else found.what
        self.host.tell(f"No {name} {'above' if found.is_back else 'below'}.")

    def _trouble(self, found: news.Trouble) -> None:
        if not found.is_lasting:
            self.host.tell(found.text, severity="warning")
            return
        self.reading_problem = found.text
        problem = self.query_one("#problem", Static)
        problem.update(Text(clean(found.text)))
        problem.display = bool(found.text)
        if found.text:
            self.view.empty = ()
            self.view.settle()
