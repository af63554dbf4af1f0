"""The screen: one Textual app that shows snapshots of a workspace and sends what people decide."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

_SLOW_LINK = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
if os.environ.get("SSH_CONNECTION"):
    _SLOW_LINK["TEXTUAL_FPS"] = "15"
for _name, _value in _SLOW_LINK.items():
    os.environ.setdefault(_name, _value)  # read when Textual is imported

from textual import work  # noqa: E402 -- after the environment that it reads
from textual.app import App  # noqa: E402 -- as above
from textual.binding import BindingType  # noqa: E402 -- as above
from textual.filter import LineFilter  # noqa: E402 -- as above
from textual.theme import Theme  # noqa: E402 -- as above

from modeldeck.domain.documents import DiffRow  # noqa: E402 -- as above
from modeldeck.errors import ModelDeckError  # noqa: E402 -- as above
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
from modeldeck_tui.screens.releases import ReleasesScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.review import ReviewScreen  # noqa: E402 -- as above
from modeldeck_tui.widgets.bindings import bindings  # noqa: E402 -- as above
from modeldeck_tui.widgets.safe_lines import SafeLines  # noqa: E402 -- as above

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace

Diffs = dict[str, Sequence[DiffRow]]

HEARTBEAT_S = 1.0
N_LATEST = 40
N_RECENT = 20
THEME = Theme(
    name="modeldeck",
    primary="#5f87d7",
    accent="#5fafd7",
    success="#5faf5f",
    warning="#d7af5f",
    error="#d75f5f",
    foreground="#d0d0d0",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    dark=True,
)


class ModelDeckApp(App[None]):
    """The screen of one workspace.

    Parameters
    ----------
    workspace : Workspace
        Open; whoever opened it closes it.
    """

    TITLE = "modeldeck"
    ENABLE_COMMAND_PALETTE = False
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
        self._diffs: Diffs = {}

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put our filter behind every widget."""
        return [*super().get_line_filters(), self._safe_lines]

    def on_mount(self) -> None:
        """Read the workspace, and again whenever it changes."""
        self.register_theme(THEME)
        self.theme = "ansi-dark" if os.environ.get("SSH_CONNECTION") else "modeldeck"
        self._watcher = self.workspace.watch(self._tell_change)
        self.set_interval(HEARTBEAT_S, self.reload)
        self.reload()

    def _tell_change(self) -> None:
        """Tell the app, from the watcher's thread."""
        self.post_message(WorkspaceChanged())

    def on_unmount(self) -> None:
        """End watching."""
        self._watcher.close()

    def on_workspace_changed(self) -> None:
        """Read again."""
        self.reload()

    def reload(self) -> None:
        """Read the workspace in a thread; while one reads, note that there is more."""
        if self._is_loading:
            self._is_stale = True
            return
        self._is_loading = True
        self._load()

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self) -> None:
        try:
            reviewed = [
                one.release_id for one in self.screen_stack if isinstance(one, ReviewScreen)
            ]
            self._diffs = read_diffs(self.workspace, self._diffs, reviewed=reviewed)
            self.post_message(SnapshotLoaded(read(self.workspace, self._diffs)))
        except (ModelDeckError, OSError) as error:
            self.post_message(LoadFailed(str(error)))

    def on_snapshot_loaded(self, message: SnapshotLoaded) -> None:
        """Show it on every open page."""
        self.snapshot = message.snapshot
        self._loaded()
        for screen in self.screen_stack:
            if isinstance(screen, Page) and screen.is_mounted:
                screen.show_frame()

    def on_load_failed(self, message: LoadFailed) -> None:
        """Say that what is shown grows old."""
        self._loaded()
        self.notify(clean(message.text), title="Cannot read", severity="error", markup=False)

    def _loaded(self) -> None:
        self._is_loading = False
        if self._is_stale:
            self._is_stale = False
            self.reload()

    def perform(self, action: Callable[[], object], done: str) -> None:
        """Do what a person asked for in a thread, then say how it went."""
        self._perform(action, done)

    @work(thread=True, exit_on_error=False, group="perform")
    def _perform(self, action: Callable[[], object], done: str) -> None:
        try:
            action()
        except (ModelDeckError, OSError) as error:
            self.post_message(ActionDone(str(error), is_error=True))
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


def read_diffs(workspace: Workspace, known: Diffs, *, reviewed: Sequence[str]) -> Diffs:
    """Return what changes with the open releases and those under review; it never changes."""
    wanted = {one["id"] for one in workspace.releases.list(open_only=True)} | set(reviewed)
    return {one: known.get(one) or workspace.releases.diff(one) for one in sorted(wanted)}


def read(workspace: Workspace, diffs: Diffs) -> Snapshot:
    """Read everything that the pages show."""
    overview = workspace.overview
    releases = workspace.releases.list()
    runs = workspace.runs.list()
    environments = workspace.environments
    return Snapshot(
        workspace=workspace.name,
        actor=workspace.actor.name,
        host=workspace.actor.host,
        read_only_because=workspace.read_only_because,
        at=workspace.now(),
        last_environment=environments[-1] if environments else "",
        inbox=overview.inbox(),
        live=[(one, workspace.deployments.traffic(one["id"])) for one in overview.live()],
        running=[one for one in runs if one["status"] == "running" and not one["parent"]],
        recent=[one for one in runs if one["status"] != "running" and not one["parent"]][:N_RECENT],
        latest=overview.latest(N_LATEST),
        releases=releases,
        diffs=diffs,
    )


def run_screen(
    path: str = "", *, user: str = "", key: str = "", is_read_only: bool = False
) -> None:
    """Open the screen on a workspace until the person leaves."""
    from modeldeck.workspace import Workspace

    with Workspace.open(path or None, user=user, key=key, is_read_only=is_read_only) as workspace:
        ModelDeckApp(workspace).run()
