"""Starting runs: blocks in blocks, decorators, runs that go on, runs outside of a workspace."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import modeldeck
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from modeldeck.store.records import parse_record
from modeldeck.tracking import opening, start_run
from modeldeck.tracking.artifacts import begin
from modeldeck.workspace import Workspace

PATIENCE_S = 60.0


def begun(run: modeldeck.Run) -> Any:  # noqa: ANN401 -- JSON
    """Return what a run's run.json says."""
    return json.loads((run.folder / "run.json").read_text())


def quiet(root: Path, experiment: str = "churn", **options: Any) -> modeldeck.Run:  # noqa: ANN401
    """Start a run that leaves the output alone."""
    return modeldeck.start_run(experiment, workspace=root, capture_output=False, **options)


def test_run_inside_another_is_its_child(root: Path) -> None:
    """By default the parent is the innermost block; it may be named, or be none."""
    with quiet(root) as outer:
        with quiet(root) as inner:
            assert modeldeck.active_run() is inner
            assert begun(quiet(root, parent=outer))["parent"] == outer.id
            assert begun(quiet(root, parent=""))["parent"] == ""
        assert modeldeck.active_run() is outer
    assert modeldeck.active_run() is None
    assert begun(inner)["parent"] == outer.id
    assert begun(outer)["parent"] == ""
    assert begun(quiet(root))["parent"] == ""


def test_block_is_active_in_its_own_thread_and_task_alone(root: Path) -> None:
    """Another thread's runs have no parent; two tasks at once each have their own."""
    found: dict[str, object] = {}

    async def task(name: str) -> None:
        with quiet(root, name=name) as run:
            await asyncio.sleep(0)
            found[name] = modeldeck.active_run() is run

    async def both() -> None:
        await asyncio.gather(task("a"), task("b"))

    with quiet(root):
        thread = threading.Thread(
            target=lambda: found.update(thread=(modeldeck.active_run(), begun(quiet(root))))
        )
        thread.start()
        thread.join()
    asyncio.run(both())
    assert found["thread"] == (None, found["thread"][1])  # type: ignore[index]
    assert found["thread"][1]["parent"] == ""
    assert found["a"] is found["b"] is True


def test_helpers_log_to_the_active_run(root: Path) -> None:
    """Module-level functions do what the run's methods do; outside of runs they say so."""
    with quiet(root) as run:
        modeldeck.log({"loss": 0.5}, 3)
        modeldeck.log_parameters({"a": {"b": 1}})
        modeldeck.set_tags({"data": "june"})
        modeldeck.log_artifact({"k": [1, 2]}, "k.json")
    ended = json.loads((run.folder / "end.json").read_text())
    assert (ended["parameters"], ended["tags"]) == ({"a.b": 1}, {"data": "june"})
    assert ended["metrics"]["loss"]["step"] == 3
    assert json.loads((run.folder / "artifacts" / "k.json").read_text()) == {"k": [1, 2]}
    with pytest.raises(ConflictError, match="No run is active"):
        modeldeck.log({"loss": 1.0})


def test_decorated_function_is_a_run_at_each_call(root: Path) -> None:
    """Named arguments become parameters if asked; result, error and name are the function's."""

    @modeldeck.start_run("deco", workspace=root, capture_output=False, log_arguments=True)
    def train(rows: list[int], *, depth: int = 3, rates: dict[str, float] | None = None) -> int:
        """Train."""
        modeldeck.log({"rows": len(rows)})
        if depth < 0:
            raise ZeroDivisionError
        return depth + 1

    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.list() == []
        assert (train([1, 2], depth=7), train.__name__, train.__doc__) == (8, "train", "Train.")
        train([], rates={"lr": 0.1})
        with pytest.raises(ZeroDivisionError):
            train([], depth=-1)
        found = {one["parameters"]["depth"]: one for one in workspace.runs.list()}
    assert found[7]["parameters"] == {"depth": 7, "rates": "None"}
    assert found[3]["parameters"] == {"depth": 3, "rates.lr": 0.1}
    assert found[-1]["status"] == "failed"
    assert found[7]["metrics"]["rows"]["last"] == 2


