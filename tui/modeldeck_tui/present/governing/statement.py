"""A statement to be signed as lines: every field of the bytes that the signature covers.

Nothing is left out or shortened: what is too long for a line goes on in the next one. Fields that
are short stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck_tui.clean import clean_whole
from modeldeck_tui.output import cell_width

FIRST = (
    "action",
    "body.verdict",
    "subject",
    "body.environment",
    "body.generation",
    "by",
    "body.issued",
    "body.expires",
    "body.reason",
    "body.digest",
    "body.manifest",
    "body.report",
    "body.policy",
    "body.replaces",
    "body.request",
)
"""Fields that come first, in this order; the others follow as they stand in the statement."""

LAST = ("workspace", "head", "id", "body.nonce")
GAP = "  "
"""What stands between fields of one row."""

_LEAST = 24
LABEL = len("workspace")
"""Columns of the names of long fields, so that digests stand under one another."""
Field = tuple[str, str]


def rows(fields: Sequence[Field], width: int) -> list[list[Field]]:
    """Return every field, clean, in rows of at most so many columns; long values hold line breaks.

    Parameters
    ----------
    fields : sequence of (path, value)
        As a statement's bytes say it; the values may hold anything.
    width : int
        Columns.
    """
    room = max(_LEAST, width)
    found: list[list[Field]] = []
    used = 0
    for name, text in _ordered(fields):
        label = name.ljust(LABEL) if cell_width(text) > room // 2 else name
        wide = cell_width(label) + 1 + cell_width(text)
        shown = (label, broken(text, room, first=room - cell_width(label) - 1))
        if found and used + len(GAP) + wide <= room:
            found[-1].append(shown)
            used += len(GAP) + wide
        else:
            found.append([shown])
            used = wide
    return found


def _ordered(fields: Sequence[Field]) -> list[Field]:
    known = dict(fields)
    middle = [name for name in known if name not in {*FIRST, *LAST}]
    names = [
        *(one for one in FIRST if one in known),
        *middle,
        *(one for one in LAST if one in known),
    ]
    return [
        (clean_whole(name.removeprefix("body.")), clean_whole(known[name]) or "(empty)")
        for name in names
    ]


def broken(text: str, width: int, *, first: int) -> str:
    r"""Return a text with a line break wherever the next character would not fit.

    >>> broken("abcdef", 3, first=2)
    'ab\ncde\nf'
    """
    found, used, room = [], 0, max(1, first)
    for letter in text:
        wide = cell_width(letter)
        if used and used + wide > room:
            found.append("\n")
            used, room = 0, max(1, width)
        found.append(letter)
        used += wide
    return "".join(found)
