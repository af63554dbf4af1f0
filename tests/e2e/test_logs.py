"""A log at a terminal: it is followed through a rotation, looked back in, filtered, searched."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


def write(path: Path, first: int, last: int) -> None:
    """Append lines, a second each; each tenth is an error."""
    with path.open("a") as file:
        for n in range(first, last):
            level = "ERROR" if n % 10 == 7 else "INFO"
            file.write(f"2026-11-23T07:{n // 60:02}:{n % 60:02}Z {level} step={n} user=u{n % 3}\n")


def test_log_is_followed_through_a_rotation_while_somebody_looks_around(
    tmp_path: Path,
) -> None:
    """Scrolled back while lines come, filtered, searched, in a terminal that gets another size."""
    program = Program(tmp_path, tmp_path / "ws")
    program("init", str(program.root), "--owner", "alice")
    path = tmp_path / "a.log"
    write(path, 0, 200)
    with Terminal(program, "alice", size=(80, 24), arguments=f"logs --screen {path}") as alice:
        alice.until("step=199 ", "FOLLOW")
        path.rename(tmp_path / "a.log.1")
        write(path, 200, 210)
        alice.until("step=209 ", "rotated", "step=199 ", "FOLLOW")
        alice.press("C-u", "C-u", "C-u")
        before = alice.until("PAUSED", "step=134 ", "step=153 ", "› ").splitlines()[3:-2]
        write(path, 210, 260)
        assert alice.until("PAUSED +50").splitlines()[3:-2] == before
        alice.press("/")
        alice.write('level:error "step=2"')
        alice.press("Enter")
        alice.until("7 of 260", "step=207 ")
        alice.press("G")
        alice.until("FOLLOW", "step=257 ", "step=27 ")
        alice.press("Escape")
        alice.until("step=259 ", "step=258 ")
        alice.press("\\")
        alice.write("step=20[0-4]")
        alice.press("Enter")
        alice.until("5 of 5 matches", "PAUSED", "step=204 ")
        subprocess.run(
            ["tmux", "-S", str(alice.socket), "resize-window", "-x", "120", "-y", "40"], check=True
        )
        alice.until("step=204 ", "5 of 5 matches", "step=230 ")
        alice.press("G")
        alice.until("FOLLOW", "step=259 ")
        alice.press("Escape")
        alice.until_gone("5 matches")
        alice.press("q", "q")
        alice.until("ended with 0")
