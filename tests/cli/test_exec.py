"""``modeldeck exec``: any program as a run, and programs that add to it themselves."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.documents import RunDocument
from modeldeck.services.founding import init
from modeldeck.workspace import Workspace
from tests.cli.program import PATIENCE_S, Program

PYTHON = sys.executable
JOINS = """
import os, signal, sys, modeldeck
with modeldeck.start_run("chosen", name="by the script", parameters={"lr": 0.1, "depth": 4},
                         tags={"from": "script"}, metrics={"regret": "min"}) as run:
    for step in range(3):
        run.log({"regret": 3 - step})
    run.note("a note")
    with modeldeck.start_run("chosen", name="nested") as nested:
        nested.log({"x": 1})
    print("printed by the script")
    if sys.argv[1] == "raise":
        raise ValueError("it went wrong")
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "say":
        run.finish("failed")
with modeldeck.start_run("second", name="second"):
    pass
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return the program on an empty workspace."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    root = tmp_path / "ws"
    root.mkdir()
    init(root, owner="alice")
    return Program(tmp_path, root)


def runs(program: Program) -> dict[str, RunDocument]:
    """Return the runs by name, or by experiment where they have none."""
    with Workspace.open(program.root, user="alice") as workspace:
        return {one["name"] or one["experiment"]: one for one in workspace.runs.list()}


def folder(program: Program, run: RunDocument) -> Path:
    """Return a run's folder."""
    return next((program.root / "runs").glob(f"*/{run['id']}"))


def ended(program: Program, run: RunDocument) -> Any:  # noqa: ANN401 -- JSON
    """Return what a run's end.json says."""
    return json.loads((folder(program, run) / "end.json").read_text())


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_any_program_becomes_a_run(program: Program) -> None:
    """Output appears at once where it would and in the log; options, seed and code are kept."""
    answer = program(
        *("exec", "--experiment", "tries", "--name", "first", "--param", "depth=3"),
        *("--param", "kind=deep", "--tag", "quick", "--tag", "data=june", "--seed", "7", "--"),
        *("sh", "-c", 'echo "out $MODELDECK_SEED"; echo err >&2; exit 7', "--json"),
        expect=7,
    )
    assert (answer.out, answer.err) == ("out 7\n", "err\n")
    run = runs(program)["first"]
    end = ended(program, run)
    assert (run["experiment"], run["kind"], run["status"]) == ("tries", "exec", "failed")
    assert run["parameters"] == {"depth": 3, "kind": "deep"}
    assert run["tags"] == {"quick": "", "data": "june"}
    assert (end["exit_code"], end["seed"], end["argv"][0]) == (7, 7, "sh")
    assert run["error"]["message"] == "it ended with exit code 7"
    assert (folder(program, run) / "output.log").read_text() == "out 7\nerr\n"


@pytest.mark.parametrize(
    ("mode", "code", "status"),
    [("", 0, "finished"), ("raise", 1, "failed"), ("kill", 137, "failed"), ("say", 0, "failed")],
)
def test_script_inside_adds_to_the_run_instead_of_making_another(
    program: Program, mode: str, code: int, status: str
) -> None:
    """Parameters, metrics, tags, notes, name and end are its own; what it starts is a child."""
    given = ("exec", "--param", "depth=3", "--tag", "given", "--", PYTHON, "-c", JOINS, mode)
    with program.start(*given) as process:
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    found = runs(program)
    run = found["by the script"]
    assert (run["experiment"], run["status"], run["kind"]) == ("chosen", status, "exec")
    assert run["parameters"] == {"depth": 4, "lr": 0.1}
    assert run["tags"] == {"given": "", "from": "script"}
    assert run["metrics"]["regret"] == {"last": 1, "min": 1, "max": 3, "best": 1, "step": 2}
    assert run["notes"] == ["a note"]
    assert found["nested"]["parent"] == run["id"]
    assert set(found) == {"by the script", "nested"} | ({"second"} if code == 0 else set())
    assert code or found["second"]["parent"] == run["id"]
    log = (folder(program, run) / "output.log").read_text()
    assert log.count("printed by the script") == 1
    assert log.count("ValueError: it went wrong") == (mode == "raise")
    wanted = {"raise": "it went wrong", "kill": "it was killed by SIGKILL"}
    assert run["error"].get("message", "") == wanted.get(mode, "")


