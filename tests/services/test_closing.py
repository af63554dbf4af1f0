"""What a run recorded is vouched for by the version that was registered from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from modeldeck.errors import ConflictError
from modeldeck.services.base import manifests
from modeldeck.services.founding import init
from modeldeck.store import closing
from modeldeck.tracking import Run, start_run
from modeldeck.workspace import Workspace


@pytest.fixture
def deck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return an open workspace of ann's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    init(tmp_path / "ws", owner="ann")
    return Workspace.open(tmp_path / "ws", user="ann")


def trained(deck: Workspace, resume: str = "") -> Run:
    """Start a run, or go on with one, that logged a metric, some text and a model."""
    run = start_run("churn", workspace=deck.root, user="ann", capture_output=False, resume=resume)
    run.log({"loss": 0.5})
    run.log_text("epoch 1\n")
    folder = run.folder / "artifacts" / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.skops").write_bytes(b"weights")
    return run


def problems(deck: Workspace) -> list[str]:
    """Return what `ledger verify --data` finds wrong with runs."""
    found = deck.ledger_check.run(data=True)
    assert {one["kind"] for one in found["problems"]} <= {"run"}
    return [one["problem"] for one in found["problems"]]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("metrics.jsonl", lambda data: data.replace(b"0.5", b"0.1"), "is not what it was"),
        ("output.log", lambda data: data[:-1], "is shorter than it was"),
        ("end.json", lambda data: data.replace(b"0.5", b"0.1"), "is not what it was"),
        ("end.json", lambda data: data.replace(b"{", b'{"resumes":3,', 1), "is not what it was"),
        ("run.json", None, "is missing"),
    ],
)
def test_run_changed_after_its_version_was_registered_is_found(
    deck: Workspace, name: str, change: object, said: str
) -> None:
    """Also an end that says that the run went on where nobody continued it."""
    run = trained(deck)
    run.finish()
    version = deck.models.register(run.id, "churn")["id"]
    assert problems(deck) == []
    path = run.folder / name
    if callable(change):
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    assert deck.ledger_check.run()["ok"]  # only --data reads what runs recorded
    (found,) = problems(deck)
    assert found.startswith(f"{name} {said}")
    assert version in found


def test_run_that_goes_on_later_is_what_it_was_and_its_content_registered_once(
    deck: Workspace,
) -> None:
    """Streams grow and the end is a new one; the same model of it stays the same version."""
    run = trained(deck)
    run.finish()
    version = deck.models.register(run.id, "churn")
    trained(deck, run.id).finish("failed")
    assert problems(deck) == []
    with pytest.raises(ConflictError, match="churn@1"):
        deck.models.register(run.id, "churn")
    assert deck.models.show("churn")["latest"] == version["id"]
    path = run.folder / "metrics.jsonl"
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.4", 1))
    assert len(problems(deck)) == 1


def test_version_of_a_running_run_says_nothing_about_files_that_grow(deck: Workspace) -> None:
    """Nor is its content registered again when the run has ended."""
    run = trained(deck)
    version = deck.models.register(run.id, "churn")
    predicate = manifests.predicate(manifests.read(deck.deck.objects, version["manifest"]))
    assert manifests.RECORDS not in predicate
    run.finish()
    with pytest.raises(ConflictError, match="churn@1"):
        deck.models.register(run.id, "churn")


def test_run_that_is_not_here_is_a_note_unless_it_was_deleted(deck: Workspace) -> None:
    """A copy without runs verifies, and says what it could not look at."""
    run = trained(deck)
    run.finish()
    deck.models.register(run.id, "churn")
    shutil.rmtree(run.folder)
    found = deck.ledger_check.run(data=True)
    assert found["ok"]
    (note,) = [one["problem"] for one in found["notes"] if one["kind"] == "run"]
    assert "is not here" in note


def test_whatever_a_manifest_says_about_a_run_leads_to_no_other_file(tmp_path: Path) -> None:
    """Names, digests and lengths that are none are passed over."""
    wrong = {"sha256": "a" * 64, "size_bytes": 1}
    said: list[object] = [
        None,
        [],
        {"files": []},
        {"files": {"../../x": wrong, "/etc/passwd": wrong}},
        {"files": {"run.json": {"sha256": 1, "size_bytes": 1}}},
        {"files": {"run.json": {"sha256": "a" * 64, "size_bytes": -1}}},
    ]
    for known in said:
        assert list(closing.problems(tmp_path, known)) == []
    (tmp_path / "output.log").symlink_to("/etc/passwd")
    (found,) = closing.problems(tmp_path, {"files": {"output.log": wrong}})
    assert found.startswith("output.log cannot be read")
