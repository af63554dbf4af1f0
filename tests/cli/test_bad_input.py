"""Bad input: one clear sentence, what to do next, the exit code, and nothing half-written."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import DECENT, WEAK, Program

RELEASE = "cancer-1"
CSV = """
experiment = "t"
[data]
source = "datasets/t.csv"
target = "y"
[estimator]
type = "sklearn.linear_model.LogisticRegression"
[evaluation]
folds = 2
metrics = ["accuracy"]
"""


def entries(program: Program) -> list[str]:
    """Return the names of the ledger's files."""
    return sorted(path.name for path in (program.root / ".modeldeck" / "ledger").iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["-w", "/nowhere/at/all", "run", "list"], 3, "no workspace"),
        (["run", "show", "zzzzzz"], 3, "no run 'zzzzzz'"),
        (["run", "show", ""], 2, "Name the run"),
        (["run", "list", "--status", "happy"], 4, "no status"),
        (["model", "show", "nothing"], 3, "no model 'nothing'"),
        (["model", "show", "cancer@99"], 3, "no model version"),
        (["model", "register", "zzzzzz", "--name", "x"], 3, "no run"),
        (["model", "register", "missing.skops", "--name", "x"], 3, "not there"),
        (["gate", "run", "cancer@1", "-e", "moon"], 3, "no environment"),
        (["release", "request", "cancer@1", "-e", "moon"], 3, "no environment"),
        (["release", "show", "cancer-99"], 3, "no release"),
        (["release", "reject", "cancer-99"], 2, "--reason"),
        (["deploy", "list", "-e", "moon"], 3, "no environment"),
        (["deploy", "stop", "x@production", "--reason", "y"], 3, "no endpoint"),
        pytest.param(["serve", "moon"], 3, "no environment", marks=pytest.mark.slow),
        (["member", "support", "abc"], 3, "no proposal"),
        (["logs", "nothing"], 3, "no run, endpoint or file"),
        (["annotate", "nothing", "x"], 3, "no run, model, version"),
        (["annotate", "cancer@1", " "], 4, "characters"),
        (["train", "pipelines/none.toml"], 3, "good.toml"),
        (["nonsense"], 2, "No such command"),
        (["run", "list", "--nonsense"], 2, "No such option"),
    ],
)
def test_unknown_thing_is_one_sentence_and_an_exit_code(
    program: Program, arguments: list[str], code: int, expected: str
) -> None:
    """Whatever is not there, the message names it, and nothing is written."""
    before = entries(program)
    answer = program(*arguments, expect=code)
    assert expected in answer.err
    assert answer.out == ""
    assert entries(program) == before


def test_error_is_a_document_with_json(program: Program) -> None:
    """A program reads type, message, hint and exit code."""
    error = program("run", "show", "zzzzzz", "--json", expect=3).json["error"]
    assert error["exit_code"] == 3
    assert error["type"] == "NotFoundError"
    assert error["hint"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("experiment = ", "p.toml, line 1"),
        (DECENT.replace('target = "target"', ""), "target"),
        (DECENT.replace("folds = 2", 'folds = "two"'), "line 14"),
        (DECENT.replace("seed = 1", "sead = 1"), "seed"),
        pytest.param(
            DECENT.replace("LogisticRegression", "LogisticRegresion"),
            "LogisticRegression",
            marks=pytest.mark.slow,
        ),
        pytest.param(DECENT.replace("accuracy", "acuracy"), "accuracy", marks=pytest.mark.slow),
        pytest.param(
            DECENT.replace("sklearn:breast_cancer", "sklearn:moons"),
            "sklearn:wine",
            marks=pytest.mark.slow,
        ),
        (DECENT.replace("sklearn:breast_cancer", "../../etc/passwd.csv"), "inside the workspace"),
    ],
)
def test_malformed_pipeline_names_file_line_and_what_was_expected(
    program: Program, text: str, expected: str
) -> None:
    """Each mistake in a pipeline file is found, at the latest by the job."""
    (program.root / "pipelines" / "p.toml").write_text(text)
    answer = program("train", "pipelines/p.toml", expect=4)
    assert "p.toml" in answer.err
    assert expected in answer.err


