"""Taking in another workspace: once is twice, nothing is lost, its decisions decide nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeldeck.domain.entry import Json
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    TamperingError,
)
from modeldeck.services.founding import init
from modeldeck.store import files
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

LEDGER = ".modeldeck/ledger/*.json"


def taken(root: Path, other: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Take one workspace into another; return what was taken."""
    with Workspace.open(root) as workspace:
        return dict(workspace.moving.sync(other, **options))


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of a workspace but those on their way."""
    found = sorted(path for path in root.rglob("*") if path.is_file())
    hidden = (root / ".modeldeck" / "tmp", root / ".modeldeck" / "lock")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in found
        if not any(path.is_relative_to(one) for one in hidden)
    }


def version(root: Path, name: str, *, user: str, run: str = "") -> str:
    """Register a version whose only file says its name; return its id."""
    with Workspace.open(root, user=user) as workspace:
        objects = workspace.deck.objects
        digest = objects.put(name.encode())
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "model.skops", "digest": {"sha256": digest}}],
            "predicate": {"model": "churn", "run": run, "authors": [user]},
        }
        manifest = objects.put(files.dumps(statement))
        body: dict[str, Json] = {"manifest": manifest, "run": run, "authors": ["zoe"]}
        done = workspace.deck.commit("version.register", "model:churn", body=body)
        return done.entity.removeprefix("version:")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return another workspace, bob's, with two runs, a version and a remark."""
    root = tmp_path / "other"
    init(root, owner="bob")
    last = ""
    for name in ("one", "two"):
        with start_run("churn", name=name, workspace=root, user="bob", capture_output=False) as run:
            run.log({"loss": 0.5})
            run.log_artifact(name.encode(), "file.txt")
            last = run.id
    version(root, "first", user="bob", run=last)
    with Workspace.open(root, user="bob") as workspace:
        workspace.annotations.add(f"run:{last}", "looks good")
    return root


def test_sync_brings_runs_objects_and_versions(root: Path, other: Path) -> None:
    """Runs come whole, versions with their bytes, registered here by whoever took them in."""
    found = taken(root, other)
    assert (found["runs"], found["conflicts"], found["skipped"]) == (2, [], [])
    theirs, ours = contents(other), contents(root)
    assert all(ours[path] == data for path, data in theirs.items() if path.startswith("runs/"))
    assert [(one["there"], one["here"]) for one in found["versions"]] == [("churn@1", "churn@1")]
    with Workspace.open(root) as workspace:
        known = workspace.models.version("churn@1")
        assert (known["registered_by"], known["authors"]) == ("alice", ["zoe", "bob"])
        assert known["run"] in {one["id"] for one in workspace.runs.list()}
        assert workspace.models.verify("churn@1") == 1
        assert workspace.ledger_check.run(data=True)["ok"]
        assert workspace.annotations.list() == []


def test_sync_writes_one_entry_that_names_the_evidence(root: Path, other: Path) -> None:
    """The last entry has the other's id and head; its object lists the entries and what came."""
    found = taken(root, other)
    with Workspace.open(root) as workspace:
        last, *earlier = workspace.activity.list()
        assert last["action"] == "workspace.sync"
        assert last["text"] == "took in what was new in the workspace other"
        assert "workspace.sync" not in {one["action"] for one in earlier}
        body = json.loads(workspace.activity.entry(last["n"])["raw"])["body"]
        taken_object = json.loads(workspace.deck.objects.read(body["taken"]))
        entries = workspace.deck.objects.read(taken_object["entries"])
    with Workspace.open(other, user="bob") as workspace:
        assert (last["subject"], body["head"]) == (
            f"workspace:{workspace.id}",
            workspace.deck.state.head,
        )
    ledger = sorted((other / ".modeldeck" / "ledger").glob("*.json"))
    assert entries == b"".join(path.read_bytes() for path in ledger)
    assert len(taken_object["runs"]) == 2
    assert found["entry"] == last["n"]


def test_two_workspaces_merged_twice_are_as_after_once(root: Path, other: Path) -> None:
    """Each takes in the other; doing so again changes no file of either."""
    with start_run("mine", workspace=root, capture_output=False) as run:
        run.log({"acc": 1})
    version(root, "second", user="alice", run=run.id)
    taken(root, other)
    with Workspace.open(other, user="bob") as workspace:
        workspace.moving.sync(root)
    once = contents(root), contents(other)
    again = taken(root, other)
    with Workspace.open(other, user="bob") as workspace:
        back = workspace.moving.sync(root)
    assert (again["entry"], back["entry"]) == (0, 0)
    assert (contents(root), contents(other)) == once
    names = [{path for path in one if path.startswith("runs/")} for one in once]
    assert names[0] == names[1]
    for one in (root, other):
        with Workspace.open(one, user="alice", is_read_only=True) as workspace:
            assert len(workspace.models.versions("churn")) == 2


