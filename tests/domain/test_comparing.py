"""Comparing runs: what differs, the direction of metrics, the best, data, code, environment."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from modeldeck.domain.documents import ComparisonDocument, RunDocument
from modeldeck.domain.reading.comparing import Facts, compare, leaves
from tests.domain.test_query import run

DIFF = "diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n-a\n+b\n"


def facts(identifier: str, loss: object = 0.5, **more: Any) -> Facts:  # noqa: ANN401 -- fields of Facts
    """Return what is known of a run."""
    summary = {"last": loss, "min": 0.1, "max": 0.9, "best": 0.1, "step": 3}
    document = run(id=identifier, metrics={"loss": summary}, parameters=more.pop("parameters", {}))
    return Facts(run=cast("RunDocument", document), **more)


def different(found: ComparisonDocument) -> dict[tuple[str, str], list[object]]:
    """Return what differs: values by kind and name, in the order of the runs."""
    return {
        (one["kind"], one["name"]): [one["values"][each] for each in found["runs"]]
        for one in found["different"]
    }


def test_only_what_differs_is_different() -> None:
    """Parameters, data by digest, code with its uncommitted changes, environment, metrics."""
    first = facts(
        "a",
        0.5,
        parameters={"lr": 0.1, "depth": 3},
        told={"code": {"commit": "c1"}, "packages": {"numpy": "2.0"}, "python": "3.11"},
        dataset={"source": "s.csv", "sha256": "aa"},
    )
    second = facts(
        "b",
        0.2,
        parameters={"lr": 0.2, "depth": 3.0},
        told={"code": {"commit": "c1"}, "packages": {"numpy": "2.1"}, "python": "3.11"},
        dataset={"source": "s.csv", "sha256": "bb"},
        diff=DIFF,
    )
    found = compare([first, second])
    assert different(found) == {
        ("metric", "loss"): [0.5, 0.2],
        ("parameter", "lr"): [0.1, 0.2],
        ("data", "sha256"): ["aa", "bb"],
        ("code", "uncommitted t.py"): [None, "+1 -1 (8c9e9320)"],
        ("environment", "packages.numpy"): ["2.0", "2.1"],
    }
    same = {(one["kind"], one["name"]) for one in found["same"]}
    assert {("parameter", "depth"), ("code", "commit"), ("environment", "python")} <= same


def test_best_follows_the_direction_and_ties_share_it() -> None:
    """As defined, else as the kept best tells, else as the name says; NaN is never the best."""
    runs = [facts("a", 0.5), facts("b", 0.2), facts("c", 0.2), facts("d", "NaN")]
    only = compare(runs)["different"][0]
    assert (only["goal"], only["best"]) == ("min", ["b", "c"])
    defined = {"definitions": {"loss": {"goal": "max"}}}
    only = compare([facts("a", 0.5, told=defined), *runs[1:]])["different"][0]
    assert (only["goal"], only["best"]) == ("max", ["a"])
    only = compare([facts("a", "NaN"), facts("b", "Infinity")])["different"][0]
    assert only["best"] == []


def test_fifty_runs_are_compared_at_once() -> None:
    """Each has its value in each row."""
    found = compare([facts(str(n), n / 10, parameters={"n": n}) for n in range(50)])
    assert all(len(one["values"]) == 50 for one in found["different"])
    assert found["different"][0]["best"] == ["0"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["code", "argv", "packages", "data", "seed"]), _JSON), _JSON)
def test_whatever_a_runs_files_hold_is_compared(told: dict[str, object], other: object) -> None:
    """Folders come from anywhere: lists for objects, depth, numbers that JSON lacks."""
    found = compare([facts("a", told=told), facts("b", told={"code": other})])
    assert found["runs"] == ["a", "b"]
    assert all(not isinstance(one, dict | list) for one in leaves(other, "x").values())
