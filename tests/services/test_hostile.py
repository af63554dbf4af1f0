"""What colleagues, copies and damaged caches may leave behind, and what the services make of it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from modeldeck.domain.entry import Intent, Json, entry_bytes
from modeldeck.errors import InvalidInputError, UnavailableError
from modeldeck.services.base import processes
from modeldeck.services.founding import init
from modeldeck.store import files, places, witness
from modeldeck.store.ledger import entry_path
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace

AT = "2026-11-25T15:00:00.000000Z"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a fresh workspace of ann's."""
    init(tmp_path / "small", owner="ann", trust="claimed")
    return tmp_path / "small"


def put(root: Path, action: str, subject: str, *, body: dict[str, Json], by: str) -> int:
    """Write an entry by hand, whatever the rules say; return its number."""
    with Workspace.open(root, user="ann") as workspace, workspace.deck.reading() as state:
        n, head, here = state.n + 1, state.head, state.workspace
    intent = Intent(uuid.uuid4().hex, by, action, subject, body, here, head)
    data = entry_bytes(intent, n=n, prev=head, at=AT, host="h")
    assert files.write_new(entry_path(root, n), data)
    return n


def test_copy_of_a_workspace_shows_its_own_runs(small: Path) -> None:
    """A copy has the same id, and goes on apart: its run has not ended, whatever the original's."""
    run = start_run("e", workspace=small, user="ann", capture_output=False)
    copy = small.with_name("copy")
    shutil.copytree(small, copy)
    run.finish("failed")
    with Workspace.open(small, user="ann") as workspace:
        assert [one["status"] for one in workspace.runs.list()] == ["failed"]
    with Workspace.open(copy, user="ann") as workspace:
        assert [one["status"] for one in workspace.runs.list()] == ["running"]
    with Workspace.open(small, user="ann") as workspace:
        assert [one["status"] for one in workspace.runs.list()] == ["failed"]


@pytest.mark.parametrize("name", ["catalogue.json", "runs.json"])
@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.replace(b'"name":', b'"nane":').replace(b'"id":', b'"ix":'),
        lambda whole: whole.replace(b"failed", b"faiied").replace(b"false", b"true"),
        lambda whole: b"\n".join(whole.split(b"\n")[:2]),
        lambda whole: whole.split(b"\n")[0],
        lambda whole: b"",
    ],
)
def test_damaged_cache_is_built_anew(
    small: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    """Nothing that a damaged file says is shown, and nobody has to remove it."""
    for _ in range(2):
        start_run("e", workspace=small, user="ann", capture_output=False).finish("failed")
    with Workspace.open(small, user="ann") as workspace:
        before = [*workspace.members.list()], [*workspace.runs.list()]
        path = workspace.deck.cache / name
    changed = change(path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with Workspace.open(small, user="ann") as workspace:
        assert ([*workspace.members.list()], [*workspace.runs.list()]) == before


def test_void_entry_names_nothing_that_must_exist(small: Path) -> None:
    """Verifying holds, whatever digests a stranger writes down; an entry that counts is checked."""
    body: dict[str, Json] = {"manifest": "a" * 64, "run": "", "authors": []}
    put(small, "version.register", "model:m", body=body, by="eve")
    with Workspace.open(small, user="ann") as workspace:
        assert workspace.activity.list(1)[0]["void"]
        assert workspace.ledger_check.run()["problems"] == []
    n = put(small, "version.register", "model:m", body=body, by="ann")
    with Workspace.open(small, user="ann") as workspace:
        assert [one["n"] for one in workspace.ledger_check.run()["problems"]] == [n]


@pytest.mark.parametrize("part", ["artifacts/model", "artifacts", "."])
def test_model_folder_that_is_a_link_is_not_registered(root: Path, part: str) -> None:
    """Whoever wrote a run cannot make others publish what only they may read."""
    with Workspace.open(root, user="alice") as workspace:
        run = workspace.runs.list()[0]
        folder = workspace.deck.runs.folder(run["id"])
        outside = root.with_name("outside")
        shutil.move(folder / part, outside)
        (folder / part).symlink_to(outside)
        private = next(outside.rglob("model.skops")).with_name("private.txt")
        private.write_text("secret")
        with pytest.raises(InvalidInputError, match="is a link"):
            workspace.models.register(run["id"], "other")
    stored = places.objects_folder(root).rglob("*")
    assert not any(path.is_file() and path.read_bytes() == b"secret" for path in stored)


def test_head_seen_before_that_cannot_be_read_is_not_forgotten(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it cannot be read nothing is written, and no lower head takes its place."""
    with Workspace.open(small, user="ann") as workspace:
        witness.remember(workspace.deck.state)
        path = places.user_state() / "heads" / f"{workspace.id}.json"
        before = path.read_bytes()

        def unreadable(path: Path, limit: int) -> bytes:
            raise UnavailableError(os.strerror(errno.EMFILE))

        with monkeypatch.context() as patch:
            patch.setattr(files, "read_bytes", unreadable)
            assert "Too many open files" in workspace.read_only_because
            workspace.deck.state.n += 1
            witness.remember(workspace.deck.state)
            workspace.deck.state.n -= 1
        assert path.read_bytes() == before
        assert workspace.read_only_because == ""


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_log_of_a_job_is_a_plain_file(tmp_path: Path, kind: str) -> None:
    """A job's output neither follows a link nor waits at a pipe."""
    log = tmp_path / "log"
    if kind == "pipe":
        os.mkfifo(log)
    else:
        log.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnavailableError):
        processes.spawn("inspect", [], root=tmp_path, log=log)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.usefixtures("fresh")
def test_job_that_cannot_be_started_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without descriptors it is said so."""

    def refuse(*args: object, **options: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(subprocess, "run", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(UnavailableError, match="Too many open files"):
        processes.ask("inspect", [], root=tmp_path)
    with pytest.raises(UnavailableError, match="Too many open files"):
        processes.spawn("inspect", [], root=tmp_path)
