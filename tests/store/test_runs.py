"""Runs read from folders that are half-made, damaged, hostile, or growing."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from modeldeck.domain.metrics import goal_of
from modeldeck.errors import NotFoundError
from modeldeck.store.runs import LOST_AFTER_S, RunStore

FIRST = "20261123-071011-aaaaaa"
SECOND = "20261123-071012-bbbbbb"
NOW = 1_795_417_900.0


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> RunStore:
    """Return a store of no runs."""
    return RunStore(tmp_path, now=clock, monotonic=clock)


def write(store: RunStore, run_id: str, name: str, content: object) -> Path:
    """Write one file of a run, dated now."""
    folder = store.folder(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    os.utime(path, (NOW, NOW))
    return path


def begun(run_id: str, **values: object) -> dict[str, object]:
    """Return the contents of a run.json."""
    started = "2026-11-23T07:10:11.000000Z"
    return {"v": 1, "id": run_id, "experiment": "churn", "started_at": started, **values}


def test_half_made_folder_is_no_run_yet(store: RunStore) -> None:
    """Between making the folder and its run.json there is nothing to show."""
    store.folder(FIRST).mkdir(parents=True)
    assert store.documents() == []
    with pytest.raises(NotFoundError):
        store.document(FIRST)


def test_folders_that_are_no_runs_are_left_alone(store: RunStore) -> None:
    """Other names, other months and files beside the runs are ignored."""
    write(store, FIRST, "run.json", begun(FIRST))
    month = store.folder(FIRST).parent
    (month / "notes").mkdir()
    (month / "x.txt").write_text("x")
    (month / "20251023-071011-cccccc").mkdir()
    assert store.ids() == [FIRST]


def test_runs_of_one_second_stand_in_the_order_of_their_beginning(store: RunStore) -> None:
    """Their ids end in chance; some have ended, some go on, and others came before and after."""
    beginnings = {"e": 0.1, "a": 0.5, "c": 0.2, "b": 0.9, "d": 0.4}
    for letter, second in beginnings.items():
        run_id = f"20261123-071011-{letter * 6}"
        values = begun(run_id, started_at=f"2026-11-23T07:10:11.{second * 10:.0f}00000Z")
        write(store, run_id, "run.json", values)
        if letter < "c":
            write(store, run_id, "end.json", {**values, "status": "finished"})
    for run_id in ("20261123-071010-zzzzzz", SECOND):
        write(store, run_id, "run.json", begun(run_id))
    for _ in range(2):
        found = [one["id"][-1] for one in store.documents()]
        assert found == ["b", "b", "a", "d", "c", "e", "z"]
    assert store.documents()[0]["id"] == SECOND


def test_live_run_grows_between_looks(store: RunStore) -> None:
    """New records, later parameters, tags and progress show at the next look."""
    write(store, FIRST, "run.json", begun(FIRST, parameters={"lr": 0.1}))
    path = write(store, FIRST, "metrics.jsonl", '{"at":1,"step":0,"metrics":{"loss":0.5}}\n{"at"')
    assert store.document(FIRST)["metrics"]["loss"]["last"] == 0.5
    with path.open("a") as file:
        file.write(':2,"step":1,"metrics":{"loss":"NaN"}}\n{"at":3,"parameters":{"rows":9}}\n')
        file.write('{"at":3,"tags":{"a":"b"}}\n{"at":4,"progress":{"done":1,"total":4}}\n')
    run = store.document(FIRST)
    assert run["status"] == "running"
    assert run["metrics"]["loss"] == {"last": "NaN", "min": 0.5, "max": 0.5, "best": 0.5, "step": 1}
    assert run["parameters"] == {"lr": 0.1, "rows": 9}
    assert run["tags"] == {"a": "b"}
    assert run["progress"] == {"done": 1, "total": 4, "text": ""}


def test_silent_run_is_lost_after_a_minute_and_running_when_it_goes_on(
    store: RunStore, clock: Clock
) -> None:
    """Lost is computed from what was seen, and taken back."""
    write(store, FIRST, "run.json", begun(FIRST))
    heartbeat = write(store, FIRST, "heartbeat", "")
    assert store.document(FIRST)["status"] == "running"
    clock.now += LOST_AFTER_S - 1
    assert store.document(FIRST)["status"] == "running"
    clock.now += 2
    assert store.document(FIRST)["status"] == "lost"
    os.utime(heartbeat, (NOW + 100, NOW + 100))
    assert store.document(FIRST)["status"] == "running"


DAY_S = 86_400.0


@pytest.mark.parametrize("jump_s", [-DAY_S, -3600.0, -1.0, 1.0, 3600.0, DAY_S])
def test_status_follows_what_changes_when_the_clock_jumps(tmp_path: Path, jump_s: float) -> None:
    """A live run whose computer's clock jumps goes on running; when it falls silent it is lost."""
    wall, steady = Clock(), Clock()
    store = RunStore(tmp_path, now=wall, monotonic=steady)
    write(store, FIRST, "run.json", begun(FIRST))
    write(store, FIRST, "metrics.jsonl", "")
    heartbeat = write(store, FIRST, "heartbeat", "")
    assert store.document(FIRST)["status"] == "running"
    wall.now += jump_s
    for _ in range(30):
        wall.now += 10
        steady.now += 10
        os.utime(heartbeat, (wall.now, wall.now))
        assert store.document(FIRST)["status"] == "running"
    wall.now -= jump_s  # and back
    for _ in range(30):
        wall.now += 10
        steady.now += 10
        os.utime(heartbeat, (wall.now, wall.now))
        assert store.document(FIRST)["status"] == "running"
    wall.now += jump_s
    steady.now += LOST_AFTER_S + 1
    assert store.document(FIRST)["status"] == "lost"
    assert store.document(FIRST)["duration_s"] >= 0


