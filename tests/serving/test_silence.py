"""Servers that have gone: endpoints are silent, and whoever can mend that is told."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.documents import EndpointDocument
from modeldeck.services.base import processes
from modeldeck.workspace import Workspace
from tests.serving.running import ENVIRONMENT, Server, until
from tests.warm import COMMANDS, warm

ENDPOINT = "churn@production"


@pytest.fixture
def alice(root: Path) -> Iterator[Workspace]:
    """Return an owner's workspace whose endpoint a server reported ready."""
    with Workspace.open(root, user="server") as server:
        found = server.deployments.show(ENDPOINT)
        server.deployments.report(
            ENDPOINT, generation=found["generation"], manifest=found["manifest"], outcome="ready"
        )
    with Workspace.open(root, user="alice") as opened:
        yield opened


def beat(root: Path, *, host: str = "", age_s: float = 0.0, ended_at: str = "") -> Path:
    """Write a heartbeat as a server would have some seconds ago."""
    folder = root / "endpoints" / ENVIRONMENT
    folder.mkdir(parents=True, exist_ok=True)
    host = host or socket.gethostname()
    path = folder / f"heartbeat-server-{host}.json"
    value = {"member": "server", "host": host, "pid": 1, "ended_at": ended_at, "models": {}}
    path.write_text(json.dumps(value))
    at = path.stat().st_mtime - age_s
    os.utime(path, (at, at))
    return path


def shown(workspace: Workspace) -> EndpointDocument:
    """Return the endpoint."""
    return workspace.deployments.show(ENDPOINT)


def test_endpoint_of_a_server_without_any_heartbeat_stays_live(alice: Workspace) -> None:
    """What was never heard is unknown, not silent."""
    assert shown(alice)["status"] == "live"
    assert "answers" not in shown(alice)["servers"][0]
    assert alice.overview.inbox(has_runs=False) == []


@pytest.mark.parametrize(
    ("host", "age_s", "ended_at", "status"),
    [
        ("", 3.0, "", "live"),
        ("", 31.0, "", "silent"),
        ("", 3.0, "2026-11-25T10:00:00.000000Z", "silent"),
        ("elsewhere", 60.0, "", "live"),
        ("elsewhere", 600.0, "", "silent"),
        ("elsewhere", -600.0, "", "live"),
    ],
)
def test_endpoint_with_a_heartbeat_is_as_its_last_beat_says(
    alice: Workspace, *, host: str, age_s: float, ended_at: str, status: str
) -> None:
    """An old beat, or a server that said its end, is silence; other hosts' clocks may differ."""
    beat(alice.root, host=host, age_s=age_s, ended_at=ended_at)
    found = shown(alice)
    assert (found["status"], found["servers"][0]["answers"]) == (status, status == "live")
    assert found["servers"][0]["heard_at"]


def test_heartbeat_that_stops_while_somebody_looks_is_silence(
    alice: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is when a beat was last seen to change, whatever the other clock says."""
    now = [1000.0]
    monkeypatch.setattr("modeldeck.services.base.pulse.time.monotonic", lambda: now[0])
    path = beat(alice.root, host="elsewhere", age_s=-3000)
    assert shown(alice)["status"] == "live"
    now[0] += 31
    assert shown(alice)["status"] == "silent"
    os.utime(path, (1.0, 1.0))
    assert shown(alice)["status"] == "live"


def test_one_server_of_two_that_answers_is_enough(alice: Workspace) -> None:
    """A member's beat on any host counts."""
    beat(alice.root, host="one", age_s=9999)
    beat(alice.root, host="two", age_s=1)
    assert shown(alice)["status"] == "live"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"member": "server"}', '{"member": 1e999}'])
def test_heartbeat_that_cannot_be_read_says_nothing(alice: Workspace, text: str) -> None:
    """A torn or foreign file is none."""
    beat(alice.root).write_text(text)
    assert shown(alice)["status"] == "live"


def test_silence_is_shown_and_waits_for_an_owner_and_is_kept_nowhere(alice: Workspace) -> None:
    """List, inbox and table say it; ledger and snapshot do not, and the past has none."""
    from modeldeck_tui.present import deployments, words

    beat(alice.root, age_s=100)
    (item,) = alice.overview.inbox(has_runs=False)
    assert (item["kind"], item["title"]) == ("silent", ENDPOINT)
    assert "server" in item["detail"]
    assert words.endpoint_status("silent").text == "○ silent"
    assert deployments.ready(shown(alice)) == "0 of 1"
    (line,) = deployments.servers(shown(alice), alice.now())
    assert "silent" in [one.text for one in line.cells]
    alice.close()
    kept = (alice.deck.cache / "catalogue.json").read_text()
    assert "answers" not in kept
    assert "silent" not in kept
    assert shown(alice.at(alice.now()))["status"] == "live"


def test_endpoint_of_a_server_that_was_killed_or_ended_is_silent(root: Path) -> None:
    """SIGTERM is seen at once; a kill after half a minute without a beat."""
    with Server(root, "--user", "server") as server:
        server.until_live("1")
        with Workspace.open(root, user="alice") as alice:
            until(lambda: shown(alice)["status"] == "live", "the report")
            assert shown(alice)["servers"][0]["answers"]
            server.end()
            assert shown(alice)["status"] == "silent"


def command(*arguments: str) -> list[str]:
    """Return a command line of the program."""
    code = "import sys; from modeldeck_tui.cli import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code, *arguments]


def environment() -> dict[str, str]:
    """Return an environment in which both packages are found."""
    import modeldeck_tui

    known = processes.environment()
    path = str(Path(modeldeck_tui.__file__).parents[1])
    return {**known, "PYTHONPATH": os.pathsep.join([known["PYTHONPATH"], path])}


def test_serve_with_json_prints_where_it_listens(root: Path) -> None:
    """One document on stdout, as soon as requests are answered; an error is one as well."""
    arguments = command("-w", str(root), "serve", ENVIRONMENT, "--port", "0", "--json")
    with subprocess.Popen(
        arguments, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        found: dict[str, Any] = json.loads(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", found["port"]), timeout=10):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b""
    assert (found["environment"], found["pid"]) == (ENVIRONMENT, process.pid)
    assert found["url"] == f"http://{found['host']}:{found['port']}"
    arguments = ["-w", str(root), "serve", "nowhere", "--json"]
    code, out, _ = warm(COMMANDS).call(arguments, cwd=root, environment=environment(), timeout_s=60)
    error = json.loads(out)["error"]
    assert (code, error["exit_code"], error["type"]) == (3, 3, "NotFoundError")
    assert "nowhere" in error["message"]
