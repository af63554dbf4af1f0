"""Commands that read runs: filters, orders, columns, CSV, comparisons, curves, putting away."""

from __future__ import annotations

import csv
import gc
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from modeldeck_tui.cli import main
from tests.cli.program import CONFIG, Answer

HOSTILE = "=cmd|' /C calc'!A0 \x1b]0;owned\x07 [/b] \u202e\nsecond, \"line\""


class Shell:
    """The program in this process."""

    def __init__(
        self, root: Path, patch: pytest.MonkeyPatch, *, output: pytest.CaptureFixture[str]
    ) -> None:
        self.root, self._patch, self._output = root, patch, output

    def __call__(self, *arguments: str, expect: int = 0, user: str = "ann") -> Answer:
        """Run a command and check its exit code."""
        self._patch.setattr(sys, "argv", ["modeldeck", "-w", str(self.root), *arguments])
        self._patch.setenv("MODELDECK_USER", user)
        self._output.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        shown = self._output.readouterr()
        answer = Answer(int(ended.value.code or 0), shown.out, shown.err)
        assert answer.code == expect, answer
        assert "bug" not in answer.err
        assert "\x1b" not in answer.out + answer.err
        return answer

    def rows(self, *arguments: str) -> list[list[str]]:
        """Return the CSV that a command prints."""
        return list(csv.reader(io.StringIO(self(*arguments).out, newline="")))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with four runs, of which bob made one; its tests may not change it."""
    root = tmp_path_factory.mktemp("reading") / "ws"
    root.mkdir()
    (root / "modeldeck.toml").write_text(CONFIG)
    (root / "members.toml").write_text('[[members]]\nname = "bob"\n')
    init(root, owner="ann")
    for number in range(4):
        user = "bob" if number == 3 else "ann"
        with start_run("churn", name=f"run{number}", workspace=root, user=user) as run:
            run.log_parameters({"depth": number * 2, "note": HOSTILE if number == 2 else "fine"})
            for step in range(5):
                run.log({"auc": 0.5 + number / 10 + step / 100, "loss": 1 / (step + 1)}, step=step)
            if number == 1:
                run.log({"auc": float("nan")}, step=5)
    return root


@pytest.fixture
def shell(
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    """Return the program, with homes of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield Shell(runs, monkeypatch, output=capsys)
    gc.enable()  # a listing process ends soon, and does without


def names(answer: Answer) -> list[str]:
    """Return the names of the runs in a JSON document."""
    return [one["name"] for one in answer.json]


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("metrics.auc > 0.7 and params.depth >= 4", {"run2", "run3"}),
        ("loss<0.3 and status=failed or not tag:prod", {"run0", "run1", "run2", "run3"}),
        ("auc=NaN", {"run1"}),
        ("user=bob or (depth=0 AND NOT run1)", {"run0", "run3"}),
        ("user=me depth!=0 age<1h", {"run1", "run2"}),
    ],
)
def test_filter_of_the_command_line_is_exact(shell: Shell, where: str, wanted: set[str]) -> None:
    """Metrics, parameters, tags, status, user, age, text, joined in every way."""
    assert set(names(shell("run", "list", "--filter", where, "--json"))) == wanted


def test_filter_that_is_mistyped_points_at_the_place(shell: Shell) -> None:
    """A caret under the name, and the nearest one; as a document too."""
    answer = shell("run", "list", "--filter", "depth=2 or acu>0.9", expect=4)
    lines = answer.err.splitlines()
    assert lines[0].index("acu") == lines[1].index("^")
    assert "auc is the nearest" in answer.err
    found = shell("run", "list", "--filter", "statsu:failed", "--json", expect=4).json
    assert "status is the nearest" in found["error"]["message"]
    told = shell("run", "list", "--filter", "metrics.acu>0.9")
    assert "No run has metrics.acu. metrics.auc is the nearest." in told.err


def test_order_is_by_anything_and_missing_values_come_last(shell: Shell) -> None:
    """Also NaN, whichever way; an unknown one is refused."""
    assert names(shell("run", "list", "--sort", "-metrics.auc", "--json")) == [
        *("run3", "run2", "run0", "run1")
    ]
    assert names(shell("run", "list", "--sort", "depth", "--limit", "2", "--json")) == [
        *("run0", "run1")
    ]
    assert "depth is the nearest" in shell("run", "list", "--sort", "-dept", expect=4).err


def test_columns_are_those_that_were_asked_for(shell: Shell) -> None:
    """In every format; metrics with their figures; `all` has what the runs have."""
    asked = ("--columns", "name,metrics.auc.best,params.depth", "--sort", "depth")
    lines = shell("run", "list", *asked).out.splitlines()
    assert lines[0].split() == ["NAME", "metrics.auc.best", "params.depth"]
    assert lines[1].split() == ["run0", "0.54", "0"]
    found = shell("run", "list", *asked, "--json").json[0]
    assert found == {"name": "run0", "metrics.auc.best": 0.54, "params.depth": 0}
    line = shell("run", "list", *asked, "--jsonl").out.splitlines()[3]
    assert json.loads(line)["name"] == "run3"
    header = shell.rows("run", "list", "--csv")[0]
    assert {"id", "metrics.auc", "metrics.loss", "params.note"} <= set(header)
    assert "status is the nearest" in shell("run", "list", "--columns", "stauts", expect=4).err


def test_csv_is_for_every_spreadsheet(shell: Shell) -> None:
    """CR LF, quoted cells, no formula, no control character, NaN by name, all digits."""
    text = shell("run", "list", "--csv", "--columns", "name,auc,note", "--sort", "name").out
    assert text.startswith("name,auc,note\r\nrun0,")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[1] for row in rows[1:]] == ["0.54", "NaN", "0.74", repr(0.5 + 0.3 + 0.04)]
    cell = rows[3][2]
    assert cell.startswith("'=cmd|")
    assert "\n" not in cell
    assert '"line"' in cell


