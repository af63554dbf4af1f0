"""Every command of the contract, in text and as JSON, with the real program."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.cli.program import DECENT, PATIENCE_S, Program

RELEASE = "cancer-1"
RUN_FIELDS = {
    *("id", "experiment", "name", "status", "started_at", "ended_at", "duration_s", "user", "host"),
    *("parameters", "metrics", "tags"),
}


def test_help_names_every_command(program: Program) -> None:
    """The first page of help lists what there is."""
    shown = program("--help").out
    words = "init demo run train model gate release deploy serve logs annotate activity ledger"
    assert all(f"\n  {word} " in shown for word in words.split())
    assert program("--version").out.startswith("modeldeck ")


def test_init_makes_a_workspace_once(program: Program, tmp_path: Path) -> None:
    """A new folder becomes a workspace with a policy; a second time is a conflict."""
    found = program("init", str(tmp_path / "new"), "--name", "fresh", "--json").json
    assert found["name"] == "fresh"
    assert found["owner"] == "alice"
    assert found["environments"] == ["staging", "production"]
    program("init", str(tmp_path / "new"), expect=5)
    for words, next_one in (
        (("run", "list"), "modeldeck.start_run"),
        (("model", "list"), "model register"),
        (("release", "list"), "release request"),
    ):
        answer = program("-w", str(tmp_path / "new"), *words)
        assert (answer.out, next_one in answer.err) == ("", True)


def test_run_list_and_show_have_the_fields_of_the_contract(program: Program) -> None:
    """Runs are listed newest first; a metric is an object; any ending of an id is enough."""
    runs = program("run", "list", "--json").json
    assert len(runs) == 3
    assert set(runs[0]) >= RUN_FIELDS
    parent = next(one for one in runs if not one["parent"])
    assert set(parent["metrics"]["accuracy"]) == {"last", "min", "max", "best", "step"}
    shown = program("run", "show", parent["id"][-6:], "--json").json
    assert {key: shown[key] for key in parent} == parent
    assert set(shown) >= {"data", "code", "environment", "artifacts", "system", "annotations"}
    assert [one["id"] for one in shown["children"]] == [runs[1]["id"], runs[0]["id"]]
    assert parent["id"][-6:] in program("run", "list", "--limit", "3").out
    assert "accuracy" in program("run", "show", parent["id"]).out
    assert program("run", "list", "--status", "failed", "--json").json == []


@pytest.mark.usefixtures("fresh")
def test_train_narrates_on_stderr_and_prints_the_run(program: Program) -> None:
    """Standard output holds one document; progress goes elsewhere."""
    answer = program("train", "pipelines/good.toml", "--json", user="bob")
    assert answer.json["status"] == "finished"
    assert answer.json["user"] == "bob"
    assert answer.json["tags"]["version"] == "cancer@2"
    assert f"Training as run {answer.json['id'][-6:]}" in answer.err


def test_detached_training_can_be_stopped(program: Program) -> None:
    """`train --detach` gives the id at once; `run stop` ends it as cancelled."""
    slow = DECENT.replace("folds = 2", "folds = 50").replace(
        "[0.1, 10.0]", str([0.01 * n for n in range(1, 100)])
    )
    slow = slow.replace("liblinear", "saga")
    (program.root / "pipelines" / "slow.toml").write_text(slow)
    run = program("train", "pipelines/slow.toml", "--detach").out.strip()
    deadline = time.monotonic() + PATIENCE_S
    while program("run", "show", run, "--json", expect=(0, 3)).code:
        assert time.monotonic() < deadline
    program("run", "stop", run, "--reason", "enough")
    while program("run", "show", run, "--json").json["status"] == "running":
        assert time.monotonic() < deadline
    assert program("run", "show", run, "--json").json["status"] == "cancelled"
    program("run", "stop", run, expect=5)


def test_models_are_registered_listed_and_shown(program: Program) -> None:
    """A run becomes a version of another model; lists and details agree."""
    run = next(one for one in program("run", "list", "--json").json if not one["parent"])
    version = program("model", "register", run["id"], "--name", "other", "--json").json
    assert version["id"] == "other@1"
    assert [one["name"] for one in program("model", "list", "--json").json] == ["cancer", "other"]
    assert program("model", "show", "other@1", "--json").json["manifest"] == version["manifest"]
    assert program("model", "show", "other", "--json").json["versions"] == 1
    rows = program("model", "example", "other@1").json["rows"]
    assert rows
    assert all(len(row) == 30 for row in rows)
    assert "Did you mean other@1?" in program("model", "card", "othre@1", expect=3).err
    assert "other@1" in program("model", "versions").out
    assert "cancer@1" in program("model", "versions", "cancer").out


def test_bare_skops_file_can_be_registered(program: Program) -> None:
    """A model file from elsewhere becomes a version too."""
    file = next(program.root.glob("runs/*/*/artifacts/model/model.skops"))
    version = program("model", "register", str(file), "--name", "found", "--json").json
    assert version["id"] == "found@1"
    assert version["run"] == ""


def test_gate_report_has_the_fields_of_the_contract(program: Program) -> None:
    """A passing gate prints its checks and ends with 0."""
    gate = program("gate", "run", "cancer@1", "--environment", "production", "--json").json
    assert gate["passed"] is True
    assert (gate["version"], gate["environment"]) == ("cancer@1", "production")
    fields = {"name", "required", "passed", "value", "threshold", "margin", "reason"}
    assert all(set(one) >= fields for one in gate["checks"])
    assert "✔ passed" in program("gate", "run", "cancer@1", "-e", "production").out


def test_release_goes_from_request_to_deploying_by_two_people(waiting: Program) -> None:
    """Two approvals, one of them of the role that is asked for, move the pointer."""
    shown = waiting("release", "show", RELEASE, "--json").json
    fields = {"id", "model", "version", "environment", "status", "requested_by", "gate"}
    assert set(shown) >= fields | {"approvals", "required", "missing"}
    assert shown["required"] == {"approvals": 2, "roles": {"risk": 1}}
    assert shown["status"] == "waiting"
    first = waiting("release", "approve", RELEASE, "--json", user="carol").json
    assert first["missing"] == ["1 more approval"]
    told = waiting("release", "approve", RELEASE, "--reason", "fine", user="bob")
    assert "deploying" in told.out
    endpoint = waiting("deploy", "list", "--json").json[0]
    assert (endpoint["id"], endpoint["status"]) == ("cancer@production", "deploying")
    assert RELEASE in waiting("release", "list").out
    assert "carol" in waiting("release", "show", RELEASE).out
    assert waiting("release", "list", "--open", "--json").json == []


def test_release_is_rejected_with_a_reason_or_withdrawn(waiting: Program) -> None:
    """One rejection ends it; a withdrawal is its requester's."""
    found = waiting("release", "reject", RELEASE, "--reason", "too early", "--json", user="dave")
    assert found.json["status"] == "rejected"
    assert found.json["approvals"][0]["reason"] == "too early"
    again = waiting("release", "request", "cancer@1", "-e", "production", "--json").json["id"]
    assert waiting("release", "withdraw", again, "--json").json["status"] == "withdrawn"


