"""Doing what a person asked for, saying how it went, undoing it, and taking things out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import SuspendNotSupported
from textual.notifications import SeverityLevel

from modeldeck_tui.clean import clean
from modeldeck_tui.hosting.loading import Loading
from modeldeck_tui.hosting.unlocking import ScreenAsker
from modeldeck_tui.messages import ActionDone, ChangesPolled
from modeldeck_tui.output import to_json
from modeldeck_tui.present.activity import pretty, verified
from modeldeck_tui.present.upkeep import report
from modeldeck_tui.screens import saving
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.memory import Deed, Memory, Undo
from modeldeck_tui.screens.overlays.dialogs import PickDialog
from modeldeck_tui.screens.reader import ReaderScreen
from modeldeck_tui.screens.reading import document_of, explained
from modeldeck_tui.widgets.logs.view import LogView
from modeldeck_tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace


_BACK_S = 0.1
"""How long the terminal takes to be ours again."""

_MENU = 44
"""Characters of a text that a menu shows."""


class Deeds(Loading):
    """An app that does things in threads and remembers them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.memory = Memory()
        workspace.deck.asker = ScreenAsker(self)
        self._error_until = 0.0

    def tell(self, text: str, *, severity: SeverityLevel = "information") -> None:
        """Tell the person something; it is kept among the messages."""
        text = clean(text)
        self.memory.said(text, severity)
        timeout = 8 if severity == "error" else 4
        now = time.monotonic()
        if now >= self._error_until:  # one at a time, but for errors, which have their time
            self.clear_notifications()
        if severity == "error":
            self._error_until = now + timeout
        self.notify(text, severity=severity, timeout=timeout, markup=False)

    def perform(
        self,
        action: Callable[[], object],
        done: str,
        *,
        command: str = "",
        undo: Undo | None = None,
        tell: Callable[[object], str] | None = None,
    ) -> None:
        """Do what a person asked for in a thread, then say how it went.

        Without ``done`` the action's result is what is said; ``tell`` returns what else to say
        about that.
        """
        deed = self.memory.begin(action, done, command=command, undo=undo)
        deed.tell = tell
        self._do(deed, action, "done")

    @work(thread=True, exit_on_error=False, group="perform")
    def _do(self, deed: Deed, action: Callable[[], object], outcome: str) -> None:
        try:
            with self.workspace.deck.asked_once():
                result = action()
        except Exception as error:  # noqa: BLE001 -- the person is told, and what is open stays
            deed.outcome, deed.is_error = "failed", True
            self.post_message(ActionDone(deed.number, explained(error), is_error=True))
        else:
            if outcome == "done":
                deed.result = result
            deed.outcome = outcome
            more = f" {deed.tell(result)}" if deed.tell is not None else ""
            words = {"done": f"{deed.done or result}{more}", "undone": f"Undone: {deed.done}"}
            self.post_message(ActionDone(deed.number, words[outcome]))

    def verify(self) -> None:
        """Check the whole ledger, and say what was found."""
        self.tell("Checking every entry …")
        self.perform(
            lambda: verified(
                self.workspace.ledger_check.run(), report.in_short(self.workspace.upkeep.level())
            ),
            "",
            command="modeldeck ledger verify",
        )

    def on_changes_polled(self, message: ChangesPolled) -> None:
        """Say that changes show a little later here, and why."""
        self.tell(f"Changes are looked for twice a second: {message.because}.")

    def on_action_done(self, message: ActionDone) -> None:
        """Tell the person, and show what it changed."""
        deed = self.memory.deed(message.deed)
        can = deed is not None and deed.undo is not None and deed.outcome == "done"
        text = f"{message.text} z undoes it." if can else message.text
        self.tell(text, severity="error" if message.is_error else "information")
        self.reload()

    def action_undo(self) -> None:
        """Undo the last deed that can be undone."""
        deed = self.memory.to_undo()
        if deed is None or deed.undo is None:
            self.tell("There is nothing to undo.")
            return
        undo, result = deed.undo, deed.result
        self.memory.undone.append(deed)
        self._do(deed, lambda: undo(result), "undone")

    def action_redo(self) -> None:
        """Do again what was undone last."""
        if not self.memory.undone:
            self.tell("There is nothing to do again.")
            return
        deed = self.memory.undone.pop()
        self._do(deed, deed.action, "done")

    def action_done(self) -> None:
        """Show what was done, and what was said."""
        lines = [(clean(text), style) for text, style in self.memory.lines()]
        self.push_screen(ReaderScreen("Done from this screen", lines, place=self.current_mode))

    # Taking things out

    def _shown_text(self, page: Page) -> TextView | LogView | None:
        if isinstance(page.focused, TextView | LogView):
            return page.focused
        return next(iter([*page.query(TextView), *page.query(LogView)]), None)

    def action_copy(self) -> None:
        """Ask what to copy, then copy it."""
        page = self.screen
        if not isinstance(page, Page):
            return
        view, table = self._shown_text(page), page.table
        choices: dict[str, str] = {}
        if table is not None and table.rows and not isinstance(page.focused, TextView | LogView):
            choices["row"] = saving.row_text(table.rows, table.cursor)
            choices["id"] = table.key
            document = page.document() if table.key == page.entity() else table.document
            if isinstance(document, dict):
                choices["json"] = to_json(document, indent=2)
        elif view is not None:
            choices["text"] = view.plain
        named = [(key, f"{key:<5} {_first_words(text)}") for key, text in choices.items() if text]

        def copy(key: str | None) -> None:
            if key:
                self.copy_text(choices[key])

        self.push_screen(PickDialog("COPY", named), copy)

    def copy_text(self, text: str) -> None:
        """Copy a text to the terminal's clipboard, and into a file."""
        path = saving.write_clipboard(text)
        where = _short(path)
        if len(text) <= saving.MOST_COPIED:
            self.copy_to_clipboard(text)
            self.tell(f"Copied {len(text):,} characters, also in {where}")
        else:
            self.tell(f"Too long for the terminal's clipboard: {len(text):,} characters in {where}")

    def action_raw(self) -> None:
        """Show what is under the cursor as its JSON."""
        page = self.screen
        if not isinstance(page, Page):
            return
        said = page.spoken()
        about = said.key if said is not None else page.entity()
        place, entity = page.PLACE, page.entity()

        def show(document: object) -> None:
            lines = [(one, "") for one in pretty(to_json(document))]
            title = f"{clean(about.rstrip('/'))} as JSON"
            self.push_screen(ReaderScreen(title, lines, place=place, about=entity))

        known = None if said is not None else page.document()
        if known is not None:
            show(known)
        else:
            self._read_raw(about, show)

    @work(thread=True, exit_on_error=False, group="raw")
    def _read_raw(self, entity: str, show: Callable[[object], None]) -> None:
        """Read the document of what the snapshot does not hold, then show it."""
        try:
            found = document_of(self.workspace, entity)
        except Exception as error:  # noqa: BLE001 -- the person is told, and what is open stays
            self.call_from_thread(self.tell, explained(error), severity="warning")
        else:
            self.call_from_thread(show, found)

    def action_save(self) -> None:
        """Save what is shown in new files of the working directory."""
        page = self.screen
        if not isinstance(page, Page):
            return
        view, table = self._shown_text(page), page.table
        if view is not None and (table is None or page.focused is view):
            text = view.plain

            def write() -> object:
                return f"Saved in {saving.write_new(page.NAME, 'txt', text=text + chr(10))}"

            self.perform(write, "")
        elif table is not None:
            rows = table.rows
            self.perform(lambda: saving.save_rows(page.NAME, rows), "")

    def action_print(self) -> None:
        """Leave the full screen and print the page as text, for the terminal's own selection."""
        strips = self.screen._compositor.render_strips()  # noqa: SLF001 -- what is on the screen
        lines = ["".join(segment.text for segment in strip).rstrip() for strip in strips]
        try:
            with self.suspend():
                print("\n".join(clean(line) for line in lines))  # noqa: T201 -- that is the point
                input("\nEnter goes back. ")
        except (SuspendNotSupported, EOFError, KeyboardInterrupt):
            return
        self.refresh()

    def action_suspend(self) -> None:
        """Go to the shell; fg comes back."""
        self.action_suspend_process()

    def come_back(self, _app: object) -> None:
        """Draw everything anew on the empty screen that a suspended program comes back to."""
        self.set_timer(_BACK_S, self._redraw)

    def _redraw(self) -> None:
        for screen in self.screen_stack:
            screen.refresh(layout=True)
        self.refresh(layout=True)


def _short(path: Path) -> str:
    """Return a path as people write it: below the home folder with ~."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def _first_words(text: str) -> str:
    """Return a short text as it is, of a longer one how it begins and how long it is."""
    line = " ".join(text.split())
    return clean(line if len(line) <= _MENU else f"{line[:_MENU]}…  ({len(text):,} characters)")
