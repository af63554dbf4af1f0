"""The lines that a page of logs holds: several sources by time, also where some are late."""

from __future__ import annotations

import random

from modeldeck.domain.logs.heads import Head
from modeldeck.services.logs import Line
from modeldeck_tui.widgets.logs.window import LATE_US, Window, in_order, key_of

SECOND = 1_000_000
BEGIN = 1_700_000_000 * SECOND


def line(source: int, number: int, at_us: int | None) -> Line:
    """Return a line of a source, ten bytes long."""
    time = None if at_us is None else BEGIN + at_us
    return Line(b"x" * 9, 9, number * 10, Head("info", time=time), source=source)


def window(*lines: Line, n_sources: int = 2) -> Window:
    """Return a window that holds lines from the beginning of each source."""
    found = Window()
    begin = (0,) * n_sources
    found.put([], begin, last=begin, has_begin=True, has_end=True)
    found.behind(lines, ends(lines, n_sources), is_last=True)
    return found


def ends(lines: list[Line] | tuple[Line, ...], n_sources: int) -> tuple[int, ...]:
    """Return the places behind some lines, one for each source."""
    return tuple(
        max((one.offset + 10 for one in lines if one.source == source), default=0)
        for source in range(n_sources)
    )


def test_lines_that_come_late_stand_by_their_time() -> None:
    """Up to two seconds behind what another source told; those that are later stand at the end."""
    held = window(line(0, 0, 0), line(0, 1, 3 * SECOND), line(0, 2, 3 * SECOND + 5))
    held.behind([line(1, 0, 3 * SECOND - 9)], (30, 10), is_last=True)
    assert [key_of(one) for one in held.lines] == [(0, 0), (1, 0), (0, 10), (0, 20)]
    held.behind([line(1, 1, 3 * SECOND - LATE_US)], (30, 20), is_last=True)
    assert key_of(held.lines[0]) == (0, 0)
    assert held.place_of(0) == (0, 0)


def test_record_of_several_lines_is_not_taken_apart() -> None:
    """A traceback, whose lines have its record's time, stays whole among late lines."""
    held = window(line(0, 0, 100), line(0, 1, 100))
    held.behind([line(1, 0, 50), line(1, 1, None), line(1, 2, 150)], (20, 30), is_last=True)
    assert [key_of(one) for one in held.lines] == [(1, 0), (1, 10), (0, 0), (0, 10), (1, 20)]


def test_lines_of_each_source_keep_their_order_however_they_arrive() -> None:
    """Each is there once, whatever the clocks say, and the place before each line is right."""
    rng = random.Random(7)
    for _ in range(200):
        sources = [[line(at, n, rng.randrange(4 * SECOND)) for n in range(12)] for at in range(3)]
        held = window(n_sources=3)
        done = [0, 0, 0]
        while min(done) < 12:
            batches = []
            for at in range(3):
                n = rng.randint(0, 4)
                batches.append(sources[at][done[at] : done[at] + n])
                done[at] = min(12, done[at] + n)
            held.behind(in_order(batches), tuple(10 * n for n in done), is_last=True)
        keys = [key_of(one) for one in held.lines]
        for at in range(3):
            assert [key for key in keys if key[0] == at] == [(at, 10 * n) for n in range(12)]
        here = rng.randrange(36)
        left = [sum(key[0] == at for key in keys[:here]) for at in range(3)]
        assert held.place_of(here) == tuple(10 * n for n in left)
