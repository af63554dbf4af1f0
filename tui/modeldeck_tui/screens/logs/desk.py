"""What the reading thread has before it: the logs, the question, and how far each end is."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable

from modeldeck.services.logs import (
    Follower,
    Line,
    Matcher,
    Merged,
    Place,
    Query,
    Strand,
)
from modeldeck_tui.screens.logs.news import Came, Counted
from modeldeck_tui.widgets.logs.window import in_order

MOST_HELD = 4_000
"""Lines that the page holds; others are read again when somebody scrolls there."""

MOST_HITS = 1_000_000
"""Hits whose places are kept, so that the page can say which of them it is at."""

_CHANGES = {
    "rotated": "rotated: what follows is from the new file, nothing is lost",
    "missed": "rotated more than once: a file in between is missing",
    "shortened": "cut or written anew: what was not read before is lost",
    "gone": "gone: it is followed when it comes back",
    "appeared": "there again",
}


class Tally:
    """How many lines fit a question, and where they are."""

    def __init__(self, what: str, generation: int, *, query: Query, n_sources: int) -> None:
        self.what = what
        self.generation = generation
        self.matcher = Matcher(query)
        self.query = query
        self.n = 0
        self.share = 0.0
        self._at = [array("Q") for _ in range(n_sources)]

    def add(self, line: Line) -> None:
        """Count a line."""
        self.n += 1
        if self.n <= MOST_HITS:
            self._at[line.source].append(line.offset)

    def rank(self, place: Place) -> int:
        """Return how many of them are before a place; 0 where that is not known."""
        if self.n > MOST_HITS:
            return 0
        return sum(bisect_right(at, to) for at, to in zip(self._at, place, strict=True))

    def news(self) -> Counted:
        """Return it for the page."""
        return Counted(self.generation, self.what, self.n, self.share)


class Desk:
    """Logs that are read for one question at a time.

    Parameters
    ----------
    merged : Merged
        The logs.
    tell : callable
        Takes what is news.

    Attributes
    ----------
    is_turning : bool
        Whether other lines are about to be shown: what comes meanwhile is told of afterwards.
    """

    def __init__(self, merged: Merged, tell: Callable[[object], None]) -> None:
        self.merged = merged
        self.tell = tell
        self.generation = 0
        self.query = Query()
        self.matcher = Matcher(self.query)
        self.strands: dict[bool, Strand] = {}
        self.tallies: dict[str, Tally] = {}
        self.followers = [
            Follower(log, last=_unfinished(log.end, log.tail(1))) for log in merged.logs
        ]
        for follower in self.followers:
            follower.poll()  # a last line that is whole; an unfinished one stays pending
        self._pending: Line | None = None
        self.is_turning = False

    @property
    def end(self) -> Place:
        """Up to where lines are whole, and were told of."""
        return tuple(one.place for one in self.followers)

    def take_over(self, before: Desk) -> None:
        """Go on with the question of another desk."""
        self.generation = before.generation
        self.query, self.matcher = before.query, before.matcher

    def turn_to(self, generation: int, query: Query) -> None:
        """Take another question, which counts from now on."""
        if query != self.query:
            self.matcher = Matcher(query)
        self.generation, self.query = generation, query
        self.strands.clear()

    def strand(self, place: Place, *, is_back: bool) -> Strand:
        """Return what looks from a place in a direction; the one that stands there goes on."""
        known = self.strands.get(is_back)
        if known is None or known.place != place or (known.is_done and not is_back):
            stop = self.merged.begin if is_back else self.end
            known = Strand(self.merged, self.query, start=place, stop=stop, is_back=is_back)
            self.strands[is_back] = known
        return known

    def poll(self) -> bool:
        """Look whether lines came, and tell of them; say whether there was anything to tell."""
        base = self.end
        rules: list[tuple[int, int, str]] = []
        batches: list[list[Line]] = []
        for source, follower in enumerate(self.followers):
            news = follower.poll()
            name = self.merged.logs[source].name
            rules += [(source, one.offset, f"{name} {_CHANGES[one.kind]}") for one in news.changes]
            batches.append(news.lines)
        lines = in_order(batches)
        pending = self._unfinished()
        if not (lines or rules) and _same(pending, self._pending):
            return False
        self._pending = pending
        self._count(lines)
        if not self.query.is_empty:
            lines = [one for one in lines if self.matcher.fits(one.data, one.head)]
            if pending is not None and not self.matcher.fits(pending.data, pending.head):
                pending = None
        self.tell(
            Came(
                self.generation,
                lines[-MOST_HELD:],
                len(lines),
                base,
                self.end,
                rules=rules,
                pending=pending,
            )
        )
        return True

    def _unfinished(self) -> Line | None:
        found = [one.pending for one in self.followers]
        return next((one for one in found if one is not None), None)

    def _count(self, lines: list[Line]) -> None:
        for tally in self.tallies.values():
            before = tally.n
            if tally.share < 1.0:  # they are found when it comes there
                continue
            fits = tally.matcher.fits
            for line in lines:
                if fits(line.data, line.head):
                    tally.add(line)
            if tally.n != before:
                self.tell(tally.news())


def _unfinished(end: int, last: list[Line]) -> int:
    """Return 1 where a last line has no end yet, so that following begins with it."""
    return int(bool(last) and last[0].offset + last[0].length >= end)


def _same(one: Line | None, other: Line | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.source, one.offset, one.length) == (other.source, other.offset, other.length)