@pytest.mark.parametrize("jump_s", [-DAY_S, DAY_S])
def test_readers_clock_that_jumps_loses_no_run(tmp_path: Path, jump_s: float) -> None:
    """Where only the reader's clock jumps, runs that beat go on and new ones are found."""
    wall, steady = Clock(), Clock()
    store = RunStore(tmp_path, now=wall, monotonic=steady)
    heartbeat = write(store, FIRST, "heartbeat", "")
    write(store, FIRST, "run.json", begun(FIRST))
    assert store.document(FIRST)["status"] == "running"
    wall.now += jump_s
    for beat in range(1, 30):
        steady.now += 10
        os.utime(heartbeat, (NOW + 10 * beat, NOW + 10 * beat))
        assert store.document(FIRST)["status"] == "running"
    write(store, SECOND, "end.json", begun(SECOND, status="finished"))
    assert [one["id"] for one in store.documents()] == [SECOND, FIRST]


@pytest.mark.parametrize(("age_s", "status"), [(300, "running"), (700, "lost")])
def test_first_sight_allows_ten_minutes(
    store: RunStore, clock: Clock, age_s: float, status: str
) -> None:
    """Two computers' clocks may differ; at first sight only ten silent minutes count."""
    write(store, FIRST, "run.json", begun(FIRST))
    clock.now += age_s
    assert store.document(FIRST)["status"] == status


def test_ended_run_is_read_once(store: RunStore) -> None:
    """What has ended does not change: later writing into its folder is not looked at."""
    write(store, FIRST, "run.json", begun(FIRST))
    ended = begun(FIRST, status="finished", ended_at="2026-11-23T07:11:11.000000Z", metrics={})
    path = write(store, FIRST, "end.json", ended)
    assert store.documents()[0]["duration_s"] == 60.0
    path.write_text(json.dumps(begun(FIRST, status="failed")))
    assert store.documents()[0]["status"] == "finished"


def test_removed_and_added_runs_are_noticed(store: RunStore) -> None:
    """A run that is deleted, or copied in, changes the list."""
    first = write(store, FIRST, "end.json", begun(FIRST, status="finished"))
    assert [one["id"] for one in store.documents()] == [FIRST]
    write(store, SECOND, "end.json", begun(SECOND, status="failed"))
    assert [one["id"] for one in store.documents()] == [SECOND, FIRST]
    first.unlink()
    first.parent.rmdir()
    assert [one["id"] for one in store.documents()] == [SECOND]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"status":"finished"', "\x00" * 100, "[" * 100_000]
)
def test_damaged_end_leaves_the_run_open(store: RunStore, content: str) -> None:
    """An end.json that cannot be read says nothing."""
    write(store, FIRST, "run.json", begun(FIRST))
    write(store, FIRST, "end.json", content)
    assert store.document(FIRST)["status"] == "running"


@pytest.mark.parametrize(
    "values",
    [
        {"parameters": [1], "tags": 3, "metrics": {"a": 1, "b": {"last": 1}}},
        {"started_at": 17, "ended_at": "yesterday", "error": "x", "experiment": {"a": 1}},
        {"parameters": {"deep": {"er": [1, 2]}}, "error": {"exit_code": "1", "message": 3}},
    ],
)
def test_values_of_other_kinds_are_put_right(store: RunStore, values: dict[str, object]) -> None:
    """A document always has its fields with their types."""
    write(store, FIRST, "end.json", {**begun(FIRST), "status": "finished", **values})
    run = store.document(FIRST)
    assert isinstance(run["experiment"], str)
    assert all(isinstance(one, str | int | float | bool) for one in run["parameters"].values())
    assert run["metrics"] == {}
    assert run["tags"] == {}
    assert run["duration_s"] >= 0


