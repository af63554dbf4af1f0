"""Runs on a disk that is full, in forked children, and where SIGINT is ignored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import modeldeck
from modeldeck.errors import ConflictError, UnavailableError
from modeldeck.services.founding import init
from modeldeck.store.records import parse_record
from modeldeck.tracking import Run
from modeldeck.tracking.pulse import PULSE
from modeldeck.workspace import Workspace
from tests.tracking.full_disk import FullDisk

SCRIPT = Path(__file__).with_name("script.py")
PATIENCE_S = 60.0


def steps(run: Run) -> list[object]:
    """Return the steps of the records that a reader finds; None for a line that is none."""
    lines = (run.folder / "metrics.jsonl").read_bytes().split(b"\n")
    return [(parse_record(line) or {}).get("step") for line in lines if line]


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_full_disk_breaks_no_training(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Logging and printing go on without a word of ours but one; later records are whole."""
    with modeldeck.start_run("churn", workspace=root) as run:
        run.log({"loss": 1.0})
        disk = FullDisk(monkeypatch, room=30)
        for _ in range(5):
            run.log({"loss": 0.5})
        sys.stdout.write("lost\n")
        run.log_parameters({"rows": 7})
        run.set_tags({"data": "june"})
        run.progress(1, 2)
        run.touch()
        run.sync()
        disk.free()
        run.log({"loss": 0.25})
        run.log({"loss": 0.5})
        sys.stdout.write("kept\n")
    assert steps(run) == [0, None, 6, 7]
    captured = capfd.readouterr()
    assert captured.out == "lost\nkept\n"
    assert captured.err.count("No space left") == 1
    assert captured.err.count("\n") == 1
    assert (run.folder / "output.log").read_text().strip() == "kept"
    ended = json.loads((run.folder / "end.json").read_text())
    assert ended["n_unwritten"] == 9
    assert ended["parameters"] == {"rows": 7}
    assert ended["tags"] == {"data": "june"}
    assert ended["metrics"]["loss"] == {"last": 0.5, "min": 0.25, "max": 1, "best": 0.25, "step": 7}


def test_end_that_finds_no_room_is_tried_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that could not write its end has none; a second call writes what was first said."""
    run = modeldeck.start_run("churn", workspace=root, capture_output=False)
    run.log({"loss": 1.0})
    disk = FullDisk(monkeypatch)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="No space left"):
            run.finish("failed", exit_code=3)
    assert {path.name for path in run.folder.iterdir()} == {"run.json", "metrics.jsonl"}
    disk.free()
    run.finish()
    ended = json.loads((run.folder / "end.json").read_text())
    assert (ended["status"], ended["exit_code"]) == ("failed", 3)
    assert run not in PULSE._ending


def test_end_that_finds_no_room_is_tried_again_by_the_run_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A block that ends on a full disk breaks nothing; the end follows when there is room."""
    disk = FullDisk(monkeypatch)
    disk.free()
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        disk.fill()
    assert "tried again" in capfd.readouterr().err
    assert not (run.folder / "end.json").exists()
    PULSE.settle()
    disk.free()
    PULSE.settle()
    assert json.loads((run.folder / "end.json").read_text())["status"] == "finished"
    assert run not in PULSE._ending