def test_ranks_and_parallel_processes_become_children(program: Program) -> None:
    """One process at a time adds to the run; others, and ranks above 0, have runs of their own."""
    code = (
        "import sys, modeldeck\n"
        "with modeldeck.start_run('a', name=sys.argv[1]) as run:\n"
        "    run.log({'x': 1.0})\n"
        "    if sys.argv[1] == 'first':\n"
        "        import subprocess\n"
        "        subprocess.run([sys.executable, *sys.orig_argv[1:3], 'parallel'], check=True)\n"
    )
    script = 'RANK=1 "$0" -c "$1" rank && "$0" -c "$1" first && "$0" -c "$1" later'
    program("exec", "--name", "outer", "--", "sh", "-c", script, PYTHON, code)
    found = runs(program)
    assert set(found) == {"outer", "rank", "parallel"}
    outer = found["outer"]
    assert {found[name]["parent"] for name in ("rank", "parallel")} == {outer["id"]}
    assert outer["experiment"] == "a"
    records = (folder(program, outer) / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(one)["step"] for one in records if "metrics" in one] == [0, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_program_and_what_it_started(
    program: Program, number: signal.Signals
) -> None:
    """What exec gets is sent on; the run is cancelled and the exit code tells the signal."""
    with program.start("exec", "--", "sh", "-c", "sleep 60 & echo up; wait; sleep 60") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 128 + number
    run = runs(program)["sh"]
    assert (run["status"], ended(program, run)["exit_code"]) == ("cancelled", 128 + number)


def test_request_to_stop_ends_a_program_also_one_that_does_not_listen(program: Program) -> None:
    """`run stop` interrupts first; here that is enough, and the run is cancelled."""
    script = "trap 'echo bye; exit 3' INT; echo up; while :; do sleep 0.05; done"
    with program.start("exec", "--", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        program("run", "stop", runs(program)["sh"]["id"], "--reason", "enough")
        assert process.wait(PATIENCE_S) == 3
    run = runs(program)["sh"]
    assert run["status"] == "cancelled"
    assert (folder(program, run) / "output.log").read_text() == "up\nbye\n"


def test_bad_input_is_told_before_a_run_begins(program: Program) -> None:
    """No program, one that is not there, or a parameter without value."""
    assert "Missing argument" in program("exec", expect=2).err
    assert "no program 'nosuch'" in program("exec", "--", "nosuch", expect=3).err
    assert "`python /etc/passwd`" in program("exec", "--", "/etc/passwd", expect=3).err
    assert "NAME=VALUE" in program("exec", "--param", "x", "--", "true", expect=2).err
    assert "experiment" in program("exec", "--experiment", "../x", "--", "true", expect=4).err
    assert "opened so" in program("--read-only", "exec", "--", "true", expect=6).err
    assert runs(program) == {}


def test_json_tells_the_end_on_the_standard_error(program: Program) -> None:
    """The program's own output stays alone on the standard output."""
    answer = program("--json", "exec", "--", "sh", "-c", "echo 1; kill -9 $$", expect=137)
    assert answer.out == "1\n"
    found = json.loads(answer.err)
    assert (found["status"], found["exit_code"]) == ("failed", 137)
    assert program("run", "show", found["id"], "--json").json["error"]["type"] == "Signal"


def test_run_goes_elsewhere_where_the_workspace_cannot_be_written(program: Program) -> None:
    """The program runs all the same; the warning names the way back, which works."""
    runs_folder = program.root / "runs"
    runs_folder.rmdir()
    runs_folder.symlink_to("/proc/1/missing")
    answer = program("exec", "--name", "away", "--", "echo", "hello")
    assert answer.out == "hello\n"
    runs_folder.unlink()
    program("run", "adopt", answer.err.split("`modeldeck run adopt ")[1].split("`")[0])
    assert runs(program)["away"]["status"] == "finished"


class Terminal:
    """A terminal in which a command runs."""

    def __init__(self, program: Program, *arguments: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(program.root)
            command = program.command(*arguments)
            os.execve(command[0], command, program.environment("alice"))  # noqa: S606
        self.said = ""

    def until(self, text: str) -> None:
        """Read until a text appeared, or to the end for an empty one."""
        deadline = time.monotonic() + PATIENCE_S
        while not text or text not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self.descriptor], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.descriptor, 4096).decode()
                except OSError:
                    break

    def end(self) -> int:
        """Read to the end; return the exit code."""
        self.until("")
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_program_in_a_terminal_has_one(program: Program) -> None:
    """It sees a terminal, gets what is typed, and Ctrl-C ends it as it would without us."""
    code = (
        "import sys, time\n"
        "print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty())\n"
        "print('hello', input('who? '))\n"
        "print('waiting')\n"
        "time.sleep(60)\n"
    )
    terminal = Terminal(program, "exec", "--", PYTHON, "-c", code)
    terminal.until("who? ")
    os.write(terminal.descriptor, b"ann\n")
    terminal.until("waiting\r\n")
    os.write(terminal.descriptor, b"\x03")
    assert terminal.end() == 130
    assert terminal.said.startswith("True True True\r\nwho? ann\r\nhello ann\r")
    run = next(iter(runs(program).values()))
    assert run["status"] == "cancelled"
    log = (folder(program, run) / "output.log").read_text()
    assert log.startswith("True True True\nwho? ann\nhello ann\nwaiting\n")


def test_adopted_run_is_told(program: Program, tmp_path: Path) -> None:
    """`run adopt` says what it did, again that nothing was to be done, and what is wrong."""
    code = "import modeldeck, sys; modeldeck.start_run('a', workspace='offline:' + sys.argv[1])"
    subprocess.run([PYTHON, "-c", code, str(tmp_path / "o")], check=True, timeout=PATIENCE_S)
    assert "was adopted" in program("run", "adopt", str(tmp_path / "o")).out
    assert "is here already" in program("run", "adopt", str(tmp_path / "o")).out
    answer = program("run", "adopt", str(tmp_path / "o"), "--json")
    assert list(answer.json.values()) == ["there"]
    assert "no run" in program("run", "adopt", str(tmp_path / "p"), expect=3).err
    assert runs(program)["a"]["status"] == "finished"