def test_malformed_configuration_names_file_and_line(program: Program, tmp_path: Path) -> None:
    """`init` on a broken modeldeck.toml adopts nothing."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "modeldeck.toml").write_text(
        'name = "x"\n[environments.production]\napprovals = "2"\n'
    )
    answer = program("init", str(folder), expect=4)
    assert "modeldeck.toml, line 3" in answer.err
    assert not (folder / ".modeldeck" / "ledger" / "0000000001.json").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n" + "1,2\n" * 40, "no column 'y'"),
        pytest.param(
            "a,y\n" + "1,0\n2,1\n" * 20 + "x,1\n", "mixes numbers and texts", marks=pytest.mark.slow
        ),
        pytest.param(
            "a,y\n" + "1,0\n2,1\n" * 20 + ",1\n", "missing in 'a'", marks=pytest.mark.slow
        ),
        pytest.param(
            "a,y\n" + "1,0\n2,1\n" * 20 + "NaN,1\n", "missing in 'a'", marks=pytest.mark.slow
        ),
        pytest.param("a,y\n1,2,3\n", "line 2 has 3 fields", marks=pytest.mark.slow),
        pytest.param("", "is empty", marks=pytest.mark.slow),
    ],
)
def test_unusable_csv_file_ends_in_a_failed_run_that_says_why(
    program: Program, content: str, expected: str
) -> None:
    """A missing target, wrong types, NaN: the message names the column; no version is made."""
    (program.root / "datasets").mkdir(exist_ok=True)
    (program.root / "datasets" / "t.csv").write_text(content)
    (program.root / "pipelines" / "csv.toml").write_text(CSV)
    before = entries(program)
    answer = program("train", "pipelines/csv.toml", expect=4)
    assert expected in answer.err
    assert entries(program) == before
    assert program("run", "list", "--status", "failed", "--json").json[0]["experiment"] == "t"


def test_version_that_fails_its_gate_blocks_its_release(program: Program) -> None:
    """Exit code 7, the failed check with its reason, and no vote is taken."""
    (program.root / "pipelines" / "weak.toml").write_text(WEAK)
    program("train", "pipelines/weak.toml", user="bob")
    gate = program("gate", "run", "cancer@2", "-e", "production", "--json", expect=7).json
    assert gate["passed"] is False
    assert [one["name"] for one in gate["checks"] if not one["passed"]] == ["accuracy"]
    blocked = program("release", "request", "cancer@2", "-e", "production", "--json", expect=7).json
    assert blocked["status"] == "blocked"
    program("release", "approve", blocked["id"], user="carol", expect=(5, 6))


@pytest.mark.slow  # the services' tests, and those of hostile output, hold it always
def test_own_release_cannot_be_approved_nor_any_twice(waiting: Program) -> None:
    """Who asked may not vote; who voted may not again; who is nobody may nothing."""
    assert "alice" in waiting("release", "approve", RELEASE, expect=6).err
    waiting("release", "approve", RELEASE, user="carol")
    assert "already" in waiting("release", "approve", RELEASE, user="carol", expect=5).err
    assert waiting("release", "approve", RELEASE, user="stranger", expect=6).err


def test_changed_object_is_found_and_not_served(program: Program) -> None:
    """A digest that does not match is named by verify (10) and refused by the gate."""
    model = max(
        (program.root / ".modeldeck" / "objects").rglob("*"),
        key=lambda path: path.stat().st_size if path.is_file() else 0,
    )
    data = bytearray(model.read_bytes())
    data[10] ^= 1
    model.chmod(0o644)
    model.write_bytes(data)
    found = program("ledger", "verify", "--data", "--json", expect=10).json
    assert found["problems"][0]["kind"] == "object"
    program("gate", "run", "cancer@1", "-e", "production", expect=10)


def _edit(path: Path) -> None:
    path.chmod(0o644)
    entry = json.loads(path.read_bytes())
    entry["by"] = "mallory"
    path.write_text(json.dumps(entry, separators=(",", ":"), sort_keys=True))


def _remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [_edit, _remove])
def test_changed_history_is_found(program: Program, change: Callable[[Path], None]) -> None:
    """An edited or removed entry breaks the chain: exit code 11."""
    change(program.root / ".modeldeck" / "ledger" / "0000000003.json")
    found = program("ledger", "verify", "--json", expect=11).json
    assert found["ok"] is False
    assert found["problems"]


def test_port_in_use_is_unavailable(program: Program) -> None:
    """Another server's port is named, with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = program("serve", "production", "--port", str(port), expect=12)
    assert f"Port {port}" in answer.err
    assert "--port" in answer.err


def test_read_only_refuses_only_what_writes(program: Program) -> None:
    """With --read-only lists work, writing commands end with 6, and nothing changes."""
    before = entries(program)
    program("--read-only", "run", "list")
    for arguments in (
        ["annotate", "cancer@1", "x"],
        ["train", "pipelines/good.toml"],
        ["release", "request", "cancer@1", "-e", "production"],
    ):
        assert "read-only" in program("--read-only", *arguments, expect=6).err
    assert entries(program) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_write_permission_is_read_only(program: Program) -> None:
    """Without permission lists work and writing says who to ask."""
    ledger = program.root / ".modeldeck" / "ledger"
    ledger.chmod(0o555)
    try:
        program("run", "list")
        assert "not writable" in program("annotate", "cancer@1", "x", expect=6).err
    finally:
        ledger.chmod(0o755)


def test_closed_pipe_is_quiet(program: Program) -> None:
    """A reader that leaves early costs neither a message nor an error."""
    process = subprocess.run(
        ["bash", "-c", '"$@" | head -n 1', "sh", *program.command("activity", "--limit", "0")],
        cwd=program.root,
        env=program.environment("alice"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.stderr == ""
    assert process.stdout.startswith("N ")


@pytest.mark.slow  # the services' tests, and those of hostile output, hold it always
def test_hostile_texts_reach_no_terminal(program: Program) -> None:
    """Control sequences in remarks and reasons are shown as marks."""
    hostile = "[/b] \x1b]0;owned\x07 \u202e end"
    program("annotate", "cancer@1", hostile)
    release = program(
        "release", "request", "cancer@1", "-e", "production", "--reason", hostile, "--json"
    )
    shown = program("release", "show", release.json["id"]).out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[/b]" in shown
