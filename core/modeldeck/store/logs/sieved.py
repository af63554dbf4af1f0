"""Finding the lines of some levels in blocks, with what belongs to their records.

::

    2026-11-23 07:10:11 INFO  fine            not looked at
    2026-11-23 07:10:12 ERROR broken          the sieve finds it; its head decides
    Traceback (most recent call last):        ┐ the next ones that may go on with it
      File "x.py"                             │ are looked at until one does not
    ValueError: 3                             ┘
    2026-11-23 07:10:13 INFO  fine            not looked at

A line that fits has a wanted level of its own, and is found, or stands behind one that has.

Where lines that tell no level are wanted too, a block is walked through: of the lines that follow
each other in one format, those that surely have a wanted level are taken together, and those that
surely have another are passed over together. Only the lines in between are looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from modeldeck.domain.logs.heads import HEAD_BYTES, Grouping, Head, may_continue
from modeldeck.domain.logs.levels import LEVELS
from modeldeck.store.logs.lines import MAX_LINE

if TYPE_CHECKING:
    from modeldeck.store.logs.matching import Matcher
    from modeldeck.store.logs.part import Part


Passed = tuple[int, int, Head | None, bool]
"""From where to where in a block lines pass, without the last one's newline: one line, its head and
whether it belongs to the line before, or any number of lines whose heads were not told."""


def passed(part: Part, matcher: Matcher, *, block: bytes, base: int) -> Iterator[Passed]:
    """Yield which lines of a block of whole lines pass.

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
    """
    query = matcher.query
    if matcher.has_lead:
        yield from _led(part, matcher, block=block, base=base)
        return
    if not query.needs_heads:
        if not matcher.asks_of_text:
            yield 0, len(block) - block.endswith(b"\n"), None, False
        else:
            yield from ((start, stop, None, False) for start, stop in matcher.lines(block))
        return
    expression = None
    if query.levels is not None and b"\x1b" not in block:  # colours may be in front of anything
        expression = part.catalogue.sieve(query.levels)
    if expression is None:
        yield from _walked(part, matcher, block=block, base=base)
    else:
        yield from _sieved(part, matcher, block=block, base=base, expression=expression)


def _led(part: Part, matcher: Matcher, *, block: bytes, base: int) -> Iterator[Passed]:
    """Yield the lines in which the bytes are that have to be there."""
    if not matcher.query.needs_heads:
        yield from ((start, stop, None, False) for start, stop in matcher.lines(block))
        return
    for start, stop in matcher.lines(block):
        data = block[start : min(stop, start + MAX_LINE)]
        grouping = grouping_of(part, base + start, data=data)
        head = part.catalogue.head(data)
        belongs = grouping.belongs(data, head)
        head = grouping.head if belongs else head
        if matcher.query.fits(head):
            yield start, stop, head, belongs


def grouping_of(part: Part, offset: int, *, data: bytes) -> Grouping:
    """Return what a line at an offset may belong to, where its beginning is known."""
    is_more = may_continue(data[:HEAD_BYTES].partition(b"\n")[0])
    return part.grouping_at(offset) if is_more else Grouping()


def _walked(part: Part, matcher: Matcher, *, block: bytes, base: int) -> Iterator[Passed]:
    """Yield the lines that fit, passing over what surely does not, and taking what surely does."""
    tell, fits = part.catalogue.head, matcher.query.fits
    asks_of_text, passes = matcher.asks_of_text, matcher.passes
    tell(block[: block.find(b"\n") + 1 or None])
    runs = _runs(part, matcher)
    grouping = part.grouping_at(base)
    at = known = 0
    while at < len(block):
        for match, is_wanted in runs if at else ():
            stop = match(block, at - 1).end()
            if stop >= at:
                if is_wanted:
                    yield from _of_run(matcher, block, start=at, stop=stop)
                at = stop + 1
        if at >= len(block):
            return
        stop = block.find(b"\n", at)
        stop = len(block) if stop < 0 else stop
        data = block[at:stop]
        if at > known and may_continue(data[:HEAD_BYTES]):  # of a record that was not told
            before = block[block.rfind(b"\n", 0, at - 1) + 1 : at - 1]
            grouping.belongs(before, tell(before))
        head = tell(data[:MAX_LINE])
        belongs = grouping.belongs(data, head)
        head = grouping.head if belongs else head
        if fits(head) and not (asks_of_text and not passes(data)):
            yield at, stop, head, belongs
        at = known = stop + 1


def _runs(part: Part, matcher: Matcher) -> list[tuple[Callable[[bytes, int], Any], bool]]:
    """Return what matches lines that are not wanted, and what those that are."""
    query = matcher.query
    levels = query.levels
    if levels is None:
        return []
    both = [(frozenset(LEVELS) - levels, False)]
    if query.since is None and query.until is None:
        both.append((levels, True))
    found = [(part.catalogue.run(among), is_wanted) for among, is_wanted in both]
    return [
        (matcher.in_blocks(one).match, is_wanted) for one, is_wanted in found if one is not None
    ]


def _of_run(matcher: Matcher, block: bytes, *, start: int, stop: int) -> Iterator[Passed]:
    """Yield what passes of lines whose level is wanted."""
    if not matcher.asks_of_text:
        yield start, stop, None, False
        return
    while start < stop:
        end = block.find(b"\n", start, stop)
        end = stop if end < 0 else end
        if matcher.passes(block[start:end]):
            yield start, end, None, False
        start = end + 1


def _sieved(
    part: Part, matcher: Matcher, *, block: bytes, base: int, expression: bytes
) -> Iterator[Passed]:
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
            yield at, stop, grouping.head, belongs
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
