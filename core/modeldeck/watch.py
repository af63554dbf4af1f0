"""Watching a workspace: one call soon after anything changed, however many files did.

Watchdog wakes the watcher where the file system tells about changes. It tells nothing about
writers on other hosts (NFS, sshfs) and may lose events, so the watcher also looks itself: at the
times of change and sizes of a few folders and files, never recursively. Where events are not to be
had (another computer's disk, no inotify instance or watch left) looking is all it does, and
:attr:`Watcher.polls_because` says why.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from modeldeck.errors import ModelDeckError

LOOK_EVERY_S = 0.5
"""How often the watcher looks itself."""

_OF_INTEREST = ("metrics.jsonl", "end.json", "heartbeat")
_TELLING = {"created", "modified", "moved", "deleted", "closed"}


class Watcher(FileSystemEventHandler):
    """Calls back from a thread of its own after changes; close it.

    Parameters
    ----------
    folders : callable
        Returns the folders to watch now; asked again before each look.
    callback : callable
        Called without arguments, never twice at the same time.
    interval_s : float
        The least time between two calls, in seconds.
    polls_because : str
        Why no events are to be had; empty tries.
    """

    def __init__(
        self,
        folders: Callable[[], Iterable[Path]],
        callback: Callable[[], None],
        *,
        interval_s: float = 0.25,
        polls_because: str = "",
    ) -> None:
        self._folders = folders
        self._callback = callback
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._watches: dict[Path, ObservedWatch] = {}
        self._observer: BaseObserver | None = None
        self._no_observer = polls_because
        self._unwatched: dict[Path, str] = {}
        if not polls_because:
            self._begin()
        self._seen = self._look() or {}
        self._thread = threading.Thread(target=self._run, name="modeldeck-watch", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        observer = Observer()
        try:
            observer.start()
        except (OSError, RuntimeError) as error:
            self._no_observer = _because(error)
        else:
            self._observer = observer

    @property
    def polls_because(self) -> str:
        """Why changes are looked for twice a second instead of being told; empty when all are."""
        return self._no_observer or next(iter(self._unwatched.values()), "")

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note that something changed."""
        if event.event_type in _TELLING:
            self._wake.set()

    def close(self) -> None:
        """End watching; no call comes after this returns, unless one is just running."""
        self._stop.set()
        self._wake.set()
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(timeout=5)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            if self._stop.is_set():
                return
            seen = self._look()
            if seen is not None and seen != self._seen:
                self._seen = seen
                self._callback()
                self._stop.wait(self._interval_s)

    def _look(self) -> dict[str, tuple[int, int]] | None:
        """Return what shows a change: times and sizes of the folders and what matters in them.

        None when the folders cannot be told just now (a disk that fails, no descriptor left): the
        next look may tell them.
        """
        try:
            folders = list(self._folders())
        except (ModelDeckError, OSError):
            return None
        self._follow(folders)
        found: dict[str, tuple[int, int]] = {}
        for folder in folders:
            for path in (folder, *(folder / name for name in _OF_INTEREST)):
                with contextlib.suppress(OSError):
                    status = path.stat()
                    found[str(path)] = (status.st_mtime_ns, status.st_size)
        return found

    def _follow(self, folders: list[Path]) -> None:
        """Let watchdog watch just these folders."""
        if self._observer is None:
            return
        for path in self._watches.keys() - set(folders):
            with contextlib.suppress(OSError, KeyError):
                self._observer.unschedule(self._watches.pop(path))
        self._unwatched = {}
        for path in folders:
            if path not in self._watches:
                try:
                    self._watches[path] = self._observer.schedule(self, str(path))
                except (FileNotFoundError, NotADirectoryError):
                    continue
                except (OSError, RuntimeError) as error:
                    self._unwatched[path] = _because(error)


def _because(error: OSError | RuntimeError) -> str:
    """Return why the system tells about no changes, as people understand it."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE:
        return "no inotify instance or file is left (fs.inotify.max_user_instances, ulimit -n)"
    if number == errno.ENOSPC:
        return "no inotify watch is left (fs.inotify.max_user_watches)"
    words = error.strerror if isinstance(error, OSError) else ""
    return f"inotify does not work ({words or error})"


def event_problem(folder: Path) -> str:
    """Return why the system would tell about no changes in a folder; empty when it would."""
    observer = Observer()
    try:
        observer.start()
    except (OSError, RuntimeError) as error:
        return _because(error)
    try:
        observer.schedule(FileSystemEventHandler(), str(folder))
    except (OSError, RuntimeError) as error:
        return _because(error)
    finally:
        observer.stop()
        observer.join(timeout=5)
    return ""
