"""The demo, really built: what it holds, that it goes on, that it overwrites nothing and ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.warm import COMMANDS, warm

PATIENCE_S = 240.0
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return the program in a folder where the demo was built; its jobs were forked."""
    base = tmp_path_factory.mktemp("demo")
    program = Program(base, base / "deck")
    warm(COMMANDS)  # so that the nurseries outlive the demo
    known = program.environment("pat")
    path = [str(TESTS / "forking"), str(TESTS.parent), known.get("PYTHONPATH", "")]
    done = subprocess.run(
        program.command("demo", str(program.root), "--headless", "--json"),
        cwd=base,
        env={**known, "PYTHONPATH": os.pathsep.join(path).rstrip(os.pathsep)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    (base / "summary.json").write_text(done.stdout)
    (base / "told.txt").write_text(done.stderr)
    return program


def test_demo_holds_what_it_promises(demo: Program) -> None:
    """Some thirty runs of three experiments, four versions, and releases of each kind."""
    summary = json.loads((demo.base / "summary.json").read_text())
    assert 25 <= summary["runs"] <= 40
    assert summary["experiments"] == 3
    assert summary["versions"] == 4
    assert summary["annotations"] >= 3
    assert summary["live"] == ["tumour@1"]
    assert summary["rejected"] == ["digits-1"]
    assert summary["waiting"] == ["tumour-2"]
    assert summary["person"] == "pat"
    assert "Training" in (demo.base / "told.txt").read_text()
    assert demo("ledger", "verify", "--data", "--json", user="pat").json["ok"]


def test_models_of_the_demo_name_their_data_version(demo: Program) -> None:
    """Two versions of the tumour data are frozen; the models were trained on the second one."""
    found = demo("dataset", "list", "--json", user="pat").json
    assert [one["id"] for one in found] == ["tumour@1", "tumour@2", "wine@1"]
    detail = demo("dataset", "show", "tumour@2", "--json", user="pat").json
    assert detail["used_by"]["versions"] == ["tumour@1", "tumour@2"]
    assert len(detail["used_by"]["runs"]) >= 2
    rows = demo("dataset", "diff", "tumour@1", "tumour@2", "--json", user="pat").json["rows"]
    assert (rows["added"], rows["removed"]) == (69, 0)
    lineage = demo("lineage", "version:tumour@2", "--json", user="pat").json
    assert lineage[0]["kind"] == "dataset"
    assert lineage[0]["id"] == "tumour@2"


def test_waiting_release_needs_just_the_persons_approval(demo: Program) -> None:
    """The release waits for the person, whose vote would complete it."""
    release = demo("release", "show", "tumour-2", "--json", user="pat").json
    assert release["can_approve"]
    assert release["completes_quorum"]
    assert release["gate"]["passed"]


def test_ended_demo_leaves_no_server(demo: Program) -> None:
    """Server and traffic ended with the command, and the server's address is gone."""
    assert list(demo.root.glob("endpoints/*/server-*.json")) == []
    assert list(demo.root.glob("endpoints/production/tumour/server-*.log"))
    url = json.loads((demo.base / "summary.json").read_text())["url"]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/health", timeout=2)


def test_demo_goes_on_and_ends_when_its_caller_is_killed(demo: Program) -> None:
    """A second time nothing is trained again; real traffic flows; kill -9 of the caller ends it.

    Here every job is an interpreter of its own.
    """
    before = len(demo("run", "list", "--json", user="pat").json)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from modeldeck.services import demo\n"
        "with demo.running(Path(sys.argv[1]), person='pat', narrate=lambda text: None) as made:\n"
        "    print(made.url, flush=True)\n"
        "    time.sleep(100)\n"
    )
    caller = subprocess.Popen(
        [demo.command()[0], "-c", code, str(demo.root)],
        env=demo.environment("pat"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert caller.stdout is not None
        url = caller.stdout.readline().strip()
        assert len(demo("run", "list", "--json", user="pat").json) == before
        deadline = time.monotonic() + 30
        while b'status="200"' not in urllib.request.urlopen(f"{url}/metrics", timeout=5).read():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        while not list(demo.root.glob("endpoints/production/tumour/predictions-*.jsonl")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.kill(caller.pid, signal.SIGKILL)
        caller.communicate()
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(TimeoutError):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2)
            except (urllib.error.URLError, ConnectionError):
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_folder_with_something_else_is_left_alone(demo: Program, tmp_path: Path) -> None:
    """A folder that is no demo is refused, and a free one is offered."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    answer = demo("demo", str(tmp_path / "mine"), "--headless", expect=5)
    assert f"{tmp_path}/mine-2" in answer.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
