"""What a server does not follow: shortened chains, late approvals, hanging files, odd entries."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modeldeck.jobs.follow import Follower
from modeldeck.jobs.following.copies import Copies
from modeldeck.jobs.following.trial import Look, Trial
from modeldeck.services.deployments import Deployments
from modeldeck.serving.records import Records
from modeldeck.serving.registry import Registry
from modeldeck.store import places
from modeldeck.store.streams import Stream
from modeldeck.workspace import Workspace
from tests.serving.running import ENVIRONMENT, GOOD, Server, release, until

ENDPOINT = "churn@production"


def entries(root: Path) -> list[Path]:
    """Return the files of the ledger in order."""
    return sorted(places.ledger_folder(root).glob("*.json"))


def until_reported(root: Path) -> None:
    """Wait until the ledger says that the endpoint is live."""
    with Workspace.open(root, user="alice", is_read_only=True) as alice:

        def is_live() -> bool:
            return alice.deployments.show(ENDPOINT)["status"] == "live"

        until(is_live, "the report")


def test_server_restarted_on_a_shortened_chain_keeps_what_was_stopped_stopped(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the stop cut off, a server that acted on it serves nothing, and says why."""
    server = Server(root, "--user", "server")
    server.until_live("1")
    until_reported(root)
    with monkeypatch.context() as patch:  # somebody else's account stops it
        patch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
        with Workspace.open(root, user="alice") as alice:
            alice.deployments.stop(ENDPOINT, "harmful")
    until(lambda: not server.live(), "the stop")
    server.process.kill()
    server.process.wait()
    entries(root)[-1].unlink()
    with Server(root, "--user", "server") as again:
        until(lambda: not again.ask("GET", "/health").json["following"], "the refusal")
        assert again.live() == ""
        assert again.predict(GOOD).status == 503
        assert "modeldeck_following 0" in again.ask("GET", "/metrics").body.decode()
        assert "cannot be followed" in again.output.read_text()


def test_server_rolled_back_from_memory_has_a_copy_for_a_restart(serving: Server) -> None:
    """A rollback that needed no loading is served after a restart on a broken chain too."""
    until_reported(serving.root)
    release(serving.root, "churn@2")
    serving.until_live("2")
    until_reported(serving.root)
    with Workspace.open(serving.root, user="alice") as alice:
        alice.deployments.rollback(ENDPOINT, "bad")
    serving.until_live("1")
    until_reported(serving.root)
    serving.end()
    entries(serving.root)[-1].unlink()
    with Server(serving.root, "--user", "server") as again:
        again.until_live("1")
        assert again.predict(GOOD).status == 200


def test_server_of_a_workspace_whose_first_entry_is_torn_serves_its_copies(
    serving: Server,
) -> None:
    """Without a workspace id the copies are found by the workspace's folder."""
    until_reported(serving.root)
    serving.end()
    first = entries(serving.root)[0]
    first.chmod(0o644)
    first.write_bytes(first.read_bytes()[:-30])
    with Server(serving.root, "--user", "server") as again:
        again.until_live("1")
        assert again.predict(GOOD).status == 200


def test_release_whose_approval_expired_before_it_went_live_is_refused(root: Path) -> None:
    """A server that comes up long after serves nothing new, and reports why."""

    def old() -> datetime:
        return datetime.now(UTC) - timedelta(days=400)

    with Server(root, "--user", "server") as server:
        server.until_live("1")
        until_reported(root)
    with Workspace.open(root, user="alice", now=old) as alice:
        made = alice.releases.request("churn@2", ENVIRONMENT, reason="late")
    with Workspace.open(root, user="carol", now=old) as carol:
        carol.releases.approve(made["id"], "fine")
    with Server(root, "--user", "server") as server:
        until(lambda: "by this server's clock its approvals expired" in server.log(), "refusal")
        server.until_live("1")
    with Workspace.open(root, user="alice") as alice:
        assert alice.releases.show(made["id"])["status"] == "failed"


def following(root: Path, folder: Path, load: Look | None = None) -> Follower:
    """Return a follower that looks when it is told to, and tries versions in a way of its own."""
    workspace = Workspace.open(root, user="server")
    records = Records(lambda _model: folder, Stream)
    copies = Copies(folder / "copies")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # workers of pytest have threads
        trial = Trial(load, timeout_s=0.2) if load else Trial()
    return Follower(
        workspace, ENVIRONMENT, registry=Registry(), records=records, copies=copies, trial=trial
    )


