"""Going from page to page, back, and to a moment in the past."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable

from textual.dom import DOMNode

from modeldeck.errors import ModelDeckError
from modeldeck_tui import keymap
from modeldeck_tui.clean import clean
from modeldeck_tui.hosting.deeds import Deeds
from modeldeck_tui.hosting.pages import page_of
from modeldeck_tui.keymap import Action
from modeldeck_tui.present.conditions import log_of, log_time
from modeldeck_tui.present.governing import talking
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.listing import ListingPage
from modeldeck_tui.screens.overlays.help import HelpScreen
from modeldeck_tui.screens.overlays.jump import JumpScreen
from modeldeck_tui.screens.reader import EntryScreen
from modeldeck_tui.widgets import zoom

FIRST_PAGE = "overview"


class Navigation(Deeds):
    """An app that knows its pages."""

    _before = FIRST_PAGE

    # Doing an action by its id: keys, palette and commands all come here

    async def action_do(self, name: str) -> None:
        """Do an action, or say why it is off."""
        action, page = keymap.BY_ID[name], self.screen
        because = page.why_not(action) if isinstance(page, Page) else ""
        if because:
            self.tell(f"Cannot {action.hint}: {because}.", severity="warning")
            return
        handler = self._handler(action)
        if handler is not None:
            result = handler()
            if isawaitable(result):
                await result

    async def carry_out(self, action: Action) -> None:
        """Do an action from the palette or by command, as its key does."""
        if not action.is_direct:
            await self.action_do(action.id)
            return
        name = action.does.partition("(")[0]
        holder = next((one for one in self._holders() if hasattr(one, f"action_{name}")), self)
        await self.run_action(action.does, holder)

    def _holders(self) -> list[DOMNode]:
        """Return what may have an action's method: the focused pane, what is around it, the app."""
        page = self.screen
        inside = page.focused.ancestors_with_self if page.focused is not None else []
        table = [page.table] if isinstance(page, Page) and page.table is not None else []
        return [*inside, *table, page, self]

    def _handler(self, action: Action) -> Callable[[], object] | None:
        for holder in self._holders():
            found = getattr(holder, f"action_{action.name}", None)
            if found is not None:
                return found  # type: ignore[no-any-return]  # looked up by name
        return None

    # Pages

    def action_page(self, name: str) -> None:
        """Open one of the numbered pages."""
        if self.current_mode != name:
            self._before = self.current_mode or FIRST_PAGE
            self.switch_mode(name)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_focus_next(self) -> None:
        """Go to the next pane, also one that has no room just now."""
        self._turn(1)

    def action_focus_previous(self) -> None:
        """Go to the pane before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        page = self.screen
        if isinstance(page, Page):
            zoom.turn(page, step)
        elif step > 0:
            page.focus_next()
        else:
            page.focus_previous()

    def action_last_page(self) -> None:
        """Open the page before this one."""
        self.action_page(self._before)

    async def action_back(self) -> None:
        """Go one step back; from the first page leave."""
        page = self.screen
        if isinstance(page, Page) and page.step_back():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.workspace.deck.as_of:
            self.action_now()
        elif self.current_mode != FIRST_PAGE:
            self._before = self.current_mode or FIRST_PAGE
            self.switch_mode(FIRST_PAGE)
        else:
            self.exit()

    def open(self, entity: str) -> None:
        """Open the page of a thing, named ``kind:id``."""
        kind, _colon, name = entity.partition(":")
        if kind == talking.KIND:
            _open_talk(self, entity)
        elif kind in {"run", "release"}:
            self.push_screen(page_of(kind, name))
        elif kind == "proposal":
            self._open_row("policy", entity)
        elif kind == "entry" and name.isdigit():
            self.push_screen(EntryScreen(int(name)))
        elif kind == "dataset" and "@" in name:
            self.push_screen(page_of(kind, name))
        elif kind == "dataset":
            self.listed("datasets", f"name:{name}")
        elif kind in {"version", "endpoint"}:
            self._open_row("models" if kind == "version" else "deployments", entity)
        elif kind in {"model", "experiment"}:
            self.listed("models" if kind == "model" else "runs", f"{kind}:{name}")
        else:
            self.tell(f"{entity} has no page of its own.")

    def _open_row(self, page: str, entity: str) -> None:
        self.action_page(page)
        screen = self.screen
        if isinstance(screen, Page):
            screen.wanted = entity
            screen.show_frame()

    def listed(self, page: str, text: str) -> None:
        """Open a numbered page with a filter."""
        self.action_page(page)
        if isinstance(self.screen, ListingPage):
            self.screen.set_filter(text)

    def action_open_log(self) -> None:
        """Open the log of what is under the cursor."""
        page = self.screen
        if isinstance(page, Page):
            now = page.situation()
            at = log_time(now)
            self.push_screen(page_of("log", log_of(now), *([f"@{at}"] if at else [])))

    def action_listed(self, page: str, text: str) -> None:
        """Open a numbered page with a filter."""
        self.listed(page, text)

    def action_help(self) -> None:
        """Show the keys of this page."""
        page = self.screen
        if isinstance(page, Page):
            self.push_screen(HelpScreen(page.NAME, lambda action: clean(page.why_not(action))))

    def action_jump(self) -> None:
        """Show a letter on every pane and counter."""

        async def jumped(action: str | None) -> None:
            if action:
                await self.run_action(action)

        if isinstance(self.screen, Page):
            self.push_screen(JumpScreen(self.screen), jumped)

    def action_refresh(self) -> None:
        """Read again now."""
        self.reload()

    # The past

    def action_travel(self, as_of: str) -> None:
        """Look at everything as it was at a time, or after an entry."""
        present = getattr(self, "_present", None) or self.workspace
        self._present = present
        try:
            self.workspace = present.at(as_of)
        except Exception as error:  # noqa: BLE001 -- told, and the present stays
            self.tell(str(error), severity="error")
            return
        self.snapshot = None
        self.tell("This is the past, read-only: esc on a page, or :now, comes back.")
        self.reload()

    def action_now(self) -> None:
        """Come back from the past."""
        if self.workspace.deck.as_of:
            self.workspace = self._present
            self.snapshot = None
            self.reload()


def _open_talk(app: Navigation, key: str) -> None:
    """Open the page of what a thread or a remark is about, with the cursor on it."""
    known = talking.spoken(key)
    try:
        found = app.workspace.annotations.find(known.remark or known.thread if known else "")
    except ModelDeckError as error:
        app.tell(str(error), severity="warning")
        return
    entity = found.subject.partition("#")[0]
    kind, _colon, name = entity.partition(":")
    if kind == "dataset" and "@" not in name and app.snapshot is not None:
        its = [one["id"] for one in app.snapshot.datasets if one["name"] == name]
        name = max(its, key=lambda one: int(one.rpartition("@")[2]), default=name)
    if kind in {"run", "release"} or (kind == "dataset" and "@" in name):
        page = page_of(kind, name)
        page.wanted_talk = found.id
        app.push_screen(page)
        return
    app.open(entity)
    if kind in {"version", "endpoint"} and isinstance(app.screen, Page):
        app.screen.wanted_talk = found.id
