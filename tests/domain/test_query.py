"""The filter language: what fits, what does not, and errors that say where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeldeck.domain.filters import fields, query
from modeldeck.errors import InvalidInputError

NOW = "2026-11-23T12:00:00.000000Z"


def run(**changes: object) -> dict[str, object]:
    """Return a run's document."""
    return {
        "id": "20261123-071011-k3f9wz",
        "experiment": "churn",
        "name": "forest",
        "kind": "training",
        "parent": "",
        "status": "finished",
        "started_at": "2026-11-23T07:10:11.000000Z",
        "ended_at": "2026-11-23T07:11:11.000000Z",
        "duration_s": 60.0,
        "user": "ann",
        "host": "gpu01",
        "parameters": {"depth": 8, "kernel": "rbf"},
        "metrics": {"acc": {"last": 0.9}, "loss": {"last": "NaN"}},
        "tags": {"stage": "best"},
        "progress": {},
        "error": {},
        **changes,
    }


def fits(text: str) -> bool:
    """Say whether the run fits a filter."""
    return query.parse(text, fields.RUNS, now=NOW, me="ann")(run())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "forest",
        "FOREST gpu01",
        "status:fin*",
        "acc>0.8",
        "acc >= 0.9",
        "depth=8",
        "kernel=rbf",
        "kernel!=linear",
        "metrics.acc > 0.8 and params.depth >= 4",
        "owner:me",
        "since:1d",
        "until:1h",
        "since:2026-11-23",
        "tag:best",
        "tag:stage=best",
        "has:acc",
        "!has:error",
        "!svm",
        "not svm",
        "svm or forest",
        "(svm | forest) churn",
        "not (svm or linear)",
        '"forest"',
        "id:k3f9wz",
        "duration>30",
    ],
)
def test_filter_that_describes_a_run_lets_it_through(text: str) -> None:
    """Words, fields, numbers, ages, contraries and groups."""
    assert fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "svm",
        "status:failed",
        "acc>0.9",
        "loss<1",
        "loss>1",
        "nothing>0",
        "owner:bob",
        "since:1h",
        "until:1d",
        "!forest",
        "svm or linear",
        "forest (svm or linear)",
        "parent:*",
    ],
)
def test_filter_that_does_not_describe_a_run_hides_it(text: str) -> None:
    """Also NaN and what the run does not have fit no comparison."""
    assert not fits(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [("(", 0), ("a (b", 2), (")", 0), ("a or", 4), ("acc>x", 0), ("a since:x", 2), ("not", 3)],
)
def test_filter_that_is_not_understood_says_where(text: str, position: int) -> None:
    """The error names the column at which reading ended."""
    with pytest.raises(InvalidInputError) as caught:
        fits(text)
    assert caught.value.data["position"] == position


@given(st.text(alphabet='ab:><=!()| "*0.9', max_size=40))
def test_filter_of_any_characters_is_a_test_or_an_error(text: str) -> None:
    """Nothing that somebody types ends in anything else."""
    try:
        assert fits(text) in {True, False}
    except InvalidInputError:
        return
