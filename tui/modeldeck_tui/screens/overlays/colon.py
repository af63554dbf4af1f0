"""The command line of the screen: ``:`` and a word, with completion and history."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from modeldeck_tui.clean import clean
from modeldeck_tui.output import cell_width, cut
from modeldeck_tui.screens.saving import state_folder
from modeldeck_tui.widgets.styles import STYLES

MOST_SHOWN = 8
MOST_KEPT = 500
WORDS: Mapping[str, str] = {
    "runs": "[FILTER]  the runs that fit",
    "models": "[FILTER]  the versions that fit",
    "releases": "[FILTER or RELEASE]",
    "rel": "RELEASE  review one",
    "deploys": "[FILTER]  the endpoints that fit",
    "logs": "[SOURCE]  a run's ending, an endpoint, a file",
    "activity": "[FILTER]  the entries that fit",
    "open": "ENTITY  as run:k3f9wz, version:churn@7, release:churn-12",
    "filter": "FILTER  on this page; @NAME is one that was kept",
    "save": "NAME  keep this page's filter as @NAME",
    "forget": "NAME  keep that filter no more",
    "as-of": "TIME or N  look at everything as it was",
    "at": "TIME or N  the same",
    "verify": "check the whole ledger",
    "now": "back from as-of",
    "theme": "NAME  how it looks",
    "annotate": "TEXT  an annotation of what is under the cursor",
    "messages": "what was said and done",
    "q": "leave",
}
"""Commands that are no action of a page, or that take more than a key can."""

Complete = Callable[[str], Sequence[str]]


def history_path() -> Path:
    """Return the file that keeps the commands of this person."""
    return state_folder() / "commands.txt"


def read_history() -> list[str]:
    """Return the commands kept, oldest first."""
    try:
        return history_path().read_text("utf-8").splitlines()[-MOST_KEPT:]
    except (OSError, UnicodeDecodeError):
        return []


def keep(command: str) -> None:
    """Keep a command; a disk that takes none is not worth a word."""
    kept = [*(one for one in read_history() if one != command), command][-MOST_KEPT:]
    path = history_path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text("\n".join(kept) + "\n", "utf-8")
        temporary.replace(path)


def completed(text: str, candidates: Sequence[str]) -> str:
    """Return a text, completed as far as all candidates that begin with it agree.

    >>> completed("re", ["releases", "refresh", "runs"]), completed("rel", ["releases", "refresh"])
    ('re', 'releases')
    """
    found = [one for one in candidates if one.startswith(text)]
    return os.path.commonprefix(found) if found else text  # noqa: RUF071 -- letters are meant


class CommandScreen(ModalScreen[str | None]):
    """Asks for a command.

    Parameters
    ----------
    actions : Mapping of str to str
        Actions of the page by name, with their help.
    complete : callable
        Returns what could stand after a word, such as ids.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "close", show=False, id="command.close"),
        Binding("tab", "complete", "complete", show=False, priority=True, id="command.complete"),
        Binding("up", "history(-1)", "older", show=False, priority=True, id="command.older"),
        Binding("down", "history(1)", "newer", show=False, priority=True, id="command.newer"),
    ]
    SCOPED_CSS = False
    CSS = """
    CommandScreen { align: left bottom; background: transparent; }
    #command { height: auto; width: 100%; background: $surface; border-top: solid $accent; }
    #command Input { border: none; height: 1; padding: 0 1; }
    """

    def __init__(self, actions: Mapping[str, str], complete: Complete) -> None:
        super().__init__()
        self.words = {**actions, **WORDS}
        self.complete = complete
        self.history = read_history()
        self._at = len(self.history)

    def compose(self) -> ComposeResult:
        """Make the field, and the place for what could be meant."""
        with Vertical(id="command"):
            yield Static(id="candidates", markup=False)
            yield Input(placeholder=": command; tab completes, ↑ older ones", id="line")

    def on_mount(self) -> None:
        """Let the person type."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()
        self._show("")

    def candidates(self, text: str) -> list[str]:
        """Return the whole lines that could be meant."""
        word, space, rest = text.lstrip(": ").partition(" ")
        if not space:
            return sorted(one for one in self.words if one.startswith(word))
        return [f"{word} {one}" for one in self.complete(word) if one.startswith(rest)]

    def _show(self, text: str) -> None:
        found = self.candidates(text)
        shown = Text()
        for one in found[:MOST_SHOWN]:
            help_text = self.words.get(one, "")
            name = f" {clean(one):<16}"
            shown.append(name)
            room = self.app.size.width - cell_width(name) - 2
            shown.append(f" {cut(clean(help_text), room)}\n", STYLES["dim"])
        if len(found) > MOST_SHOWN:
            shown.append(f" … {len(found) - MOST_SHOWN} more\n", STYLES["dim"])
        shown.right_crop(1)
        self.query_one("#candidates", Static).update(shown)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what could be meant."""
        self._show(event.value)

    def action_complete(self) -> None:
        """Complete what is typed."""
        field = self.query_one(Input)
        text = field.value.lstrip(": ")
        found = self.candidates(text)
        done = completed(text, found)
        if len(found) == 1 and " " not in done:
            done += " "
        field.value = done
        field.cursor_position = len(done)

    def action_history(self, step: int) -> None:
        """Show an older or newer command."""
        self._at = max(0, min(len(self.history), self._at + step))
        field = self.query_one(Input)
        field.value = self.history[self._at] if self._at < len(self.history) else ""
        field.cursor_position = len(field.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the command."""
        text = event.value.lstrip(": ").strip()
        if text:
            keep(text)
        self.dismiss(text or None)
