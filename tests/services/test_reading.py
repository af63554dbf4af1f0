"""Reading runs: comparing what really ran, everything about one, putting away, the catalogue."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modeldeck.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from modeldeck.services.founding import init
from modeldeck.store import files
from modeldeck.store import runs as store
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.cli.program import CONFIG

HOSTILE = "a\x1b]0;owned\x07 [/b] =1+1\n\u202e"
ARCHIVER = """
import sys
from modeldeck.errors import ConflictError
from modeldeck.workspace import Workspace
done = 0
with Workspace.open(sys.argv[1], user="ann") as workspace:
    for run in sys.argv[2:]:
        try:
            workspace.shelf.archive([run])
            done += 1
        except ConflictError:
            pass
print(done)
"""


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Return a workspace of ann, its owner, and bob, with three runs of ann's and one of bob's."""
    root = tmp_path / "team"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG)
    (root / "members.toml").write_text('[[members]]\nname = "bob"\n')
    init(root, owner="ann")
    for number in range(4):
        options = {"lr": number / 10, "depth": 3}
        user = "bob" if number == 3 else "ann"
        with start_run("churn", name=f"run {number}", workspace=root, user=user) as run:
            run.log_parameters(options)
            for step in range(3):
                run.log({"loss": number + 1 / (step + 1), "auc": 0.5}, step=step)
            run.log({"odd": float("nan")}, step=3)
    return root


def ids(workspace: Workspace) -> dict[str, str]:
    """Return the runs' ids by name."""
    every = workspace.runs.list(shelf=("archived", "deleted"))
    return {one["name"]: one["id"] for one in every}


def test_comparison_of_real_runs_says_what_differs(team: Path) -> None:
    """Parameters and metrics that differ, the uncommitted change of one, the best by direction."""
    with Workspace.open(team, user="ann") as workspace:
        runs = ids(workspace)
        folder = workspace.runs.folder(runs["run 1"])
        (folder / "code.diff").write_text("diff --git a/x.py b/x.py\n+new\n")
        (folder / "environment.json").write_text('{"cuda": "12.4"}')
        found = workspace.reading.compare([runs["run 0"][-6:], runs["run 1"]])
        named = {(one["kind"], one["name"]): one for one in found["different"]}
        assert named["metric", "loss"]["best"] == [runs["run 0"]]
        assert ("metric", "auc") not in named
        assert ("metric", "odd") not in named
        assert ("parameter", "depth") not in named
        assert named["parameter", "lr"]["values"] == {runs["run 0"]: 0.0, runs["run 1"]: 0.1}
        assert named["environment", "cuda"]["values"][runs["run 0"]] is None
        assert ("code", "uncommitted x.py") in named
        for wrong in ([runs["run 0"]], [runs["run 0"]] * 2, []):
            with pytest.raises(UsageError, match="Two to"):
                workspace.reading.compare(wrong)
        with pytest.raises(NotFoundError, match="nothing"):
            workspace.reading.compare([runs["run 0"], "nothing"])


