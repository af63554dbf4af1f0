"""Levels over the time of a log: bars beside its text, made a step at a time.

Each bar stands for an equal share of the bytes, as the text beside it does, and knows its time.
Bars of up to a few MiB are counted whole. Of larger ones evenly spread samples are: what is drawn
is a share of lines, for which that is enough, and 1 GB is known within a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from modeldeck.domain.logs.heads import MINUTE_US, NO_MINUTE, Head, Minute
from modeldeck.store.logs.lines import MAX_LINE
from modeldeck.store.logs.log import Log
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.part import Part
from modeldeck.store.logs.sieved import grouping_of, passed

SAMPLE = 1 << 15
"""Bytes of one sample."""

_SAMPLES = 4
_FEW = 2048
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


def minutes(log: Log, matcher: Matcher) -> Iterator[Counter[Minute]]:
    """Yield how many lines that pass are of each minute and level, for each MiB of a log.

    Parameters
    ----------
    log : Log
        The log.
    matcher : Matcher
        What has to pass.
    """
    low, high = log.range_of(matcher.query)
    for part in log.parts:
        first, last = max(0, low - part.base), min(part.size, high - part.base)
        at = part.next_start(first)
        end = part.next_start(last) if first < last else at
        while at < end:
            block, next_at = part.block(at, end)
            if not block:
                break
            found: Counter[Minute] = Counter()
            for start, stop, head, _belongs in passed(part, matcher, block=block, base=at):
                if head is None:
                    _add_lines(part, block[start:stop], offset=at + start, found=found)
                else:
                    found[_minute(head), head.level] += 1
            yield found
            at = next_at


def _add_lines(part: Part, data: bytes, *, offset: int, found: Counter[Minute]) -> None:
    """Count lines that follow each other."""
    tell = part.catalogue.head
    if len(data) < _FEW:
        rest = [(one, NO_MINUTE) for one in data.split(b"\n")]
    else:
        tell(data[: max(0, data.find(b"\n"))][:MAX_LINE])
        counted, rest = part.catalogue.minutes(data)
        found.update(counted)
    grouping = grouping_of(part, offset, data=data)
    for one, (minute, level) in rest:
        if level:
            time = None if minute is None else minute * MINUTE_US
            grouping.belongs(b"x", Head(level, "x", time))
        head = tell(one[:MAX_LINE])
        head = grouping.head if grouping.belongs(one, head) else head
        found[_minute(head), head.level] += 1


def _minute(head: Head) -> int | None:
    return None if head.time is None else head.time // MINUTE_US


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
