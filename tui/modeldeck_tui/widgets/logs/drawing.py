"""How a line of a log is drawn: its rows, each a few pieces of text in their styles."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from modeldeck.services.logs import Line, Matcher
from modeldeck_tui.output import cell_width
from modeldeck_tui.present.logs import shown_line
from modeldeck_tui.widgets.styles import CURVES, STYLES

GUTTER = 2
_MATCH = Style(bold=True, underline=True)
_FOUND = Style(bold=True, reverse=True)
_MOST_MARKS = 200


@dataclass(slots=True)
class Look:
    """How lines are drawn.

    Attributes
    ----------
    width : int
        Columns.
    names : sequence of str
        What tells sources apart, all as wide; empty for one source.
    finding, keeping : Matcher or None
        What is looked for, and what lines are filtered by: both are marked.
    """

    width: int = 80
    is_wrapped: bool = False
    has_times: bool = True
    has_numbers: bool = False
    names: Sequence[str] = ()
    finding: Matcher | None = None
    keeping: Matcher | None = None
    number_width: int = 6
    remarks: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    rules: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def lead(self) -> int:
        """Columns before the text."""
        names = cell_width(self.names[0]) + 1 if self.names else 0
        return GUTTER + names + (self.number_width + 1 if self.has_numbers else 0)

    @property
    def room(self) -> int:
        """Columns for the text."""
        return max(10, self.width - self.lead)


class Row(NamedTuple):
    """A row: what stands before the text, and the text."""

    lead: tuple[Segment, ...]
    text: tuple[Segment, ...]
    is_text: bool = True


def rows_of(line: Line, look: Look) -> list[Row]:
    """Return the rows of a line: what became of the file before it, the line, remarks on it."""
    key = line.source, line.offset
    found = [rule(look.rules[key], look)] if key in look.rules else []
    text, n_time, name = shown_line(line)
    if not look.has_times and n_time:
        text, n_time = text[n_time:].lstrip(), 0
    pieces = _marked(text, n_time, style=STYLES[name], look=look)
    lead = _lead(line, look)
    if look.is_wrapped and cell_width(text) > look.room:
        blank = (Segment(" " * (look.lead - GUTTER)),)
        for n, part in enumerate(_broken(pieces, text, width=look.room)):
            found.append(Row(blank if n else lead, part))
    else:
        found.append(Row(lead, tuple(pieces)))
    remarks = look.remarks.get(key, ())
    return found + [
        Row((), (Segment(f"◆ {said}", STYLES["accent"]),), is_text=False) for said in remarks
    ]


def rule(text: str, look: Look) -> Row:
    """Return the row that says what became of a file."""
    line = f"── {text} "
    line += "─" * max(0, look.width - GUTTER - cell_width(line))
    return Row((), (Segment(line, STYLES["accent"]),), is_text=False)


def _lead(line: Line, look: Look) -> tuple[Segment, ...]:
    found = []
    if look.has_numbers:
        number = f"{line.number:>{look.number_width}}" if line.number else " " * look.number_width
        found.append(Segment(f"{number} ", STYLES["dim"]))
    if look.names:
        style = CURVES[line.source % len(CURVES)]
        found.append(Segment(f"{look.names[line.source % len(look.names)]} ", style))
    return tuple(found)


def _marked(text: str, n_time: int, *, style: Style, look: Look) -> list[Segment]:
    """Return a text in pieces: its time, and what is looked for, in their styles."""
    marks = [(start, end, _MATCH) for start, end in _spans(text, look.keeping)]
    marks += [(start, end, _FOUND) for start, end in _spans(text, look.finding)]
    cuts = sorted({0, n_time, len(text), *(at for one in marks for at in one[:2])})
    found = []
    for start, end in itertools.pairwise(cuts):
        piece = STYLES["dim"] if end <= n_time else style
        for first, last, mark in marks:
            if first <= start and end <= last:
                piece += mark
        found.append(Segment(text[start:end], piece))
    return found


def _spans(text: str, matcher: Matcher | None) -> list[tuple[int, int]]:
    """Return where in a text the words of a matcher are, in characters."""
    if matcher is None:
        return []
    data = text.encode(errors="replace")
    spans = matcher.marks(data)[:_MOST_MARKS]
    if len(data) == len(text):
        return spans
    return [
        (
            len(data[:start].decode(errors="replace")),
            len(data[:end].decode(errors="replace")),
        )
        for start, end in spans
    ]


def _broken(pieces: Sequence[Segment], text: str, *, width: int) -> list[tuple[Segment, ...]]:
    """Return pieces broken into rows of a width."""
    if text.isascii():
        lengths = [min(width, len(text) - at) for at in range(0, len(text), width)]
    else:
        lengths = [len(one) for one in chop_cells(text, width)]
    found: list[tuple[Segment, ...]] = []
    left = list(reversed(pieces))
    for most in lengths:
        row: list[Segment] = []
        length = most
        while length and left:
            piece = left.pop()
            if len(piece.text) > length:
                left.append(Segment(piece.text[length:], piece.style))
                piece = Segment(piece.text[:length], piece.style)
            length -= len(piece.text)
            row.append(piece)
        found.append(tuple(row))
    return found


def drawn(row: Row, look: Look, *, sign: Segment, left: int, base: Style, plain: Style) -> Strip:
    """Return a row as it stands on the screen.

    Parameters
    ----------
    row : Row
        The row.
    look : Look
        How lines are drawn.
    sign : Segment
        What stands in the first column.
    left : int
        Columns that are scrolled away to the left.
    base : Style
        The style beneath the text; reversed under the cursor, where colours would stand in patches.
    plain : Style
        The style of what is empty.
    """
    is_here = bool(base.reverse)
    lead = [Segment(sign.text.ljust(GUTTER), plain + (sign.style or Style.null()))]
    lead += [Segment(text, plain + (style or Style.null())) for text, style, _control in row.lead]
    width = look.width - sum(one.cell_length for one in lead)
    if is_here:
        parts = [Segment(one.text, base + _kept(one.style)) for one in row.text]
    else:
        parts = [Segment(one.text, plain + (one.style or Style.null())) for one in row.text]
    shift = left if row.is_text and not look.is_wrapped else 0
    text = Strip(parts).crop_extend(shift, shift + max(1, width), base if is_here else plain)
    return Strip([*lead, *text]).adjust_cell_length(look.width, plain)


def _kept(style: Style | None) -> Style:
    """Return what is left of a style on a row that is reversed."""
    if style is None:
        return Style.null()
    return Style(bold=style.bold, underline=style.underline or style.reverse)
