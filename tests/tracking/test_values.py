"""What runs make of the values, files and folders that scripts hand them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modeldeck
from modeldeck.errors import InvalidInputError
from modeldeck.tracking import start_run
from modeldeck.tracking.around import surroundings
from modeldeck.workspace import Workspace

COMMIT = "0123456789" * 4


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.array([0.5]), 0.5),
        (np.array([[2]], dtype=np.int8), 2.0),
        (np.array(0.25), 0.25),
        (np.float32(0.5), 0.5),
        (np.float64("inf"), "Infinity"),
        (np.uint64(2**63), 2.0**63),
        (np.array([np.nan]), "NaN"),
        (True, 1.0),
        (False, 0.0),
        (np.True_, 1.0),
        (2**53 - 1, 2**53 - 1),
        (2**53, 2.0**53),
        (-(2**60), -(2.0**60)),
        (10**300, 1e300),
        (Fraction(1, 2), 0.5),
        (Decimal("0.1"), 0.1),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
@pytest.mark.parametrize("beside", [{}, {"other": 0.5}, {"other": 3}])
def test_metric_of_any_kind_is_kept_as_its_number(
    root: Path, given: object, kept: object, beside: dict[str, object]
) -> None:
    """Scalars and arrays of one become their number, alone or beside others, first or later."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        run.log({"loss": given, **beside})
        run.log({**beside, "loss": given})
    lines = (run.folder / "metrics.jsonl").read_bytes().splitlines()
    values = [json.loads(line)["metrics"] for line in lines]
    assert values == [{"loss": kept, **beside}] * 2
    assert {type(one["loss"]) for one in values} == {type(kept)}


