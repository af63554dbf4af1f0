"""Prediction logs that are written to their end are sealed, and what changes then is found."""

from __future__ import annotations

import signal
from pathlib import Path

from modeldeck.domain.history.documents import VerifyDocument
from modeldeck.domain.history.seals import seals_of
from modeldeck.store import places
from modeldeck.workspace import Workspace
from tests.serving.running import ENVIRONMENT, GOOD, Server, until


def logs(root: Path) -> list[Path]:
    """Return the prediction logs of the endpoint."""
    folder = places.endpoint_folder(root, ENVIRONMENT, model="churn")
    return sorted(folder.glob("predictions-*.jsonl"), key=lambda path: path.stat().st_mtime_ns)


def sealed(root: Path) -> list[tuple[str, list[str]]]:
    """Return who sealed which files, entry after entry."""
    with Workspace.open(root, user="alice", is_read_only=True) as alice:
        lines = [one for one in alice.deck.state.activity if one.action == "predictions.seal"]
    assert not any(one.is_void for one in lines)
    return [(one.by, [str(seal["name"]) for seal in seals_of(one.body)]) for one in lines]


def verified(root: Path) -> VerifyDocument:
    """Verify the ledger and all data."""
    with Workspace.open(root, user="alice", is_read_only=True) as alice:
        return alice.ledger_check.run(data=True)


def test_predictions_that_are_changed_after_the_server_ended_are_named(serving: Server) -> None:
    """A byte more, less or other is a problem; a file that is gone is told."""
    assert serving.predict(GOOD).status == 200
    assert serving.end() == 0
    (path,) = logs(serving.root)
    assert sealed(serving.root) == [("server", [path.name])]
    assert verified(serving.root)["ok"]
    data = path.read_bytes()
    for changed in (data + b"{}\n", data[:-1], data.replace(b"41.0", b"14.0")):
        path.write_bytes(changed)
        (problem,) = verified(serving.root)["problems"]
        assert problem["kind"] == "predictions"
        assert path.name in problem["problem"]
    path.unlink()
    found = verified(serving.root)
    assert found["ok"]
    assert [one["kind"] for one in found["notes"]] == ["predictions"]


def test_what_a_killed_server_left_is_sealed_by_the_next_one(root: Path) -> None:
    """While it lives another server leaves its file alone."""
    with Server(root, "--user", "server") as first:
        first.until_live("1")
        assert first.predict(GOOD).status == 200
        until(lambda: logs(root), "the log")
        with Server(root, "--user", "server") as other:
            other.until_live("1")
            assert other.predict(GOOD).status == 200
        own = [path.name for path in logs(root) if f"-{other.process.pid}-" in path.name]
        assert sealed(root) == [("server", own)]
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(60)
    left = [path.name for path in logs(root) if path.name not in own]
    with Server(root, "--user", "server") as next_one:
        next_one.until_live("1")
        until(lambda: len(sealed(root)) > 1, "the seal")
    assert sealed(root) == [("server", own), ("server", left)]
    assert verified(root)["ok"]
