"""The last line of defence: no control character of any widget's text reaches the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from modeldeck_tui.clean import clean


class SafeLines(LineFilter):
    """Makes every segment of text harmless, whichever widget drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 -- as Textual calls it
        """Return the segments with marks in the place of control characters."""
        return [
            Segment(clean(text), style, control)
            if not control and not (text.isascii() and text.isprintable())
            else Segment(text, style, control)
            for text, style, control in segments
        ]
