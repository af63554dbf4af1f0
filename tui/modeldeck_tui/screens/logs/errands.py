"""What the reading thread does for a page, each as a generator of short steps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from modeldeck.services.logs import (
    Bar,
    Goto,
    Line,
    Place,
    Query,
    Strand,
    histogram,
    place_of,
)
from modeldeck_tui.screens.logs.desk import Desk, Tally
from modeldeck_tui.screens.logs.news import Bars, Indexed, More, Numbered, Places, Shown, Sought

Work = Generator[None, None, None]

_AHEAD = 200
_PAGE = 400
_AT_ONCE_S = 0.06
_TELL_S = 0.15
_SLICE_S = 0.01


@dataclass(frozen=True, slots=True)
class Where:
    """Which place to show.

    Attributes
    ----------
    kind : str
        ``end``, ``begin``, ``place``, ``goto``, or ``seek``: the next line after ``place`` (before,
        with ``is_back``) that fits ``sought``.
    place : Place
        For ``place`` and ``seek``.
    goto : Goto or None
        For ``goto``; a line's number is one of ``source``.
    what : str
        What is sought, to say that there is none.
    """

    kind: str
    place: Place = ()
    goto: Goto | None = None
    source: int = 0
    sought: Query = Query()  # noqa: RUF009 -- frozen
    is_record: bool = False
    is_back: bool = False
    what: str = ""


def show(desk: Desk, generation: int, *, query: Query, where: Where) -> Work:
    """Find a place, and tell of the lines around it that fit."""
    place = yield from _place(desk, where)
    if place is None:
        desk.tell(Sought(where.what, where.is_back))
        return
    desk.turn_to(generation, query)
    desk.is_turning = True
    is_end = where.kind == "end"
    back = desk.strand(place, is_back=True)
    forth = desk.strand(place, is_back=False)
    deadline = time.monotonic() + _AT_ONCE_S
    while not _is_enough(back, forth, is_end=is_end):
        if time.monotonic() > deadline and (len(back) or len(forth)):
            break
        for strand in (back,) if is_end else (forth, back):
            if len(strand) < _AHEAD:
                strand.step()
        yield
    before, after = back.take(), forth.take()
    desk.is_turning = False
    cursor = len(before) if after else max(0, len(before) - 1)
    desk.tell(
        Shown(
            generation,
            [*before, *after],
            back.place,
            forth.place,
            has_begin=back.is_done,
            has_end=is_end or forth.is_done,
            cursor=-1 if is_end else cursor,
        )
    )


def _is_enough(back: Strand, forth: Strand, *, is_end: bool) -> bool:
    is_back_full = back.is_done or len(back) >= _AHEAD
    return is_back_full and (is_end or forth.is_done or len(forth) >= _AHEAD)


def _place(desk: Desk, where: Where) -> Generator[None, None, Place | None]:
    """Return where to look."""
    merged = desk.merged
    if where.kind == "begin":
        return merged.begin
    if where.kind == "seek":
        return (yield from _sought(desk, where))
    if where.kind == "goto" and where.goto is not None:
        yield
        return _gone_to(desk, where.goto, source=where.source)
    if where.kind == "place" and len(where.place) == len(merged.logs):
        return where.place
    return desk.end


def _gone_to(desk: Desk, goto: Goto, *, source: int) -> Place:
    merged = desk.merged
    if goto.kind == "time":
        return merged.at_time(int(goto.value))
    if goto.kind == "share":
        return merged.at_share(goto.value) if goto.value < 1 else desk.end
    log = merged.logs[source]
    value = int(goto.value)
    offset = max(log.begin, value) if goto.kind == "offset" else log.at_number(value)
    return merged.at_line(source, offset) if len(merged.logs) > 1 else (offset,)


def _sought(desk: Desk, where: Where) -> Generator[None, None, Place | None]:
    start, end = (None, where.place) if where.is_back else (where.place, desk.end)
    found = desk.merged.search(where.sought, start=start, end=end, backwards=where.is_back)
    for one in found:
        line = one.line
        if line is not None and not (where.is_record and line.belongs):
            return place_of(line, desk.merged)
        yield
    return None


def more(desk: Desk, place: Place, *, is_back: bool) -> Work:
    """Tell of lines before a place, or behind it."""
    strand = desk.strand(place, is_back=is_back)
    told_at = time.monotonic()
    n = 0
    while not strand.is_done and n + len(strand) < _PAGE:
        strand.step()
        if len(strand) and time.monotonic() - told_at > _TELL_S:
            told_at = time.monotonic()
            n += len(strand)
            desk.tell(_more(desk, strand, base=place, is_over=False))
            place = strand.place
        yield
    desk.tell(_more(desk, strand, base=place, is_over=True))


def _more(desk: Desk, strand: Strand, *, base: Place, is_over: bool) -> More:
    return More(
        desk.generation,
        strand.take(),
        base,
        strand.place,
        is_back=strand.is_back,
        is_last=strand.is_done,
        is_over=is_over,
    )


def count(desk: Desk, what: str, *, generation: int, query: Query | None) -> Work:
    """Count what fits, and tell how far it is."""
    desk.tallies.pop(what, None)
    if query is None:
        return
    tally = Tally(what, generation, query=query, n_sources=len(desk.merged.logs))
    desk.tallies[what] = tally
    size = max(1, desk.merged.size)
    told_at = 0.0
    sliced_at = time.monotonic()
    single = len(desk.merged.logs) == 1
    for n, one in enumerate(desk.merged.search(query, end=desk.end)):
        if one.line is not None:
            tally.add(one.line)
        else:
            done = one.at - desk.merged.begin[0] if single else one.at
            tally.share = min(0.999, done / size)
        if n % 64 == 0 or one.line is None:
            now = time.monotonic()
            if now - told_at > _TELL_S:
                told_at = now
                desk.tell(tally.news())
            if now - sliced_at > _SLICE_S:
                yield
                sliced_at = time.monotonic()
    tally.share = 1.0
    desk.tell(tally.news())


def index(desk: Desk) -> Work:
    """Unpack and index, and tell how far that is."""
    told_at = time.monotonic()
    merged = desk.merged
    while True:
        begun = time.monotonic()
        has_more = True
        while has_more and time.monotonic() - begun < _SLICE_S:
            has_more = merged.advance()
        if not has_more:
            break
        if time.monotonic() - told_at > _TELL_S:
            told_at = time.monotonic()
            desk.tell(Indexed(merged.progress, merged.size, 0))
        yield
    lines = sum(log.number_at(end) for log, end in zip(merged.logs, desk.end, strict=True))
    desk.tell(Indexed(1.0, merged.size, lines))


def bars(desk: Desk, n: int) -> Work:
    """Make bars of levels over time, of several logs in those of the largest one."""
    if not n:
        return
    logs = sorted(desk.merged.logs, key=lambda log: log.begin - log.end)
    found: list[Bar] = []
    told_at = time.monotonic()
    for bar in histogram(logs[0], n):
        found.append(bar)
        if time.monotonic() - told_at > _TELL_S:
            told_at = time.monotonic()
            desk.tell(Bars([*found], is_done=False))
        yield
    for log in logs[1:]:
        for bar in histogram(log, n):
            _add(found, bar)
            yield
    desk.tell(Bars(found, is_done=True))


def _add(found: Sequence[Bar], bar: Bar) -> None:
    """Add a bar of another log to the one of its time."""
    if bar.time is None:
        return
    for one, later in zip(found, [*found[1:], None], strict=True):
        if later is None or later.time is None or bar.time < later.time:
            share = max(bar.seen_share, 1e-9) / max(one.seen_share, 1e-9)
            counted = {level: round(n / share) for level, n in bar.levels.items()}
            one.levels.update(Counter(counted))
            return


def number(desk: Desk, lines: Sequence[Line]) -> Work:
    """Give lines their numbers, and tell when that is done."""
    known: dict[int, Line] = {}
    begun = time.monotonic()
    for line in lines:
        before = known.get(line.source)
        log = desk.merged.logs[line.source]
        if before is not None and before.offset + before.length + 1 == line.offset:
            line.number = before.number + 1
        else:
            line.number = log.number_at(line.offset) + 1
        known[line.source] = line
        if time.monotonic() - begun > _SLICE_S:
            yield
            begun = time.monotonic()
    desk.tell(Numbered())


def locate(desk: Desk, numbers: Sequence[tuple[int, int]]) -> Work:
    """Tell where the lines of some sources and numbers are."""
    found: dict[tuple[int, int], int] = {}
    for source, n in numbers:
        if source < len(desk.merged.logs):
            found[source, n] = desk.merged.logs[source].at_number(n)
        yield
    desk.tell(Places(found))
