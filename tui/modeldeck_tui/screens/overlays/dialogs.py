"""Dialogs: confirming what others will see, choosing, and writing a remark.

The key that opened a dialog cannot confirm it: for 300 ms nothing has the focus and keys are
ignored, then Cancel has it; Enter on Cancel cancels. What others will see takes y; what changes
the last environment wants a word typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from modeldeck_tui.clean import clean
from modeldeck_tui.output import Cell
from modeldeck_tui.present.rows import Line
from modeldeck_tui.widgets.styles import STYLES
from modeldeck_tui.widgets.table import Table

DEAF_S = 0.3
MAX_REASON = 1000
_ROOMY = 23

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """A dialog that is deaf for its first moment, and closes on escape."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="dialog.cancel")
    ]
    AUTO_FOCUS = ""
    SCOPED_CSS = False
    CSS = """
    Dialog { align: center middle; background: transparent; }
    #dialog { width: 78; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
              border: round $accent; background: $surface; overflow-y: auto; }
    #dialog Static { height: auto; }
    #dialog Input { border: round $faint; height: 3; }
    #dialog Input:focus { border: round $accent; }
    #dialog Table { height: auto; max-height: 12; min-height: 3; }
    #buttons { height: 3; align-horizontal: right; }
    #buttons Button { margin-left: 2; }
    .-flat #dialog Input, .-flat #dialog Input:focus { border: none; height: 1; padding: 0; }
    .-flat #what { max-height: 8; overflow-y: auto; }
    .-flat #buttons { height: 1; }
    .-flat #buttons Button { height: 1; border: none; }
    """

    VERTICAL_BREAKPOINTS = [(0, "-flat"), (_ROOMY, "-roomy")]  # noqa: RUF012 -- Textual's type
    FIRST: ClassVar[str] = "#cancel"
    """What gets the focus when the dialog begins to listen."""

    ROOMY: ClassVar[int] = _ROOMY
    """Rows of a terminal from which on fields have borders."""

    def __init__(self) -> None:
        super().__init__()
        self._is_deaf = True

    @property
    def is_ready(self) -> bool:
        """Whether keys may come: at once, so that those of the first moment are ignored."""
        return True

    def on_mount(self) -> None:
        """Begin to listen after a moment."""
        for field in self.query(Input):
            field.cursor_blink = False
        self.set_timer(DEAF_S, self.listen)

    def on_resize(self) -> None:
        """Say within a field what it is for, where there is no room for a border with its title."""
        for field in self.query(Input):
            is_flat = self.size.height < self.ROOMY and field.border_title is not None
            field.placeholder = str(field.border_title) if is_flat else ""

    def listen(self) -> None:
        """Take keys from now on."""
        self._is_deaf = False
        self.query_one(self.FIRST).focus()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Mark the button that Enter would press, also where there are no colours."""
        if isinstance(event.widget, Button):
            event.widget.label = Content(f"› {str(event.widget.label)[2:]}")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Take the mark away."""
        if isinstance(event.widget, Button):
            event.widget.label = Content(f"  {str(event.widget.label)[2:]}")

    async def on_event(self, event: events.Event) -> None:
        """Ignore keys of the first moment, which were meant for the page below.

        They come here because nothing has the focus yet; a field that had it would write them.
        """
        if self._is_deaf and isinstance(event, events.Key | events.Paste):
            event.stop()
            event.prevent_default()
            return
        await super().on_event(event)

    def action_cancel(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)


def titled(field: Input, title: str) -> Input:
    """Return a field with a title in its border, which stays while somebody writes."""
    field.border_title = Content(title)
    return field


