"""``modeldeck logs`` on files, without a workspace: filters, counts, pipes, hostile bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modeldeck_tui.cli import main

Run = Callable[..., tuple[int, str, str]]
PROGRAM = [sys.executable, "-P", "-m", "modeldeck_tui.cli", "logs"]
LINES = """2026-11-23T07:00:00Z INFO start user=alice
2026-11-23T07:00:30Z ERROR it broke latency_s=0.7
Traceback (most recent call last):
ValueError: bad
2026-11-23T07:01:00Z DEBUG tick latency_s=0.1
2026-11-23T07:02:00Z WARN slow latency_s=0.6
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return what runs the command in this process, in a folder that is no workspace."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.log").write_text(LINES)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["modeldeck", "logs", *arguments])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-n", "1"], "5"),
        (["-n", "0"], ""),
        ([], "012345"),
        (["--level", "error"], "123"),
        (["--level", "=warn,debug"], "45"),
        (["--level", "!error"], "045"),
        (["--grep", "slow|TRACE"], "5"),
        (["--grep", "slow|trace"], "25"),
        (["--grep", "0.7", "-F"], "1"),
        (["--grep", "latency", "--hide", "tick"], "15"),
        (["--grep", "latency", "-n", "2"], "45"),
        (["--field", "latency_s>0.5"], "15"),
        (["--field", "user=alice"], "0"),
        (["--since", "2026-11-23T07:00:40Z", "--until", "2026-11-23T07:02Z"], "4"),
        (["--grep", "Value", "-C", "1"], "234"),
    ],
)
def test_options_narrow_what_is_printed(run: Run, options: list[str], expected: str) -> None:
    """Each filter alone and some together; what fits comes in order."""
    code, out, _err = run("a.log", *options)
    lines = LINES.splitlines()
    assert (code, out.splitlines()) == (0, [lines[int(one)] for one in expected])


def test_context_of_hits_apart_is_parted_by_a_rule(run: Run) -> None:
    """As grep does."""
    _code, out, _err = run("a.log", "--grep", "start|slow", "-C", "1")
    assert out.splitlines()[2] == "--"
    assert len(out.splitlines()) == 5


def test_json_has_level_moment_number_and_offset(run: Run) -> None:
    """A document a line; a traceback's lines have their record's level and no time of their own."""
    _code, out, _err = run("a.log", "--level", "error", "--json")
    found = [json.loads(one) for one in out.splitlines()]
    assert [one["line"] for one in found] == [2, 3, 4]
    assert found[0]["time"] == "2026-11-23T07:00:30.000000Z"
    assert found[2] == {
        "source": "a.log",
        "line": 4,
        "at": "",
        "level": "ERROR",
        "text": "ValueError: bad",
        "time": "2026-11-23T07:00:30.000000Z",
        "offset": LINES.index("ValueError"),
    }


