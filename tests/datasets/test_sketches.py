"""Summaries in little room: how far off they are, and that they merge."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import polars as pl
import pytest

from modeldeck.domain.datasets.documents import ColumnDocument
from modeldeck.ml.datasets import drift, profile, reading, sketch
from modeldeck.ml.datasets.profile import merged, profiled

N_ROWS = 30_000


def of(frame: pl.DataFrame, *, step: int = 0) -> list[ColumnDocument]:
    """Return the profile of a frame, taken in pieces of ``step`` rows."""
    survey = reading.Survey()
    reading._take(survey, frame)
    survey.rows = frame.height
    pieces = [frame[at : at + step] for at in range(0, frame.height, step)] if step else [frame]
    return profiled(survey, pieces)


@pytest.mark.parametrize("kind", ["normal", "skewed", "far", "ties"])
def test_points_of_many_numbers_keep_every_rank_within_their_error(kind: str, seed: int) -> None:
    """The share below any value differs from the truth by no more than the summary says."""
    rng = np.random.default_rng(seed)
    values = {
        "normal": rng.normal(size=N_ROWS),
        "skewed": rng.lognormal(sigma=3, size=N_ROWS),
        "far": 1e9 + rng.normal(size=N_ROWS),
        "ties": rng.integers(0, 3000, N_ROWS).astype(float),
    }[kind]
    points = sketch.Points(256)
    for part in np.array_split(values, 60):
        points.add(part)
    found = points.result(100)
    probes = np.quantile(values, np.linspace(0.01, 0.99, 50))
    truth = (values[:, None] <= probes).mean(axis=0)
    apart = np.abs(sketch.share_below(found, probes) - truth).max()
    assert found.values.size <= 100
    assert found.weights.sum() == pytest.approx(N_ROWS)
    assert apart <= found.error / N_ROWS + 1e-9
    assert found.error / N_ROWS < 0.05


def test_few_different_numbers_stay_exact() -> None:
    """Up to as many values as are kept, the points are the values with their counts."""
    values = np.array([3.0, 1.0, 3.0, 2.0] * 100)
    points = sketch.Points(64)
    for part in np.array_split(values, 7):
        points.add(part)
    found = points.result(20)
    assert dict(zip(found.values, found.weights, strict=True)) == {1.0: 100, 2.0: 100, 3.0: 200}
    assert found.error == 0.0


def test_counts_of_many_texts_are_too_low_by_at_most_their_error() -> None:
    """Frequent texts stay, and the number of different ones is about right."""
    rng = np.random.default_rng(5)
    texts = [f"rare-{n}" for n in rng.integers(0, 20_000, 40_000)] + ["often"] * 9_000
    rng.shuffle(texts)
    counts = sketch.Counts(1_000)
    for at in range(0, len(texts), 500):
        counts.add(list(Counter(texts[at : at + 500]).items()))
    known = Counter(texts)
    assert counts.top(1)[0][0] == "often"
    for text, count in counts.top(5):
        assert known[text] - counts.error <= count <= known[text]
    assert counts.n_unique == pytest.approx(len(known), rel=0.25)
    assert not counts.is_exact


def test_profile_in_pieces_says_what_the_whole_says() -> None:
    """Moments, extremes, deciles and counts do not depend on how the rows were cut."""
    rng = np.random.default_rng(2)
    frame = pl.DataFrame(
        {
            "x": rng.normal(5, 2, 2_000),
            "city": rng.choice(["Oslo", "Rome"], 2_000),
            "gap": [None if one < 0.1 else float(one) for one in rng.random(2_000)],
        }
    )
    whole, pieces = of(frame), of(frame, step=137)
    for one, other in zip(whole, pieces, strict=True):
        assert one["missing"] == other["missing"]
        if "numbers" in one and "numbers" in other:
            for name in ("min", "max", "mean", "sd"):
                assert one["numbers"][name] == pytest.approx(other["numbers"][name])
        else:
            assert one["categories"] == other["categories"]
    x = frame["x"].to_numpy()
    assert whole[0]["numbers"]["sd"] == pytest.approx(x.std(ddof=1))
    assert whole[0]["numbers"]["deciles"] == pytest.approx(
        np.quantile(x, profile.DECILES, method="inverted_cdf")
    )


def test_merged_profiles_describe_the_rows_of_both() -> None:
    """What two hosts saw adds up to what one would have seen."""
    rng = np.random.default_rng(4)
    frame = pl.DataFrame(
        {"x": rng.normal(size=4_000), "k": [f"k{n}" for n in rng.integers(0, 300, 4_000)]}
    )
    both = merged(of(frame[:1_000]), of(frame[1_000:]))
    whole = of(frame)
    numbers, known = both[0]["numbers"], whole[0]["numbers"]
    assert numbers["count"] == known["count"]
    assert numbers["mean"] == pytest.approx(known["mean"])
    assert numbers["sd"] == pytest.approx(known["sd"])
    assert numbers["rank_error"] < 0.02
    assert both[1]["categories"]["count"] == 4_000
    assert both[1]["categories"]["unique"] == pytest.approx(300, rel=0.25)
    with pytest.raises(ValueError, match="different columns"):
        merged(whole, whole[:1])


def test_drift_rule_is_quiet_without_drift_and_sees_half_a_deviation() -> None:
    """Twenty columns of the same source: no alarm; one that moved by half an sd: just that one."""
    rng = np.random.default_rng(11)
    before = pl.DataFrame({f"c{n}": rng.normal(size=2_000) for n in range(20)})
    alarms = 0
    for _ in range(20):
        after = pl.DataFrame({f"c{n}": rng.normal(size=300) for n in range(20)})
        alarms += any(one["moved"] for one in drift.compare(of(before), of(after)))
    assert alarms <= 1
    after = after.with_columns(c7=pl.col("c7") + 0.5)
    moved = [one["column"] for one in drift.compare(of(before), of(after)) if one["moved"]]
    assert moved == ["c7"]


def test_drift_of_texts_is_tested_by_chi_square_and_few_rows_say_nothing() -> None:
    """The statistic is that of a table worked out by hand; 49 rows are insufficient."""
    before = of(pl.DataFrame({"k": ["a"] * 60 + ["b"] * 40}))
    after = of(pl.DataFrame({"k": ["a"] * 30 + ["b"] * 70}))
    found = drift.compare(before, after)[0]
    assert found["statistic"] == "chi-square"
    assert found["value"] == pytest.approx(200 * (60 * 70 - 40 * 30) ** 2 / (90 * 110 * 100 * 100))
    assert found["p"] == pytest.approx(math.erfc(math.sqrt(float(found["value"]) / 2)))
    assert found["moved"] is True
    few = drift.compare(before, of(pl.DataFrame({"k": ["b"] * 49})))[0]
    assert few["moved"] is None
    assert "49" in few["why"]


def test_stability_index_is_about_zero_on_average_without_drift() -> None:
    """What chance alone adds to the index is taken away from it."""
    rng = np.random.default_rng(8)
    shares = np.full(10, 0.1)
    found = [
        drift.psi(
            rng.multinomial(500, shares).astype(float), rng.multinomial(100, shares).astype(float)
        )
        for _ in range(400)
    ]
    assert abs(float(np.mean(found))) < 0.02
