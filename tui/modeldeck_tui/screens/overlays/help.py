"""The keys of a page, made from the table of keys, with a filter; those that are off say why."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from modeldeck_tui import keymap
from modeldeck_tui.clean import clean
from modeldeck_tui.keymap import Action
from modeldeck_tui.widgets.styles import STYLES

WhyNot = Callable[[Action], str]


_ABOUT, _LEAST_ABOUT = 50, 20
_BESIDE = 28
"""Columns of what a key does; of the keys, borders and bar beside it."""


class HelpScreen(ModalScreen[None]):
    """What the keys of one page do.

    Parameters
    ----------
    page : str
        The page.
    why_not : callable
        Returns why an action is off there and then.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "app.pop_screen", "close", show=False, id="help.close"),
        Binding("down,pagedown", "scroll(10)", "down", show=False, id="help.down"),
        Binding("up,pageup", "scroll(-10)", "up", show=False, id="help.up"),
    ]
    SCOPED_CSS = False
    CSS = """
    HelpScreen { align: center middle; background: transparent; }
    #help { width: 78; max-width: 100%; height: 90%; border: round $accent;
            background: $surface; padding: 0 1; }
    #help Input { border: none; height: 1; }
    """

    def __init__(self, page: str, why_not: WhyNot) -> None:
        super().__init__()
        self.page = page
        self.why_not = why_not

    def compose(self) -> ComposeResult:
        """Make the filter and the list."""
        with Vertical(id="help"):
            yield Input(placeholder="Type to search; ↓ ↑ scroll; esc closes", id="help-filter")
            with VerticalScroll(can_focus=False):
                yield Static(self.text(""), id="keys")

    def on_mount(self) -> None:
        """Let the person type at once."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what fits; a second ? closes."""
        if event.value == "?":
            self.app.pop_screen()
            return
        self.query_one("#keys", Static).update(self.text(event.value.lstrip("/")))

    def action_scroll(self, lines: int) -> None:
        """Scroll the list."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def text(self, wanted: str) -> Text:
        """Return the keys whose line holds the text that is wanted."""
        found = Text()
        for scope in keymap.scopes_of(self.page):
            rows = [one for one in keymap.of_scope(scope) if _fits(one, wanted.lower())]
            if rows:
                found.append(f"\n{keymap.SCOPES[scope]}\n", "bold")
            for one in rows:
                self._append(found, one)
        return found or Text("\nNo key does that here.")

    def _append(self, found: Text, one: Action) -> None:
        names = " ".join(keymap.shown_key(key) for key in keymap.keys_of(one)) or "no key"
        found.append(f"  {names:<19} {self._indented(one.help).lstrip()}")
        if not one.is_direct:
            found.append(f"{'':22}:{one.colon}   {one.id}\n", STYLES["dim"])
        if one.command:
            found.append(self._indented(one.command), STYLES["dim"])
        because = self.why_not(one)
        if because:
            found.append(self._indented(f"off: {clean(because)}"), STYLES["warn"])

    def _indented(self, text: str) -> str:
        """Return a text as a column right of the keys, as wide as the terminal lets it be."""
        about = max(_LEAST_ABOUT, min(_ABOUT, self.app.size.width - _BESIDE))
        return "".join(f"{'':22}{line}\n" for line in textwrap.wrap(text, about))


def _fits(one: Action, wanted: str) -> bool:
    keys = " ".join(f"{key} {keymap.shown_key(key)}" for key in keymap.keys_of(one))
    return wanted in f"{keys} {one.help} {one.command} {one.id} {one.colon}".lower()