def test_counts_are_by_level_minute_and_source(run: Run, tmp_path: Path) -> None:
    """As a table and as JSON; filters count too."""
    (tmp_path / "b.log").write_text("2026-11-23T07:01:30Z INFO b\n")
    code, out, _err = run("*.log", "--stats", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["lines"] == 7
    assert found["levels"] == {"DEBUG": 1, "INFO": 2, "WARN": 1, "ERROR": 3}
    assert found["minutes"]["2026-11-23T07:01Z"] == {"DEBUG": 1, "INFO": 1}
    assert found["sources"] == {"a.log": 6, "b.log": 1}
    assert "By minute" in run("a.log", "--stats", "--level", "warn")[1]


def test_several_files_are_merged_by_time_under_their_names(run: Run, tmp_path: Path) -> None:
    """Those of one name in two folders by their paths."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.log").write_text("2026-11-23T07:01:30Z INFO between\n")
    _code, out, _err = run("a.log", "x/a.log", "-n", "2")
    assert out.splitlines()[0] == "x/a.log: 2026-11-23T07:01:30Z INFO between"
    assert out.splitlines()[1].startswith("a.log: 2026-11-23T07:02:00Z WARN")


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["no/such.log"], 3, "There is no file 'no/such.log'"),
        (["*.nothing"], 3, "No file fits"),
        (["a.log", "--level", "loud"], 4, "'loud' is no level"),
        (["a.log", "--grep", "("], 4, "no regular expression"),
        (["a.log", "--grep", "(?=x)"], 4, "look-around"),
        (["a.log", "--field", "x"], 4, "compares no field"),
        (["a.log", "--since", "soon"], 4, "no time"),
        (["a.log", "--stats", "-f"], 2, "does not follow"),
        (["a.log", "--raw", "--json"], 2, "exclude each other"),
        (["."], 3, "'.' is a folder, and there is no workspace"),
        (["a.lgo"], 3, "'a.lgo' is no file, and there is no workspace"),
    ],
)
def test_bad_input_is_told_with_what_to_do(
    run: Run, arguments: list[str], code: int, problem: str
) -> None:
    """Exit codes and hints as everywhere."""
    found, _out, err = run(*arguments)
    assert problem in err
    assert found == code


def test_nothing_that_fits_is_told_at_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into a pipe goes nothing."""
    assert run("a.log", "--level", "critical") == (0, "", "")
    monkeypatch.setattr("modeldeck_tui.output.is_terminal", lambda _stream: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "No line fits" in run("a.log", "--level", "critical")[2]
    assert "are of today" in run("a.log", "--since", "2026-11-24")[2]
    assert run("a.log", "--level", "error")[2] == ""


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ([], ""),
        (["--level", "error", "--field", "a>3"], "level:error a>3"),
        (["--grep", "a b", "--hide", "c"], "a b !c"),
        (["--grep", 'say "(x)"', "--hide", "c d", "-F"], r'"say \"(x)\"" !"c d"'),
        (["--since", "10:00", "--until", "2026-11-23 12:00Z"], "until:2026-11-23_12:00Z"),
        (["--grep", "a", "--grep", "b"], None),
        (["--hide", "c d"], None),
        (["-n", "3"], None),
    ],
)
def test_screen_opens_with_what_the_options_ask(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], asked: str | None
) -> None:
    """What one line there cannot ask is refused, rather than forgotten."""
    found: list[tuple[list[str], str]] = []

    def opened(_session: object, *, logs: list[str], asked: str) -> None:
        found.append((logs, asked))

    monkeypatch.setattr("modeldeck_tui.output.is_terminal", lambda _stream: True)
    monkeypatch.setattr("modeldeck_tui.cli._open_screen", opened)
    code, _out, err = run("a.log", "--screen", *options)
    if asked is None:
        assert (code, found) == (2, []), err
    else:
        assert [one[1] for one in found] == [asked], err


def test_own_formats_count_and_their_faults_are_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of a person's formats is in the folder of settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = tmp_path / "modeldeck" / "log-formats.toml"
    own.parent.mkdir()
    own.write_text("[formats.ours]\npattern = '~(?P<level>\\w+)~'\n")
    (tmp_path / "c.log").write_text("~error~ x\n~info~ y\n")
    assert run("c.log", "--level", "error")[1] == "~error~ x\n"
    own.write_text("[formats.ours]\npattern = '('\n")
    assert run("c.log")[0] == 4


def test_command_without_a_name_asks_for_one_outside_a_workspace(run: Run) -> None:
    """What can be named is said."""
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Name a run, an endpoint, a path, a glob, or -" in err


def test_standard_input_streams_and_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    """Lines come as they are written; who reads may leave at any time."""
    process = subprocess.Popen(
        [*PROGRAM, "-", "--level", "warn"], stdin=-1, stdout=-1, stderr=-1, cwd=tmp_path
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"INFO: a\nERROR: b\x1b[2J\n")
    process.stdin.flush()
    assert process.stdout.readline().decode() == "ERROR: b␛[2J\n"
    process.stdout.close()
    process.stdin.write(b"ERROR: c\n" * 100)
    process.stdin.close()
    process.stdin = None
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_raw_bytes_go_into_a_pipe_as_they_are(tmp_path: Path) -> None:
    """Whole lines, however long, with whatever is in them."""
    data = b"ERROR: \x1b[2J\xff" + b"x" * 50_000 + b"\r\n"
    path = tmp_path / "a.log"
    path.write_bytes(b"INFO: y\n" + data)
    done = subprocess.run([*PROGRAM, str(path), "--level", "error", "--raw"], stdout=-1, check=True)
    assert done.stdout == data


def test_raw_bytes_never_go_to_a_terminal(tmp_path: Path) -> None:
    """They could command it."""
    path = tmp_path / "a.log"
    path.write_text("x\n")
    ours, theirs = os.openpty()
    done = subprocess.run([*PROGRAM, str(path), "--raw"], stdout=theirs, stderr=-1, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 2
    assert b"command the terminal" in done.stderr