def test_decorator_without_source_starts_nothing_that_stays(root: Path) -> None:
    """Where the line cannot be read, the run that was begun is taken back."""
    names: dict[str, Any] = {"root": root}
    exec(  # noqa: S102 -- code without a file is the point
        "import modeldeck\n"
        "@modeldeck.start_run('deco', workspace=root, capture_output=False)\n"
        "def train():\n    return modeldeck.active_run().id\n",
        names,
    )
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.list() == []
        run_id = names["train"]()
        assert [one["id"] for one in workspace.runs.list()] == [run_id]


def test_decorated_coroutine_is_a_run_and_a_generator_is_refused(root: Path) -> None:
    """A coroutine's run lasts until it returns; nobody knows when a generator ends."""

    @modeldeck.start_run("deco", workspace=root, capture_output=False)
    async def train() -> bool:
        await asyncio.sleep(0)
        return modeldeck.active_run() is not None

    assert asyncio.run(train())
    run = quiet(root)
    with pytest.raises(InvalidInputError, match="generator"):

        @run
        def steps() -> Any:  # noqa: ANN401
            yield 1


def test_used_run_cannot_decorate(root: Path) -> None:
    """A run that has records belongs to nobody's call."""
    run = quiet(root)
    run.log({"a": 1})
    with pytest.raises(ConflictError, match="used already"):
        run(lambda: None)
    run.finish()


def test_definitions_notes_and_documents_come_later_too(root: Path) -> None:
    """What is said during a run stands in its end, and a reader sees it meanwhile."""
    with Workspace.open(root, user="ann") as workspace:
        with quiet(root) as run:
            for loss in (0.5, 0.2, 0.4):
                run.log({"regret": loss})
            assert workspace.runs.show(run.id)["metrics"]["regret"]["best"] == 0.5
            run.define_metrics({"regret": modeldeck.MetricDefinition("min", "pts", 0.1)})
            run.note("the second epoch was cut short")
            assert run.log_document("# Read me", "notes/read.md").read_text() == "# Read me"
            live = workspace.runs.show(run.id)
            with pytest.raises(InvalidInputError, match="goal"):
                run.define_metrics({"regret": "down"})
        ended = workspace.runs.show(run.id)
    for found in (live, ended):
        assert found["metrics"]["regret"]["best"] == 0.2
        assert found["notes"] == ["the second epoch was cut short"]
    definitions = json.loads((run.folder / "end.json").read_text())["definitions"]
    assert definitions == {"regret": {"goal": "min", "unit": "pts", "target": 0.1}}


class Figure:
    """What is known of a figure of Matplotlib."""

    def savefig(self, buffer: Any, *, format: str) -> None:  # noqa: A002, ANN401
        """Draw."""
        if format == "txt":
            msg = "Format 'txt' is not supported"
            raise ValueError(msg)
        buffer.write(format.encode())


class Page:
    """What is known of a figure of Plotly."""

    def to_plotly_json(self) -> dict[str, object]:
        """Return its data."""
        return {}

    def to_json(self) -> str:
        """Return its text."""
        return "{}"

    def to_html(self, *, include_plotlyjs: str) -> str:
        """Return its page."""
        return f"<html>{include_plotlyjs}"


def test_figures_and_values_are_kept_as_their_names_say(root: Path) -> None:
    """The ending is the format; what cannot be kept is refused with the way out."""
    with quiet(root) as run:
        assert run.log_artifact(Figure(), "a.svg").read_text() == "svg"
        assert run.log_artifact(Page(), "b.html").read_text() == "<html>cdn"
        assert run.log_artifact(Page(), "b.json").read_text() == "{}"
        assert json.loads(run.log_artifact([1, float("nan")], "c.json").read_text()) == [1, "NaN"]
        with pytest.raises(InvalidInputError, match="not supported"):
            run.log_artifact(Figure(), "a.txt")
        with pytest.raises(InvalidInputError, match="cannot be kept"):
            run.log_artifact(object(), "d")