@pytest.mark.parametrize(
    "given",
    [
        np.array([0.5, 1.0]),
        np.array([]),
        np.array(["0.5"]),
        np.str_("0.5"),
        10**400,
        -(10**5000),
        "0.5",
        b"1",
        None,
        [0.5],
        1j,
        object(),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
@pytest.mark.parametrize("beside", [{}, {"other": 0.5}, {"other": np.array([1, 2])}])
def test_metric_that_is_no_number_is_refused_by_name(
    root: Path, given: object, beside: dict[str, object]
) -> None:
    """The error names the metric, and nothing is written."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        with pytest.raises(InvalidInputError, match="Metric loss"):
            run.log({"loss": given, **beside})
        run.log({"fine": 1.0})
        assert (run.folder / "metrics.jsonl").read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(
    "step", [0.5, "1", 2**53, -(10**5000)], ids=["half", "text", "large", "huge"]
)
def test_step_that_is_no_whole_number_is_refused(root: Path, step: int) -> None:
    """The error speaks of the step, and counting goes on where it was."""
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        run.log({"loss": 1.0}, np.int64(4))  # type: ignore[arg-type]  # what loops hand us
        with pytest.raises(InvalidInputError, match="step"):
            run.log({"loss": 1.0}, step)
        with pytest.raises(InvalidInputError, match="no table of metrics"):
            run.log("loss", step)  # type: ignore[arg-type]  # as others' loggers take it
        run.log({"loss": 1.0})
    lines = (run.folder / "metrics.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [4, 5]


def test_parameter_beyond_what_json_holds_keeps_its_digits(root: Path) -> None:
    """Integers that readers of JSON would round are texts, at the start and later."""
    huge = 10**30 + 1
    with modeldeck.start_run(
        "churn", workspace=root, parameters={"seed": 2**64 - 1}, seed=huge, capture_output=False
    ) as run:
        run.log_parameters({"later": huge, "least": -(2**53) + 1})
    begun, ended = (
        json.loads((run.folder / f"{name}.json").read_text()) for name in ("run", "end")
    )
    assert begun["parameters"] == {"seed": str(2**64 - 1)}
    assert begun["seed"] == ended["seed"] == huge
    assert ended["parameters"] == {
        "seed": str(2**64 - 1),
        "later": str(huge),
        "least": -(2**53) + 1,
    }


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "pipe inside"])
def test_artifact_that_is_no_file_is_refused_for_what_it_is(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Neither a hang nor advice to free space; nothing is left of it."""
    monkeypatch.chdir(tmp_path)
    source = Path("thing")
    if kind == "pipe":
        os.mkfifo(source)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(source))
    elif kind == "device":
        source = Path("/dev/zero")
    else:
        source.mkdir()
        (source / "a.txt").write_text("a")
        os.mkfifo(source / "fifo")
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        with pytest.raises(
            InvalidInputError, match=f"is a {kind.split(maxsplit=1)[0]}, not a file"
        ):
            run.log_artifact(source, "kept")
        assert list((run.folder / "artifacts").iterdir()) == []


def test_artifact_by_a_link_is_what_it_points_to(root: Path, tmp_path: Path) -> None:
    """A link to the newest checkpoint keeps the checkpoint; one to nothing is refused."""
    (tmp_path / "model.pt").write_text("weights")
    (tmp_path / "latest.pt").symlink_to("model.pt")
    (tmp_path / "gone.pt").symlink_to("missing.pt")
    with modeldeck.start_run("churn", workspace=root, capture_output=False) as run:
        assert run.log_artifact(tmp_path / "latest.pt").read_text() == "weights"
        with pytest.raises(InvalidInputError, match="no file"):
            run.log_artifact(tmp_path / "gone.pt")


@pytest.mark.parametrize("kind", ["loose", "packed", "detached", "unborn", "worktree"])
def test_commit_is_found_however_git_keeps_it(tmp_path: Path, kind: str) -> None:
    """Loose, packed, detached, and in a second work tree, from a folder below."""
    git = tmp_path / "repo" / ".git"
    inside = tmp_path / "repo" / "a" / "b"
    inside.mkdir(parents=True)
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{COMMIT}\n" if kind == "detached" else "ref: refs/heads/main\n")
    if kind in {"loose", "worktree"}:
        (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    elif kind == "packed":
        (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    if kind == "worktree":
        second = git / "worktrees" / "second"
        second.mkdir(parents=True)
        (second / "HEAD").write_text("ref: refs/heads/main\n")
        (second / "commondir").write_text("../..\n")
        inside = tmp_path / "second"
        inside.mkdir()
        (inside / ".git").write_text(f"gitdir: {second}\n")
    branch = "" if kind == "detached" else "main"
    found = surroundings.code(str(inside))
    assert found == ({} if kind == "unborn" else {"commit": COMMIT, "branch": branch})
    assert surroundings.code(str(tmp_path)) == {}


LISTS: Any = {"parameters": [("depth", 3)]}
TEXTS: Any = {"tags": "best"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda run: run.log_parameters("depth=3"),
        lambda run: run.log_parameters({"": 3}),
        lambda run: run.log_parameters(_holding_itself()),
        lambda run: run.set_tags(["best"]),
        lambda run: run.set_tags({"": "best"}),
        lambda run: run.define_metrics(["loss"]),
        lambda run: run.define_metrics({"loss": 3}),
        lambda run: run.note(5),
        lambda run: run.log_artifact(b"", "a" * 256),
        lambda _run: start_run("churn", **LISTS).finish(),
        lambda _run: start_run("churn", **TEXTS).finish(),
    ],
)
def test_what_cannot_be_kept_gets_an_error_that_says_what_to_do(
    root: Path, wrong: Callable[[Any], object], recwarn: pytest.WarningsRecorder
) -> None:
    """A slip in a call is neither a traceback of ours nor taken for a full disk."""
    with start_run("churn", workspace=root, capture_output=False) as run:
        with pytest.raises(InvalidInputError) as caught:
            wrong(run)
        assert caught.value.hint
        run.log({"loss": 1.0})
    assert not recwarn.list
    with Workspace.open(root) as workspace:
        assert workspace.runs.show(run.id)["metrics"]["loss"]["last"] == 1.0


def _holding_itself() -> dict[str, object]:
    found: dict[str, object] = {}
    found["self"] = found
    return found


def test_empty_table_of_parameters_and_a_long_name_are_kept(root: Path, tmp_path: Path) -> None:
    """Nothing vanishes: an empty table is a value, and names may be as long as files allow."""
    source = tmp_path / ("b" * 250)
    source.write_text("text")
    with start_run("churn", workspace=root, parameters={"a": {}}, capture_output=False) as run:
        assert run.log_artifact(source).read_text() == "text"
        with pytest.raises(InvalidInputError, match="no file") as caught:
            run.log_artifact("a text", "x.txt")
    assert "log_document" in caught.value.hint
    with Workspace.open(root) as workspace:
        assert workspace.runs.show(run.id)["parameters"] == {"a": "{}"}
