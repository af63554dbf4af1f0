"""The checks of a gate on real models, each passing and failing, and failing closed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from modeldeck.domain.documents import CheckDocument
from modeldeck.ml.gating.checks import Case, Check, Side, Verdict, run_check
from modeldeck.ml.gating.comparison import compare
from modeldeck.ml.gating.resampling import Predicted
from modeldeck.ml.persistence import save_model
from modeldeck.services.base import processes
from tests.jobs import FRESH

DATA = load_breast_cancer()
NAMES = [f"c{n}" for n in range(DATA.data.shape[1])]
TRAIN, HOLDOUT = train_test_split(np.arange(len(DATA.target)), random_state=0, test_size=0.4)


def saved(folder: Path, model: object, *, columns: int = 30, with_holdout: bool = True) -> Path:
    """Fit a model on the training rows and save it with its hold-out."""
    features = DATA.data[:, :columns]
    model.fit(features[TRAIN], DATA.target[TRAIN])  # type: ignore[attr-defined]  # any estimator
    holdout = (features[HOLDOUT], DATA.target[HOLDOUT]) if with_holdout else None
    return save_model(
        model, folder, examples=features[TRAIN], target=DATA.target[TRAIN], holdout=holdout
    )


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a good model."""
    model = LogisticRegression(solver="liblinear")
    return saved(tmp_path_factory.mktemp("good") / "m", model)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that says the same to everything."""
    return saved(tmp_path_factory.mktemp("bad") / "m", DummyClassifier())


def checked(kind: str, folder: Path, live: Path | None = None, **bounds: object) -> Verdict:
    """Run one check."""
    check = Check.read({"name": kind, "kind": kind, "metric": "accuracy", **bounds})
    case = Case(Side(folder), Side(live) if live else None, "m@1" if live else "")
    return run_check(check, case)


def test_threshold_is_measured_on_the_hold_out(good: Path, bad: Path) -> None:
    """The good model passes, the constant one fails, with value, threshold and margin."""
    passed, failed = (checked("threshold", one, min=0.9) for one in (good, bad))
    assert passed.passed
    assert passed.value is not None
    assert passed.margin == pytest.approx(passed.value - 0.9)
    assert not failed.passed
    assert failed.threshold == 0.9
    assert failed.margin is not None
    assert failed.margin < 0


def test_metric_beside_the_model_is_not_trusted(tmp_path: Path) -> None:
    """Without hold-out rows nothing is measured, whatever metrics.json claims."""
    folder = saved(tmp_path / "m", LogisticRegression(solver="liblinear"), with_holdout=False)
    (folder / "metrics.json").write_text('{"holdout":{"accuracy":1.0}}')
    verdict = checked("threshold", folder, min=0.5)
    assert not verdict.passed
    assert "not taken on trust" in verdict.reason


def test_worse_version_is_a_regression_and_an_equal_one_is_none(good: Path, bad: Path) -> None:
    """The paired interval decides, on rows that neither version was trained on."""
    worse = checked("no-regression", bad, good)
    equal = checked("no-regression", good, good)
    better = checked("no-regression", good, bad)
    assert not worse.passed
    assert "significantly worse" in worse.reason
    assert equal.passed
    assert better.passed
    assert f"on {len(HOLDOUT)} rows" in better.reason


def test_margin_allows_so_much_less(good: Path, bad: Path) -> None:
    """With a margin of one nothing is a regression."""
    assert checked("no-regression", bad, good, margin=1.0).passed


def test_rows_that_the_live_version_knows_are_left_out(tmp_path: Path, good: Path) -> None:
    """A live version trained on the hold-out leaves too few rows to compare."""
    model = DecisionTreeClassifier().fit(DATA.data, DATA.target)
    live = save_model(model, tmp_path / "live", examples=DATA.data, target=DATA.target)
    verdict = checked("no-regression", good, live)
    assert not verdict.passed
    assert "insufficient data" in verdict.reason


def test_first_version_of_an_endpoint_has_nothing_to_regress_from(good: Path) -> None:
    """Without a live version the baseline checks do not apply."""
    assert checked("no-regression", good).passed
    assert checked("schema", good).passed


def test_other_columns_fail_the_schema(tmp_path: Path, good: Path) -> None:
    """A version that needs other columns than the live one would break its callers."""
    narrow = saved(tmp_path / "m", LogisticRegression(solver="liblinear"), columns=10)
    verdict = checked("schema", narrow, good)
    assert not verdict.passed
    assert "does not take" in verdict.reason
    assert checked("schema", good, good).passed


def test_size_and_latency_have_bounds(good: Path) -> None:
    """Both are measured, and fail beyond their bounds."""
    assert checked("size", good, max=10_000_000).passed
    assert not checked("size", good, max=10).passed
    assert checked("latency", good, max=5).passed
    assert not checked("latency", good, max=1e-9).passed


@pytest.mark.parametrize("kind", ["threshold", "no-regression", "schema", "latency", "nonsense"])
def test_damaged_folder_fails_every_check(tmp_path: Path, good: Path, kind: str) -> None:
    """Whatever is missing or broken, the verdict is no, with a reason."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "signature.json").write_text("{")
    verdict = checked(kind, tmp_path / "m", good, min=0.1, max=1)
    assert not verdict.passed
    assert verdict.reason


def test_interval_of_the_difference_covers_the_truth() -> None:
    """Of 100 pairs of equally good models hardly any differs significantly."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(100):
        truth = rng.integers(0, 2, 200)
        one, other = (np.where(rng.random(200) < 0.1, 1 - truth, truth) for _ in range(2))
        found = compare(*(said(truth, labels) for labels in (one, other)), metric="accuracy")
        wrong += not found.low <= 0 <= found.high
    assert wrong <= 12


def said(truth: np.ndarray, labels: np.ndarray) -> Predicted:
    """Return what a classifier said."""
    return Predicted(
        target=truth, labels=labels, probabilities=None, scores=None, classes=np.array([0, 1])
    )


def report(
    folder: Path, spec: dict[str, object], *, is_fresh: bool = False
) -> dict[str, list[CheckDocument]]:
    """Run the gate's job."""
    path = folder / "spec.json"
    path.write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        if is_fresh:
            patch.setenv(FRESH, "1")
        answer: Any = processes.ask("gate", ["--spec", str(path)], root=folder, timeout_s=100)
    found: dict[str, list[CheckDocument]] = answer
    return found


def test_gate_job_loads_the_model_elsewhere_first(tmp_path: Path, good: Path) -> None:
    """A model that does not load fails `loads` and every check that needs it, not the job."""
    checks = [
        {"name": "loads", "kind": "loads"},
        {"name": "acc", "kind": "threshold", "metric": "accuracy", "min": 0.9},
        {"name": "size", "kind": "size", "max": 1e9},
    ]
    spec: dict[str, object] = {
        "version": "m@2",
        "environment": "production",
        "folder": str(good),
        "live_folder": "",
        "live_version": "",
        "generation": 0,
        "checks": checks,
    }
    whole = report(tmp_path, spec, is_fresh=True)
    assert whole["passed"]
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in good.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "model.skops").write_bytes(b"\x80\x04.")
    found = report(tmp_path, spec | {"folder": str(broken)})
    assert not found["passed"]
    assert [one["passed"] for one in found["checks"]] == [False, False, True]
    assert "pickle" in found["checks"][1]["reason"]
