"""The keys of a page, made from the table of keys, with a filter."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from modeldeck_tui import keymap

_SCOPES = {
    "overview": ("overview", "list", "app"),
    "releases": ("releases", "list", "app"),
    "review": ("review", "list", "app"),
    "logs": ("logs", "app"),
    "sources": ("list", "app"),
}


class HelpScreen(ModalScreen[None]):
    """What the keys of one page do.

    Parameters
    ----------
    page : str
        The page.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1", "app.pop_screen", "close", show=False, id="help.close")
    ]
    SCOPED_CSS = False
    CSS = """
    HelpScreen { align: center middle; }
    #help { width: 78; max-width: 100%; height: 90%; border: round $accent;
            background: $surface; padding: 0 1; }
    #help Input { border: none; height: 1; }
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        """Make the filter and the list."""
        with Vertical(id="help"):
            yield Input(placeholder="Type to filter; esc closes", id="filter")
            with VerticalScroll():
                yield Static(self.text(""), id="keys")

    def on_mount(self) -> None:
        """Let the person type at once."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits."""
        self.query_one("#keys", Static).update(self.text(event.value))

    def text(self, wanted: str) -> Text:
        """Return the keys whose line holds the text that is wanted."""
        found = Text()
        for scope in _SCOPES[self.page]:
            rows = [
                one
                for one in keymap.of_scope(scope)
                if wanted.lower() in f"{one.keys} {one.shown} {one.help} {one.command}".lower()
            ]
            if rows:
                found.append(f"\n{keymap.SCOPES[scope]}\n", "bold")
            for one in rows:
                names = " ".join(keymap.KEY_NAMES.get(key, key) for key in one.keys)
                found.append(f"  {names:<19} {one.help}\n")
                if one.command:
                    found.append(f"{'':22}{one.command}\n", "bright_black")
        return found or Text("\nNo key does that here.")
