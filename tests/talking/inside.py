"""Running commands within this process: what they print, and their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from modeldeck_tui import cli


class Inside:
    """The program in this process, on one workspace."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, *, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.root = root
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str, user: str = "alice", expect: int = 0) -> str:
        """Run a command as somebody, check its exit code, and return what it printed."""
        self.monkeypatch.setenv("MODELDECK_USER", user)
        self.monkeypatch.setattr(sys, "argv", ["modeldeck", "-w", str(self.root), *arguments])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, self.err = self.capsys.readouterr()
        assert ended.value.code == expect, (arguments, out, self.err)
        return out

    def json(self, *arguments: str, user: str = "alice", expect: int = 0) -> Any:  # noqa: ANN401 -- whatever it prints
        """Run a command and return the document that it printed."""
        return json.loads(self("--json", *arguments, user=user, expect=expect))
