"""The commands about history, in this process: exit codes, standard error, documents, files."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modeldeck.store.ledger import entry_path
from modeldeck.workspace import Workspace
from modeldeck_tui import cli


@dataclass
class Answer:
    """What one call gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever the command prints
        """The one document on standard output."""
        return json.loads(self.out)


class Deck:
    """The command line on a workspace."""

    def __init__(
        self, root: Path, patch: pytest.MonkeyPatch, *, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.root, self.patch, self.capsys = root, patch, capsys

    def __call__(self, *words: str, code: int = 0, user: str = "alice") -> Answer:
        """Call it and check the exit code."""
        self.patch.setenv("MODELDECK_USER", user)
        self.patch.setattr(sys, "argv", ["modeldeck", "-w", str(self.root), *words])
        with pytest.raises(SystemExit) as raised:
            cli.main()
        out, err = self.capsys.readouterr()
        found = Answer(int(raised.value.code or 0), out, err)
        assert found.code == code, found
        return found


@pytest.fixture
def deck(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deck:
    """Return the command line on alice's workspace."""
    return Deck(root, monkeypatch, capsys=capsys)


def test_anchor_is_one_line_that_verify_takes(deck: Deck, tmp_path: Path) -> None:
    """From a ticket, a file, or as the digest alone; of what is not there the exit code is 11."""
    line = deck("ledger", "anchor").out.strip()
    known = deck("ledger", "anchor", "--json").json
    assert line.split()[:4] == [
        "modeldeck-anchor",
        known["workspace"],
        str(known["n"]),
        known["head"],
    ]
    (tmp_path / "ticket.txt").write_text(f"before the audit:\n{line}\n")
    for text in (line, known["head"], str(tmp_path / "ticket.txt"), f"fixed at {line}."):
        assert deck("ledger", "verify", "--against", text, "--json").json["against"]["ok"]
    wrong = line.replace(known["head"], "f" * 64)
    found = deck("ledger", "verify", "--against", wrong, code=11)
    assert "is another one" in found.out
    assert deck("ledger", "verify", "--against", "f" * 64, "--json", code=11).json["ok"]
    later = line.replace(f" {known['n']} ", f" {known['n'] + 1} ")
    assert "ends at entry" in deck("ledger", "verify", "--against", later, code=11).out
    other = line.replace(known["workspace"], "e" * 64)
    assert "another workspace" in deck("ledger", "verify", "--against", other, code=11).out
    assert "no head" in deck("ledger", "verify", "--against", "nonsense", code=4).err
    assert "no anchor" in deck("ledger", "verify", "--against", "modeldeck-anchor 1", code=4).err


def test_export_writes_each_entry_once_and_no_formula(deck: Deck, tmp_path: Path) -> None:
    """Cells that a spreadsheet would run are quoted, control characters are marks."""
    body = {"reason": "=HYPERLINK(1)\x1b[2J"}
    with Workspace.open(deck.root) as workspace:
        workspace.deck.commit("run.stop", "run:20261123-071011-aaaaaa", body=body)
        n = workspace.deck.state.n
    path = tmp_path / "all.csv"
    deck("ledger", "export", "-o", str(path))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["n"] for row in rows] == [str(k) for k in range(1, n + 1)]
    assert rows[-1]["reason"].startswith("'=HYPERLINK(1)␛")
    assert "is there already" in deck("ledger", "export", "-o", str(path), code=4).err
    printed = deck("ledger", "export").out.splitlines()
    assert printed == path.read_text().splitlines()
    lines = [
        json.loads(one)
        for one in deck("ledger", "export", "--format", "jsonl").out.split("\n")
        if one
    ]
    assert [one["n"] for one in lines] == list(range(1, n + 1))
    assert "Use csv or jsonl" in deck("ledger", "export", "--format", "xml", code=4).err
    assert deck("ledger", "export", "-o", str(tmp_path / "no" / "x"), code=12).err
    assert sorted(one.name for one in tmp_path.iterdir() if ".tmp" in one.name) == []


def test_broken_place_is_warned_about_until_it_is_acknowledged(deck: Deck) -> None:
    """Every command says so on standard error; verifying fails until owners close the place."""
    deck("tag", "churn", "one")
    with Workspace.open(deck.root) as workspace:
        n = workspace.deck.state.n
    deck("tag", "churn", "two")
    path = entry_path(deck.root, n)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"tag":"one"', b'"tag":"bad"'))
    for words in (("activity",), ("run", "list"), ("model", "versions", "--json"), ()):
        assert f"ledger acknowledge {n}" in deck(*words).err
    assert "chain" in deck("ledger", "verify", code=11).out
    assert "broken here" in deck("ledger", "show", str(n)).out
    close = ("ledger", "acknowledge", str(n), "--reason", "looked at it")
    assert "for owners" in deck(*close, user="bob", code=6).err
    deck(*close)
    assert deck("activity").err == ""
    assert "acknowledged" in deck("ledger", "verify").out
    assert "already" in deck(*close, code=5).err
    assert "not broken" in deck("ledger", "acknowledge", "2", "--reason", "x", code=3).err


def test_shrunk_history_is_warned_about_until_owners_name_what_was_lost(deck: Deck) -> None:
    """It stays with each call, and nothing is recorded before."""
    deck("annotate", "churn", "soon lost")
    with Workspace.open(deck.root) as workspace:
        n = workspace.deck.state.n
    entry_path(deck.root, n).unlink()
    for _ in range(2):
        assert "History shrank" in deck("activity").err
        assert "History shrank" in deck("annotate", "churn", "x", code=6).err
    assert deck("ledger", "verify", "--json", code=11).json["problems"][0]["kind"] == "history"
    assert deck("--json").json["inbox"][0]["kind"] == "history"
    assert "for owners" in deck("ledger", "restore", "--reason", "x", user="bob", code=6).err
    deck("ledger", "restore", "--reason", "the backup of Monday")
    assert deck("annotate", "churn", "going on").err == ""
    assert deck("ledger", "verify").code == 0


def test_text_is_removed_by_its_id(deck: Deck) -> None:
    """The option takes the id alone, and needs a reason."""
    made = deck("annotate", "churn", "a secret", "--json").json
    assert "too much" in deck("annotate", "churn", "--redact", made["id"], code=2).err
    assert "why" in deck("annotate", "--redact", made["id"], code=4).err
    assert "needs ENTITY" in deck("annotate", "churn", code=2).err
    words = ("annotate", "--redact", made["id"][:6], "--reason", "a name")
    assert "Only alice or an owner" in deck(*words, user="bob", code=6).err
    deck(*words)
    assert "text removed by alice: a name" in deck("annotation", "list").out
    assert "text removed by alice: a name" in deck("activity").out
    assert deck("ledger", "verify", "--data").code == 0


def test_workspace_is_backed_up_restored_and_upgraded(deck: Deck, tmp_path: Path) -> None:
    """Dry runs write nothing; each command has its document."""
    bak, back = str(tmp_path / "bak"), str(tmp_path / "back")
    assert "would hold" in deck("workspace", "backup", bak, "--dry-run").out
    assert not Path(bak).exists()
    assert deck("workspace", "backup", bak, "--json").json["problems"] == []
    assert "0 files" in deck("workspace", "backup", bak, "--without-logs").out
    assert "would hold" in deck("workspace", "restore", bak, back, "--dry-run").out
    assert "ledger restore" in deck("workspace", "restore", bak, back).err
    assert deck("ledger", "verify", "--against", back).code == 0
    assert "no copy" in deck("workspace", "restore", str(tmp_path / "none"), back, code=3).err
    assert "version 1 is the newest" in deck("workspace", "upgrade").out
    assert deck("workspace", "upgrade", "--json").json["decision"] is None
    assert "up to version 1" in deck("workspace", "upgrade", "--to", "7", code=4).err


def test_damage_has_another_exit_code_than_tampering(deck: Deck, tmp_path: Path) -> None:
    """A missing object is 10, also while it is backed up; all else is saved."""
    deck("annotate", "churn", "wanted")
    with Workspace.open(deck.root) as workspace:
        digest = str(workspace.deck.state.activity[-1].body["object"])
        workspace.deck.objects.path(digest).unlink()
    assert "is missing" in deck("ledger", "verify", code=10).out
    assert "is missing" in deck("workspace", "backup", str(tmp_path / "bak"), code=10).err
    assert deck("ledger", "verify", "--against", str(tmp_path / "bak"), "--json", code=10).json[
        "against"
    ]["ok"]
