"""How a server follows the ledger: swaps, failures, damage, stops, restarts, and the end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from pathlib import Path

import pytest

from modeldeck.store import places
from modeldeck.workspace import Workspace
from tests.serving.running import ENVIRONMENT, GOOD, Server, expected, release, run_serve, until

ENDPOINT = "churn@production"


class Load(threading.Thread):
    """Asks over one connection, again and again, and keeps what came back."""

    def __init__(self, server: Server, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.stop = stop
        self.answers: list[tuple[int, str, object]] = []
        self.problems: list[str] = []

    def run(self) -> None:
        connection = self.server.connection()
        body = json.dumps({"rows": [GOOD]})
        while not self.stop.is_set():
            try:
                head = {"Content-Type": "application/json"}
                connection.request("POST", "/predict/churn", body, head)
                response = connection.getresponse()
                found = json.loads(response.read())
                self.answers.append((response.status, str(found.get("version")), found))
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(repr(error))
                connection.close()
        connection.close()


def status_of(root: Path, release_id: str) -> str:
    """Return a release's status."""
    with Workspace.open(root, user="alice") as alice:
        return alice.releases.show(release_id)["status"]


def test_swap_under_load_drops_nothing_and_mixes_nothing(serving: Server) -> None:
    """While version 2 takes over, every request is answered, by one version as a whole."""
    stop = threading.Event()
    loads = [Load(serving, stop) for _ in range(4)]
    for load in loads:
        load.start()
    identifier = release(serving.root, "churn@2")
    until(lambda: status_of(serving.root, identifier) == "live", "the release to be live")
    serving.until_live("2")
    until(lambda: all(one.answers and one.answers[-1][1] == "2" for one in loads), "version 2")
    with Workspace.open(serving.root, user="alice") as alice:
        alice.deployments.rollback(ENDPOINT, "back again", to="churn@1")
    until(lambda: all(one.answers[-1][1] == "1" for one in loads), "version 1 again")
    stop.set()
    for load in loads:
        load.join(10)
    assert [one.problems for one in loads] == [[], [], [], []]
    known = {
        number: expected(serving.root, f"churn@{number}", rows=[GOOD])[0]["probability"]
        for number in ("1", "2")
    }
    answers = [answer for one in loads for answer in one.answers]
    for status, number, found in answers:
        assert status == 200
        assert isinstance(found, dict)
        assert found["outputs"][0]["probability"] == pytest.approx(known[number])
    assert serving.end() == 0
    assert len({one["id"] for one in serving.records()}) >= len(answers)


def test_versions_that_fail_or_are_damaged_leave_the_old_one_serving(serving: Server) -> None:
    """Another library's version and one with a changed byte are reported failed."""
    identifier = release(serving.root, "churn@3")
    until(lambda: status_of(serving.root, identifier) == "failed", "the release to fail")
    assert serving.predict(GOOD).status == 200
    until(lambda: "scikit-learn 0.20.0" in serving.log(), "the reason in the log")
    with Workspace.open(serving.root, user="alice") as alice:
        made = alice.releases.request("churn@2", ENVIRONMENT, reason="test")
        manifest = json.loads(alice.deck.objects.read(made["manifest"]))
        digest = next(
            one["digest"]["sha256"] for one in manifest["subject"] if one["name"] == "model.skops"
        )
        path = alice.deck.objects.path(digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with Workspace.open(serving.root, user="carol") as carol:
        carol.releases.approve(made["id"], "fine")
    until(lambda: status_of(serving.root, made["id"]) == "failed", "the release to fail")
    assert serving.live() == "1"


def test_stopped_endpoint_answers_503_with_retry_after(serving: Server) -> None:
    """After a stop nothing is predicted, and whoever asks is told to come again."""
    with Workspace.open(serving.root, user="alice") as alice:
        alice.deployments.stop(ENDPOINT, "out of order")
    until(lambda: not serving.live(), "the endpoint to stop")
    reply = serving.predict(GOOD)
    assert (reply.status, "retry-after" in reply.headers) == (503, True)
    ready = serving.ask("GET", "/v2/models/churn/ready")
    assert (ready.status, ready.json) == (503, {"name": "churn", "ready": False})


def test_ledger_that_is_broken_leaves_the_server_and_a_new_one_serving(serving: Server) -> None:
    """With an entry forged, what was served goes on, also after a restart from the own copy."""
    release(serving.root, "churn@2")
    serving.until_live("2")
    entries = sorted(places.ledger_folder(serving.root).iterdir())
    until(lambda: "answers" in serving.log() or serving.live() == "2", "the log")
    entries[3].chmod(0o644)
    entries[3].write_bytes(entries[3].read_bytes().replace(b"alice", b"mallo"))
    assert serving.predict(GOOD).status == 200
    assert serving.end() == 0
    with Server(serving.root, "--user", "server") as again:
        again.until_live("2")
        assert again.predict(GOOD).status == 200


def test_restart_of_a_server_that_reported_adds_no_entry(serving: Server) -> None:
    """What is live and reported already is served again without another entry."""
    with Workspace.open(serving.root, user="alice") as alice:

        def is_live() -> bool:
            return alice.deployments.show(ENDPOINT)["status"] == "live"

        until(is_live, "the report")
        serving.end()
        alice.refresh()
        before = alice.activity.list()[0]["n"]
    with Server(serving.root, "--user", "server") as again:
        again.until_live("1")
        again.end()
    with Workspace.open(serving.root, user="alice") as alice:
        assert alice.activity.list()[0]["n"] == before


def test_port_in_use_is_told_with_exit_code_12(root: Path) -> None:
    """A taken port ends the server at once, with a sentence and a way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["--workspace", str(root), "--environment", ENVIRONMENT, "--port", port]
        done = run_serve(*arguments)
    assert done.returncode == 12
    assert f"Port {port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_address_beyond_this_machine_needs_a_token(root: Path) -> None:
    """Without MODELDECK_TOKEN nothing is listened on but loopback."""
    done = run_serve("--workspace", str(root), "--environment", ENVIRONMENT, "--host", "0.0.0.0")  # noqa: S104 -- it is refused
    assert done.returncode == 6
    assert "MODELDECK_TOKEN" in done.stderr


def test_environment_that_is_unknown_is_told(root: Path) -> None:
    """An environment that the policy does not know ends the server with its exit code."""
    done = run_serve("--workspace", str(root), "--environment", "nowhere", "--port", "0")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_end_while_requests_run_answers_them_first(serving: Server) -> None:
    """SIGTERM answers what was asked, writes the log to its end, and exits with 0."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=10) as raw:
        body = json.dumps({"rows": [GOOD] * 500}).encode()
        raw.sendall(b"POST /predict/churn HTTP/1.1\r\nHost: localhost\r\n")
        raw.sendall(b"Content-Type: application/json\r\n")
        raw.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        until(lambda: serving.ask("GET", "/health").status == 200, "the request to be read")
        assert serving.end() == 0
        answer = raw.recv(64)
    assert answer.startswith(b"HTTP/1.1 200")
    assert len(serving.records()[-1]["inputs"]) == 500
    assert not list(serving.root.glob(f"endpoints/{ENVIRONMENT}/server-*.json"))
