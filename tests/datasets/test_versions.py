"""Freezing contents: what is kept, said and shown, and what is noticed later."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from modeldeck.errors import (
    ConflictError,
    DamageError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
)
from modeldeck.services.base import descriptions
from modeldeck.services.datasets import tables
from modeldeck.services.datasets.comparing import Request
from modeldeck.services.datasets.datasets import About
from modeldeck.services.founding import init
from modeldeck.store import contents, files
from modeldeck.workspace import Workspace
from tests.datasets.conftest import write_sales


def test_added_file_becomes_the_next_version_and_keeps_its_bytes(deck: Workspace) -> None:
    """The digest is the file's SHA-256; it stays when the file changes; no content is two."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(100))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    about = About(reason="The first.", target="paid", key=("id",))
    first = deck.datasets.add("sales", path, about=about)
    assert not first["existed"]
    assert first["dataset"]["id"] == "sales@1"
    assert first["dataset"]["digest"] == digest
    assert first["dataset"]["rows"] == 100
    assert first["dataset"]["source"] == "datasets/sales.csv"
    again = deck.datasets.add("sales", path)
    assert (again["existed"], again["dataset"]["id"]) == (True, "sales@1")
    n = deck.deck.state.n
    write_sales(path, range(120))
    assert deck.datasets.add("sales", "datasets/sales.csv")["dataset"]["id"] == "sales@2"
    assert deck.deck.state.n == n + 1
    kept = deck.deck.objects.path(digest)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == digest
    assert stat.S_IMODE(kept.stat().st_mode) == 0o444
    assert kept.stat().st_nlink == 1
    assert [one["id"] for one in deck.datasets.list("sales")] == ["sales@1", "sales@2"]
    assert deck.datasets.version("sales")["id"] == "sales@2"
    assert deck.activity.list(1)[0]["text"] == "added the data sales@2"


def test_profile_of_a_version_says_what_its_columns_hold(deck: Workspace) -> None:
    """Types, missing values, moments and the most frequent values stand in its description."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(500))
    deck.datasets.add("sales", path)
    found = {one["name"]: one for one in deck.datasets.show("sales")["columns"]}
    assert {name: one["type"] for name, one in found.items()} == {
        "id": "int64",
        "price": "float64",
        "city": "string",
        "paid": "bool",
    }
    assert found["price"]["missing"] > 0
    assert found["id"]["numbers"]["mean"] == pytest.approx(249.5)
    assert {text for text, _count in found["city"]["categories"]["top"]} == {"Oslo", "Rome", "Lima"}


def test_folder_is_known_by_what_sha256sum_prints(deck: Workspace) -> None:
    """Its parts are one table; anybody can compute its digest; other files only have digests."""
    folder = deck.root / "datasets" / "parts"
    (folder / "deep").mkdir(parents=True)
    write_sales(folder / "b.csv", range(10))
    write_sales(folder / "deep" / "a.csv", range(10, 30))
    (folder / "README.txt").write_text("Sales of the shop.\n")
    found = deck.datasets.add("parts", folder)["dataset"]
    script = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    printed = subprocess.run(
        ["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    assert found["digest"] == printed.stdout.split()[0]
    assert (found["kind"], found["rows"], found["n_files"]) == ("folder", 30, 3)
    files_ = [one["name"] for one in deck.datasets.show("parts")["files"]]
    assert files_ == ["README.txt", "b.csv", "deep/a.csv"]


@pytest.mark.parametrize("mode", ["copy", "reflink"])
def test_snapshot_is_no_link_to_the_file(deck: Workspace, mode: str) -> None:
    """Writing into the file in place changes nothing that is frozen."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(50))
    found = deck.datasets.add("sales", path, snapshot=mode)["dataset"]
    with path.open("r+b") as file:
        file.write(b"XX")
    assert found["snapshot"] == mode
    assert deck.deck.objects.problem(found["digest"], data=True) == ""


def test_configuration_says_how_contents_are_kept(deck: Workspace) -> None:
    """``datasets.snapshot`` counts where the call says nothing; an unknown word names its line."""
    config = deck.root / "modeldeck.toml"
    text = config.read_text()
    config.write_text(text + '\n[datasets]\nsnapshot = "none"\n')
    path = write_sales(deck.root / "datasets" / "sales.csv", range(50))
    found = deck.datasets.add("sales", path)["dataset"]
    assert found["snapshot"] == "none"
    assert not deck.deck.objects.path(found["digest"]).exists()
    config.write_text(text + '\n[datasets]\nsnapshot = "link"\n')
    with pytest.raises(InvalidInputError, match=r"line \d+: datasets.snapshot"):
        deck.datasets.add("other", path)