def test_sync_interrupted_at_any_run_goes_on(root: Path, other: Path) -> None:
    """Stopped between two runs, the next sync takes the rest and records it."""

    def stop(text: str) -> None:
        if text.startswith("run 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken(root, other, narrate=stop)
    found = taken(root, other)
    assert (found["runs"], found["there"], len(found["versions"])) == (1, 1, 1)
    assert found["entry"]


def test_live_run_of_the_other_is_refreshed_by_the_next_sync(root: Path, other: Path) -> None:
    """A run that goes on there goes on here with the next sync, and ends here when it did there."""
    run = start_run("live", workspace=other, user="bob", capture_output=False)
    run.log({"loss": 1.0})
    taken(root, other)
    with Workspace.open(root) as workspace:
        assert workspace.runs.show(run.id)["status"] == "running"
        run.log({"loss": 0.5})
        run.log_artifact(b"late", "late.txt")
        run.finish()
        found = workspace.moving.sync(other)
        assert (found["renewed"], found["conflicts"]) == (1, [])
        shown = workspace.runs.show(run.id)
        assert (shown["status"], shown["metrics"]["loss"]["last"]) == ("finished", 0.5)
        assert workspace.runs.files(run.id) == [("artifacts/late.txt", 4)]
    assert taken(root, other)["renewed"] == 0


def test_older_copy_of_an_own_run_changes_nothing(root: Path, other: Path) -> None:
    """A run of ours that the other holds as it once was stays as it is here."""
    run = start_run("mine", workspace=root, capture_output=False)
    run.log({"acc": 0.1})
    with Workspace.open(other, user="bob") as workspace:
        workspace.moving.sync(root)
    run.log({"acc": 0.9})
    run.finish()
    found = taken(root, other)
    assert (found["conflicts"], found["renewed"]) == ([], 0)
    with Workspace.open(root) as workspace:
        assert workspace.runs.show(run.id)["metrics"]["acc"]["last"] == 0.9


CHANGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "begun": ("run.json", lambda data: data.replace(b'"name":"one"', b'"name":"eno"')),
    "logged": ("metrics.jsonl", lambda data: data.replace(b"0.5", b"0.6")),
    "ended": ("end.json", lambda data: data.replace(b"finished", b"failed")),
    "longer": ("metrics.jsonl", lambda data: data + data),
}


@pytest.mark.parametrize("case", CHANGES)
def test_run_that_differs_here_is_a_conflict_and_stays(root: Path, other: Path, case: str) -> None:
    """Another beginning, other values, another end: told, and neither side is overwritten."""
    taken(root, other)
    name, change = CHANGES[case]
    path = next(
        one
        for one in other.glob(f"runs/*/*/{name}")
        if b'"one"' in (one.parent / "run.json").read_bytes()
    )
    path.write_bytes(change(path.read_bytes()))
    before = contents(root)
    found = taken(root, other)
    assert [one["what"] for one in found["conflicts"]] == [f"run {path.parent.name}"]
    assert contents(root) == before


def test_hostile_workspace_synced_gives_nothing_from_outside(root: Path, other: Path) -> None:
    """Links and pipes in runs and objects are skipped with a reason; the rest is taken."""
    secret = root.parent / "secret.txt"
    secret.write_text("secret")
    run, second = sorted(other.glob("runs/*/*"))
    (run / "artifacts" / "link").symlink_to(secret)
    os.mkfifo(run / "artifacts" / "pipe")
    (second / "run.json").unlink()
    (second / "run.json").symlink_to(secret)
    (other / "runs" / "2020-01").symlink_to(run.parent)
    copies = {hashlib.sha256(path.read_bytes()).hexdigest() for path in other.glob(LEDGER)}
    objects = [path for path in other.glob(".modeldeck/objects/*/*") if path.name not in copies]
    victim = max(objects, key=lambda path: path.stat().st_size)
    victim.chmod(0o644)
    victim.write_bytes(b"changed")
    found = taken(root, other)
    assert found["runs"] == 1
    reasons = {one["what"].rpartition("/")[2]: one["reason"] for one in found["skipped"]}
    assert "a link" in reasons["link"]
    assert "a pipe" in reasons["pipe"]
    assert "not a plain file" in reasons[f"run {second.name}"]
    assert "other bytes" in reasons[f"object {victim.name[:12]}"]
    assert all(b"secret" not in data for data in contents(root).values())


