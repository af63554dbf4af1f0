"""A person at a terminal: tmux runs the real program, takes keys, and shows the screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from typing import Self

from tests.cli.program import Program

PATIENCE_S = 20.0


class Terminal:
    """One terminal of a size, in which a person opened the screen.

    Parameters
    ----------
    program : Program
        The program and its workspace.
    user : str
        The person.
    size : tuple of int
        Columns and rows.
    arguments : str
        More arguments of the program.
    instead : str
        What to begin with instead of the program, such as a shell that it is started from.
    """

    def __init__(
        self,
        program: Program,
        user: str,
        *,
        size: tuple[int, int],
        arguments: str = "",
        instead: str = "",
    ) -> None:
        self.socket = program.base / f"tmux-{user}"
        environment = program.environment(user)
        del environment["NO_COLOR"]
        wanted = (
            "HOME",
            "MODELDECK_USER",
            "PATH",
            "PYTHONPATH",
            "XDG_CACHE_HOME",
            "XDG_STATE_HOME",
        )
        known = {key: environment[key] for key in wanted if key in environment}
        exports = " ".join(f"{key}={shlex.quote(value)}" for key, value in known.items())
        command = instead or shlex.join(program.command(*arguments.split()))
        shell = f"env {exports} {command}; echo ended with $?; exec sleep 600"
        width, height = size
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
            "-c", str(program.root), shell,
        )  # fmt: skip

    def _tmux(self, *arguments: str) -> str:
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment.pop("TMUX", None)
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
        return done.stdout

    def start(self, program: Program) -> None:
        """Type the program's command into the shell."""
        self.write(shlex.join(program.command()) + "\n")

    def screen(self) -> str:
        """Return what the terminal shows."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        for key in keys:
            self._tmux("send-keys", key)

    def write(self, text: str) -> None:
        """Type a text."""
        self._tmux("send-keys", "-l", text)

    def until(self, *texts: str, within_s: float = PATIENCE_S) -> str:
        """Wait until the terminal shows every text, and return what it shows."""
        deadline = time.monotonic() + within_s
        while True:
            shown = self.screen()
            if all(text in shown for text in texts):
                return shown
            assert time.monotonic() < deadline, f"no {texts} in:\n{shown}"
            time.sleep(0.05)

    def until_gone(self, text: str) -> None:
        """Wait until the terminal shows a text no more."""
        deadline = time.monotonic() + PATIENCE_S
        while text in (shown := self.screen()):
            assert time.monotonic() < deadline, f"{text} still in:\n{shown}"
            time.sleep(0.05)

    def close(self) -> None:
        """End the terminal and everything in it."""
        self._tmux("kill-server")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
