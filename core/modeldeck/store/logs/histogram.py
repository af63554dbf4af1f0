"""Levels over the time of a log: bars beside its text, made a step at a time.

Each bar stands for an equal share of the bytes, as the text beside it does, and knows its time.
Bars of up to a few MiB are counted whole. Of larger ones evenly spread samples are: what is drawn
is a share of lines, for which that is enough, and 1 GB is known within a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from modeldeck.store.logs.log import Log

SAMPLE = 1 << 15
"""Bytes of one sample."""

_SAMPLES = 4
_WHOLE = SAMPLE * _SAMPLES


@dataclass
class Bar:
    """One bar.

    Attributes
    ----------
    start, end : int
        The offsets that it stands for.
    time : int or None
        When its first line was written, in microseconds since 1970.
    levels : Counter of str
        How many of the lines that were looked at have a level, ``""`` for none told.
    seen_share : float
        How much of it was looked at, 0 to 1; a count divided by it estimates the whole.
    """

    start: int
    end: int
    time: int | None = None
    levels: Counter[str] = field(default_factory=Counter)
    seen_share: float = 0.0


def histogram(
    log: Log, n: int, *, start: int | None = None, end: int | None = None
) -> Iterator[Bar]:
    """Yield ``n`` bars from the first to the last, each when it is counted.

    Parameters
    ----------
    log : Log
        The log.
    n : int
        How many bars; fewer where there are fewer bytes.
    start, end : int or None
        Which part of the log; None is the whole.
    """
    low = log.begin if start is None else start
    high = log.end if end is None else end
    n = max(1, min(n, high - low))
    for number in range(n):
        bar = Bar(low + (high - low) * number // n, low + (high - low) * (number + 1) // n)
        _count(log, bar)
        yield bar


def _count(log: Log, bar: Bar) -> None:
    size = bar.end - bar.start
    if size <= _WHOLE:
        places = [(bar.start, bar.end)]
    else:
        step = size // _SAMPLES
        places = [
            (bar.start + step * one, bar.start + step * one + SAMPLE) for one in range(_SAMPLES)
        ]
    seen = 0
    for start, end in places:
        for line in log.between(start, end):
            bar.levels[line.level] += 1
            if bar.time is None:
                bar.time = line.time
        seen += end - start
    bar.seen_share = min(1.0, seen / size) if size else 1.0