def test_error_of_the_script_is_the_one_that_leaves_the_block(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk does not hide why a training failed."""
    disk = FullDisk(monkeypatch)
    disk.free()
    run = modeldeck.start_run("churn", workspace=root, capture_output=False)

    def train() -> None:
        with run:
            disk.fill()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    disk.free()
    run.finish()
    assert json.loads((run.folder / "end.json").read_text())["error"]["type"] == "ZeroDivisionError"


@pytest.mark.parametrize("is_freed", [True, False])
def test_end_is_tried_a_last_time_when_the_process_ends(root: Path, is_freed: bool) -> None:
    """With room by then the end is written; without, the process says so and ends as it would."""
    done = python(
        "import atexit, os, modeldeck\n"
        "write = os.write\n"
        "def full(descriptor, data):\n"
        "    raise OSError(28, 'No space left on device')\n"
        f"with modeldeck.start_run('churn', workspace={str(root)!r}) as run:\n"
        "    os.write = full\n"
        f"if {is_freed}:\n"
        "    atexit.register(setattr, os, 'write', write)\n"
    )
    assert done.returncode == 0
    ends = list((root / "runs").glob("*/*/end.json"))
    assert len(ends) == is_freed
    assert ("will show as lost" in done.stderr) is not is_freed


def test_strict_start_on_a_full_disk_says_so_and_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that cannot begin is an error, and its folder is gone."""
    FullDisk(monkeypatch)
    with pytest.raises(UnavailableError, match="No space left"):
        modeldeck.start_run("churn", workspace=root, is_strict=True)
    assert list((root / "runs").glob("*/*")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write to a file until there is no room for a byte more."""
    with path.open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_training_on_a_disk_that_fills_up_again_and_again(small_disk: Path) -> None:
    """Over rounds of full and free, no record is glued to another and the end is written."""
    root = small_disk / "ws"
    root.mkdir()
    init(root, owner="ann")
    many = {f"metric_{n:03}": n / 7 for n in range(60)}
    with modeldeck.start_run("churn", workspace=root) as run:
        for round_ in range(5):
            fill(small_disk / "fill")
            for step in range(20):
                run.log(many, 100 * round_ + step)
                sys.stdout.write("x" * 1000 + "\n")
            (small_disk / "fill").unlink()
            for step in range(50, 55):
                run.log({"loss": 0.5}, 100 * round_ + step)
    found = steps(run)
    assert [step for step in found if isinstance(step, int) and step % 100 >= 50] == [
        100 * round_ + step for round_ in range(5) for step in range(50, 55)
    ]
    assert found.count(None) <= 5
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.show(run.id)["status"] == "finished"


def test_heartbeat_is_seen_even_where_no_file_can_be_made(root: Path) -> None:
    """The first beat makes the file; where that fails, run.json is touched instead."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        (run.folder / "heartbeat").symlink_to(root / "missing" / "heartbeat")
        os.utime(run.folder / "run.json", (1, 1))
        run.touch()
        assert (run.folder / "run.json").stat().st_mtime > 1
        (run.folder / "heartbeat").unlink()
        run.touch()
        assert (run.folder / "heartbeat").stat().st_mtime > 1


def test_forked_child_writes_nothing_into_its_parents_run(root: Path) -> None:
    """A child is refused with the way out; its output is kept, a run of its own is a child."""
    done = python(
        "import os, sys, modeldeck\n"
        "from modeldeck.errors import ConflictError\n"
        f"root = {str(root)!r}\n"
        "with modeldeck.start_run('parent', workspace=root) as run:\n"
        "    run.log({'who': 1.0})\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        calls = [lambda: run.log({'who': 2.0}), lambda: run.log({}),\n"
        "            lambda: run.set_tags({'a': 'b'}), lambda: run.log_artifact(b'x', 'y')]\n"
        "        for call in calls:\n"
        "            try:\n"
        "                call()\n"
        "            except ConflictError as error:\n"
        "                assert 'start_run' in error.hint and 'forked' in error.message\n"
        "            else:\n"
        "                raise SystemExit('not refused')\n"
        "        print('from the child', flush=True)\n"
        "        run.finish('failed')\n"
        "        with modeldeck.start_run('child', workspace=root) as own:\n"
        "            own.log({'who': 3.0})\n"
        "            print('own')\n"
        "        raise SystemExit(7)\n"
        "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
        "    assert not (run.folder / 'end.json').exists()\n"
        "    run.log({'who': 4.0})\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n") == ["from the child", "own", ""]
    ends = [json.loads(path.read_text()) for path in (root / "runs").glob("*/*/end.json")]
    parent, child = sorted(ends, key=lambda one: str(one["experiment"]), reverse=True)
    assert parent["metrics"]["who"] == {"last": 4, "min": 1, "max": 4, "best": 4, "step": 1}
    assert child["metrics"]["who"]["last"] == 3
    logs = {path.read_text() for path in (root / "runs").glob("*/*/output.log")}
    assert logs == {"from the child\nown\n", "own\n"}
    assert child["parent"] == parent["id"]


def test_ended_run_says_that_it_has_ended(root: Path) -> None:
    """In the process that started it, the reason is another one than in a child."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        pass
    for values in ({"loss": 1.0}, {}):
        with pytest.raises(ConflictError, match="has ended"):
            run.log(values)


def test_run_that_ignores_sigint_stops_at_its_next_record(root: Path) -> None:
    """A shell's background job hears no SIGINT; asked to stop, it ends as cancelled too."""
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    process = subprocess.Popen(
        [*ignoring, sys.executable, str(SCRIPT), str(root), "endless"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not (root / "run-id").exists() or not (root / "run-id").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        run_id = (root / "run-id").read_text()
        with Workspace.open(root, user="ann") as workspace:
            workspace.runs.stop(run_id, "enough")
            assert process.wait(PATIENCE_S) != 0
            assert workspace.runs.show(run_id)["status"] == "cancelled"
    finally:
        process.kill()
        process.wait()
