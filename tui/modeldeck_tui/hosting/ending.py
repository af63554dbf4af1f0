"""Ending by signal: the terminal is given back as it was, whoever ends the program."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

from textual.app import App

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129}
"""What the shell shows for a program that a signal ended."""


def leave_cleanly(app: App[Any]) -> None:
    """Let SIGTERM and SIGHUP end an app in the way that a key does."""

    def arrange() -> None:
        loop = asyncio.get_running_loop()
        for number, code in CODES.items():
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, lambda code=code: app.exit(return_code=code))  # type: ignore[misc]  # mypy cannot tell a lambda's default

    app.call_later(arrange)
