"""What stands around a log: where it is, what is asked, the histogram, what the screen sends."""

from __future__ import annotations

import time
from typing import NamedTuple

from rich.text import Text

from modeldeck.services.logs import Line, Merged
from modeldeck_tui.clean import clean
from modeldeck_tui.output import cell_width, counted, cut, size
from modeldeck_tui.screens.logs.news import Indexed
from modeldeck_tui.screens.logs.taking import Taking
from modeldeck_tui.widgets.frame import WIDE, Quiet
from modeldeck_tui.widgets.styles import STYLES

LEAST_OF_BARS = 16 << 10
"""Bytes of a log from which on it gets a histogram where there is room, unasked."""

BARS_AGAIN_S = 5.0
"""How often the histogram of a log that grows is made anew."""

_ENOUGH = 0.02
_FRESHNESS = 15
"""Columns that say how old what is shown is, at the end of the line."""

_MOST_NUMBERED = 1_000


class _Sent(NamedTuple):
    at: float
    n_bytes: int
    n_frames: int


class Showing(Taking):
    """A log's page that says what it shows."""

    def __init__(self, *sources: str) -> None:
        super().__init__(*sources)
        self.indexed = Indexed(0.0, 0, 0)
        self.reading_problem = ""
        self._wants_bars: bool | None = None
        self._bars_of = (0, 0, 0.0)
        self._sent: _Sent | None = None
        self._was_narrow = True

    @property
    def merged(self) -> Merged | None:
        """The logs, once they are open."""
        desk = self.reader.desk
        return desk.merged if desk is not None else None

    def show_state(self) -> None:
        """Say what the log is, how large, and whether its end is followed."""
        if not self.is_whole:
            return
        view = self.view
        path = f"Logs › {' + '.join(clean(one) for one in self.sources)}"
        if len(self.names) > 1:
            path += f"  {len(self.names)} files"
        parts = ["▶ FOLLOW" if view.is_following else f"‖ PAUSED +{view.unseen:,} (G)"]
        if not view.is_following:
            parts.append(self.position())
        if self.indexed.n_lines:
            parts.append(counted(self.indexed.n_lines, "line"))
        elif 0 < self.indexed.share < 1:
            parts.append(f"indexing {self.indexed.share:.0%}")
        if self.indexed.n_bytes:
            parts.append(size(self.indexed.n_bytes))
        room = self.app.size.width - _FRESHNESS
        room = max(room // 2, room - cell_width(path) - 2)
        while len(parts) > 1 and len("  ".join(one for one in parts if one)) > room:
            parts.pop()
        note = "  ".join(one for one in parts if one)
        self.crumb(path, note, style="good" if view.is_following else "warn")

    def position(self) -> str:
        """Return where the line that is looked at is in its log."""
        line = self.view.line
        if line is None:
            return ""
        number = f"line {line.number:,} " if line.number else ""
        return f"{number}{self.share(line):.0%}"

    def share(self, line: Line) -> float:
        """Return at which share of its log a line is."""
        merged = self.merged
        if merged is None or line.source >= len(merged.logs):
            return 1.0
        log = merged.logs[line.source]
        return max(0.0, min(1.0, (line.offset - log.begin) / max(1, log.end - log.begin)))

    def show_asked(self) -> None:
        """Show the filter and what is looked for, and how many lines fit."""
        asked = self.query_one("#asked", Quiet)
        text = self.asked_text()
        asked.display = bool(text)
        asked.put(text)

    def asked_text(self) -> Text:
        """Return what is asked, in one line; empty when nothing is."""
        parts: list[tuple[str, str]] = []
        if self.filter_text or self.level:
            words = "  ".join(
                one
                for one in (
                    f"/{clean(self.filter_text)}" if self.filter_text else "",
                    f"≥{self.level.upper()}" if self.level else "",
                )
                if one
            )
            parts.append((words, "dim" if self.is_lifted else "bold"))
            if self.problem:
                parts.append((clean(self.problem), "bad"))
            elif self.is_lifted:
                parts.append(("lifted: all lines show, x puts it back", "warn"))
            else:
                parts.append((self._how_many("filter"), "accent"))
        if self.find_text:
            parts.append((f"\\{clean(self.find_text)}", "bold"))
            parts.append((self._how_many("find"), "accent"))
        room = max(20, self.app.size.width - 2)
        line = Text(" ")
        for text, style in parts:
            left = room - line.cell_len
            if text and left > 4:
                line.append(cut(text, left), STYLES[style])
                line.append("   ")
        return line if parts else Text()

    def _how_many(self, what: str) -> str:
        found = self.counted.get(what)
        if found is None:
            return "counting …"
        more = "" if found.share >= 1 else f" … {found.share:.0%} searched"
        if what == "filter":
            whole = f" of {self.indexed.n_lines:,}" if self.indexed.n_lines else ""
            return f"{found.n:,}{whole}{more}"
        rank = self.rank() if found.share >= 1 else 0
        at = f"{rank:,} of " if rank else ""
        return f"{at}{counted(found.n, 'match')}{more}".replace("matchs", "matches")

    def rank(self) -> int:
        """Return which of the matches the cursor is on; 0 where that is not known."""
        desk = self.reader.desk
        tally = desk.tallies.get("find") if desk is not None else None
        line = self.view.line
        if tally is None or line is None or self.view.is_following:
            return 0
        if not tally.matcher.fits(line.data, line.head):
            return 0
        return tally.rank(self.here())

    def nothing(self) -> tuple[str, ...]:
        """Return what stands there when there is no line to show."""
        if not self.is_narrowed:
            return ("There is nothing in it yet.",)
        found = self.counted.get("filter")
        if found is None or (found.share < 1 and not found.n):
            return ("Searching …", "esc takes the filter away")
        return ("No line fits.", "esc takes the filter away, < shows lower levels")

    # The histogram

    def show_bars(self) -> None:
        """Show the histogram where there is room, or where somebody asked for it."""
        bars = self.bars
        is_on = self._wants_bars
        if is_on is None:
            is_large = self.merged is not None and self.merged.size >= LEAST_OF_BARS
            is_on = is_large and self.app.size.width >= WIDE
        if bars.has_class("-on") != is_on:
            bars.set_class(is_on, "-on")
            if not is_on and bars.has_focus:
                self.view.focus()
            self.call_after_refresh(self.refresh_bars)
        elif is_on:
            self.call_after_refresh(self.refresh_bars)

    def refresh_bars(self) -> None:
        """Make the histogram anew where its height changed, or the log grew."""
        merged, bars = self.merged, self.bars
        if self._wants_bars is None and not bars.has_class("-on"):
            self.show_bars()
        if merged is None or not bars.has_class("-on") or not bars.size.height:
            return
        height, n_bytes, at = self._bars_of
        now = time.monotonic()
        has_grown = merged.size > n_bytes * (1 + _ENOUGH) and now - at > BARS_AGAIN_S
        if bars.size.height != height or has_grown or merged.size < n_bytes:
            self._bars_of = (bars.size.height, merged.size, now)
            self.reader.bars(bars.size.height)

    def turn_bars(self) -> None:
        """Show the histogram, or hide it."""
        self._wants_bars = not self.bars.has_class("-on")
        self._bars_of = (0, 0, 0.0)
        self.show_bars()

    def show_span(self) -> None:
        """Show in the histogram which part of the log is on the screen."""
        if self.bars.has_class("-on"):
            visible = self.view.in_sight
            if visible:
                self.bars.at(self.share(visible[0]), self.share(visible[-1]))

    # Numbers of lines

    def number_lines(self) -> None:
        """Have the lines numbered that are not."""
        view = self.view
        view.look.number_width = max(5, len(str(self.indexed.n_lines)))
        if view.look.has_numbers:
            lines = [*view.window.lines]
            if any(not one.number for one in lines):
                at = max(0, min(view.cursor, len(lines)) - _MOST_NUMBERED // 2)
                self.reader.number(lines[at : at + _MOST_NUMBERED])

    # What the screen sends

    def turn_debug(self) -> None:
        """Show what the screen sends, or show it no more."""
        line = self.query_one("#debug", Quiet)
        line.display = not line.display
        self._sent = None
        self.show_debug()

    def show_debug(self) -> None:
        """Show how many bytes and frames a second are sent; called each second."""
        line = self.query_one("#debug", Quiet)
        if not line.display:
            return
        traffic = self.host.traffic
        now = _Sent(time.monotonic(), traffic.n_bytes, traffic.n_frames)
        before, self._sent = self._sent or now, now
        seconds = max(1e-3, now.at - before.at) if before is not now else 1.0
        texts = (
            f" {size((now.n_bytes - before.n_bytes) / seconds)}/s",
            f"{(now.n_frames - before.n_frames) / seconds:.1f} frames/s",
            f"{size(now.n_bytes)} in {now.n_frames:,} frames",
            "slow link" if self.host.is_slow else "",
            f"{len(self.view.window):,} lines held",
            f"index {self.indexed.share:.0%}",
        )
        line.put(Text("   ".join(one for one in texts if one), STYLES["dim"]))
