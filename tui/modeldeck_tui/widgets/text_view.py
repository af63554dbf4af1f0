"""A text to read: drawn line by line, scrolled by keys in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from modeldeck_tui.output import cell_width
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.styles import STYLES, marked

Styled = tuple[str, str]
"""A line: its clean text, and the name of its style."""

_SIDEWAYS = 20


class TextView(ScrollView, can_focus=True):
    """Lines of text.

    Parameters
    ----------
    title : str
        Stands in the border; empty for no border.

    Attributes
    ----------
    pattern : str
        The text that is looked for, in small letters; empty for none.
    found : int
        The line that was found last; -1 for none.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("text")
    DEFAULT_CSS = """
    TextView { background: transparent; overflow-x: hidden; scrollbar-size-vertical: 1; }
    TextView.titled { border: round $faint; border-title-color: $foreground; }
    TextView.titled:focus { border: round $accent; border-title-color: $accent;
                            border-title-style: bold; }
    """

    HAS: ClassVar[frozenset[str]] = frozenset({"shown"})
    """What the pane offers to actions."""

    class Widened(Message):
        """It has another width: who wraps the text has to do so again."""

    def __init__(self, title: str = "", *, id: str | None = None) -> None:  # noqa: A002 -- Textual's name for it
        super().__init__(id=id, classes="titled" if title else "")
        if title:
            self.border_title = Content(title)
        self.lines: Sequence[Styled] = ()
        self.pattern = ""
        self.found = -1
        self._left = 0
        self._wide = 0

    def show(self, lines: Sequence[Styled]) -> None:
        """Show lines; nothing is drawn if nothing changed."""
        if list(lines) == list(self.lines):
            return
        self.lines = lines
        self.virtual_size = Size(0, len(lines))
        self.refresh()

    @property
    def plain(self) -> str:
        """The whole text."""
        return "\n".join(text for text, _style in self.lines)

    def on_resize(self) -> None:
        """Lay the text out again."""
        self.virtual_size = Size(0, len(self.lines))
        width = self.scrollable_content_region.width
        if width != self._wide:
            self._wide = width
            self.post_message(self.Widened())

    def render_line(self, y: int) -> Strip:
        """Draw one line of the viewport."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        if not 0 <= number < len(self.lines):
            return Strip.blank(width, self.rich_style)
        text, style = self.lines[number]
        base = self.rich_style + STYLES[style]
        if number == self.found:
            base += Style(reverse=True)
        strip = Strip(marked(Segment(text, base), self.pattern))
        return strip.crop_extend(self._left, self._left + width, self.rich_style)

    def action_move(self, where: str) -> None:
        """Scroll: up, down, first, last, page_up or page_down."""
        half = max(1, self.size.height // 2)
        at = self.scroll_offset.y
        to = {
            "up": at - 1,
            "down": at + 1,
            "first": 0,
            "last": len(self.lines),
            "page_up": at - half,
            "page_down": at + half,
        }[where]
        self.scroll_to(y=max(0, to), animate=False, immediate=True, force=True)

    def action_sideways(self, direction: int) -> None:
        """Scroll to the left, or to the right as far as the text reaches."""
        longest = max((cell_width(text) for text, _style in self.lines), default=0)
        if direction < 0 or self._left + self.size.width < longest:
            self._left = max(0, self._left + direction * _SIDEWAYS)
            self.refresh()

    def search(self, pattern: str) -> bool:
        """Find a text from the first line in sight on; say whether there is one."""
        self.pattern = pattern.lower()
        self.found = self.scroll_offset.y - 1
        if self._seek(1):
            return True
        self.found = -1
        return self._seek(1)

    def action_seek(self, direction: int) -> None:
        """Go to the next match (1) or the one before (-1); past the end it begins again."""
        if self.pattern and self._seek(direction):
            return
        text = f"Nothing here has {self.pattern!r}." if self.pattern else "/ looks for a text."
        self.notify(text, timeout=2, markup=False)

    def _seek(self, direction: int) -> bool:
        count = len(self.lines)
        for step in range(1, count + 1):
            number = (self.found + direction * step) % count
            if self.pattern and self.pattern in self.lines[number][0].lower():
                self.found = number
                height = self.scrollable_content_region.height
                if not self.scroll_offset.y <= number < self.scroll_offset.y + height:
                    to = max(0, number - height // 2)
                    self.scroll_to(y=to, animate=False, immediate=True, force=True)
                self.refresh()
                return True
        self.refresh()
        return False
