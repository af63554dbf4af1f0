"""What a process, its C library and its children print: in the log, and where it went before."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modeldeck.tracking import pipes
from modeldeck.workspace import Workspace

PATIENCE_S = 60.0
SCRIPT = """
import ctypes, faulthandler, logging, os, signal, subprocess, sys
import modeldeck
faulthandler.enable()
logging.basicConfig()
mode = sys.argv[2]
run = modeldeck.start_run("churn", workspace=sys.argv[1])
print("one", sys.stdout.isatty())
subprocess.run(["sh", "-c", "echo two; echo error >&2"])
logging.getLogger("x").warning("three")
ctypes.CDLL(None).printf(b"four\\n")
if mode == "crash":
    ctypes.string_at(0)
if mode == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "term":
    os.kill(os.getpid(), signal.SIGTERM)
if mode == "hangup":
    os.kill(os.getpid(), signal.SIGHUP)
if mode == "raise":
    raise RuntimeError("the data is gone")
if mode == "interrupt":
    raise KeyboardInterrupt
if mode == "block":
    with run:
        raise RuntimeError("the data is gone")
if mode == "flood":
    ctypes.PyDLL(None).write(2, b"x" * 300000 + b"\\n", 300001)  # while it holds the lock
if mode == "orphan":
    subprocess.Popen(["sh", "-c", "sleep 0.3; echo later"])
"""


def started(root: Path, mode: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the script to its end; return that, and the run's folder."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root), mode],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done, next((root / "runs").glob("*/*/run.json")).parent


def lines(folder: Path) -> list[str]:
    """Return the lines of the run's log."""
    return (folder / "output.log").read_text().splitlines()


@pytest.mark.parametrize(
    ("mode", "code", "status"),
    [
        ("plain", 0, "finished"),
        ("raise", 1, "failed"),
        ("block", 1, "failed"),
        ("interrupt", 130, "cancelled"),
        ("term", 143, "cancelled"),
        ("hangup", 129, "cancelled"),
        ("crash", -11, ""),
        ("kill", -9, ""),
    ],
)
def test_everything_printed_is_in_both_places_however_the_process_ends(
    root: Path, mode: str, code: int, status: str
) -> None:
    """Python, logging, C and children are kept to the last word; the run has the right end."""
    done, folder = started(root, mode)
    assert done.returncode in {code, -2 if code == 130 else code}
    assert done.stdout.splitlines()[:3] == ["one False", "two", "four"]
    assert done.stderr.splitlines()[:2] == ["error", "WARNING:x:three"]
    deadline = time.monotonic() + PATIENCE_S
    wanted = {"one False", "two", "error", "WARNING:x:three", "four"}
    wanted |= {"Fatal Python error: Segmentation fault"} if mode == "crash" else set()
    wanted |= {"RuntimeError: the data is gone"} if status == "failed" else set()
    while not wanted <= set(lines(folder)):
        assert time.monotonic() < deadline, lines(folder)
        time.sleep(0.02)
    if mode == "crash":
        assert "Segmentation fault" in done.stderr
    ended = {}
    if status:
        ended = json.loads((folder / "end.json").read_text())
        assert (ended["status"], ended["exit_code"]) == (status, code)
    else:
        assert not (folder / "end.json").exists()
    if status == "failed":
        assert lines(folder).index("four") < lines(folder).index("RuntimeError: the data is gone")
        assert ended["error"]["message"] == "the data is gone"


def test_library_that_prints_under_the_interpreters_lock_hangs_nobody(root: Path) -> None:
    """More than a pipe holds, written where no thread of Python could empty it."""
    done, folder = started(root, "flood")
    assert done.returncode == 0
    assert done.stderr.count("x" * 300000) == 1
    assert "x" * 300000 in lines(folder)


def test_child_that_outlives_the_process_still_prints(root: Path) -> None:
    """Its output goes on to where it went, and breaks nothing."""
    done, folder = started(root, "orphan")
    assert done.stdout.splitlines()[-1] == "later"
    assert "later" not in lines(folder)