class ConfirmDialog(Dialog[Any]):
    """Asks whether to do something; answers with the reason, empty where none was given.

    Parameters
    ----------
    heading : str
        What would be done, in capitals, and to what.
    lines : sequence of str
        What will change.
    verb : str
        Stands on the button.
    reason : str
        Whether a reason is asked for: empty, ``optional`` or ``needed``.
    word : str
        What has to be typed; empty for y.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes", show=False, id="dialog.yes"),
        Binding("tab", "go_on", "next field", show=False, id="dialog.next"),
    ]

    def __init__(
        self, heading: str, lines: Sequence[str], *, verb: str, reason: str = "", word: str = ""
    ) -> None:
        super().__init__()
        self.heading = heading
        self.lines = lines
        self.verb = verb
        self.reason = reason
        self.word = word

    def compose(self) -> ComposeResult:
        """Say what would happen, and ask."""
        with Vertical(id="dialog"):
            yield Static(self.text(), id="what")
            yield from self.more()
            if self.reason:
                asked = "kept in the ledger" if self.reason == "optional" else "needed, and kept"
                yield titled(Input(id="reason", max_length=MAX_REASON), f"Reason ({asked})")
            if self.word:
                yield titled(Input(id="word"), f"Type {clean(self.word)} to confirm")
            with Horizontal(id="buttons"):
                yield Button("  Cancel (esc)", id="cancel")
                verb = clean(self.verb)
                yield Button(Content(f"  {verb}" if self.word else f"  {verb} (y)"), id="confirm")

    def more(self) -> ComposeResult:
        """Make what stands between the text and what is asked."""
        yield from ()

    def text(self) -> Text:
        """Return what would be done, and what will change."""
        return Text("\n").join([Text(clean(self.heading), "bold"), *map(Text, self.clean_lines())])

    def clean_lines(self) -> list[str]:
        """Return what will change, harmless."""
        return [clean(one) for one in self.lines]

    def on_mount(self) -> None:
        """Begin with nothing that could be confirmed by accident."""
        self._offer()

    def _value(self, field: str) -> str:
        return next((one.value for one in self.query(f"#{field}").results(Input)), "")

    def is_complete(self) -> bool:
        """Say whether everything is there."""
        has_reason = self.reason != "needed" or bool(self._value("reason").strip())
        return has_reason and (not self.word or self._value("word") == self.word)

    def _offer(self) -> None:
        self.query_one("#confirm", Button).disabled = not self.is_complete()

    def on_input_changed(self) -> None:
        """Offer the button as soon as everything is there."""
        self._offer()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next field, then to the button; Enter in a field decides nothing."""
        fields = list(self.query(Input))
        later = fields[fields.index(event.input) + 1 :]
        if later:
            later[0].focus()
        elif self.is_complete():
            self.query_one("#confirm", Button).focus()

    def action_go_on(self) -> None:
        """Go on to what comes next; from the last field to the button, once it is offered."""
        fields = list(self.query(Input))
        if fields and fields[-1].has_focus and self.is_complete():
            self.query_one("#confirm", Button).focus()
        else:
            self.focus_next()

    def action_yes(self) -> None:
        """Do it, unless a word has to be typed."""
        if not self.word and self.is_complete():
            self.answer()
        elif not self.word:
            self.query_one("#reason", Input).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Cancel, or do it."""
        if event.button.id == "cancel":
            self.dismiss(None)
        elif self.is_complete():
            self.answer()

    def answer(self) -> None:
        """Close with the reason."""
        self.dismiss(self._value("reason").strip())


class Remark(NamedTuple):
    """What somebody wrote, and whether it begins a thread: a remark that waits for an answer."""

    text: str
    is_thread: bool = False


class RemarkDialog(Dialog[Remark]):
    """Asks for a remark: an annotation, the first one of a thread, a reply, or another text.

    Parameters
    ----------
    heading : str
        What it is about.
    text : str
        What stands there first.
    can_begin : bool
        Whether it may begin a thread.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "keep", show=False, priority=True, id="dialog.keep"),
        Binding("ctrl+t", "begin", "thread", show=False, priority=True, id="dialog.thread"),
    ]
    FIRST = "#text"

    def __init__(self, heading: str, text: str = "", *, can_begin: bool = False) -> None:
        super().__init__()
        self.heading = heading
        self.text = text
        self.can_begin = can_begin

    def compose(self) -> ComposeResult:
        """Ask for the text."""
        with Vertical(id="dialog"):
            yield Static(Text(clean(self.heading), "bold"))
            field = Input(clean(self.text), id="text", select_on_focus=False)
            yield titled(field, "enter or ^s keeps it, esc does not")
            if self.can_begin:
                asks = "^t asks for an answer: it begins a thread. @NAME tells somebody."
                yield Static(Text(asks, STYLES["dim"]))

    def on_input_submitted(self) -> None:
        """Keep it."""
        self.action_keep()

    def action_keep(self) -> None:
        """Keep a text that is not empty."""
        self._answer(is_thread=False)

    def action_begin(self) -> None:
        """Begin a thread with it, where that can be."""
        if self.can_begin:
            self._answer(is_thread=True)

    def _answer(self, *, is_thread: bool) -> None:
        text = self.query_one("#text", Input).value.strip()
        if text and not self._is_deaf:
            self.dismiss(Remark(text, is_thread))


class PickDialog(Dialog[str]):
    """Asks to pick one of a few things; answers with its key.

    Parameters
    ----------
    heading : str
        What it is for.
    choices : sequence of (key, text)
        The things.
    """

    FIRST = "#choices"

    def __init__(self, heading: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.heading = heading
        self.choices = choices

    def compose(self) -> ComposeResult:
        """Show them."""
        with Vertical(id="dialog"):
            yield Static(Text(clean(self.heading), "bold"))
            yield Table("enter picks, esc does not", id="choices")

    def on_mount(self) -> None:
        """Fill the table."""
        lines = [Line(key, (Cell(clean(text)),)) for key, text in self.choices]
        self.query_one(Table).show_lines(lines)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Take it."""
        self.dismiss(event.key)


class NameDialog(Dialog[str]):
    """Asks for a name.

    Parameters
    ----------
    heading : str
        What it is for.
    value : str
        What stands there first.
    """

    FIRST = "#name"

    def __init__(self, heading: str, value: str) -> None:
        super().__init__()
        self.heading = heading
        self.value = value

    def compose(self) -> ComposeResult:
        """Ask for it."""
        with Vertical(id="dialog"):
            yield Static(Text(clean(self.heading), "bold"))
            yield titled(Input(clean(self.value), id="name"), "enter takes it, esc does not")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take a name that is not empty."""
        if event.value.strip():
            self.dismiss(event.value.strip())
