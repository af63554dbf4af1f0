"""Asking of a log: filter, levels, what to find, where to go; and how many lines fit."""

from __future__ import annotations

from textual.timer import Timer
from textual.widgets import Input

from modeldeck.errors import InvalidInputError
from modeldeck.services.logs import (
    Matcher,
    Query,
    all_of,
    goto_of,
    levels_from,
    query_of,
    words,
)
from modeldeck_tui.screens.logs.base import LogPage
from modeldeck_tui.screens.logs.errands import Where
from modeldeck_tui.screens.logs.news import Counted

_DEBOUNCE_S = 0.2
_TYPED = {
    "filter": "Only lines with: text  !text  latency_s>0.5  level:warn  since:15m  until:14:00",
    "find": "Find: a regular expression; n and N go on",
    "goto": "Go to: 14:03  2026-11-23 14:03  :1234  50%",
}


class Asking(LogPage):
    """A log's page that takes questions."""

    def __init__(self, *sources: str) -> None:
        super().__init__(*sources)
        self.asks = ""
        self.filter_text = ""
        self.find_text = ""
        self.level = ""
        self.is_lifted = False
        self.problem = ""
        self.counted: dict[str, Counted] = {}
        self.counted_for = 0
        self._finding: Matcher | None = None
        self._typing: Timer | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether lines are hidden."""
        return bool(self.filter_text or self.level) and not self.is_lifted

    def asked(self) -> Query:
        """Return the question that filter and level ask.

        Raises
        ------
        InvalidInputError
            The filter is none.
        """
        now = self.moment(self.view.window.lines[-1] if self.view.window.lines else None)
        if self.view.is_following:
            now = max(now, self.moment(None))
        parts = [query_of(self.filter_text, now)]
        if self.level:
            parts.append(Query(levels=levels_from(self.level)))
        return all_of(parts)

    def ask_again(self) -> None:
        """Show what fits the filter now; one that is wrong changes nothing but the line above."""
        try:
            query = Query() if self.is_lifted else self.asked()
            Matcher(query)
        except InvalidInputError as error:
            self.problem = error.message
            self.show_asked()
            return
        self.problem = ""
        if query == self.question:
            self.show_asked()
            return
        view = self.view
        where = Where("end") if view.is_following else Where("place", place=self.here())
        self.go(where, query=query)
        self.count()

    def count(self) -> None:
        """Count what fits, and what is found."""
        self.counted.clear()
        self.counted_for = self.generation
        kept = None if self.question.is_empty else self.question
        self.reader.count("filter", self.generation, query=kept)
        self.reader.count("find", self.generation, query=self.finding())
        self.show_asked()

    def finding(self) -> Query | None:
        """Return the question that what is looked for asks; None when nothing is."""
        if not self.find_text:
            return None
        return all_of([self.question, Query(keep=(words(self.find_text),))])

    def show_asked(self) -> None:
        """Show the question, and how many lines fit; pages say how."""

    def take_typed(self, text: str) -> bool:
        """Go to a line, a time or a share, or take a filter, where that was typed after a colon."""
        word, _space, rest = text.partition(" ")
        if word == "filter":
            self.narrow(rest)
            return True
        place = f":{text}" if text.isdecimal() else text
        try:
            goto_of(place, self.moment(self.view.line))
        except InvalidInputError:
            return False
        self.go_to(place)
        return True

    def narrow(self, text: str) -> None:
        """Take a filter."""
        self.filter_text, self.is_lifted = text, False
        self.ask_again()

    # The field below

    def action_filter(self) -> None:
        """Ask for a filter: other lines are hidden."""
        self._ask("filter", self.filter_text)

    def action_find(self) -> None:
        """Ask what to look for."""
        self._ask("find", self.find_text)

    def action_go_to(self) -> None:
        """Ask where to go."""
        self._ask("goto", "")

    def _ask(self, what: str, value: str) -> None:
        field = self.query_one("#ask", Input)
        self.asks = ""
        field.value = value
        field.placeholder = _TYPED[what]
        field.display = True
        self.asks = what
        self.set_focus(field)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while somebody types, when they pause."""
        if self.asks != "filter" or event.value == self.filter_text:
            return
        self.filter_text = event.value
        self.is_lifted = False
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(_DEBOUNCE_S, self.ask_again)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do what was asked for."""
        asked, value = self.asks, event.value
        self.close_field()
        if asked == "filter":
            if self._typing is not None:
                self._typing.stop()
            self.narrow(value)
        elif asked == "find":
            self.find(value)
        elif asked == "goto" and value.strip():
            self.go_to(value)

    def close_field(self) -> bool:
        """Leave the field; say whether it was open."""
        field = self.query_one("#ask", Input)
        was_open = bool(field.display)
        self.asks = ""
        field.display = False
        if was_open:
            self.view.focus()
        return was_open

    def find(self, text: str) -> None:
        """Look for a text: the nearest one upwards first; empty looks for nothing."""
        try:
            self._finding = Matcher(Query(keep=(words(text),))) if text else None
        except InvalidInputError as error:
            self.host.tell(str(error), severity="warning")
            return
        self.find_text = text
        self.view.look.finding = self._finding
        self.view.changed()
        self.count()
        if text:
            self.found(text)

    def found(self, text: str) -> None:
        """Go to the nearest match; :mod:`modeldeck_tui.screens.logs.seeking` says how."""

    def go_to(self, text: str) -> None:
        """Go to a time, a line or a share."""
        line = self.view.line
        try:
            goto = goto_of(text, self.moment(line))
        except InvalidInputError as error:
            self.host.tell(str(error), severity="warning")
            return
        self.go(Where("goto", goto=goto, source=line.source if line else 0))
