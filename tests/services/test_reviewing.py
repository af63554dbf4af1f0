"""Reviews as documents: intervals, data, code, drift, voters with their keys, and what moved."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from modeldeck.domain.documents import CheckDocument, GateDocument
from modeldeck.services.base import difference
from modeldeck.services.founding import init
from modeldeck.services.governing import codes, drifting
from modeldeck.services.governing.reviewing import metric_rows
from modeldeck.workspace import Workspace


def gate(*checks: CheckDocument) -> GateDocument:
    """Return a report of some checks."""
    return GateDocument(
        passed=True,
        version="churn@2",
        environment="production",
        checks=list(checks),
        report="",
        made_by="ci",
        at="",
    )


def paired(low: float, high: float) -> CheckDocument:
    """Return a paired comparison of the accuracy."""
    return CheckDocument(
        name="no regression",
        kind="no-regression",
        metric="accuracy",
        required=True,
        passed=True,
        value=0.93,
        threshold=0.9,
        margin=0.01,
        reason="",
        interval={"live": 0.9, "difference": 0.03, "low": low, "high": high, "n_rows": 500},
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.01, 0.05, "better"), (-0.05, -0.01, "worse"), (-0.01, 0.05, "unclear")],
)
def test_metric_is_better_or_worse_only_where_its_interval_leaves_out_zero(
    low: float, high: float, verdict: str
) -> None:
    """What a gate compared on the same rows is told by that, not by the versions' own hold-outs."""
    before, after = {"metrics": {"accuracy": 0.99}}, {"metrics": {"accuracy": 0.1}}
    (row,) = metric_rows(before, after, gate=gate(paired(low, high)))
    assert (row["verdict"], row["before"], row["after"]) == (verdict, 0.9, 0.93)
    assert (row["low"], row["high"], row["n_rows"]) == (low, high, 500)


def test_metric_without_interval_says_so_and_follows_its_goal() -> None:
    """Less is better where the manifest, or the name, says so; one side alone tells nothing."""
    before = {"metrics": {"loss": 0.2, "cost": 1.0, "old": 3}, "goals": {"cost": "min"}}
    after = {"metrics": {"loss": 0.1, "cost": 2.0, "new": "NaN"}}
    rows = {one["name"]: one for one in metric_rows(before, after, gate=None)}
    assert {name: one["verdict"] for name, one in rows.items()} == {
        "cost": "worse",
        "loss": "better",
        "new": "unknown",
        "old": "unknown",
    }
    assert all(one["n_rows"] is None and one["low"] is None for one in rows.values())


def drift(root: Path, name: str, document: object) -> None:
    """Write a drift report about churn@production."""
    folder = root / "endpoints" / "production" / "churn" / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(document))


MOVE = {
    "column": "age", "statistic": "KS", "value": 0.3, "p": 0.01, "q": 0.02, "psi": 0.4,
    "n_before": 100, "n_after": 90, "rank_error": 0.0, "missing_before_share": 0.0,
    "missing_after_share": 0.0, "moved": True, "why": "",
}  # fmt: skip


def test_newest_drift_report_counts_and_what_is_none_says_so(tmp_path: Path) -> None:
    """Nothing measured, a damaged report, and a good one, which is taken by its own time."""
    assert "not measured" in drifting.newest(tmp_path, "churn@production")["why"]
    drift(tmp_path, "z.json", {"at": "2026-01-01", "moves": [{**MOVE, "moved": "maybe"}]})
    assert drifting.newest(tmp_path, "churn@production")["why"] == "z.json is no drift report"
    for name, at in (("b.json", "2026-02-01"), ("a.json", "2026-03-01")):
        known = {"at": at, "version": "churn@1", "n_rows": 90, "moves": [MOVE], "rule": "BH"}
        drift(tmp_path, name, known)
    found = drifting.newest(tmp_path, "churn@production")
    assert (found["at"], found["why"], found["n_rows"]) == ("2026-03-01", "", 90)
    assert [one["column"] for one in found["moves"]] == ["age"]


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    named = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
    done = subprocess.run(
        ["git", *named, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_code_between_two_commits_is_asked_of_git_which_runs_nothing(tmp_path: Path) -> None:
    """What differs is shown; a difference program that the repository names is not run."""
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitattributes").write_text("*.py diff=evil\n")
    commits = []
    for text in ("rate = 1\n", "rate = 2\n"):
        (tmp_path / "train.py").write_text(text)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "x")
        commits.append(git(tmp_path, "rev-parse", "HEAD"))
    touched = tmp_path / "touched"
    for key in ("diff.external", "diff.evil.command", "diff.evil.textconv"):
        git(tmp_path, "config", key, f"touch {touched};")
    between, why = codes.between(tmp_path, commits[0], after=commits[1])
    assert "-rate = 1" in between
    assert "+rate = 2" in between
    assert why == ""
    assert not touched.exists()
    assert codes.between(tmp_path, commits[0], after="0" * 40)[1].startswith("the workspace's git")
    assert codes.between(tmp_path, "--output=x", after=commits[1])[1].startswith("the commit of")


@pytest.fixture
def signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace whose production asks for signatures, without any release."""
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("ann", "oli"):
        path = str(tmp_path / name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    root = tmp_path / "shop"
    init(root, owner="ann", name="shop", keys=[str(tmp_path / "ann")], trust="signed")
    return root


def test_statement_names_the_key_before_and_the_entry_has_it_after(signed: Path) -> None:
    """What is to be signed says level and fingerprint; so does what was recorded, byte for byte."""
    key = signed.parent / "ann"
    listed = subprocess.run(
        ["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True
    )
    fingerprint = listed.stdout.split()[1]
    with Workspace.open(signed, key=str(key)) as ann:
        text = (signed / "modeldeck.toml").read_text()
        (signed / "modeldeck.toml").write_text(text.replace("approvals = 1", "approvals = 2", 1))
        statement = ann.proposals.adopting()
        assert (statement.level, statement.key, statement.is_enough) == (
            "signed",
            fingerprint,
            True,
        )
        shown = statement.digest()
        recorded = ann.proposals.cast(statement)
        assert (recorded.level, recorded.key) == ("signed", fingerprint)
        entry = json.loads(ann.activity.entry(recorded.n)["raw"])
        assert entry["id"] == statement.intent.id
        assert shown == statement.digest("a reason where none belongs")


def test_statement_of_somebody_without_a_key_is_not_enough(signed: Path) -> None:
    """It says which level it would have, and which is asked for."""
    with Workspace.open(signed, user="ann") as ann:
        text = (signed / "modeldeck.toml").read_text()
        (signed / "modeldeck.toml").write_text(text.replace("approvals = 1", "approvals = 2", 1))
        statement = ann.proposals.adopting()
    assert (statement.level, statement.key) == ("owner", "")
    assert (statement.needed, statement.is_enough) == ("signed", False)


def test_metric_without_a_goal_is_judged_by_its_name() -> None:
    """Less of a loss is better in a list of differences, as in the review."""
    before, after = {"metrics": {"loss": 0.5, "auc": 0.8}}, {"metrics": {"loss": 0.3, "auc": 0.7}}
    found = {one["name"]: one["better"] for one in difference.rows(before, after)}
    assert found == {"loss": True, "auc": False}
    rows = metric_rows(before, after, gate=None)
    assert {one["name"]: one["goal"] for one in rows} == {"loss": "min", "auc": "max"}