def test_vote_on_something_else_than_was_seen_is_a_conflict(waiting: Program) -> None:
    """`--expect` binds the vote to the basis that was looked at."""
    basis = waiting("release", "show", RELEASE, "--json").json["basis"]
    waiting("release", "approve", RELEASE, "--expect", "0" * 64, user="carol", expect=5)
    waiting("release", "approve", RELEASE, "--expect", basis, user="carol")


def test_deployment_is_stopped_with_a_reason(waiting: Program) -> None:
    """`deploy stop` leaves the endpoint without a version."""
    waiting("release", "approve", RELEASE, user="carol")
    waiting("release", "approve", RELEASE, user="bob")
    stopped = waiting(
        "deploy", "stop", "cancer@production", "--reason", "fire", "--json", user="dave"
    )
    assert stopped.json["status"] == "stopped"
    waiting("deploy", "rollback", "cancer@production", "--reason", "x", user="dave", expect=5)
    waiting("deploy", "stop", "cancer@production", "--reason", "x", user="dave", expect=5)


def test_logs_are_printed_as_text_and_as_lines_of_json(program: Program) -> None:
    """Each line of a run's log comes with source, number, time, level and text."""
    run = next(one for one in program("run", "list", "--json").json if not one["parent"])
    assert "registered as cancer@1" in program("logs", run["id"]).out
    lines = [
        json.loads(line)
        for line in program("logs", run["id"], "-n", "2", "--json").out.splitlines()
    ]
    assert len(lines) == 2
    assert set(lines[0]) == {"source", "line", "at", "level", "text", "time", "offset"}
    assert lines[1]["line"] == lines[0]["line"] + 1
    assert lines[0]["level"] == "INFO"
    assert run["id"] in [one["log"] for one in program("logs", "--json").json]


