"""Runs whose records were cut short: at every byte, and with zeros where data never arrived."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import modeldeck
from modeldeck.errors import ModelDeckError
from modeldeck.services.founding import init
from modeldeck.store.records import parse_record
from modeldeck.store.runs import recall
from modeldeck.store.streams import Stream
from modeldeck.workspace import Workspace
from tests.tracking.test_trouble import fill

N_RECORDS = 12
LAST = 3
LENGTHS = (1, 4, 12)
"""How many metrics the records of one case have; with them the cases become about 2,000."""


def records(n_metrics: int) -> list[bytes]:
    """Return the lines of a stream whose records have so many metrics each."""
    import orjson

    return [
        orjson.dumps(
            {
                "at": 1_795_417_900.25 + step,
                "step": step,
                "metrics": {f"m{n}": step / 8 + n for n in range(n_metrics)},
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for step in range(N_RECORDS)
    ]


@pytest.mark.parametrize("n_metrics", LENGTHS)
def test_stream_cut_at_any_byte_goes_on_without_a_glued_record(
    tmp_path: Path, n_metrics: int
) -> None:
    """Cut in the last three records, also zero-filled: whole ones stay, the next is whole."""
    lines = records(n_metrics)
    kept = b"".join(lines[:-LAST])
    tail = b"".join(lines[-LAST:])
    path = tmp_path / "metrics.jsonl"
    after = b'{"at":1,"step":99,"metrics":{"m0":9.5}}\n'
    for cut in range(len(tail) + 1):
        for zeros in (0, 1, 512):
            if cut % 8 and zeros == 512:
                continue
            torn = tail[:cut] + b"\0" * zeros
            path.write_bytes(kept + torn)
            stream = Stream(path)
            stream.write(after)
            stream.close()
            steps = [
                record["step"]
                for line in path.read_bytes().split(b"\n")
                if (record := parse_record(line)) is not None
            ]
            whole = N_RECORDS - LAST + tail[:cut].count(b"\n")
            rest = tail[:cut].rpartition(b"\n")[2]
            is_whole = bool(rest) and not zeros and parse_record(rest) is not None
            assert steps == [*range(whole + is_whole), 99], (cut, zeros)


def test_cut_run_is_shown_counted_and_continued(root: Path) -> None:
    """A reader skips what is torn and says how much; the run goes on behind it."""
    with modeldeck.start_run("a", workspace=root, capture_output=False) as run:
        for step in range(5):
            run.log({"loss": 1.0 / (step + 1)})
    path = run.folder / "metrics.jsonl"
    whole = path.read_bytes()
    (run.folder / "end.json").unlink()
    for cut in (1, 20, 40):
        path.write_bytes(whole[:-cut] + b"\0" * 30)
        live = recall(run.folder)
        assert live is not None
        assert (live.last_step, live.n_damaged) == (3, 0)  # the torn line may still be written
    with pytest.raises(ModelDeckError, match="is running"):
        modeldeck.start_run(resume=run.id, workspace=root)
    stated = run.folder / "run.json"
    stated.write_text(stated.read_text().replace(f'"pid":{_pid(stated)}', '"pid":4194304'))
    with modeldeck.start_run(resume=run.id, workspace=root, capture_output=False) as again:
        again.log({"loss": 0.125})
    with Workspace.open(root, user="ann") as workspace:
        shown = workspace.runs.show(run.id)
        assert (shown["status"], shown["metrics"]["loss"]["step"]) == ("finished", 4)
        assert workspace.runs.n_damaged(run.id) == 1


def _pid(path: Path) -> int:
    import json

    return int(json.loads(path.read_text())["pid"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of sixteen megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_disk_that_fills_fifty_times_costs_lines_and_nothing_else(
    small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Logging, starts, ends and artifacts go on through it; all that has room is whole."""
    root = small_disk / "ws"
    root.mkdir()
    init(root, owner="ann")
    outer = modeldeck.start_run("outer", workspace=root, capture_output=False)
    for round_ in range(50):
        fill(small_disk / "fill")
        outer.log({"loss": 1.0, "round": round_})
        outer.log_artifact(b"x" * 5000, f"full-{round_}")
        with modeldeck.start_run("inner", workspace=root, capture_output=False) as inner:
            inner.log({"x": round_})
        (small_disk / "fill").unlink()
        outer.log({"loss": 0.5, "round": round_}, 1000 + round_)
        outer.log_artifact(b"y", f"free-{round_}")
    outer.finish()
    assert "Traceback" not in capfd.readouterr().err
    found = [
        parse_record(one) for one in (outer.folder / "metrics.jsonl").read_bytes().split(b"\n")
    ]
    steps = [one["step"] for one in found if one is not None]
    assert [one for one in steps if isinstance(one, int) and one >= 1000 and one < 1050]
    kept = {path.name for path in (outer.folder / "artifacts").iterdir()}
    assert {f"free-{n}" for n in range(50)} <= kept
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.show(outer.id)["status"] == "finished"
        assert all(one["status"] in {"finished", "running"} for one in workspace.runs.list())


def test_read_only_folder_is_no_reason_to_stop(small_disk: Path) -> None:
    """On a read-only disk the run is kept elsewhere, and can be brought in later."""
    root = small_disk / "ws"
    root.mkdir()
    init(root, owner="ann")
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    if subprocess.run(remount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a disk read-only")
    try:
        with modeldeck.start_run("a", workspace=root, capture_output=False) as run:
            run.log({"loss": 1.0})
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert not run.folder.is_relative_to(small_disk)
    with Workspace.open(root, user="ann") as workspace:
        assert workspace.runs.adopt(run.folder) == {run.id: "adopted"}
    shutil.rmtree(run.folder)
