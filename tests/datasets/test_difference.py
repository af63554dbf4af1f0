"""Which rows differ, as whole rows and by key, against counting them by hand."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from modeldeck.errors import InvalidInputError
from modeldeck.ml.datasets import difference
from modeldeck.ml.datasets.difference import Side
from modeldeck.ml.datasets.reading import Source, survey


def side(path: Path, frame: pl.DataFrame) -> Side:
    """Write a frame and return it as a side."""
    frame.write_csv(path)
    sources = (Source(path, path.name, "csv"),)
    return Side(path.stem, sources, survey(sources).types)


def random_frame(rng: random.Random) -> pl.DataFrame:
    """Return rows of which many are the same."""
    n = rng.randrange(1, 60)
    return pl.DataFrame(
        {
            "a": [rng.choice([1, 2, 3, None]) for _ in range(n)],
            "b": [rng.choice(["x", "y", None]) for _ in range(n)],
            "c": [rng.choice([0.5, -1.5]) for _ in range(n)],
        },
        schema={"a": pl.Int64, "b": pl.String, "c": pl.Float64},
    )


@pytest.mark.parametrize("number", range(20))
def test_whole_rows_are_compared_as_often_as_they_are_there(
    number: int, tmp_path: Path, rng: random.Random
) -> None:
    """Added and removed rows are the difference of the multisets, and so are those shown."""
    old, new = random_frame(rng), random_frame(rng)
    one, other = side(tmp_path / "old.csv", old), side(tmp_path / "new.csv", new)
    types = {"a": "int64", "b": "string", "c": "float64"}
    one = Side(one.name, one.sources, types)
    other = Side(other.name, other.sources, types)
    found = difference.rows(one, other, key=[], limit=1_000)
    before, after = Counter(old.rows()), Counter(new.rows())
    assert found["added"] == (after - before).total()
    assert found["removed"] == (before - after).total()
    assert Counter(tuple(row.values()) for row in found["added_rows"]) == after - before
    assert Counter(tuple(row.values()) for row in found["removed_rows"]) == before - after
    few = difference.rows(one, other, key=[], limit=2)
    assert len(few["added_rows"]) == min(2, found["added"])


def test_rows_by_key_tell_which_columns_changed(tmp_path: Path) -> None:
    """A row is known by its key; a changed one names its changed columns, before and after."""
    old = pl.DataFrame({"id": [1, 2, 3, 4], "x": [1.0, 2.0, None, 4.0], "w": ["a", "b", "c", "d"]})
    new = pl.DataFrame({"id": [5, 4, 3, 2], "x": [5.0, 4.0, 3.0, 2.5], "w": ["e", "d", "c", "z"]})
    found = difference.rows(
        side(tmp_path / "o.csv", old), side(tmp_path / "n.csv", new), key=["id"], limit=10
    )
    assert (found["added"], found["removed"], found["changed"]) == (1, 1, 2)
    assert found["changed_columns"] == {"x": 2, "w": 1}
    shown = {str(one["key"]["id"]): one["columns"] for one in found["changed_rows"]}
    assert shown == {"2": {"x": [2.0, 2.5], "w": ["b", "z"]}, "3": {"x": [None, 3.0]}}
    assert found["added_rows"] == [{"id": 5, "x": 5.0, "w": "e"}]
    assert found["removed_rows"] == [{"id": 1, "x": 1.0, "w": "a"}]


def test_column_of_another_type_is_compared_by_what_both_hold(tmp_path: Path) -> None:
    """Whole numbers that became floats are the same rows; added columns are left out."""
    old = pl.DataFrame({"id": [1, 2], "x": [10, 20]})
    new = pl.DataFrame({"id": [1, 2], "x": [10.0, 20.5], "extra": ["p", "q"]})
    one, other = side(tmp_path / "o.csv", old), side(tmp_path / "n.csv", new)
    changes = {c["name"]: c["change"] for c in difference.columns(one.types, other.types)}
    assert changes == {"x": "retyped", "extra": "added"}
    found = difference.rows(one, other, key=[], limit=5)
    assert (found["added"], found["removed"]) == (1, 1)
    assert found["compared"] == ["id", "x"]


@pytest.mark.parametrize(
    ("key", "reason"), [("w", "several rows have w = b"), ("nix", "no column")]
)
def test_key_that_names_no_row_is_refused(key: str, reason: str, tmp_path: Path) -> None:
    """A key has to be there, and to name each row once."""
    frame = pl.DataFrame({"id": [1, 2, 3], "w": ["a", "b", "b"]})
    one, other = side(tmp_path / "o.csv", frame), side(tmp_path / "n.csv", frame)
    with pytest.raises(InvalidInputError, match=reason):
        difference.rows(one, other, key=[key], limit=5)
