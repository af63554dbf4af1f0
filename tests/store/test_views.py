"""The catalogue as TinyDB tables, and its snapshot that may be damaged at any time."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tinydb import where

from modeldeck.store.views import Catalogue


def filled(path: Path) -> Catalogue:
    """Return a catalogue with two models."""
    found = Catalogue(path)
    found.upsert("models", [{"name": "churn", "versions": 2}, {"name": "fraud", "versions": 5}])
    return found


def test_documents_are_queried_with_tinydb(tmp_path: Path) -> None:
    """TinyDB's queries see the documents under their own keys."""
    table = filled(tmp_path / "c.json").table("models")
    found = table.search(where("versions") > 3)
    assert [(str(one.doc_id), one["name"]) for one in found] == [("fraud", "fraud")]
    assert len(table) == 2


def test_second_document_of_a_key_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """A changed document is one document."""
    catalogue = filled(tmp_path / "c.json")
    catalogue.upsert("models", [{"name": "churn", "versions": 3}])
    assert sorted(one["versions"] for one in catalogue.all("models")) == [3, 5]


def test_snapshot_brings_everything_back(tmp_path: Path) -> None:
    """The next process begins where this one ended."""
    filled(tmp_path / "c.json").save(42, "abc")
    again = Catalogue(tmp_path / "c.json")
    assert (again.applied, again.head) == (42, "abc")
    assert sorted(one["name"] for one in again.all("models")) == ["churn", "fraud"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"v":1}', b'{"v":1,"applied":1,"head":""'])
def test_damaged_snapshot_is_as_none(tmp_path: Path, content: bytes) -> None:
    """A snapshot that cannot be read is forgotten, quietly."""
    path = tmp_path / "c.json"
    path.write_bytes(content)
    catalogue = Catalogue(path)
    assert (catalogue.applied, catalogue.all("models")) == (0, [])
    catalogue.save(1, "x")
    assert Catalogue(path).applied == 1


def test_snapshot_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """A file in the place of the cache's folder costs the cache, nothing else."""
    (tmp_path / "file").write_text("")
    filled(tmp_path / "file" / "c.json").save(1, "x")
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.replace(b'"name"', b'"nane"', 1),
        lambda whole: whole.replace(b'"versions":5', b'"versions":6'),
        lambda whole: b"\n".join(whole.split(b"\n")[:-1]),
        lambda whole: whole.split(b"\n")[0],
        lambda whole: whole.split(b"\n")[0] + b"\n",
        lambda whole: whole + b"\n",
        lambda whole: whole + b'\n[{"name": "x"}]',
    ],
)
def test_changed_snapshot_is_as_none(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """One letter, one line too few or too many: the snapshot is forgotten, quietly."""
    path = tmp_path / "c.json"
    filled(path).save(42, "abc")
    path.write_bytes(change(path.read_bytes()))
    catalogue = Catalogue(path)
    assert (catalogue.applied, catalogue.all("models")) == (0, [])


def test_snapshot_damaged_anywhere_is_whole_or_none(tmp_path: Path, rng: random.Random) -> None:
    """A thousand changes at random places: never other documents than were saved, no error."""
    path = tmp_path / "c.json"
    filled(path).save(42, "abc")
    whole = path.read_bytes()
    saved = Catalogue(path).all("models")
    for _ in range(1000):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] = rng.randrange(256)
        path.write_bytes(changed[: rng.choice([len(whole), rng.randrange(len(whole))])])
        assert Catalogue(path).all("models") in ([], saved)


def test_snapshot_of_nothing_is_read(tmp_path: Path) -> None:
    """An empty workspace has a snapshot too."""
    Catalogue(tmp_path / "c.json").save(1, "x")
    assert Catalogue(tmp_path / "c.json").applied == 1
