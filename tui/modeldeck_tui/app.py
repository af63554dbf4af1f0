"""The screen: one Textual app that shows snapshots of a workspace and sends what people decide."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

_SLOW_LINK = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
if os.environ.get("SSH_CONNECTION") or os.environ.get("MODELDECK_SLOW"):
    _SLOW_LINK["TEXTUAL_FPS"] = "15"
for _name, _value in _SLOW_LINK.items():
    os.environ.setdefault(_name, _value)  # read when Textual is imported

from textual.app import SystemCommand  # noqa: E402 -- after the environment that it reads
from textual.binding import BindingType  # noqa: E402 -- as above
from textual.filter import LineFilter  # noqa: E402 -- as above
from textual.screen import Screen  # noqa: E402 -- as above

from modeldeck_tui import keymap  # noqa: E402 -- as above
from modeldeck_tui.hosting.commands import Commands  # noqa: E402 -- as above
from modeldeck_tui.hosting.looks import Looks  # noqa: E402 -- as above
from modeldeck_tui.hosting.navigation import FIRST_PAGE  # noqa: E402 -- as above
from modeldeck_tui.screens.base import Page  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.activity import ActivityScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.deployments import DeploymentsScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.logs import SourcesScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.models import ModelsScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.overview import OverviewScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.releases import ReleasesScreen  # noqa: E402 -- as above
from modeldeck_tui.screens.pages.runs import RunsScreen  # noqa: E402 -- as above
from modeldeck_tui.widgets import zoom  # noqa: E402 -- as above
from modeldeck_tui.widgets.bindings import bindings  # noqa: E402 -- as above
from modeldeck_tui.widgets.safe_lines import SafeLines  # noqa: E402 -- as above

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace


class ModelDeckApp(Commands, Looks):
    """The screen of one workspace.

    Parameters
    ----------
    workspace : Workspace
        Open; whoever opened it closes it.
    theme_name : str
        How it looks; empty for the terminal's own colours.
    is_ascii : bool
        Whether symbols, borders and curves are ASCII.
    """

    TITLE = "modeldeck"
    NOTIFICATION_TIMEOUT = 4
    ENABLE_COMMAND_PALETTE = True
    CSS = f"""
    * {{ scrollbar-color: $faint; scrollbar-color-hover: $faint; scrollbar-color-active: $accent;
         scrollbar-background: $background; scrollbar-background-hover: $background;
         scrollbar-background-active: $background; scrollbar-corner-color: $background; }}
    ToastRack {{ dock: top; align: right top; margin: 1 0 0 0; }}
    Toast {{ width: auto; max-width: 56%; margin: 0; padding: 0 1; }}
    {zoom.CSS}
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    MODES = {  # noqa: RUF012 -- Textual's type
        "overview": OverviewScreen,
        "runs": RunsScreen,
        "models": ModelsScreen,
        "releases": ReleasesScreen,
        "deployments": DeploymentsScreen,
        "sources": SourcesScreen,
        "activity": ActivityScreen,
    }
    DEFAULT_MODE = FIRST_PAGE

    def __init__(
        self, workspace: Workspace, *, theme_name: str = "", is_ascii: bool = False
    ) -> None:
        super().__init__(workspace)
        self._wanted_theme = theme_name
        self._safe_lines = SafeLines()
        self._safe_lines.is_ascii = is_ascii

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put our filter behind every widget."""
        return [*super().get_line_filters(), self._safe_lines]

    def on_mount(self) -> None:
        """Dress, take the person's own keys, and begin to read."""
        self.start_looks(self._wanted_theme)
        self.start_keys()
        self.start_reading()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer what the table of keys has for this page in the palette; what is off says why."""
        if not isinstance(screen, Page):
            return
        for one in keymap.of_page(screen.NAME):
            if one.is_direct and one.scope in {"list", "text"}:
                continue
            because = screen.why_not(one)
            key = keymap.shown(one)
            title = f"{one.help} ({key})" if key else one.help
            about = f"off: {because}" if because else one.command or f":{one.colon}"
            yield SystemCommand(title, about, partial(self.carry_out, one))
        for name in sorted(self.available_themes):
            yield SystemCommand(
                f"Theme: {name}", f":theme {name}", partial(self.choose_theme, name)
            )


def run_screen(
    path: str = "",
    *,
    user: str = "",
    key: str = "",
    is_read_only: bool = False,
    as_of: str = "",
    theme: str = "",
    is_ascii: bool = False,
) -> None:
    """Open the screen on a workspace until the person leaves."""
    from modeldeck.workspace import Workspace
    from modeldeck_tui.hosting import ending

    with Workspace.open(
        path or None, user=user, key=key, is_read_only=is_read_only, as_of=as_of
    ) as workspace:
        app = ModelDeckApp(workspace, theme_name=theme, is_ascii=is_ascii)
        ending.leave_cleanly(app)
        app.run()
    if app.return_code:
        raise SystemExit(app.return_code)
