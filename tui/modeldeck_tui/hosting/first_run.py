"""The first screen in a folder without a workspace: what to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.rows import Line
from modeldeck_tui.widgets import styles
from modeldeck_tui.widgets.safe_lines import SafeLines
from modeldeck_tui.widgets.table import Table

CHOICES = (
    ("demo", "d", "A demo in ./modeldeck-demo: trains real models for about a minute"),
    ("init", "i", "Make this folder a workspace, with you as its owner"),
    ("", "q", "Leave; `modeldeck -w PATH` opens a workspace elsewhere"),
)


class FirstRun(App[str]):
    """Asks what to begin with; returns demo, init, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"take('{choice}')", show=False) for choice, key, _text in CHOICES),
        Binding("escape", "take('')", show=False),
    ]
    CSS = """
    Screen { align: center middle; }
    #first { width: 78; max-width: 100%; height: auto; border: round $accent; padding: 0 1; }
    #first Static { height: auto; }
    #first Table { height: 5; }
    """

    def __init__(self, *, is_ascii: bool = False) -> None:
        super().__init__()
        self._safe_lines = SafeLines()
        self._safe_lines.is_ascii = is_ascii

    def get_line_filters(self) -> list[object]:  # type: ignore[override]  # Textual's is wider
        """Put our filter behind every widget."""
        return [*super().get_line_filters(), self._safe_lines]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variable that our style sheets use, for Textual's own first theme."""
        return {"faint": "ansi_bright_black"}

    def compose(self) -> ComposeResult:
        """Say where the person is, and ask."""
        text = Text.assemble(
            (" modeldeck ", "bold reverse"),
            "  train, test, approve, deploy, serve and watch a team's models\n\n",
            f"{clean(str(Path.cwd()))} is not in a workspace.\n",
        )
        with Vertical(id="first"):
            yield Static(text)
            yield Table("What do you want to begin with?", id="choices")
            yield Static(Text("enter takes it; ? on every page shows its keys", "dim"))

    def on_mount(self) -> None:
        """Fill the table."""
        self.register_theme(styles.theme(styles.DEFAULT, styles.COLOURS[styles.DEFAULT]))
        self.theme = styles.DEFAULT
        table = self.query_one(Table)
        table.show_lines(
            [Line(choice, (Cell(key, "bold"), Cell(text))) for choice, key, text in CHOICES]
        )
        table.focus()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Take what is under the cursor."""
        self.exit(event.key)

    def action_take(self, choice: str) -> None:
        """Take a choice."""
        self.exit(choice)


def chosen(*, is_ascii: bool) -> str:
    """Ask a person at a terminal what to begin with; empty for nothing."""
    return FirstRun(is_ascii=is_ascii).run() or ""
