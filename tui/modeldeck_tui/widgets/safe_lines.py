"""The last line of defence: no control character of any widget's text reaches the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from modeldeck_tui.clean import clean
from modeldeck_tui.present.export.plain import to_ascii


class SafeLines(LineFilter):
    """Makes every segment of text harmless, whichever widget drew it.

    Attributes
    ----------
    is_ascii : bool
        Whether symbols, borders and curves are drawn with ASCII characters.
    """

    is_ascii = False

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 -- as Textual calls it
        """Return the segments with marks in the place of control characters."""
        return [
            Segment(self._harmless(text), style, control)
            if not control and not (text.isascii() and text.isprintable())
            else Segment(text, style, control)
            for text, style, control in segments
        ]

    def _harmless(self, text: str) -> str:
        text = clean(text)
        return to_ascii(text) if self.is_ascii else text