def test_two_formats_are_refused(shell: Shell) -> None:
    """The command says which stand against each other."""
    assert "--csv and --jsonl" in shell("run", "list", "--csv", "--jsonl", expect=2).err
    shell("run", "list", "--csv", "--json", expect=2)
    shell("run", "metrics", "x", "--chart", "--csv", expect=2)


def test_comparison_shows_what_differs(shell: Shell) -> None:
    """The best has a sign; --all shows the rest; a document holds both; endings are enough."""
    ids = [one["id"] for one in shell("run", "list", "--sort", "depth", "--json").json]
    shown = shell("run", "compare", ids[0][-6:], ids[3]).out
    assert "depth" in shown
    assert "0.84 ▲" in shown
    assert "loss" not in shown
    assert "loss" in shell("run", "compare", ids[0], ids[3], "--all").out
    found: dict[str, Any] = shell("run", "compare", *ids, "--json").json
    auc = next(one for one in found["different"] if one["name"] == "auc")
    assert auc["best"] == [ids[3]]
    assert set(auc["values"]) == set(ids)
    assert {"kind", "name", "value"} == set(found["same"][0])
    shell("run", "compare", ids[0], expect=2)
    shell("run", "compare", ids[0], "nothing", expect=3)


def test_every_point_of_a_run_is_printed_or_drawn(shell: Shell) -> None:
    """Table, CSV, lines, document and chart; the chart in ASCII too, and no wider than asked."""
    run = shell("run", "list", "--filter", "name:run1", "--json").json[0]["id"][-6:]
    rows = shell.rows("run", "metrics", run, "--metric", "auc", "--csv")
    assert rows[0] == ["metric", "step", "at", "value"]
    assert [row[3] for row in rows[1:]][-1] == "NaN"
    assert len(rows) == 7
    assert len(shell("run", "metrics", run, "--jsonl").out.splitlines()) == 11
    assert len(shell("run", "metrics", run, "--json").json) == 11
    assert "auc" in shell("run", "metrics", run).out
    drawn = shell("run", "metrics", run, "--chart").out
    assert any("\u2801" <= letter <= "\u28ff" for letter in drawn)
    plain = shell("run", "metrics", run, "--chart", "--ascii").out
    assert plain.isascii()
    assert max(map(len, plain.splitlines())) <= 80
    assert "auc is the nearest" in shell("run", "metrics", run, "-m", "acu", expect=3).err


def test_run_is_shown_whole(shell: Shell) -> None:
    """Metrics with their direction, parameters, environment; hostile text is visible text."""
    run = shell("run", "list", "--filter", "name:run2", "--json").json[0]["id"]
    shown = shell("run", "show", run).out
    for word in ("Parameters", "BETTER", "Environment", "python", "folder", "=cmd|"):
        assert word in shown
    assert shell("run", "show", run, "--json").json["parameters"]["note"] == HOSTILE


def test_runs_are_put_away_and_come_back(shell: Shell) -> None:
    """Lists leave them out unless asked; what is refused says what to do; the activity tells."""
    ids = {one["name"]: one["id"][-6:] for one in shell("run", "list", "--json").json}
    done = shell("run", "archive", ids["run0"], ids["run1"], "--reason", "old", "--json").json
    assert done["action"] == "run.archive"
    assert len(done["entries"]) == 1
    assert set(names(shell("run", "list", "--json"))) == {"run2", "run3"}
    assert len(names(shell("run", "list", "--archived", "--json"))) == 4
    assert set(names(shell("run", "list", "--filter", "is:archived", "--json"))) == {"run0", "run1"}
    assert "archived" in shell("run", "list", "--archived").out
    assert "archived already" in shell("run", "archive", ids["run0"], expect=5).err
    assert "Only ann or an owner" in shell("run", "delete", ids["run2"], user="bob", expect=6).err
    assert "undelete" in shell("run", "delete", ids["run2"]).err
    assert names(shell("run", "list", "--json")) == ["run3"]
    shell("run", "undelete", ids["run2"])
    shell("run", "unarchive", ids["run0"], ids["run1"])
    shell("run", "unarchive", ids["run0"], expect=3)
    assert len(names(shell("run", "list", "--json"))) == 4
    told = shell("activity").out
    assert f"archived run {ids['run0']} and 1 more" in told
    assert f"took back the deletion of run {ids['run2']}" in told
    shell("--read-only", "run", "archive", ids["run0"], expect=6)


def test_metrics_of_cross_validation_stand_behind_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a run defined comes first, then its other metrics; folds never crowd them out."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    root = tmp_path / "ws"
    init(root, owner="ann")
    defined = {"rmse": "min", "cv_rmse": "min"}
    with start_run("churn", workspace=root, user="ann", metrics=defined) as run:
        run.log({"cv_rmse": 1, "cv_auc": 2, "cv_auc_std": 3, "cv_fit": 4, "auc": 5, "rmse": 6})
    shell = Shell(root, monkeypatch, output=capsys)
    listed = shell("run", "list").out
    assert "auc 5  rmse 6  cv_auc 2" in listed
    shown = shell("run", "show", run.id).out.partition("METRIC")[2].partition("Code")[0]
    order = [line.split()[0] for line in shown.splitlines()[1:] if line]
    assert order == ["rmse", "auc", "cv_rmse", "cv_auc", "cv_auc_std", "cv_fit"]
