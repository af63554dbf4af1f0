"""Ending by signal: the terminal is given back as it was, whoever ends the program."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import FrameType
from typing import Any

from textual.app import App

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129}
"""What the shell shows for a program that a signal ended."""

PATIENCE_S = 5.0
"""A screen whose terminal is gone may wait for it for ever; after so long it is ended anyway."""


def leave_cleanly(app: App[Any]) -> None:
    """Let SIGTERM and SIGHUP end an app in the way that a key does; where it cannot, all the same.

    Python's own handlers run also while the app waits for a terminal that takes nothing any more,
    in which asyncio's never come to their turn.
    """

    def arrange() -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()

        def end(number: int, _frame: FrameType | None) -> None:
            code = CODES[signal.Signals(number)]
            last = threading.Timer(PATIENCE_S, os._exit, [code])
            last.daemon = True
            last.start()
            loop.call_soon_threadsafe(lambda: app.exit(return_code=code))

        for number in CODES:
            signal.signal(number, end)

    app.call_later(arrange)
