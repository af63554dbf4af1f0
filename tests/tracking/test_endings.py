"""Runs outside of a block end as their process does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modeldeck.tracking.endings import Endings

PATIENCE_S = 60.0
BEGIN = """
import sys
import modeldeck
run = modeldeck.start_run("churn", workspace=sys.argv[1], capture_output=False)
"""
CAUGHT = """
for number in (1, 2):
    try:
        sys.exit(number)
    except SystemExit:
        pass
"""
IN_A_THREAD = """
import threading
thread = threading.Thread(target=sys.exit, args=(3,))
thread.start()
thread.join()
"""
INSTEAD = """
try:
    sys.exit(3)
except SystemExit:
    raise RuntimeError("the data is gone")
"""


@pytest.mark.parametrize(
    ("rest", "code", "said"),
    [
        ("def main():\n    sys.exit(3)\nmain()", 3, "it ended with exit code 3"),
        ("exit('no data')", 1, "no data"),
        (CAUGHT + IN_A_THREAD, 0, ""),
        (INSTEAD, 1, "the data is gone"),
    ],
    ids=["exit", "text", "caught", "instead"],
)
def test_run_outside_of_a_block_ends_with_the_exit_code_of_its_process(
    root: Path, rest: str, code: int, said: str
) -> None:
    """Failed with code and reason; an exit that was caught, or left only a thread, is none."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + rest, str(root)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    folder = next((root / "runs").glob("*/*/end.json")).parent
    ended = json.loads((folder / "end.json").read_text())
    assert (ended["status"], ended["exit_code"]) == ("failed" if code else "finished", code)
    assert ended["error"].get("message", "") == said
    if rest is INSTEAD:
        assert "RuntimeError: the data is gone" in (folder / "output.log").read_text()


def test_exit_counts_unless_something_was_uncaught_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a debugger or test runner left as the last exception before does not hide an exit."""
    monkeypatch.setattr(sys, "last_value", ValueError("old"), raising=False)
    monkeypatch.setattr(sys, "last_exc", None, raising=False)
    endings = Endings()
    endings._note(SystemExit(3))
    found = endings.error()
    assert isinstance(found, SystemExit)
    assert found.code == 3
    monkeypatch.setattr(sys, "last_value", RuntimeError("new"))
    assert isinstance(endings.error(), RuntimeError)
