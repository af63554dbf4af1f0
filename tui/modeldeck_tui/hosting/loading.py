"""Reading the workspace: in a thread, one reading at a time, and again when anything changed."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events, work
from textual.geometry import Size

from modeldeck_tui.clean import clean
from modeldeck_tui.hosting import alerts
from modeldeck_tui.hosting.pages import load_all
from modeldeck_tui.hosting.typeahead import Typeahead
from modeldeck_tui.messages import ChangesPolled, LoadFailed, SnapshotLoaded, WorkspaceChanged
from modeldeck_tui.present.snapshot import Snapshot
from modeldeck_tui.screens.base import Page
from modeldeck_tui.screens.overlays.stating import VoteDialog
from modeldeck_tui.screens.reading import explained, read

if TYPE_CHECKING:
    from modeldeck.watch import Watcher
    from modeldeck.workspace import Workspace

HEARTBEAT_S = 1.0
RESCAN_S = 5.0
"""How often the workspace is read although nothing told that it changed."""


class Loading(Typeahead):
    """An app that holds the newest snapshot of a workspace.

    Parameters
    ----------
    workspace : Workspace
        Open; whoever opened it closes it.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self.snapshot: Snapshot | None = None
        self._is_loading = False
        self._is_stale = False
        self._failed = ""
        self._read_at: float | None = None
        self._watcher: Watcher | None = None
        self._watching = threading.Lock()
        self._is_over = False
        self._news = alerts.News()
        self._alerts = alerts.Settings()

    def start_reading(self) -> None:
        """Read the workspace, and again whenever it changes."""
        self._alerts = alerts.read()
        for problem in self._alerts.problems:
            self.notify(clean(problem), severity="warning", timeout=12, markup=False)
        self.set_interval(HEARTBEAT_S, self._beat)
        self.reload()

    def _tell_change(self) -> None:
        """Tell the app, from the watcher's thread."""
        self.post_message(WorkspaceChanged())

    def on_unmount(self) -> None:
        """End watching, also what a thread just begins to watch."""
        with self._watching:
            self._is_over = True
        if self._watcher is not None:
            self._watcher.close()

    def _watch(self) -> None:
        """Begin to watch, from the thread that reads; not after the end."""
        watcher = self.workspace.watch(self._tell_change)
        with self._watching:
            if not self._is_over:
                self._watcher = watcher
        if self._watcher is None:
            watcher.close()
        elif watcher.polls_because:
            self.post_message(ChangesPolled(watcher.polls_because))

    @property
    def age_s(self) -> float | None:
        """How long ago the workspace was read; None before the first time."""
        return None if self._read_at is None else time.monotonic() - self._read_at

    def _beat(self) -> None:
        """Read again what moves by itself, and show it when what is shown grows old."""
        if not self.screen_stack:  # the app is ending
            return
        self._mind_the_size()
        snapshot, age = self.snapshot, self.age_s
        moves = snapshot is None or snapshot.running or snapshot.live
        if age is None or moves or age >= RESCAN_S:
            self.reload()
        top = next(reversed(self.screen_stack), None)  # there is none while the app ends
        if isinstance(top, Page):
            top.show_age()

    def _mind_the_size(self) -> None:
        """Take the terminal's size although nothing told that it changed: signals can be lost."""
        if self.is_headless or sys.__stderr__ is None:
            return
        with contextlib.suppress(OSError, ValueError):
            size = Size(*os.get_terminal_size(sys.__stderr__.fileno()))
            if size.area and size != self.size:
                self.post_message(events.Resize(size, size))

    def on_workspace_changed(self) -> None:
        """Read again."""
        self.reload()

    def reload(self) -> None:
        """Read the workspace in a thread; while one reads, note that there is more."""
        if self._is_loading:
            self._is_stale = True
            return
        self._is_loading = True
        pages = [one for one in self.screen_stack if isinstance(one, Page)]
        self._load([one.release_id for one in pages if one.release_id])

    @work(thread=True, exit_on_error=False, group="load")
    def _load(self, reviewed: Sequence[str]) -> None:
        workspace, known = self.workspace, self.snapshot
        try:
            has_runs = known is not None  # the first time the screen shows before they are read
            found = read(workspace, known, reviewed=reviewed, has_runs=has_runs)
            self.post_message(SnapshotLoaded(found))
            if has_runs and self._watcher is None and self.is_running:
                self._watch()
                load_all()
                gc.freeze()  # what is loaded stays
                gc.enable()  # off while the screen starts: a fifth of that time went into it
        except Exception as error:  # noqa: BLE001 -- whatever it is, what is shown grows old visibly
            is_new = repr(error) != self._failed
            self._failed = repr(error)
            self.post_message(LoadFailed(explained(error) if is_new else ""))
            gc.enable()

    def on_snapshot_loaded(self, message: SnapshotLoaded) -> None:
        """Show it on the open page, unless another moment is looked at by now.

        Pages below show it when they are on top again: what they draw meanwhile would be drawn
        by the one above, too.
        """
        if message.snapshot.as_of == self.workspace.deck.as_of:
            self.snapshot = message.snapshot
            self._read_at = time.monotonic()
            self._failed = ""
        self._is_stale = self._is_stale or not message.snapshot.is_whole
        self._tell_news(message.snapshot)
        self._loaded()
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Page):
                screen.show_frame()
                break
            if isinstance(screen, VoteDialog) and self.snapshot is not None:
                screen.follow(self.snapshot.release(screen.release["id"]))

    def _tell_news(self, snapshot: Snapshot) -> None:
        """Ring, and tell the desktop, when something new waits for the person."""
        if not snapshot.is_whole or snapshot.as_of:
            return
        new = self._news.heed([*snapshot.inbox, *snapshot.expiring])
        if new:
            text = alerts.told(snapshot.workspace, new)
            self.alert(alerts.sequence(text, self._alerts, environment=os.environ))

    def alert(self, sequence: str) -> None:
        """Send the terminal a sequence between two frames."""
        if sequence and self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

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
