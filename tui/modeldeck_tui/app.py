"""The screen: one Textual app that shows snapshots of a workspace and sends what people decide."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

_SLOW_LINK = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
if os.environ.get("SSH_CONNECTION") or os.environ.get("MODELDECK_SLOW"):
    _SLOW_LINK["TEXTUAL_FPS"] = "15"
for _name, _value in _SLOW_LINK.items():
    os.environ.setdefault(_name, _value)  # read when Textual is imported

from textual.binding import BindingType  # noqa: E402 -- after the environment that it reads
from textual.filter import LineFilter, Monochrome, NoColor  # noqa: E402 -- as above

from modeldeck_tui.hosting import pages  # noqa: E402 -- as above
from modeldeck_tui.hosting.commands import Commands  # noqa: E402 -- as above
from modeldeck_tui.hosting.finding import Actions, Things  # noqa: E402 -- as above
from modeldeck_tui.hosting.navigation import FIRST_PAGE  # noqa: E402 -- as above
from modeldeck_tui.hosting.traffic import Traffic, counting  # noqa: E402 -- as above
from modeldeck_tui.widgets import zoom  # noqa: E402 -- as above
from modeldeck_tui.widgets.bindings import bindings  # noqa: E402 -- as above
from modeldeck_tui.widgets.safe_lines import SafeLines  # noqa: E402 -- as above

if TYPE_CHECKING:
    from modeldeck.workspace import Workspace


_LOGS_FIRST_S = 0.2
"""What a log that is opened at once has the machine alone for."""


class ModelDeckApp(Commands):
    """The screen of one workspace.

    Parameters
    ----------
    workspace : Workspace
        Open; whoever opened it closes it.
    theme_name : str
        How it looks; empty for the terminal's own colours.
    is_ascii : bool
        Whether symbols, borders and curves are ASCII.
    logs : sequence of str
        Logs to open at once, as :class:`modeldeck_tui.screens.pages.logs.LogScreen` takes them.
    asked : str
        Their filter.
    """

    TITLE = "modeldeck"
    NOTIFICATION_TIMEOUT = 4
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Actions, Things}  # noqa: RUF012 -- Textual's type
    CSS = f"""
    * {{ scrollbar-color: $faint; scrollbar-color-hover: $faint; scrollbar-color-active: $accent;
         scrollbar-background: $background; scrollbar-background-hover: $background;
         scrollbar-background-active: $background; scrollbar-corner-color: $background; }}
    ToastRack {{ dock: bottom; align: right bottom; margin: 0 0 1 0; }}
    Toast {{ width: auto; max-width: 56%; margin: 0; padding: 0 1; }}
    SearchIcon {{ display: none; }}
    {zoom.CSS}
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    MODES = {name: pages.maker(name) for name in pages.MODES}  # noqa: RUF012 -- Textual's type
    DEFAULT_MODE = FIRST_PAGE

    def __init__(
        self,
        workspace: Workspace,
        *,
        theme_name: str = "",
        is_ascii: bool = False,
        logs: Sequence[str] = (),
        asked: str = "",
    ) -> None:
        super().__init__(workspace)
        self.is_slow = "TEXTUAL_FPS" in _SLOW_LINK
        self.traffic = Traffic()
        self.driver_class = counting(self.driver_class, self.traffic)
        self.dress(theme_name)
        self._logs, self._asked = logs, asked
        if logs:
            self.DEFAULT_MODE = "sources"  # type: ignore[misc]  # Textual reads it of the app
        self._safe_lines = SafeLines()
        self._safe_lines.is_ascii = is_ascii
        self._no_colour, self._greys = NoColor(), Monochrome()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put our filter behind every widget; with NO_COLOR, take colours as the theme has them.

        Textual chooses how colours go when the app is made, before our theme is on: it would turn
        the terminal's own colours into black on black.
        """
        filters = super().get_line_filters()
        if self.no_color:
            filters = [one for one in filters if not isinstance(one, Monochrome | NoColor)]
            filters.append(self._no_colour if self.native_ansi_color else self._greys)
        return [*filters, self._safe_lines]

    def on_mount(self) -> None:
        """Look after themes, take the person's own keys, and begin to read."""
        self.start_looks()
        self.start_keys()
        if self._logs:
            self.push_screen(pages.log_page(self._logs, self._asked))
            self.set_timer(_LOGS_FIRST_S, self.start_reading)
        else:
            self.start_reading()
        self.app_resume_signal.subscribe(self, self.come_back)


def run_screen(
    path: str = "",
    *,
    user: str = "",
    key: str = "",
    is_read_only: bool = False,
    as_of: str = "",
    theme: str = "",
    is_ascii: bool = False,
    logs: Sequence[str] = (),
    asked: str = "",
) -> None:
    """Open the screen on a workspace, or at logs, until the person leaves."""
    from modeldeck.workspace import Workspace
    from modeldeck_tui.hosting import ending

    with Workspace.open(
        path or None, user=user, key=key, is_read_only=is_read_only, as_of=as_of
    ) as workspace:
        app = ModelDeckApp(workspace, theme_name=theme, is_ascii=is_ascii, logs=logs, asked=asked)
        ending.leave_cleanly(app)
        app.run()
    if app.return_code:
        raise SystemExit(app.return_code)