def test_run_that_ended_goes_on_until_its_next_end(root: Path) -> None:
    """Readers that knew the end see it run, with all records; then the new end, also later."""
    with quiet(root, parameters={"lr": 0.1}) as run:
        run.log({"loss": 0.5})
        run.set_tags({"a": "1"})
    reader = Workspace.open(root, user="ann")
    assert [one["status"] for one in reader.runs.list()] == ["finished"]
    reader.close()  # keeps what it read for the next one
    with Workspace.open(root, user="ann") as second:
        assert second.runs.list()[0]["metrics"]["loss"]["last"] == 0.5
        again = modeldeck.start_run(
            resume=run.id[-6:],
            workspace=root,
            parameters={"lr": 0.1, "rows": 3},
            capture_output=False,
        )
        assert (again.id, again.experiment) == (run.id, "churn")
        for workspace in (reader, second, Workspace.open(root, user="ann")):
            assert workspace.runs.list()[0]["status"] == "running"
        assert json.loads((run.folder / "end.json").read_text())["status"] == "finished"
        again.log({"loss": 0.25})
        again.finish("failed")
        for workspace in (reader, second, Workspace.open(root, user="ann")):
            found = workspace.runs.list()[0]
            assert (found["status"], found["resumes"]) == ("failed", 1)
            assert found["metrics"]["loss"] == {
                "last": 0.25,
                "min": 0.25,
                "max": 0.5,
                "best": 0.25,
                "step": 1,
            }
            assert found["parameters"] == {"lr": 0.1, "rows": 3}
            assert found["tags"] == {"a": "1"}
    with Workspace.open(root, user="ann") as later:
        assert later.runs.list()[0]["status"] == "failed"
    assert json.loads((run.folder / "resume-1.json").read_text())["after"] == "finished"