def test_log_is_followed_until_the_reader_leaves(program: Program, tmp_path: Path) -> None:
    """`logs -f` prints what is appended, and ends on Ctrl-C."""
    log = tmp_path / "a.log"
    log.write_text("one\n")
    process = program.start("logs", str(log), "-f")
    assert process.stdout is not None
    assert process.stdout.readline() == "one\n"
    with log.open("a") as file:
        file.write("two \x1b]0;owned\x07\n")
    assert process.stdout.readline() == "two ␛]0;owned␇\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) in {0, 130}
    process.communicate()


def test_annotations_and_activity(program: Program) -> None:
    """A remark on a version shows in the activity, which names every entry's fields."""
    noted = program("annotate", "cancer@1", "Good on small ones.", "--json", user="bob").json
    assert noted["subject"] == "version:cancer@1"
    entries = program("activity", "--json").json
    assert set(entries[0]) >= {"n", "at", "by", "action", "subject", "level", "void", "reason"}
    assert entries[0]["action"] == "annotation.add"
    assert "annotated" in program("activity", "--limit", "1").out


def test_sound_ledger_verifies(program: Program) -> None:
    """A sound ledger says so, with entries and head."""
    found = program("ledger", "verify", "--data", "--json").json
    assert found["ok"] is True
    assert found["entries"] > 4
    assert len(found["head"]) == 64
    assert found["problems"] == []
    assert "holds" in program("ledger", "verify").out


def test_members_are_listed_added_and_revoked_by_an_owner(program: Program) -> None:
    """Owners decide about members; others may not."""
    program("member", "add", "eve", "--role", "risk")
    assert "eve" in [one["name"] for one in program("member", "list", "--json").json]
    program("member", "add", "mallory", user="eve", expect=6)
    program("member", "revoke", "eve", "--reason", "left")
    assert "eve" not in program("member", "list").out


def test_overview_is_printed_without_a_terminal(waiting: Program) -> None:
    """`modeldeck` alone, in a pipe, prints what the first page shows."""
    assert "cancer@1 to production" in waiting(user="carol").out
    assert waiting("--json", user="carol").json["inbox"][0]["kind"] == "approve"


@pytest.mark.parametrize("place", ["before", "after", "environment", "inside"])
def test_workspace_is_found_however_it_is_named(
    program: Program, place: str, tmp_path: Path
) -> None:
    """By -w before or after the command, by the variable, or upwards from the working folder."""
    elsewhere = Program(program.base, program.root)
    environment = elsewhere.environment("alice")
    arguments = {
        "before": ["-w", str(program.root), "run", "list", "--json"],
        "after": ["run", "list", "--json", "-w", str(program.root)],
    }.get(place, ["run", "list", "--json"])
    if place == "environment":
        environment["MODELDECK_WORKSPACE"] = str(program.root)
    import subprocess

    done = subprocess.run(
        elsewhere.command(*arguments),
        cwd=program.root / "pipelines" if place == "inside" else tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 3


def test_folder_called_as_a_command_is_taken_for_the_workspace(tmp_path: Path) -> None:
    """What stands after -w or --theme names no command, whatever it is."""
    program = Program(tmp_path, tmp_path / "run")
    program("init", str(tmp_path / "run"), "--owner", "ann")
    here = Program(tmp_path, tmp_path)
    assert here("-w", "run", "--theme", "gate", "ledger", "verify", "--json").json["ok"]
    assert "No such command" in here("-w", "run", "frobnicate", expect=2).err
