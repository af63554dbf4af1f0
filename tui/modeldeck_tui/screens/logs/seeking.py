"""Going through a log: from find to find, from error to error, to its ends, up and down levels."""

from __future__ import annotations

from collections.abc import Callable

from modeldeck.services.logs import Goto, Matcher, Query, all_of, levels_from
from modeldeck_tui.screens.logs.asking import Asking
from modeldeck_tui.screens.logs.errands import Where
from modeldeck_tui.widgets.logs.window import Key

_LEVELS = ("", "info", "warn", "error")
_SEVERE = {"error": levels_from("error"), "warning": levels_from("warn")}


class Seeking(Asking):
    """A log's page that goes from one thing to the next."""

    def found(self, text: str) -> None:  # noqa: ARG002 -- as the base has it
        """Go to the nearest match upwards."""
        self.seek("match", is_back=True)

    def seek(self, what: str, *, is_back: bool) -> None:
        """Go to the next match, error or warning, or the one before."""
        sought = self._sought(what)
        if sought is None:
            self.host.tell("\\ asks what to find.")
            return
        matcher = Matcher(sought)
        is_record = what != "match"
        if self._is_held(
            lambda at: (
                matcher.fits(self.view.window.lines[at].data, self.view.window.lines[at].head)
                and not (is_record and self.view.window.lines[at].belongs)
            ),
            is_back=is_back,
        ):
            return
        place = self.here() if is_back else self.behind_here()
        self.go(
            Where(
                "seek",
                place=place,
                sought=sought,
                is_record=is_record,
                is_back=is_back,
                what=what,
            )
        )

    def _sought(self, what: str) -> Query | None:
        if what == "match":
            return self.finding()
        return all_of([self.question, Query(levels=_SEVERE[what])])

    def _is_held(self, fits: Callable[[int], bool], *, is_back: bool) -> bool:
        """Go to the next line that is held and fits; say whether there is one."""
        view = self.view
        count = len(view.window)
        start = count if view.is_following else view.cursor
        numbers = range(start - 1, -1, -1) if is_back else range(start + 1, count)
        at = next((one for one in numbers if fits(one)), -1)
        if at >= 0:
            self.look_at(at)
        return at >= 0

    def look_at(self, at: int) -> None:
        """Put the cursor on one of the lines that are held."""
        self.view.look_at(at)

    def go_to_key(self, key: Key) -> None:
        """Go to a line by its source and offset."""
        at = self.view.window.find(key)
        if at >= 0:
            self.look_at(at)
        else:
            self.go(Where("goto", goto=Goto("offset", key[1]), source=key[0]))

    def step_level(self, step: int) -> None:
        """Take the next higher (1) or lower (-1) least level."""
        at = _LEVELS.index(self.level) + step
        self.level = _LEVELS[max(0, min(at, len(_LEVELS) - 1))]
        self.is_lifted = False
        self.ask_again()

    def lift(self) -> None:
        """Lift the filter, or put it back; the line that is looked at stays."""
        if not (self.filter_text or self.level):
            self.host.tell("There is no filter here to look around: / asks for one.")
            return
        self.is_lifted = not self.is_lifted
        self.view.pause()
        self.ask_again()

    def action_first(self) -> None:
        """Go to the first line."""
        self.view.pause()
        self.go(Where("begin"))

    def action_follow(self) -> None:
        """Go to the end and follow."""
        self.view.range_from = None
        self.go(Where("end"))

    def action_next_match(self) -> None:
        """Go to the next match."""
        self.seek("match", is_back=False)

    def action_previous_match(self) -> None:
        """Go to the match before."""
        self.seek("match", is_back=True)

    def action_next_error(self) -> None:
        """Go to the next error."""
        self.seek("error", is_back=False)

    def action_previous_error(self) -> None:
        """Go to the error before."""
        self.seek("error", is_back=True)

    def action_next_warning(self) -> None:
        """Go to the next warning or error."""
        self.seek("warning", is_back=False)

    def action_previous_warning(self) -> None:
        """Go to the warning or error before."""
        self.seek("warning", is_back=True)

    def action_level_up(self) -> None:
        """Show only higher levels."""
        self.step_level(1)

    def action_level_down(self) -> None:
        """Show lower levels too."""
        self.step_level(-1)

    def action_context(self) -> None:
        """Lift the filter to see what is around, or put it back."""
        self.lift()