def test_sync_as_a_dry_run_writes_nothing(root: Path, other: Path) -> None:
    """What would be taken is counted; no file of either changes."""
    before = contents(root), contents(other)
    found = taken(root, other, is_dry=True)
    assert (found["runs"], len(found["versions"]), found["entry"]) == (2, 1, 0)
    assert (contents(root), contents(other)) == before


def test_sync_of_what_is_no_other_workspace_is_refused(
    root: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a copy of oneself, an older copy, and a changed history are each told apart."""
    older = root.parent / "older"
    shutil.copytree(other, older)
    with Workspace.open(other, user="bob") as workspace:
        workspace.annotations.add("churn@1", "more")
    taken(root, other)
    forked = root.parent / "forked"
    shutil.copytree(older, forked)
    monkeypatch.setenv("XDG_STATE_HOME", str(root.parent / "elsewhere"))
    with Workspace.open(forked, user="bob") as workspace:
        workspace.annotations.add("churn@1", "something else")
    copy = root.parent / "copy"
    shutil.copytree(root, copy)
    for path, kind in (
        (root.parent, NotFoundError),
        (root, InvalidInputError),
        (copy, InvalidInputError),
        (older, ConflictError),
        (forked, TamperingError),
    ):
        with pytest.raises(kind) as caught:
            taken(root, path)
        assert caught.value.hint


def test_sync_by_somebody_who_is_no_member_is_refused_first(root: Path, other: Path) -> None:
    """Who cannot record what was taken takes nothing."""
    before = contents(root)
    with Workspace.open(root, user="mallory") as workspace, pytest.raises(NotPermittedError):
        workspace.moving.sync(other)
    assert contents(root) == before


def test_sync_with_nothing_new_writes_nothing(root: Path, tmp_path: Path, other: Path) -> None:
    """Neither who founded another workspace, nor what cannot be taken from it, is news."""
    empty = tmp_path / "empty"
    init(empty, owner="bob")
    before = contents(root)
    found = taken(root, empty)
    assert (found["entry"], found["entries"]) == (0, 0)
    assert contents(root) == before
    version(other, "second", user="bob")
    with Workspace.open(other, user="bob") as workspace:
        manifest = workspace.deck.objects.path(workspace.models.version("churn@2")["manifest"])
    manifest.unlink()
    assert taken(root, other)["entry"]
    before = contents(root)
    again = taken(root, other)
    assert (again["entry"], again["versions"], len(again["skipped"])) == (0, [], 1)
    assert contents(root) == before


def test_sync_takes_decisions_alone_as_evidence_and_counts_them(root: Path, other: Path) -> None:
    """What was decided there since is kept, though no run, object or version came with it."""
    taken(root, other)
    with Workspace.open(other, user="bob") as workspace:
        workspace.shelf.archive([workspace.runs.list()[0]["id"]])
    found = taken(root, other)
    assert (found["runs"], found["objects"], found["entries"]) == (0, 0, 1)
    assert found["entry"]
    assert taken(root, other)["entry"] == 0


def frozen(root: Path, contents: bytes, *, user: str) -> None:
    """Add a version of the data "sales" with these contents."""
    with Workspace.open(root, user=user) as workspace:
        objects = workspace.deck.objects
        digest = objects.put(contents)
        description = objects.put(files.dumps({"files": {"sales.csv": digest}}))
        body: dict[str, Json] = {"digest": digest, "description": description, "reason": "May"}
        workspace.deck.commit("dataset.add", "dataset:sales", body=body)


def test_sync_brings_versions_of_data_with_their_contents(root: Path, other: Path) -> None:
    """They get the next number here; contents that a dataset has already are not two versions."""
    frozen(root, b"second", user="alice")
    frozen(other, b"first", user="bob")
    frozen(other, b"second", user="bob")
    found = taken(root, other)
    assert [(one["there"], one["here"]) for one in found["datasets"]] == [("sales@1", "sales@2")]
    with Workspace.open(root) as workspace, workspace.deck.reading() as state:
        data = state.dataset_versions["sales@2"]
        assert (data.reason, data.by) == ("May", "alice")
        assert workspace.deck.objects.read(data.digest) == b"first"
    assert taken(root, other)["entry"] == 0


def test_run_that_was_deleted_and_collected_here_does_not_come_back(
    root: Path, other: Path
) -> None:
    """Another workspace that still has it brings nothing new by that."""
    taken(root, other)
    with Workspace.open(root) as workspace:
        run = next(one["id"] for one in workspace.runs.list() if one["name"] == "one")
        workspace.shelf.delete([run])
        assert list(workspace.upkeep.gc(apply=True, grace="0s")["runs"]) == [run]
    before = contents(root)
    found = taken(root, other)
    assert (found["runs"], found["entry"]) == (0, 0)
    assert contents(root) == before
