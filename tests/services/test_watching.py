"""What another process does is noticed soon, by one call."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

SOON_S = 5.0


def test_watcher_calls_once_the_ledger_grew(root: Path) -> None:
    """An annotation of somebody else wakes the watcher."""
    changed = threading.Event()
    with Workspace.open(root, user="alice") as mine, Workspace.open(root, user="bob") as other:
        watcher = mine.watch(changed.set, interval_s=0.05)
        try:
            other.annotations.add("cancer@1", "look")
            assert changed.wait(SOON_S)
            assert mine.annotations.list()[-1]["text"] == "look"
        finally:
            watcher.close()


def test_watcher_notices_a_run_that_begins_logs_and_ends(root: Path) -> None:
    """A new run, its metrics and its end each wake the watcher."""
    calls: list[float] = []
    with Workspace.open(root, user="alice") as workspace:
        watcher = workspace.watch(lambda: calls.append(time.monotonic()), interval_s=0.01)
        try:
            run = start_run("x", workspace=root, user="alice", capture_output=False)
            wait_for_more(calls, 0)
            before = len(calls)
            run.log({"loss": 1.0})
            wait_for_more(calls, before)
            before = len(calls)
            run.finish()
            wait_for_more(calls, before)
        finally:
            watcher.close()


def wait_for_more(calls: list[float], than: int) -> None:
    """Wait until there were more calls."""
    deadline = time.monotonic() + SOON_S
    while len(calls) <= than:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_closed_watcher_is_quiet(root: Path) -> None:
    """After close nothing calls any more."""
    calls: list[int] = []
    with Workspace.open(root, user="alice") as workspace:
        watcher = workspace.watch(lambda: calls.append(1), interval_s=0.01)
        watcher.close()
        workspace.annotations.add("cancer@1", "late")
    assert calls == []