def test_contents_that_are_not_kept_are_compared_as_far_as_they_are_here(deck: Workspace) -> None:
    """Rows are compared while the file is the same; later only columns and distributions."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(200))
    deck.datasets.add("sales", path, snapshot="none")
    other = write_sales(deck.root / "other.csv", range(250))
    found = deck.datasets.diff("sales@1", str(other))
    assert found["rows"] is not None
    assert found["rows"]["added"] == 50
    write_sales(path, range(10))
    found = deck.datasets.diff("sales@1", str(other))
    assert found["rows"] is None
    assert "changed since" in found["rows_reason"]
    assert len(found["moves"]) == 4
    with pytest.raises(NotFoundError, match="not here"):
        deck.datasets.tables("sales@1")


def test_diff_of_versions_uses_their_key_and_sees_what_moved(deck: Workspace) -> None:
    """Rows go by the key of the first version; a shifted price moved, the rest did not."""
    path = deck.root / "datasets" / "sales.csv"
    deck.datasets.add("sales", write_sales(path, range(1_000)), about=About(key=("id",)))
    deck.datasets.add("sales", write_sales(path, range(100, 1_100), seed=2, shift=3.0))
    found = deck.datasets.diff("sales@1", "sales@2", request=Request(limit=3))
    assert found["rows"] is not None
    assert found["rows"]["by"] == ["id"]
    assert (found["rows"]["added"], found["rows"]["removed"]) == (100, 100)
    assert len(found["rows"]["changed_rows"]) == 3
    moved = [one["column"] for one in found["moves"] if one["moved"]]
    assert "price" in moved
    assert "city" not in moved
    same = deck.datasets.diff("sales@1", "sales@1")
    assert same["is_equal"]


def test_verify_names_damage_and_tells_the_working_file_apart(deck: Workspace) -> None:
    """The file is this version, a later one, changed, or gone; a changed object is damage."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    first = deck.datasets.add("sales", path)["dataset"]
    assert deck.datasets.verify()[0]["working"] == "is this version"
    write_sales(path, range(40))
    deck.datasets.add("sales", path)
    assert deck.datasets.verify("sales@1")[0]["working"] == "is sales@2 now"
    path.write_text("x\n1\n")
    assert deck.datasets.verify("sales@2")[0]["working"] == "changed since"
    path.unlink()
    assert deck.datasets.verify("sales@2")[0]["working"] == "is gone"
    kept = deck.deck.objects.path(first["digest"])
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes()[:-2])
    found = {one["id"]: one for one in deck.datasets.verify("sales")}
    assert found["sales@1"]["snapshot"] == "damaged"
    assert "sales.csv" in found["sales@1"]["problems"][0]
    assert found["sales@2"]["ok"]
    assert not deck.ledger_check.run(data=True)["ok"]
    with pytest.raises(DamageError):
        deck.datasets.need_whole("sales@1")