def test_killed_run_goes_on_after_its_torn_record(root: Path) -> None:
    """A dead process of this computer need not be waited for; the torn line stays alone."""
    code = (
        "import modeldeck, os, sys\n"
        "run = modeldeck.start_run('churn', workspace=sys.argv[1], capture_output=False)\n"
        "run.log({'loss': 1.0})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=False, timeout=PATIENCE_S)
    metrics = next((root / "runs").glob("*/*/metrics.jsonl"))
    with metrics.open("ab") as file:
        file.write(b'{"at":1,"ste')
    with modeldeck.start_run(
        resume=metrics.parent.name, workspace=root, capture_output=False
    ) as run:
        run.log({"loss": 0.5})
    records = [parse_record(line) for line in metrics.read_bytes().splitlines()]
    assert [one and one["step"] for one in records] == [0, None, 1]


def test_run_is_continued_by_one_alone_and_as_it_was(root: Path) -> None:
    """A running one, another experiment, parameter or name, or one that is not there: refused."""
    run = quiet(root, parameters={"lr": 0.1})
    with pytest.raises(ConflictError, match="is running"):
        modeldeck.start_run(resume=run.id, workspace=root)
    run.finish()
    for options, error in (
        ({"experiment": "other"}, InvalidInputError),
        ({"name": "other"}, InvalidInputError),
        ({"parameters": {"lr": 0.2}}, ConflictError),
    ):
        with pytest.raises(error):
            modeldeck.start_run(resume=run.id, workspace=root, **options)
    with pytest.raises(NotFoundError):
        modeldeck.start_run(resume="zzzzzz", workspace=root)
    assert not list(run.folder.glob("resume-*"))
    (run.folder / "resume-1.json").write_text("{}")  # of somebody who was a moment earlier
    again = modeldeck.start_run(resume=run.id, workspace=root, capture_output=False)
    assert (run.folder / "resume-2.json").exists()
    again.finish()
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.show(run.id)["status"] == "finished"


def test_offline_run_needs_no_workspace_and_is_adopted_once(root: Path, tmp_path: Path) -> None:
    """It is written to a folder of its own, copied in, brought up to date, and left alone."""
    offline = tmp_path / "offline"
    run = modeldeck.start_run("churn", workspace=f"offline:{offline}", capture_output=False)
    run.log({"loss": 0.5})
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.adopt(run.folder) == {run.id: "adopted"}
        assert workspace.runs.show(run.id)["status"] == "running"
        run.log({"loss": 0.25})
        run.finish()
        assert workspace.runs.adopt(offline) == {run.id: "updated"}
        assert workspace.runs.adopt(offline) == {run.id: "there"}
        assert workspace.runs.show(run.id)["metrics"]["loss"]["last"] == 0.25
        again = modeldeck.start_run(
            resume=run.id, workspace=f"offline:{offline}", capture_output=False
        )
        again.finish("failed")
        assert workspace.runs.adopt(offline / run.folder.parent.name) == {run.id: "updated"}
        assert workspace.runs.list()[0]["status"] == "failed"
        (run.folder / "run.json").write_text(json.dumps({"id": run.id, "experiment": "x"}))
        with pytest.raises(ConflictError, match="another run"):
            workspace.runs.adopt(offline)
        with pytest.raises(NotFoundError, match="no run"):
            workspace.runs.adopt(tmp_path / "nothing")
    assert not list((root / "runs").rglob(".*"))


def test_offline_folder_can_be_moved_into_the_runs(root: Path, tmp_path: Path) -> None:
    """Its months are those of a workspace."""
    run = modeldeck.start_run("a", workspace=f"offline:{tmp_path / 'o'}", capture_output=False)
    run.finish()
    shutil.copytree(tmp_path / "o", root / "runs", dirs_exist_ok=True)
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.show(run.id)["status"] == "finished"


def test_adopting_takes_plain_files_only(root: Path, tmp_path: Path) -> None:
    """A link in a run's folder leads nowhere, a pipe hangs nobody."""
    run = modeldeck.start_run("a", workspace=f"offline:{tmp_path / 'o'}", capture_output=False)
    run.finish()
    (run.folder / "secret").symlink_to("/etc/passwd")
    os.mkfifo(run.folder / "pipe")
    with Workspace.open(root, user="ann") as workspace:
        workspace.runs.adopt(run.folder)
        names = {path.name for path in workspace.runs.folder(run.id).iterdir()}
    assert {"secret", "pipe"} & names == set()


@pytest.fixture
def no_room_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no temporary folder be made."""
    opening._say_once.cache_clear()
    monkeypatch.setattr(opening, "_bases", tuple)


def test_start_where_nothing_can_be_written_goes_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The training goes on; one warning names the folder and the way back, which works."""
    opening._say_once.cache_clear()
    opening._bases.cache_clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with monkeypatch.context() as patched:
        patched.setattr("modeldeck.tracking.opening.begin", refusing(root))
        run = quiet(root)
        run.finish()
        for _ in range(2):
            with quiet(root) as run:
                run.log({"loss": 1.0})
    said = capfd.readouterr().err
    opening._bases.cache_clear()
    assert said.count("run adopt") == 1
    folder = said.split("`modeldeck run adopt ")[1].split("`")[0]
    with Workspace.open(root, user="ann") as workspace:
        assert set(workspace.runs.adopt(folder).values()) == {"adopted"}
        assert workspace.runs.show(run.id)["metrics"]["loss"]["last"] == 1.0


def refusing(root: Path) -> Any:  # noqa: ANN401 -- the function that it stands for
    """Return ``begin`` of a disk on which the workspace is read-only."""

    def refuse(folder: Path, values: Any) -> Any:  # noqa: ANN401
        if folder.is_relative_to(root):
            msg = f"{folder.parent} cannot be written (Read-only file system)."
            raise NotPermittedError(msg)
        return begin(folder, values)

    return refuse


def test_start_where_nothing_can_be_written_anywhere_records_nothing(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    no_room_elsewhere: None,
) -> None:
    """Every method works as if there was room, and a script cannot tell."""
    monkeypatch.setattr("modeldeck.tracking.opening.begin", refusing(root))
    with modeldeck.start_run("churn", workspace=root) as run:
        for step in range(3):
            run.log({"loss": step})
        run.log_parameters({"a": 1})
        run.set_tags({"a": "b"})
        run.note("n")
        run.progress(1, 2)
        run.log_artifact(b"x", "x")
        run.log_document("x", "y")
        run.touch()
        sys.stdout.write("printed\n")
    said = capfd.readouterr()
    assert said.out == "printed\n"
    assert said.err.count("records nothing") == 1
    assert list((root / "runs").glob("*/*")) == []


def test_run_inside_another_is_kept_beside_it_wherever_the_script_stands(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child belongs into its parent's workspace or offline folder; one that is named wins."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELDECK_WORKSPACE", raising=False)
    offline = tmp_path / "away"
    with start_run("outer", workspace=root, capture_output=False) as outer:
        with start_run("inner", capture_output=False) as inner:
            pass
        with start_run("far", workspace=f"offline:{offline}", capture_output=False) as far:
            with start_run("farther", capture_output=False) as farther:
                pass
            monkeypatch.setenv("MODELDECK_WORKSPACE", str(tmp_path / "nowhere"))
            with start_run("named", parent=outer, capture_output=False) as named:
                pass
    assert {one.folder.parents[1] for one in (outer, inner, named)} == {root / "runs"}
    assert {one.folder.parents[1] for one in (far, farther)} == {offline}
    with Workspace.open(root) as workspace:
        assert workspace.runs.show(inner.id)["parent"] == outer.id
