"""Runs and data: what was used is recorded, found again as a version, and trained from it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from modeldeck.domain.datasets.documents import named
from modeldeck.domain.pipeline import parse_pipeline
from modeldeck.errors import ConflictError, DamageError, InvalidInputError, NotFoundError
from modeldeck.jobs import train
from modeldeck.ml import data
from modeldeck.tracking import start_run
from modeldeck.workspace import Workspace
from tests.datasets.conftest import write_sales

PIPELINE = """
experiment = "sales"
[data]
dataset = "{version}"
target = "paid"
drop = ["id"]
[estimator]
type = "sklearn.linear_model.LogisticRegression"
[evaluation]
metrics = ["accuracy"]
"""


def test_run_records_files_folders_and_versions_by_digest(deck: Workspace) -> None:
    """While it runs and afterwards, a run names its data; versions are found by their contents."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(20))
    folder = deck.root / "datasets" / "parts"
    folder.mkdir()
    write_sales(folder / "1.csv", range(5))
    version = deck.datasets.add("sales", path)["dataset"]
    with start_run("s", workspace=deck.root, user="ann", capture_output=False) as run:
        first = run.log_dataset("sales@1")
        run.log_dataset("dataset:sales@1")
        run.log_dataset(path)
        run.log_dataset(folder, name="the parts")
        run.log_dataset("made up", digest="c" * 64)
        live = deck.runs.show(run.id)
    assert first == {"name": "sales@1", "digest": version["digest"]}
    ended = deck.runs.show(run.id)
    assert live["datasets"] == ended["datasets"]
    names = [one["name"] for one in ended["datasets"]]
    assert names == ["sales@1", "sales.csv", "the parts", "made up"]
    assert named(ended["datasets"], deck.datasets.list()) == [
        "sales@1",
        "sales@1",
        "the parts",
        "made up",
    ]
    assert deck.datasets.show("sales")["used_by"]["runs"] == [run.id]
    rows = [(one["kind"], one["id"]) for one in deck.lineage.of(f"run:{run.id}")]
    assert rows[0] == ("dataset", "sales@1")
    assert ("data", "the parts") in rows
    onward = [(one["kind"], one["id"]) for one in deck.lineage.of("dataset:sales@1")]
    assert onward == [("dataset", "sales@1"), ("run", run.id)]


def test_card_names_the_versions_of_data_that_the_run_recorded(deck: Workspace) -> None:
    """What was frozen is named as a version, other data by name and digest."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(20))
    digest = deck.datasets.add("sales", path)["dataset"]["digest"]
    with start_run("s", workspace=deck.root, user="ann", capture_output=False) as run:
        run.log_dataset(path)
        run.log_dataset("made up", digest="c" * 64)
    folder = run.folder / "artifacts" / "model"
    folder.mkdir(parents=True)
    (folder / "model.skops").write_bytes(b"weights")
    version = deck.models.register(run.id, "sales")["id"]
    lines = deck.models.card(version).splitlines()
    assert "- Used: sales@1" in lines
    assert f"- Used: made up, sha256 {'c' * 12}" in lines
    assert "The manifest names no data." not in lines
    (folder / "model.skops").write_bytes(b"others")
    (folder / "dataset.json").write_text(f'{{"source": "sales.csv", "sha256": "{digest}"}}')
    again = deck.models.register(run.id, "other")["id"]
    assert deck.models.card(again).count("sales@1") == 1


def test_data_that_cannot_be_recorded_are_refused_and_the_run_goes_on(deck: Workspace) -> None:
    """A version or file that is not there, a digest that is none, a run that has ended."""
    with start_run("s", workspace=deck.root, user="ann", capture_output=False) as run:
        with pytest.raises(NotFoundError, match="sales@7"):
            run.log_dataset("sales@7")
        with pytest.raises(NotFoundError, match=r"nowhere\.csv"):
            run.log_dataset("nowhere.csv")
        with pytest.raises(InvalidInputError, match="SHA-256"):
            run.log_dataset("x", digest="abc")
        run.log({"loss": 1.0})
    with pytest.raises(ConflictError):
        run.log_dataset("x", digest="a" * 64)
    assert "datasets" not in deck.runs.show(run.id)


@pytest.mark.parametrize("kind", ["csv", "parts", "jsonl", "none"])
def test_pipeline_trains_from_the_frozen_contents(deck: Workspace, kind: str) -> None:
    """Whatever the working file holds by now, the rows are those of the version."""
    import polars as pl

    path = deck.root / "datasets" / "sales.csv"
    write_sales(path, range(60))
    rows = pl.read_csv(path)
    place = path
    if kind == "parts":
        place = deck.root / "datasets" / "parts"
        place.mkdir()
        rows[:20].write_csv(place / "1.csv")
        rows[20:].write_csv(place / "2.csv")
    elif kind == "jsonl":
        place = path.with_suffix(".jsonl")
        rows.write_ndjson(place)
    mode = "none" if kind == "none" else "copy"
    version = deck.datasets.add("sales", place, snapshot=mode)["dataset"]
    if kind == "csv":
        path.write_text("changed\n1\n")
    spec = parse_pipeline(PIPELINE.format(version="sales@1"), "p.toml")
    found = data.load(spec, deck.root, frozen=train.frozen(spec, deck.root))
    assert found.sha256 == version["digest"]
    assert found.frame.height == 60
    assert found.features == ["price", "city"]
    assert found.to_json()["name"] == "sales@1"


def test_pipeline_refuses_damaged_or_missing_contents(deck: Workspace) -> None:
    """A changed object is damage, a version that is not there is not found."""
    path = write_sales(deck.root / "datasets" / "sales.csv", range(60))
    version = deck.datasets.add("sales", path)["dataset"]
    spec = parse_pipeline(PIPELINE.format(version="sales@1"), "p.toml")
    kept = deck.deck.objects.path(version["digest"])
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes() + b"61,1,Oslo,true\n")
    frozen = train.frozen(spec, deck.root)
    with pytest.raises(DamageError, match="sales@1"):
        data.load(spec, deck.root, frozen=frozen)
    kept.unlink()
    with pytest.raises(DamageError, match="is missing"):
        train.frozen(spec, deck.root)
    spec = parse_pipeline(PIPELINE.format(version="sales@2"), "p.toml")
    with pytest.raises(NotFoundError, match="sales@2"):
        train.frozen(spec, deck.root)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('dataset = "sales"', "expected a version such as sales@3"),
        ('dataset = "../x@1"', "expected a version such as sales@3"),
        ("dataset = 3", "expected a text in quotes"),
        ('dataset = "sales@1"\nsource = "sklearn:wine"', "cannot both be there"),
    ],
)
def test_pipeline_that_names_no_version_is_refused_with_its_line(line: str, problem: str) -> None:
    """The message names the file and the line."""
    text = PIPELINE.replace('dataset = "{version}"', line)
    with pytest.raises(InvalidInputError, match=rf"p\.toml, line 4.*{problem}"):
        parse_pipeline(text, "p.toml")


def test_digest_of_a_run_is_that_of_sha256sum(deck: Workspace, tmp_path: Path) -> None:
    """Data that were never frozen are known by the SHA-256 of their bytes."""
    path = write_sales(tmp_path / "loose.csv", range(3))
    with start_run("s", workspace=deck.root, user="ann", capture_output=False) as run:
        found = run.log_dataset(path)
    assert found["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