def test_link_in_the_place_of_a_document_is_not_followed(store: RunStore, tmp_path: Path) -> None:
    """Somebody's link to another file shows nothing of that file."""
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(begun(FIRST, status="finished", name="secret")))
    store.folder(FIRST).mkdir(parents=True)
    (store.folder(FIRST) / "end.json").symlink_to(secret)
    assert store.documents() == []


def test_foreign_lines_among_the_metrics_are_skipped(store: RunStore) -> None:
    """Torn, binary, huge or oddly typed records hide nothing else."""
    write(store, FIRST, "run.json", begun(FIRST))
    lines = [
        '{"at":1,"step":0,"metrics":{"a":1}}',
        '{"at":1,"st',
        "\x00\x01",
        "[" * 5000,
        '{"at":"x","step":"y","metrics":{"a":2}}',
        '{"metrics":[1]}',
        '{"at":1,"step":2,"metrics":{"a":{"b":1},"c":"soon"}}',
        '{"at":1,"step":3,"metrics":{"b":5}}',
    ]
    write(store, FIRST, "metrics.jsonl", "\n".join(lines) + "\n")
    metrics = store.document(FIRST)["metrics"]
    assert metrics["a"]["max"] == 2
    assert metrics["a"]["last"] == "NaN"
    assert metrics["b"]["last"] == 5
    assert len(store.metrics(FIRST)) == 4


HUGE = "9" * 400


@pytest.mark.parametrize(
    "line",
    [
        f'{{"at":2,"step":1,"metrics":{{"loss":{HUGE}}}}}',
        f'{{"at":2,"step":1,"metrics":{{"loss":-{HUGE}}}}}',
        f'{{"at":{HUGE},"step":1,"metrics":{{}}}}',
        f'{{"at":2,"step":{HUGE},"metrics":{{}}}}',
        f'{{"at":2,"step":{HUGE[:100]},"metrics":{{}}}}',
        f'{{"progress":{{"done":{HUGE},"total":true,"text":[]}}}}',
        f'{{"parameters":{{"a":{HUGE}}},"tags":{{"b":{HUGE}}}}}',
        f'{{"at":2,"step":1,"metrics":{{"loss":{"9" * 5000}}}}}',
        f'{{"at":2,"step":true,"metrics":{{"name{HUGE}":1}},"\\ud800":"\\u00e9"}}',
    ],
)
def test_number_that_no_float_holds_ends_no_reader(store: RunStore, line: str) -> None:
    """One such line in one run's metrics hides neither that run's values nor the other runs."""
    write(store, FIRST, "end.json", begun(FIRST, status="finished"))
    write(store, SECOND, "run.json", begun(SECOND))
    write(store, SECOND, "metrics.jsonl", f'{{"at":1,"step":0,"metrics":{{"loss":0.5}}}}\n{line}\n')
    run, _first = store.documents()
    loss = run["metrics"]["loss"]
    assert loss == {"last": 0.5, "min": 0.5, "max": 0.5, "best": 0.5, "step": 0}
    assert str(loss["step"]) == "0"
    assert run["progress"] in ({}, {"done": 0, "total": 0, "text": "[]"})
    for record in store.metrics(SECOND):
        values = record["metrics"]
        assert isinstance(values, dict)
        assert all(value is None or math.isfinite(value) for value in values.values())


@pytest.mark.parametrize(
    ("given", "kept"),
    [(10**400, "NaN"), ([1], "NaN"), (None, "NaN"), (3, 3.0), ("Infinity", "Infinity")],
    ids=["huge", "list", "null", "whole", "infinite"],
)
def test_summary_of_foreign_figures_has_numbers(
    store: RunStore, given: object, kept: object
) -> None:
    """What an end.json says about a metric is a number, whatever stood there."""
    summary = {"last": given, "min": 1.5, "max": given, "best": given, "step": given}
    write(store, FIRST, "end.json", begun(FIRST, status="finished", metrics={"loss": summary}))
    found = store.document(FIRST)["metrics"]["loss"]
    assert found == {"last": kept, "min": 1.5, "max": kept, "best": kept, "step": found["step"]}
    assert found["step"] == (3 if given == 3 else 0)


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("neg_log_loss", "max"),
        ("cv_neg_mean_absolute_error", "max"),
        ("accuracy", "max"),
    ],
)
def test_goal_follows_the_name(name: str, goal: str) -> None:
    """Without a definition losses and errors are minimised, unless negated."""
    assert goal_of(name, {}) == goal