def test_file_that_changes_while_it_is_read_is_not_frozen(
    deck: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was profiled, hashed and kept is the same, or nothing is recorded."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    real, seeds = tables.ask, [path]

    def ask(root: Path, spec: Mapping[str, object]) -> dict[str, object]:
        answer = real(root, spec)
        write_sales(path, range(31), seed=len(seeds))
        seeds.append(path)
        return answer

    monkeypatch.setattr(tables, "ask", ask)
    n = deck.deck.state.n
    for mode in ("copy", "none"):
        with pytest.raises(ConflictError, match="changed while"):
            deck.datasets.add("sales", path, snapshot=mode)
    assert deck.deck.state.n == n


def test_two_who_add_the_same_at_once_get_one_version(
    deck: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second is told which version it is, and no second entry is written."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    real = descriptions.write

    def write(*args: object) -> str:
        monkeypatch.setattr(descriptions, "write", real)
        with Workspace.open(deck.root, user="ann") as other:
            other.datasets.add("sales", path)
        return real(*args)  # type: ignore[arg-type]  # handed on as given

    monkeypatch.setattr(descriptions, "write", write)
    found = deck.datasets.add("sales", path)
    assert (found["existed"], found["dataset"]["id"]) == (True, "sales@1")
    assert len(deck.datasets.list()) == 1


def test_description_of_other_contents_is_damage_and_hides_nothing_else(deck: Workspace) -> None:
    """Whoever crafts an entry whose description lists other files is found out when it is read."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    good = deck.datasets.add("sales", path)["dataset"]
    body = {"digest": "a" * 64, "description": good["description"], "reason": ""}
    deck.deck.commit("dataset.add", "dataset:forged", body=body)
    odd = deck.deck.objects.put(files.dumps({"v": 1, "files": "x"}))
    body = {"digest": "b" * 64, "description": odd, "reason": ""}
    deck.deck.commit("dataset.add", "dataset:odd", body=body)
    listed = {one["id"]: one.get("problem", "") for one in deck.datasets.list()}
    assert listed["sales@1"] == ""
    assert "other contents" in listed["forged@1"]
    assert "no description" in listed["odd@1"]
    with pytest.raises(DamageError):
        deck.datasets.show("forged")
    assert [one["ok"] for one in deck.datasets.verify()] == [False, False, True]


def test_names_and_options_that_cannot_be_are_refused(deck: Workspace) -> None:
    """Each with what to do instead, before anything is read or written."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    n = deck.deck.state.n
    for name in ("Sales", "sales@2", "12", "a/b", "..", "a" * 80, "сales"):
        with pytest.raises(InvalidInputError):
            deck.datasets.add(name, path)
    for about in (About(target="nix"), About(key=("id", "id")), About(reason="x" * 3_000)):
        with pytest.raises(InvalidInputError):
            deck.datasets.add("sales", path, about=about)
    with pytest.raises(InvalidInputError, match="Up to"):
        deck.datasets.diff(str(path), str(path), request=Request(limit=-1))
    with Workspace.open(deck.root, is_read_only=True) as other, pytest.raises(NotPermittedError):
        other.datasets.add("sales", path)
    assert deck.deck.state.n == n


def test_workspace_without_data_versions_opens_as_before(tmp_path: Path) -> None:
    """Nothing is listed, verified or guessed where nothing was frozen."""
    init(tmp_path / "old", owner="ann")
    with Workspace.open(tmp_path / "old", user="ann") as workspace:
        assert list(workspace.datasets.list()) == []
        assert list(workspace.datasets.verify()) == []
        assert list(workspace.datasets.candidates()) == []
        with pytest.raises(NotFoundError):
            workspace.datasets.show("sales")
        with pytest.raises(NotFoundError):
            workspace.annotations.entity("sales@1")


def test_data_can_be_remarked_on_and_tagged(deck: Workspace) -> None:
    """A version and its dataset are subjects like any other; tags of a version show with it."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    deck.datasets.add("sales", path)
    deck.annotations.tag("dataset:sales@1", "gold", value="yes")
    deck.annotations.add("sales@1", "Prices are net.")
    deck.annotations.add("dataset:sales", "From the shop.")
    assert deck.datasets.version("sales@1")["tags"] == {"gold": "yes"}
    subjects = [one["subject"] for one in deck.annotations.list()]
    assert subjects == ["dataset:sales@1", "dataset:sales"]
    assert deck.annotations.tags("dataset:sales") == {}


def test_past_shows_the_versions_of_then(deck: Workspace) -> None:
    """Travelling back before a version was added, it is not there."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    deck.datasets.add("sales", path)
    n = deck.deck.state.n
    write_sales(path, range(31))
    deck.datasets.add("sales", path)
    assert [one["id"] for one in deck.at(str(n)).datasets.list()] == ["sales@1"]


def test_copy_of_a_workspace_on_another_disk_has_the_contents(
    deck: Workspace, tmp_path: Path
) -> None:
    """Copied without modes, times or links, versions verify as before."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(30))
    deck.datasets.add("sales", path)
    shutil.copytree(deck.root, tmp_path / "copy", copy_function=shutil.copyfile)
    with Workspace.open(tmp_path / "copy", user="ann") as other:
        assert other.datasets.verify()[0]["ok"]
        assert contents.read(tmp_path / "copy" / "datasets" / "sales.csv").digest


def test_doctor_brings_missing_contents_back_from_the_file_they_were_read_from(
    deck: Workspace,
) -> None:
    """Contents that lie nowhere else are named instead."""
    path = write_sales(deck.deck.root / "datasets" / "sales.csv", range(20))
    deck.datasets.add("sales", path, snapshot="copy")
    kept = deck.deck.objects.path(hashlib.sha256(path.read_bytes()).hexdigest())
    kept.unlink()
    assert deck.upkeep.doctor(repair=False)["exit_code"] == 10
    assert deck.upkeep.doctor(repair=True)["exit_code"] == 0
    assert kept.read_bytes() == path.read_bytes()
    kept.unlink()
    path.unlink()
    report = deck.upkeep.doctor(repair=True)
    line = next(one for one in report["checks"] if one["name"] == f"object {kept.name[:12]}")
    assert (report["exit_code"], line["state"]) == (10, "not-repairable")