def test_detail_of_a_run_holds_all_that_its_folder_says(team: Path) -> None:
    """Artifacts with sizes, what the machine did, remarks, children, and nothing through a link."""
    with Workspace.open(team, user="ann") as workspace:
        run = ids(workspace)["run 2"]
        with start_run("churn", name=HOSTILE, workspace=team, user="ann", parent=run) as child:
            pass
        folder = workspace.runs.folder(run)
        (folder / "artifacts").mkdir(exist_ok=True)
        (folder / "artifacts" / "plot.txt").write_text("12345")
        lines = [{"at": n, "cpu": n, "gpu": {"memory": n * 2}, "host": "x"} for n in (1, 3, 2)]
        (folder / "system.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
        secret = team.parent / "secret"
        secret.write_text("diff --git a/x b/x\n+secret\n")
        (folder / "code.diff").symlink_to(secret)
        workspace.annotations.add(f"run:{run}", "look here")
        found = workspace.reading.detail(run[-6:])
        assert {"path": "artifacts/plot.txt", "size_bytes": 5} in found["artifacts"]
        assert found["system"]["cpu"] == {"last": 2.0, "mean": 2.0, "max": 3.0}
        assert found["system"]["gpu.memory"]["max"] == 6.0
        assert [one["text"] for one in found["annotations"]] == ["look here"]
        assert [(one["id"], one["name"]) for one in found["children"]] == [(child.id, HOSTILE)]
        assert not any("uncommitted" in name for name in found["code"])
        assert found["goals"] == {"loss": "min", "auc": "max", "odd": "max"}


def test_points_are_every_value_in_order(team: Path) -> None:
    """Chosen metrics in the order asked for, NaN as text; an unknown one names the nearest."""
    with Workspace.open(team, user="ann") as workspace:
        run = ids(workspace)["run 1"]
        found = workspace.reading.points(run)
        assert len(found) == 7
        assert [one["value"] for one in workspace.reading.points(run, ["odd", "loss"])] == [
            *("NaN", 2.0, 1.5, 1 + 1 / 3)
        ]
        assert all(one["at"].endswith("Z") for one in found)
        with pytest.raises(NotFoundError, match="loss is the nearest"):
            workspace.reading.points(run, ["los"])


def test_runs_put_away_leave_lists_and_come_back(team: Path) -> None:
    """For every process that reads the ledger, and in the past as it was then."""
    with Workspace.open(team, user="ann") as workspace:
        runs = ids(workspace)
        done = workspace.shelf.archive([runs["run 0"], runs["run 1"][-6:]], reason="old")
        assert len(done["entries"]) == 1
        workspace.shelf.delete([runs["run 2"]])
        before = str(workspace.deck.state.n)
        assert [one["name"] for one in workspace.runs.list()] == ["run 3"]
        assert len(workspace.runs.list(where="is:archived")) == 2
        assert workspace.runs.show(runs["run 2"])["deleted_at"]
        assert workspace.activity.list(1)[0]["text"] == f"deleted run {runs['run 2'][-6:]}"
        assert workspace.runs.folder(runs["run 2"]).is_dir()
    with Workspace.open(team, user="bob") as other:
        assert [one["name"] for one in other.runs.list()] == ["run 3"]
        other.shelf.unarchive([runs["run 0"]])
        with pytest.raises(NotPermittedError, match="Only ann or an owner"):
            other.shelf.delete([runs["run 0"], runs["run 3"]])
        assert len(other.runs.list()) == 2
        other.shelf.delete([runs["run 3"]])
    with Workspace.open(team, user="ann") as workspace:
        workspace.shelf.undelete([runs["run 2"], runs["run 3"]])
        assert len(workspace.runs.list()) == 3
        assert len(workspace.at(before).runs.list()) == 1


def test_children_go_with_their_parent_when_asked(team: Path) -> None:
    """A search's candidates are put away with it; those that are away already are left out."""
    with Workspace.open(team, user="ann") as workspace:
        parent = ids(workspace)["run 0"]
        children = []
        for _ in range(3):
            with start_run("churn", workspace=team, user="ann", parent=parent) as child:
                children.append(child.id)
        workspace.shelf.archive(children[:1])
        done = workspace.shelf.archive([parent], has_children=True)
        assert set(done["runs"]) == {parent, *children[1:]}


def test_running_run_is_not_deleted(team: Path) -> None:
    """It is stopped first."""
    with (
        start_run("churn", workspace=team, user="ann") as run,
        Workspace.open(team, user="ann") as workspace,
        pytest.raises(ConflictError, match="is running"),
    ):
        workspace.shelf.delete([run.id])


def test_two_processes_archive_each_run_once(team: Path) -> None:
    """Who comes second is told so; nothing is archived twice and nothing is lost."""
    with Workspace.open(team, user="ann") as workspace:
        runs = sorted(ids(workspace).values())
    command = [sys.executable, "-c", ARCHIVER, str(team)]
    orders = (runs, runs[::-1])
    both = [subprocess.Popen([*command, *one], stdout=subprocess.PIPE) for one in orders]
    counts = [int(one.communicate(timeout=60)[0]) for one in both]
    assert sum(counts) == len(runs)
    with Workspace.open(team, user="ann") as workspace:
        assert not workspace.runs.list()
        assert set(workspace.deck.state.archived) == set(runs)
        assert not any(one["void"] for one in workspace.activity.list())


def test_catalogue_is_opened_without_looking_at_runs_that_ended(
    team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A settled month costs one look at its folder; a new run, and a removed one, are noticed."""
    with Workspace.open(team, user="ann") as workspace:
        workspace.deck.runs._now = lambda: 4e9  # the folder changed long ago
        assert len(workspace.runs.list()) == 4
    looked: list[str] = []

    def reading(path: Path, limit: int, *, read: Any = files.read_bytes) -> object:  # noqa: ANN401 -- the true one
        looked.append(str(path))
        return read(path, limit)

    def names(folder: Path) -> list[str]:
        looked.append(f"{folder}/")
        return sorted(one.name for one in folder.iterdir())

    monkeypatch.setattr(files, "read_bytes", reading)
    monkeypatch.setattr(store, "_names", names)
    with Workspace.open(team, user="ann") as workspace:
        assert len(workspace.runs.list()) == 4
        assert [one for one in looked if "/runs/2" in one] == []
        with start_run("churn", workspace=team, user="ann") as run:
            assert run.id in {one["id"] for one in workspace.runs.list()}
        run.folder.rename(team / "elsewhere")
        assert len(workspace.runs.list()) == 4