@pytest.fixture
def follower(root: Path, tmp_path: Path) -> Iterator[Follower]:
    """Return a follower that looks when it is told to."""
    made = following(root, tmp_path)
    yield made
    made.close()
    made.records.close()
    made.workspace.close()


def test_server_begins_nothing_during_a_freeze_and_reports_why(
    root: Path, follower: Follower
) -> None:
    """What was decided before is not swapped in: the release fails, with the freeze's end."""
    file = root / "modeldeck.toml"
    frozen = 'approvals = 1\nfreeze = ["Mon - Sun"]\n'
    file.write_text(file.read_text().replace("approvals = 1\n", frozen))
    with Workspace.open(root, user="alice") as alice:
        assert alice.policies.adopt()
    follower.look()
    assert follower.registry.all() == []
    with Workspace.open(root, user="alice") as alice:
        release = alice.releases.list()[-1]
    assert release["status"] == "failed"
    assert "production is frozen until" in release["outdated_because"]


def test_follower_outlives_any_exception_and_says_it_once(
    follower: Follower, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that nobody thought of is told once, and the next look follows again."""
    looks = []
    good = follower.look

    def bad() -> None:
        looks.append(1)
        raise KeyError(7)

    monkeypatch.setattr(follower, "look", bad)
    monkeypatch.setattr("modeldeck.jobs.follow.LOOK_EVERY_S", 0.01)
    follower.start()
    until(lambda: len(looks) > 5, "some looks")
    assert "KeyError" in follower.registry.problem
    monkeypatch.setattr(follower, "look", good)
    until(lambda: follower.registry.get("churn"), "the version")
    until(lambda: not follower.registry.problem, "the end of the problem")
    follower.close()
    assert capsys.readouterr().err.count("cannot be followed") == 1


def hang(_folder: Path) -> dict[str, object]:
    """Never come back."""
    while True:
        signal.pause()


def crash(_folder: Path) -> dict[str, object]:
    """End as a process does that reads where it may not."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def test_version_that_hangs_is_refused_and_known_ones_are_not_tried_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that never loads costs one process its time; a version that loaded once none."""
    reports: list[str] = []

    def report(_self: Deployments, _typed: str, **about: object) -> None:
        reports.append(f"{about['outcome']} {about['reason']}")

    monkeypatch.setattr(Deployments, "report", report)
    for load, outcome, is_served in (
        (hang, "failed Process", False),
        (None, "ready", True),
        (hang, "ready", True),
    ):
        follower = following(root, tmp_path, load)
        follower.look()
        follower.close()
        follower.records.close()
        assert reports[-1].startswith(outcome)
        assert bool(follower.registry.all()) == is_served


def test_process_that_crashes_on_a_version_is_told_and_the_server_goes_on(
    root: Path, tmp_path: Path
) -> None:
    """What would bring the server down brings down the process that tries it."""
    follower = following(root, tmp_path, crash)
    follower.look()
    endpoint = follower.workspace.deployments.show(ENDPOINT)
    assert "signal 11" in str(endpoint["servers"])
    follower.close()
    follower.records.close()


def test_version_is_tried_afresh_where_the_process_for_it_was_killed(follower: Follower) -> None:
    """A server whose trial ended goes on to try versions, and to serve good ones."""
    os.kill(follower._trial._pid, signal.SIGKILL)
    follower.look()
    assert follower.registry.get("churn")


def test_head_is_remembered_before_a_version_answers(
    follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever kills the server between reading and acting wins nothing."""
    seen: list[str] = []

    def tried(*_about: object) -> None:
        known = json.loads((follower.copies.folder / "served.json").read_text())
        seen.append(known["head"])
        raise RuntimeError

    monkeypatch.setattr(follower, "_tried", tried)
    with follower.workspace.deck.reading() as state:
        head = state.head
    follower.look()
    assert seen == [head]


def test_server_that_is_killed_leaves_a_heartbeat_that_stops(serving: Server) -> None:
    """The file is there from the start, and after a clean end it says so."""
    (path,) = serving.root.glob(f"endpoints/{ENVIRONMENT}/heartbeat-server-*.json")
    known = json.loads(path.read_text())
    assert (known["member"], known["pid"], known["ended_at"]) == ("server", serving.process.pid, "")
    before = path.stat().st_mtime
    until(lambda: path.stat().st_mtime > before, "a beat")
    assert serving.end() == 0
    assert json.loads(path.read_text())["ended_at"]
    assert "ended" in serving.log()
