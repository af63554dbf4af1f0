"""A page that shows a text: an entry, a thing's JSON, what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from modeldeck_tui.clean import clean
from modeldeck_tui.output import counted
from modeldeck_tui.present.activity import earlier, entry_lines
from modeldeck_tui.present.conditions import Situation
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.widgets.bindings import bindings
from modeldeck_tui.widgets.text_view import Styled, TextView


class ReaderScreen(Page):
    """A text.

    Parameters
    ----------
    path : str
        Stands in the third line.
    lines : sequence of (text, style)
        The text, clean.
    place : str
        The page that the second line marks.
    about : str
        The entity that it is about, if any.
    """

    NAME = "entry"
    BINDINGS: ClassVar[list[BindingType]] = bindings("entry")
    CSS = "#text { height: 1fr; padding: 0 1; }"

    def __init__(
        self, path: str, lines: Sequence[Styled], *, place: str = "activity", about: str = ""
    ) -> None:
        super().__init__()
        self.path = path
        self.lines = lines
        self.about = about
        self.PLACE = place  # type: ignore[misc]  # one class for the texts of all pages

    def body(self) -> ComposeResult:
        """Make the text."""
        yield TextView(id="text")

    def on_mount(self) -> None:
        """Show it."""
        self.query_one(TextView).show(self.lines)

    def show(self, snapshot: Snapshot) -> None:  # noqa: ARG002 -- the text stays as it is
        """Say what it is."""
        self.crumb(self.path, counted(len(self.lines), "line"))

    def entity(self) -> str:
        """Return what the text is about."""
        return self.about

    def situation(self) -> Situation:
        """Return what actions are judged by: a text can be copied and saved."""
        return Situation(
            self.snapshot, self.about, self.document(), has=frozenset({"shown", "rows"})
        )


class ReadingScreen(ReaderScreen):
    """A text that is read in a thread when its page opens.

    Parameters
    ----------
    path, place, about
        As in :class:`ReaderScreen`.
    read : callable
        Returns the text.
    """

    def __init__(
        self,
        path: str,
        read: Callable[[], Sequence[Styled]],
        *,
        place: str = "activity",
        about: str = "",
    ) -> None:
        super().__init__(path, (), place=place, about=about)
        self.read = read

    def on_mount(self) -> None:
        """Read it."""
        self.fetch("text", self.read)

    def take(self, tag: str, value: Any) -> None:  # noqa: ANN401, ARG002 -- as the base has it
        """Show it."""
        self.lines = value
        self.query_one(TextView).show(value)
        self.crumb(clean(self.path), counted(len(value), "line"))


class EntryScreen(ReadingScreen):
    """One entry of the ledger, with its file.

    Parameters
    ----------
    n : int
        Its number.
    """

    def __init__(self, n: int) -> None:
        super().__init__(f"Activity › entry {n}", self._read_entry, about=f"entry:{n}")
        self.n = n

    def _read_entry(self) -> Sequence[Styled]:
        activity = self.workspace.activity
        entry = activity.entry(self.n)
        n = earlier(entry["activity"], activity.list())
        return entry_lines(entry, before=activity.entry(n)["raw"] if n else "")
