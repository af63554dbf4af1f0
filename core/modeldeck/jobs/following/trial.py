"""Trying a version in a process of its own before it is loaded into the server.

A crafted model file may hang, crash or fill the process that loads it, so a version that never
loaded here is tried by ``modeldeck.jobs.inspect`` first, which has limits. Importing the libraries
takes that process one to two seconds: it is started as soon as a release is asked for, and waits.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from modeldeck.errors import InvalidInputError, error_of_code
from modeldeck.services.base import processes

TIMEOUT_S = 60.0
"""A version that takes longer to load, or to answer its examples, is not served."""


class Trial:
    """At most one process that waits for a version to try; close it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._busy: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Start the process, if there is none."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                processes.command("inspect", ["--waiting"]),
                env=processes.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def look(self, folder: Path) -> None:
        """Load the model of a folder in that process, and let it answer its examples.

        Raises
        ------
        ModelDeckError
            It is refused, takes too long, or brings the process down.
        """
        self.prepare()
        process, self._process = self._process, None
        if process is None:
            return
        self._busy = process
        with process:
            try:
                out, _nothing = process.communicate(f"{folder}\n".encode(), timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                msg = f"The model did not load within {TIMEOUT_S:.0f} seconds."
                raise InvalidInputError(msg, "It was tried in a process of its own.") from None
        if process.returncode != 0:
            raise error_of_code(process.returncode)(*_told(process.returncode, out))

    def close(self) -> None:
        """End the process, also while it tries a version."""
        if self._busy is not None:
            self._busy.kill()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _told(code: int, out: bytes) -> tuple[str, str]:
    """Return the message and hint of a process that ended with an error."""
    try:
        error = json.loads(out)["error"]
        return str(error["message"]), str(error["hint"])
    except (ValueError, KeyError, TypeError):
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"The process that tried the model ended with {how}.", ""
