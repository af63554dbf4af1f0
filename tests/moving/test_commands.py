"""The commands around moving: what they print, their JSON, their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from modeldeck.services.founding import init
from modeldeck.tracking import start_run
from modeldeck_tui import cli
from tests.moving.conftest import Write, meta


class Command:
    """Calls the program in this process."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture

    def __call__(self, *arguments: object, expect: int = 0) -> str:
        self._patch.setattr(sys, "argv", ["modeldeck", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = self._capture.readouterr()
        assert caught.value.code == expect, (arguments, out, err)
        return out + err

    def json(self, *arguments: object, expect: int = 0) -> Any:  # noqa: ANN401
        """Return the one document that a call prints."""
        text = self(*arguments, "--json", expect=expect)
        return json.loads(text[text.index("{") : text.rindex("}") + 1])


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return the program."""
    return Command(monkeypatch, capsys)


def test_import_command_tells_what_it_took_and_what_not(
    write: Write, root: Path, command: Command
) -> None:
    """Runs and experiments are counted, what was left has its reason, terminal codes are shown."""
    store = write("7/bb22/meta.yaml", meta_deleted()).parents[2]
    (store / "7" / "\x1b[31mred").mkdir()
    text = command("-w", root, "import", "mlflow", store)
    assert "Took 1 run in 1 experiment and 0 model versions" in text
    assert "it was deleted in MLflow; --deleted takes it" in text
    assert "\x1b[31m" not in text
    again = command.json("-w", root, "import", "mlflow", store, "--deleted")
    assert (again["runs"], again["there"]) == (1, 1)


def meta_deleted() -> str:
    """Return the description of a deleted run."""
    return meta("bb22", lifecycle_stage="deleted")


def test_import_command_as_a_dry_run_says_what_it_would_take(
    write: Write, root: Path, command: Command
) -> None:
    """The same counts, in the conditional; no run is there afterwards."""
    store = write("7/aa11/params/lr", "0.1").parents[3]
    assert "Would take 1 run" in command("-w", root, "import", "mlflow", store, "--dry-run")
    assert command("-w", root, "run", "list", "--json").strip() == "[]"


def test_moving_commands_with_bad_paths_fail_with_their_codes(
    root: Path, command: Command, tmp_path: Path
) -> None:
    """Not there is 3, something else 4, oneself 4, a full folder 4; each says what to do."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    assert "Name an mlruns" in command("-w", root, "import", "mlflow", "nothing", expect=3)
    assert "Name an mlruns" in command("-w", root, "import", "mlflow", root, expect=4)
    with start_run("churn", workspace=root, capture_output=False):
        pass
    assert "something else" in command("-w", root, "export", "mlflow", tmp_path / "full", expect=4)
    command("-w", root, "export", "mlflow", tmp_path / "out", "--run", "zzzz", expect=3)
    command("-w", root, "export", "mlflow", tmp_path / "out", "--filter", "(a or", expect=4)
    assert command.json("-w", root, "sync", root, expect=4)["error"]["exit_code"] == 4
    command("-w", root, "sync", tmp_path / "full", expect=3)


def test_export_and_sync_commands_tell_what_they_did(
    root: Path, command: Command, tmp_path: Path
) -> None:
    """Counts are told once more as zero when everything is there already."""
    init(tmp_path / "other", owner="bob")
    with start_run("churn", workspace=tmp_path / "other", capture_output=False) as run:
        run.log({"loss": 1})
    text = command("-w", root, "sync", tmp_path / "other")
    assert "Took 1 run, 0 model versions, 0 objects from other." in text
    assert "records it" in text
    found = command.json("-w", root, "sync", tmp_path / "other")
    assert (found["runs"], found["there"], found["entry"]) == (0, 1, 0)
    assert "Wrote 1 run of 1 experiment" in command("-w", root, "export", "mlflow", tmp_path / "m")
    again = command("-w", root, "export", "mlflow", tmp_path / "m")
    assert "1 run had been there before" in again
    assert "took in what was new in the workspace other" in command("-w", root, "activity")


def test_store_of_mlflow_named_as_workspace_is_listed(write: Write, command: Command) -> None:
    """``-w mlruns`` lists runs; a write is refused with how to import."""
    store = write("7/aa11/metrics/loss", "5 0.5 1\n").parents[3]
    (run,) = json.loads(command("-w", store, "run", "list", "--json"))
    assert run["metrics"]["loss"]["last"] == 0.5
    text = command("-w", store, "annotate", run["id"], "hello", expect=6)
    assert f"modeldeck import mlflow {store}" in text
