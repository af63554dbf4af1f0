"""``modeldeck doctor``, ``gc`` and ``init --group`` at the command line, piped and as JSON."""

from __future__ import annotations

import grp
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from modeldeck.store import ledger, places, witness
from modeldeck.store.objects import ObjectStore
from modeldeck.workspace import Workspace
from modeldeck_tui import cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the program, run in this process: exit code, output, narration."""

    def called(*arguments: str, workspace: Path | None = root) -> tuple[int, str, str]:
        where = ["-w", str(workspace)] if workspace else []
        monkeypatch.setattr(sys, "argv", ["modeldeck", *where, *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return called


def test_doctor_prints_each_line_and_the_protection(run: Run) -> None:
    """A sound workspace is 0; the outcome comes first."""
    code, out, _err = run("doctor")
    assert code == 0
    assert out.startswith("All is well.")
    for word in ("ledger:", "objects:", "file system:", "versions:", "Protection: L0"):
        assert word in out


def test_doctor_has_an_exit_code_for_damage_and_none_once_it_is_mended(
    run: Run, root: Path
) -> None:
    """10 as long as damage remains, whatever form the report has."""
    ledger.entry_path(root, 3).unlink()
    assert run("doctor")[0] == 10
    code, out, _err = run("doctor", "--json")
    found = json.loads(out)
    assert (code, found["exit_code"], found["ok"]) == (10, 10, False)
    assert {"name", "state", "text", "hint", "exit_code"} == set(found["checks"][0])
    assert {one["state"] for one in found["checks"]} >= {"ok", "problem"}
    code, out, _err = run("doctor", "--repair")
    assert code == 0
    assert "✔ repaired" in out
    assert run("ledger", "verify")[0] == 0


def test_doctor_has_an_exit_code_for_changed_history(run: Run, root: Path) -> None:
    """11 where what was seen before is not there any more."""
    with Workspace.open(root) as workspace:
        path = witness.path_of(workspace.id)
    seen = json.loads(path.read_bytes().splitlines()[-1])
    path.write_text(json.dumps({**seen, "head": "0" * 64}))
    code, out, _err = run("doctor", "--repair")
    assert code == 11
    assert "History was rewritten" in out
    assert "restore a backup" in out


def test_doctor_that_may_not_repair_says_so(run: Run, tmp_path: Path) -> None:
    """Bad calls are one sentence and an exit code."""
    assert run("--read-only", "doctor", "--repair")[0] == 6
    assert run("--as-of", "2", "doctor")[0] == 2
    code, _out, err = run("doctor", workspace=tmp_path / "nowhere")
    assert code == 3
    assert "no workspace" in err


def test_workspace_without_its_configuration_is_named(run: Run, root: Path) -> None:
    """The ledger tells that it is one; what is missing and what to do is said."""
    (root / "modeldeck.toml").unlink()
    code, _out, err = run("doctor")
    assert code == 3
    assert "modeldeck.toml is missing" in err


def test_gc_says_what_it_would_do_and_does_it_when_told(run: Run, root: Path) -> None:
    """Dry run by default; the same figures as JSON."""
    digest = ObjectStore(root).put(b"of nobody")
    code, out, err = run("gc", "--grace", "0s")
    assert code == 0
    assert digest in out
    assert "modeldeck gc --apply" in err
    assert json.loads(run("gc", "--dry-run", "--grace", "0s", "--json")[1])["objects"] == {
        digest: 9
    }
    assert ObjectStore(root).path(digest).exists()
    assert "9 B" in run("gc", "--apply", "--grace", "0s")[1]
    assert not ObjectStore(root).path(digest).exists()
    assert run("gc", "--grace", "tomorrow")[0] == 4


def test_init_for_a_group_sets_the_folder_up(run: Run, tmp_path: Path) -> None:
    """A group that is not there founds nothing."""
    mine = grp.getgrgid(os.getegid()).gr_name
    code, _out, err = run("init", str(tmp_path / "x"), "--group", "no-such-group", workspace=None)
    assert (code, (tmp_path / "x").exists()) == (3, False)
    assert "getent group" in err
    assert run("init", str(tmp_path / "x"), "--group", mine, workspace=None)[0] == 0
    folder = places.ledger_folder(tmp_path / "x")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o3775
