"""The screen: one Textual app that shows snapshots of a workspace and sends what people decide."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

_SLOW_LINK = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
if os.environ.get("SSH_CONNECTION"):
    _SLOW_LINK["TEXTUAL_FPS"] = "15"
for _name, _value in _SLOW_LINK.items():
    os.environ.setdefault(_name, _value)  # read when Textual is imported

from textual import work  # noqa: E402 -- after the environment that it reads
from textual.app import App, SystemCommand  # noqa: E402 -- as above
from textual.binding import BindingType  # noqa: E402 -- as above
from textual.filter import LineFilter  # noqa: E402 -- as above
from textual.screen import Screen  # noqa: E402 -- as above
from textual.theme import Theme  # noqa: E402 -- as above

from modeldeck_tui import keymap  # noqa: E402 -- as above
from modeldeck_tui.clean import clean  # noqa: E402 -- as above
from modeldeck_tui.messages import (  # noqa: E402 -- as above
    ActionDone,
    LoadFailed,
    SnapshotLoaded,
    WorkspaceChanged,
)
from modeldeck_tui.present import Snapshot  # noqa: E402 -- as above
from modeldeck_tui.screens.base import Page  # noqa: E402 -- as above
from modeldeck_tui.screens.help import HelpScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.logs import LogScreen, SourcesScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.overview import OverviewScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.reading import explained, read  # noqa: E402 -- as above
from modeldeck_tui.screens.releases import ReleasesScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.review import ReviewScreen  # noqa: E402 -- as above
from modeldeck_tui.widgets.bindings import bindings  # noqa: E402 -- as above
from modeldeck_tui.widgets.safe_lines import SafeLines  # noqa: E402 -- as above

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace

HEARTBEAT_S = 1.0
THEME = Theme(
    name="modeldeck",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-cursor-background": "ansi_white",
        "input-cursor-text-style": "none",
    },
)
"""The terminal's own sixteen colours: dark or light as people like it, and half the bytes."""


class ModelDeckApp(App[None]):
    """The screen of one workspace.

    Parameters
    ----------
    workspace : Workspace
        Open; whoever opened it closes it.
    """

    TITLE = "modeldeck"
    NOTIFICATION_TIMEOUT = 4
    CSS = """
    ToastRack { dock: top; align: right top; margin: 1 0 0 0; }
    Toast { width: auto; max-width: 56%; margin: 0; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    MODES = {  # noqa: RUF012 -- Textual's type
        "overview": OverviewScreen,
        "releases": ReleasesScreen,
        "logs": SourcesScreen,
    }
    DEFAULT_MODE = "overview"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.snapshot: Snapshot | None = None
        self._safe_lines = SafeLines()
        self._is_loading = False
        self._is_stale = False
        self._failed = ""
        self._read_at: float | None = None

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put our filter behind every widget."""
        return [*super().get_line_filters(), self._safe_lines]

    def on_mount(self) -> None:
        """Read the workspace, and again whenever it changes."""
        self.register_theme(THEME)
        self.theme = THEME.name
        self._watcher = self.workspace.watch(self._tell_change)
        self.set_interval(HEARTBEAT_S, self._beat)
        self.reload()

    def _tell_change(self) -> None:
        """Tell the app, from the watcher's thread."""
        self.post_message(WorkspaceChanged())

    def on_unmount(self) -> None:
        """End watching."""
        self._watcher.close()

    @property
    def age_s(self) -> float | None:
        """How long ago the workspace was read; None before the first time."""
        return None if self._read_at is None else time.monotonic() - self._read_at

    def _beat(self) -> None:
        """Read again, and show it when what is shown grows old."""
        self.reload()
        if isinstance(self.screen, Page):
            self.screen.show_age()

    def on_workspace_changed(self) -> None:
        """Read again."""
        self.reload()

    def reload(self) -> None:
        """Read the workspace in a thread; while one reads, note that there is more."""
        if self._is_loading:
            self._is_stale = True
            return
        self._is_loading = True
        self._load([one.release_id for one in self.screen_stack if isinstance(one, ReviewScreen)])

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self, reviewed: Sequence[str]) -> None:
        try:
            diffs = self.snapshot.diffs if self.snapshot else {}
            self.post_message(SnapshotLoaded(read(self.workspace, diffs, reviewed=reviewed)))
        except Exception as error:  # noqa: BLE001 -- whatever it is, what is shown grows old visibly
            is_new = repr(error) != self._failed
            self._failed = repr(error)
            self.post_message(LoadFailed(explained(error) if is_new else ""))

    def on_snapshot_loaded(self, message: SnapshotLoaded) -> None:
        """Show it on every open page."""
        self.snapshot = message.snapshot
        self._read_at = time.monotonic()
        self._failed = ""
        self._loaded()
        for screen in self.screen_stack:
            if isinstance(screen, Page):
                screen.show_frame()

    def on_load_failed(self, message: LoadFailed) -> None:
        """Say once why what is shown grows old."""
        self._loaded()
        if message.text:
            text = clean(message.text)
            self.notify(text, title="Cannot read", severity="error", timeout=8, markup=False)

    def _loaded(self) -> None:
        self._is_loading = False
        if self._is_stale:
            self._is_stale = False
            self.reload()

    @work(thread=True, exit_on_error=False, group="perform")
    def perform(self, action: Callable[[], object], done: str) -> None:
        """Do what a person asked for in a thread, then say how it went."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 -- the person is told, and what is open stays
            self.post_message(ActionDone(explained(error), is_error=True))
        else:
            self.post_message(ActionDone(done))

    def on_action_done(self, message: ActionDone) -> None:
        """Tell the person, and show what it changed."""
        text = clean(message.text)
        if message.is_error:
            self.notify(text, severity="error", timeout=8, markup=False)
        else:
            self.notify(text, markup=False)
        self.reload()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the table of keys has for this page in the palette."""
        page = screen.NAME if isinstance(screen, Page) else ""
        for one in keymap.of_scope(page, "app"):
            run = partial(self.run_action, one.does or one.name)
            if one.scope == page:
                run = partial(run, default_namespace=screen)
            yield SystemCommand(f"{one.help} ({one.shown})", one.command, run)

    def action_page(self, name: str) -> None:
        """Open a page."""
        if self.current_mode != name:
            self.switch_mode(name)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_help(self) -> None:
        """Show the keys of this page."""
        if isinstance(self.screen, Page):
            self.push_screen(HelpScreen(self.screen.NAME))

    def action_refresh(self) -> None:
        """Read again now."""
        self.reload()

    async def action_back(self) -> None:
        """Go one step back; from the first page leave."""
        if isinstance(self.screen, LogScreen) and self.screen.close_search():
            return
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self.current_mode != self.DEFAULT_MODE:
            self.switch_mode(self.DEFAULT_MODE)
        else:
            self.exit()


def run_screen(
    path: str = "", *, user: str = "", key: str = "", is_read_only: bool = False
) -> None:
    """Open the screen on a workspace until the person leaves."""
    from modeldeck.workspace import Workspace

    with Workspace.open(path or None, user=user, key=key, is_read_only=is_read_only) as workspace:
        app = ModelDeckApp(workspace)
        app.run()
    if app.return_code:
        raise SystemExit(app.return_code)
