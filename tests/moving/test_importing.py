"""Importing what MLflow kept: equal values, every trap, hostile trees, twice is once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from modeldeck.errors import DamageError, InvalidInputError, NotFoundError, NotPermittedError
from modeldeck.services.moving.reading import yaml
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.services.moving.reading.values import milliseconds, parameter_text
from modeldeck.store.files import number
from modeldeck.workspace import Workspace
from tests.moving.conftest import Write, meta, mlflow


def taken(root: Path, path: Path, **options: Any) -> dict[str, Any]:  # noqa: ANN401
    """Import a store; return what was taken."""
    with Workspace.open(root) as workspace:
        return dict(workspace.moving.take_mlflow(path, **options))


def as_mlflow(root: Path) -> dict[str, Any]:
    """Return what a workspace holds, in the words in which MLflow is asked in by_mlflow."""
    statuses = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
    found = {}
    with Workspace.open(root) as workspace:
        for run in workspace.runs.list():
            about: Any = workspace.runs.about(run["id"])["run"]
            history: dict[str, list[list[Any]]] = {}
            for one in workspace.runs.metrics(run["id"]):
                values: Any = one["metrics"]
                for key, value in values.items():
                    at: Any = one["at"]
                    point = [round(at * 1000), one["step"], repr(number(value))]
                    history.setdefault(key, []).append(point)
            found[about["mlflow"]["run_id"]] = {
                "experiment": about["mlflow"]["experiment"],
                "name": run["name"],
                "status": statuses[run["status"]],
                "start": milliseconds(run["started_at"]),
                "end": milliseconds(run["ended_at"]),
                "params": {key: parameter_text(one) for key, one in run["parameters"].items()},
                "tags": run["tags"],
                "latest": {key: repr(number(o["last"])) for key, o in run["metrics"].items()},
                "history": {key: sorted(points) for key, points in history.items()},
                "artifacts": [
                    path.removeprefix("artifacts/")
                    for path, _size in workspace.runs.files(run["id"])
                ],
            }
    return found


@pytest.mark.parametrize("store", ["files/mlruns", "database/mlflow.db"])
def test_store_made_by_mlflow_imported_has_equal_values(made: Path, root: Path, store: str) -> None:
    """Parameters, metrics with history, tags, artifacts, times and states come across unchanged."""
    kind = "file://" if store.startswith("files") else "sqlite:///"
    there = mlflow("read", f"{kind}{made / store}", cwd=made / store.partition("/")[0])
    found = taken(root, made / store)
    assert (found["runs"], found["experiments"]) == (3, 1)
    expected = {
        key: {name: value for name, value in one.items() if name not in {"stage", "user"}}
        for key, one in there.items()
        if one["stage"] == "active"
    }
    assert as_mlflow(root) == expected
    assert [one["reason"] for one in found["skipped"] if one["what"].startswith("run ")] == [
        "it was deleted in MLflow; --deleted takes it"
    ]


def test_nested_run_imported_names_its_parent(made: Path, root: Path) -> None:
    """The parent of a nested run is the run here that it became."""
    taken(root, made / "files")
    with Workspace.open(root) as workspace:
        by_name = {one["name"]: one for one in workspace.runs.list()}
    assert by_name["inner"]["parent"] == by_name["outer"]["id"]


def test_store_imported_twice_is_the_same_as_once(made: Path, root: Path) -> None:
    """A second import finds every run and remark, and changes no file and no entry."""
    taken(root, made / "files")
    before = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    again = taken(root, made / "files")
    assert (again["runs"], again["there"], again["versions"]) == (0, 3, 0)
    after = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    assert after == before


def test_dry_run_of_an_import_writes_nothing(made: Path, root: Path) -> None:
    """What would be taken is counted, and the workspace stays as it was."""
    before = sorted(root.rglob("*"))
    found = taken(root, made / "files", is_dry=True)
    assert (found["runs"], found["dry_run"]) == (3, True)
    assert sorted(root.rglob("*")) == before


def test_deleted_runs_imported_when_asked_for_are_there(made: Path, root: Path) -> None:
    """With ``with_deleted`` also the run that MLflow deleted is taken, as cancelled."""
    assert taken(root, made / "files", with_deleted=True)["runs"] == 4
    with Workspace.open(root) as workspace:
        assert len(workspace.runs.list(status="cancelled")) == 1


def test_version_without_files_imported_becomes_a_remark(made: Path, root: Path) -> None:
    """A version whose model is not there is told in a remark on its run, with its alias."""
    found = taken(root, made / "files")
    assert [one for one in found["skipped"] if one["what"] == "version Churn Model/1"]
    with Workspace.open(root) as workspace:
        texts = [one["text"] for one in workspace.annotations.list()]
    assert len(texts) == 1
    assert "version 1 of Churn Model (champion)" in texts[0]


TRAPS = {
    "repeated": ("5 0.5 1\n5 0.5 1\n6 0.4 2\n", [(0.5, 1), (0.4, 2)], 0.4),
    "old": ("5 0.5\n6 0.25\n", [(0.5, 0), (0.25, 0)], 0.25),
    "five": ("5 0.5 3 data abc\n", [(0.5, 3)], 0.5),
    "latest": ("9 1.0 1\n5 2.0 7\n6 0.5 7\n", [(2.0, 7), (0.5, 7), (1.0, 1)], 0.5),
    "words": ("5 inf 0\n6 -inf 1\n", [("Infinity", 0), ("-Infinity", 1)], "-Infinity"),
    "torn": ("5 0.5 1\n6 0.4 2\n7 0.", [(0.5, 1), (0.4, 2)], 0.4),
    "deep/er": ("5 0.5 1\n", [(0.5, 1)], 0.5),
}


@pytest.mark.parametrize("key", TRAPS)
def test_metric_file_with_a_trap_is_read_as_it_was_meant(
    write: Write, root: Path, key: str
) -> None:
    """Repeated, old, five-field, unordered, infinite and torn lines give the values logged."""
    text, expected, last = TRAPS[key]
    write(f"7/aa11/metrics/{key}", text)
    taken(root, root.parent / "mlruns")
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs.list()
        records: Any = workspace.runs.metrics(run["id"])
    assert [(one["metrics"][key], one["step"]) for one in records] == expected
    assert run["metrics"][key]["last"] == last


def test_run_that_still_runs_imported_again_is_brought_up_to_date(write: Write, root: Path) -> None:
    """A run without an end is refreshed by the next import, and ends with it."""
    write("7/aa11/meta.yaml", meta("aa11", status=1, end_time=None))
    write("7/aa11/metrics/loss", "5 0.5 1\n")
    assert taken(root, root.parent / "mlruns")["runs"] == 1
    with Workspace.open(root) as workspace:
        assert workspace.runs.list()[0]["status"] == "lost"
    write("7/aa11/meta.yaml", meta("aa11"))
    write("7/aa11/metrics/loss", "5 0.5 1\n6 0.25 2\n")
    assert taken(root, root.parent / "mlruns")["renewed"] == 1
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs.list()
    assert (run["status"], run["metrics"]["loss"]["last"]) == ("finished", 0.25)


def test_run_changed_after_it_ended_is_told_and_stays(write: Write, root: Path) -> None:
    """What MLflow changed in a run that had ended is reported, and nothing is overwritten."""
    taken(root, root.parent / "mlruns")
    write("7/aa11/tags/later", "x")
    found = taken(root, root.parent / "mlruns")
    assert [one["what"] for one in found["skipped"]] == ["changes of run aa11"]
    with Workspace.open(root) as workspace:
        assert workspace.runs.list()[0]["tags"] == {}


def test_hostile_tree_imported_is_refused_piece_by_piece(write: Write, root: Path) -> None:
    """Links, pipes, huge files and odd names are skipped with a reason; what is sound is taken."""
    secret = root.parent / "secret.txt"
    secret.write_text("secret")
    base = write("7/aa11/artifacts/good.txt", "good").parent
    (base / "link.txt").symlink_to(secret)
    (base / "folder").symlink_to(root.parent)
    os.mkfifo(base / "pipe")
    with (base / "huge").open("wb") as file:
        file.truncate(5 << 30)
    (base.parent / "params").mkdir()
    (base.parent / "params" / "stolen").symlink_to(secret)
    os.mkfifo(write("7/aa11/metrics/sound", "5 1.0 1\n").with_name("waits"))
    (root.parent / "mlruns" / "7" / "bb22").symlink_to(base.parent)
    write("7/cc33/meta.yaml", meta("../../../evil", status=3))
    write("7/dd44/meta.yaml", "run_id: &a [*a, *a]\n")
    write("7/ee55/meta.yaml", "a:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 400)))
    found = taken(root, root.parent / "mlruns")
    reasons = {one["what"]: one["reason"] for one in found["skipped"]}
    assert found["runs"] == 2
    assert "a link" in reasons["link.txt of run aa11"]
    assert "a link" in reasons["folder of run aa11"]
    assert "a pipe" in reasons["pipe of run aa11"]
    assert "larger than 4 GiB" in reasons["huge of run aa11"]
    assert "a link" in reasons["stolen of run aa11"]
    assert "a pipe" in reasons["waits of run aa11"]
    assert {"run dd44", "run ee55"} <= reasons.keys()
    kept = [path for path in (root / "runs").rglob("*") if path.is_file()]
    assert all(b"secret" not in path.read_bytes() for path in kept)
    assert [path.name for path in kept if "artifacts" in path.parts] == ["good.txt"]


def test_import_interrupted_between_runs_goes_on(write: Write, root: Path) -> None:
    """An import that was stopped keeps what it took, and the next one takes the rest."""
    write("7/bb22/meta.yaml", meta("bb22", start_time=1700000005000))

    def stop(text: str) -> None:
        if text.startswith("run 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taken(root, root.parent / "mlruns", narrate=stop)
    found = taken(root, root.parent / "mlruns")
    assert (found["runs"], found["there"]) == (1, 1)


def test_import_killed_while_it_writes_a_run_leaves_nothing_of_it(
    write: Write, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies between two files of a run leaves no run; the next import takes it."""
    write("7/aa11/artifacts/file.txt", "kept")
    child = os.fork()
    if not child:
        monkeypatch.setattr(Tree, "copy", lambda *_args: os._exit(9))
        with contextlib.suppress(BaseException):
            taken(root, root.parent / "mlruns")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with Workspace.open(root) as workspace:
        assert list(workspace.runs.list()) == []
    assert taken(root, root.parent / "mlruns")["runs"] == 1
    with Workspace.open(root) as workspace:
        (run,) = workspace.runs.list()
        assert workspace.runs.files(run["id"]) == [("artifacts/file.txt", 4)]


