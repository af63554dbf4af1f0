"""Columns and orders of lists of runs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from modeldeck.domain.documents import RunDocument
from modeldeck.domain.reading import columns
from modeldeck.errors import InvalidInputError
from tests.domain.test_query import run


def made(name: str, auc: object = None, **changes: object) -> RunDocument:
    """Return a run with a name and, if given, a metric."""
    metrics: dict[str, Any] = {}
    if auc is not None:
        metrics = {"auc": {"last": auc, "min": 0.1, "max": 0.9, "best": 0.9, "step": 3}}
    return cast("RunDocument", run(name=name, metrics=metrics, **changes))


RUNS = [made("a", 0.5), made("b"), made("c", 0.9), made("d", "NaN"), made("e", "Infinity")]


def names(by: str, runs: list[RunDocument] = RUNS) -> str:
    """Return the names of runs in an order."""
    return "".join(one["name"] for one in columns.ordered(runs, by))


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("metrics.auc", "acebd"),
        ("-metrics.auc", "ecabd"),
        ("-auc", "ecabd"),
        ("-name", "edcba"),
        ("-auc.step, name", "acdeb"),
        ("status,-name", "edcba"),
        ("params.nothing", "abcde"),
        ("", "abcde"),
    ],
)
def test_runs_are_sorted_by_anything_with_missing_values_last(by: str, wanted: str) -> None:
    """NaN is missing, infinity is a number; what is equal keeps its order."""
    assert names(by) == wanted


def test_mixed_values_sort_numbers_before_texts() -> None:
    """A parameter that is a number here and a word there ends no list."""
    values: tuple[dict[str, object], ...] = ({"p": 3}, {"p": "x"}, {}, {"p": 1.5}, {"p": True})
    runs = [made(str(n), parameters=value) for n, value in enumerate(values)]
    assert names("p", runs) == "43012"


def test_columns_are_chosen_by_name_once_each() -> None:
    """Own ones, metrics with a figure, parameters, also by other spellings."""
    found = columns.chosen("id, took,duration,metrics.auc.best,depth,tags.stage,user", RUNS)
    assert [one.name for one in found] == [
        *("id", "duration", "metrics.auc.best", "depth", "tags.stage", "user")
    ]
    assert [one.value(RUNS[0]) for one in found[1:]] == [60.0, 0.9, 8, "best", "ann"]


def test_all_columns_are_those_that_runs_have() -> None:
    """What no run has is left out; every metric, parameter and tag is there."""
    found = [one.name for one in columns.chosen("all", RUNS)]
    assert "parent" not in found
    wanted = {"id", "archived", "metrics.auc", "params.depth", "params.kernel", "tags.stage"}
    assert wanted <= set(found)


@pytest.mark.parametrize("text", ["stauts", "id,accc", " , ", "metric"])
def test_unknown_column_is_refused_with_what_there_is(text: str) -> None:
    """The hint names the nearest and all of them."""
    with pytest.raises(InvalidInputError) as caught:
        columns.chosen(text, RUNS)
    assert "status" in caught.value.hint
    if text.strip(" ,"):
        with pytest.raises(InvalidInputError, match="no order by"):
            columns.ordered(RUNS, text.rpartition(",")[2])
