"""Finding the lines of some levels in blocks, with what belongs to their records.

::

    2026-11-23 07:10:11 INFO  fine            not looked at
    2026-11-23 07:10:12 ERROR broken          the sieve finds it; its head decides
    Traceback (most recent call last):        ┐ the next ones that may go on with it
      File "x.py"                             │ are looked at until one does not
    ValueError: 3                             ┘
    2026-11-23 07:10:13 INFO  fine            not looked at

A line that fits has a wanted level of its own, and is found, or stands behind one that has.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modeldeck.domain.logs.heads import HEAD_BYTES, Grouping, may_continue
from modeldeck.store.logs.lines import MAX_LINE, Line

if TYPE_CHECKING:
    from modeldeck.store.logs.matching import Matcher
    from modeldeck.store.logs.part import Part


def sieved(
    part: Part, matcher: Matcher, *, block: bytes, base: int, expression: bytes
) -> Iterator[Line]:
    """Yield the lines of the levels that a query asks for, of a block of a part.

    Parameters
    ----------
    part : Part
        Whose lines they are.
    matcher : Matcher
        The query.
    block : bytes
        Whole lines.
    base : int
        Where the block begins in the part.
    expression : bytes
        See :func:`modeldeck.domain.logs.sieve.sieve`.
    """
    fits, passes, tell = matcher.query.fits, matcher.passes, part.catalogue.head
    asks_of_text = matcher.asks_of_text
    places = _places(part, matcher, block=block, expression=expression)
    end = len(block) + 1
    following = next(places, end)
    grouping = part.grouping_at(base)
    at = known = 0
    while at < len(block):
        stop = block.find(b"\n", at)
        stop = len(block) if stop < 0 else stop
        data = block[at:stop]
        if at > known and may_continue(data[:HEAD_BYTES]):
            grouping = _before(part, block, at=at, known=known, grouping=grouping)
        head = tell(data[:MAX_LINE])
        belongs = grouping.belongs(data, head)
        is_fit = fits(grouping.head)
        if is_fit and not (asks_of_text and not passes(data)):
            yield part.made(base + at, data, head=grouping.head, belongs=belongs)
        at = known = stop + 1
        if not (is_fit and may_continue(block[at : at + HEAD_BYTES].partition(b"\n")[0])):
            while following < at:
                following = next(places, end)
            at = following


def _places(part: Part, matcher: Matcher, *, block: bytes, expression: bytes) -> Iterator[int]:
    """Yield where lines begin that may tell a wanted level; the first line is not among them."""
    pattern = matcher.in_blocks(expression)
    if not part.catalogue.own:
        for found in pattern.finditer(block):
            yield found.start() + 1
        return
    at = 0
    while at >= 0 and (found := pattern.search(block, at)) is not None:
        yield found.start() + 1
        at = block.find(b"\n", found.start() + 1)


def _before(part: Part, block: bytes, *, at: int, known: int, grouping: Grouping) -> Grouping:
    """Return what a line may belong to, from what a line before could, or from a record's begin."""
    starts = [at]
    while starts[-1] > known:
        end = starts[-1] - 1
        starts.append(block.rfind(b"\n", 0, end) + 1)
        if not may_continue(block[starts[-1] : min(end, starts[-1] + HEAD_BYTES)]):
            break
    found = grouping if starts[-1] == known else Grouping()
    for start, end in itertools.pairwise(reversed(starts)):
        one = block[start : end - 1]
        found.belongs(one, part.catalogue.head(one[:MAX_LINE]))
    return found