def test_experiments_whose_names_look_alike_here_stay_apart(write: Write, root: Path) -> None:
    """Two names of MLflow that become the same one here are two experiments."""
    write("8/meta.yaml", "artifact_location: x\nexperiment_id: '8'\nname: Churn\n")
    write("8/bb22/meta.yaml", meta("bb22"))
    assert taken(root, root.parent / "mlruns")["experiments"] == 2
    with Workspace.open(root) as workspace:
        assert len({one["experiment"] for one in workspace.runs.list()}) == 2


def test_import_into_a_read_only_workspace_is_refused(write: Write, root: Path) -> None:
    """Nothing is written where nothing may be; a dry run is still answered."""
    with Workspace.open(root, is_read_only=True) as workspace:
        with pytest.raises(NotPermittedError):
            workspace.moving.take_mlflow(root.parent / "mlruns")
        assert workspace.moving.take_mlflow(root.parent / "mlruns", is_dry=True)["runs"] == 1


def test_path_that_is_no_store_of_mlflow_is_refused(root: Path) -> None:
    """A folder, a text and a foreign database are refused with what to name instead."""
    (root.parent / "text").write_text("x")
    foreign = root.parent / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE cats (name)")
    connection.close()
    damaged = root.parent / "damaged.db"
    damaged.write_bytes(foreign.read_bytes()[:100] + b"\xff" * 5000)
    for path, kind in (
        (root, InvalidInputError),
        (root.parent / "nothing", NotFoundError),
        (root.parent / "text", InvalidInputError),
        (foreign, InvalidInputError),
        (damaged, DamageError),
    ):
        with pytest.raises(kind) as caught:
            taken(root, path)
        assert caught.value.hint


def test_database_imported_is_not_changed(made: Path, root: Path) -> None:
    """Reading a database writes neither into it nor beside it."""
    folder = made / "database"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    data = (folder / "mlflow.db").read_bytes()
    taken(root, folder / "mlflow.db")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert (folder / "mlflow.db").read_bytes() == data


@pytest.mark.parametrize(
    "text", ["a: &x 1\n", "a: [1]\n", "- a\n", "a\n", "a: 'x\n", "? a\n", 'a: "\\xZZ"\n']
)
def test_yaml_that_mlflow_never_writes_is_refused(text: str) -> None:
    """Anchors, flows, lists of nothing and torn quotes are errors, never guesses."""
    with pytest.raises(InvalidInputError):
        yaml.read(text.encode())