def test_terminal_stays_one_for_everybody(root: Path) -> None:
    """With a terminal, Python and C still find one, and each byte arrives as it was."""
    program, fd = pty.fork()
    if program == 0:
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT, str(root), "plain"])  # noqa: S606
    said = b""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                said += os.read(fd, 4096)
            except OSError:
                break
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]) == 0
    shown = said.decode().replace("\r\n", "\n").splitlines()
    assert shown == ["one True", "two", "error", "WARNING:x:three", "four"]
    assert lines(next((root / "runs").glob("*/*"))) == shown


def test_streams_that_python_replaced_are_copied_by_python(root: Path) -> None:
    """As in Jupyter, where descriptors lead elsewhere; nested runs each keep their part."""
    code = (
        "import io, os, sys, modeldeck\n"
        "class Out(io.StringIO):\n"
        "    def isatty(self): return False\n"
        "sys.stdout = Out(); sys.stderr = Out()\n"
        "with modeldeck.start_run('outer', workspace=sys.argv[1]):\n"
        "    print('outside')\n"
        "    with modeldeck.start_run('inner', workspace=sys.argv[1]):\n"
        "        print('inside', file=sys.stderr)\n"
        "    os.write(1, b'below')\n"
        "sys.__stdout__.write(sys.stdout.getvalue() + sys.stderr.getvalue())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout == "belowoutside\ninside\n"
    with Workspace.open(root, user="ann") as workspace:
        logs = {
            one["experiment"]: (workspace.runs.folder(one["id"]) / "output.log").read_text()
            for one in workspace.runs.list()
        }
    assert logs == {"outer": "outside\ninside\n", "inner": "inside\n"}


def test_killed_scribe_breaks_no_training(root: Path) -> None:
    """Whoever copies the output may die: within a second it goes where it went before."""
    code = (
        "import os, signal, sys, time, modeldeck\n"
        "from modeldeck.tracking.pipes.plumbing import PLUMBING\n"
        "with modeldeck.start_run('a', workspace=sys.argv[1]) as run:\n"
        "    print('before'); run.log_text('')\n"
        "    os.kill(PLUMBING._process.pid, signal.SIGKILL)\n"
        "    while PLUMBING._is_on: time.sleep(0.01)\n"
        "    print('x' * 300000)\n"
        "print('after')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("x" * 300000 + "\nafter\n")
    assert next((root / "runs").glob("*/*/end.json")).exists()


def test_scribe_that_is_late_writes_into_the_log_of_the_run_that_printed(tmp_path: Path) -> None:
    """Where it had no time since, orders are followed before what was written after them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    source, into = os.pipe()
    os.set_blocking(source, False)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    program = Path(pipes.__path__[0], "scribe.py")
    scribe = subprocess.Popen(
        [sys.executable, "-I", "-S", program, str(theirs.fileno()), f"{source}:{nowhere}"],
        pass_fds=[theirs.fileno(), source, nowhere],
    )
    for order in (b"+" + bytes(tmp_path / "first.log"), b"?"):
        ours.send(order)
    assert ours.recv(64) == b"0"
    scribe.send_signal(signal.SIGSTOP)
    for order in (b"-", b"+" + bytes(tmp_path / "second.log")):
        ours.send(order)
    os.write(into, b"of the second\n")
    scribe.send_signal(signal.SIGCONT)
    ours.send(b"?")
    assert ours.recv(64) == b"0"
    assert (tmp_path / "second.log").read_text() == "of the second\n"
    for descriptor in (source, into, nowhere):
        os.close(descriptor)
    theirs.close()
    ours.close()
    assert scribe.wait(PATIENCE_S) == 0


def test_second_captured_run_uses_the_first_ones_scribe(root: Path) -> None:
    """Runs one after another get their own lines each, from one helper."""
    code = (
        "import subprocess, sys, modeldeck\n"
        "from modeldeck.tracking.pipes.plumbing import PLUMBING\n"
        "pids = set()\n"
        "for n in range(5):\n"
        "    with modeldeck.start_run(f'r{n}', workspace=sys.argv[1]):\n"
        "        subprocess.run(['echo', f'line {n}'])\n"
        "        pids.add(PLUMBING._process.pid)\n"
        "assert len(pids) == 1\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(root)], check=True, timeout=PATIENCE_S, capture_output=True
    )
    for path in (root / "runs").glob("*/*/run.json"):
        name = json.loads(path.read_text())["experiment"]
        assert (path.parent / "output.log").read_text() == f"line {name[1:]}\n"
