"""autolog: what scikit-learn's fits leave in runs, and that they stay what they are."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import modeldeck
from modeldeck.domain.documents import RunDocument
from modeldeck.tracking.estimators.telling import digest_of
from modeldeck.workspace import Workspace

X, Y = load_iris(return_X_y=True)
PATIENCE_S = 60.0


@pytest.fixture
def logged(root: Path) -> Iterator[Path]:
    """Switch autolog on for a test; return the workspace of runs outside of others."""
    modeldeck.autolog(workspace=str(root))
    yield root
    modeldeck.autolog(enabled=False)


def runs(root: Path) -> list[RunDocument]:
    """Return all runs, oldest first."""
    with Workspace.open(root, user="ann") as workspace:
        return sorted(workspace.runs.list(), key=lambda one: one["started_at"])


def test_fit_outside_of_runs_is_a_run(logged: Path) -> None:
    """Class, parameters, shape, digest, time and score stand in it."""
    model = LogisticRegression(C=0.5, max_iter=300)
    assert model.fit(X, Y) is model
    (run,) = runs(logged)
    assert (run["experiment"], run["kind"]) == ("logisticregression", "autolog")
    assert run["status"] == "finished"
    assert run["parameters"]["LogisticRegression.C"] == 0.5
    assert run["tags"]["LogisticRegression.class"].endswith("LogisticRegression")
    assert run["tags"]["LogisticRegression.X.shape"] == "150×4"
    assert run["tags"]["LogisticRegression.X.digest"] == digest_of(X)
    score = run["metrics"]["LogisticRegression.training_score"]["last"]
    assert score == model.score(X, Y)


def test_fits_inside_a_run_add_to_it(logged: Path) -> None:
    """Each has its own names, so that a second one is no conflict; no run is made."""
    with modeldeck.start_run("iris", workspace=logged, capture_output=False):
        LogisticRegression(max_iter=300).fit(X, Y)
        LogisticRegression(max_iter=300, C=2.0).fit(X, Y)
    (run,) = runs(logged)
    assert run["parameters"]["LogisticRegression.C"] == 1.0
    assert run["parameters"]["LogisticRegression-2.C"] == 2.0
    assert "LogisticRegression-2.training_score" in run["metrics"]


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        VotingClassifier([("a", LogisticRegression(max_iter=300))]),
        RandomForestClassifier(5, n_jobs=2, random_state=0),
    ],
    ids=["pipeline", "voting", "forest"],
)
def test_what_is_fitted_inside_of_a_fit_is_not_logged(logged: Path, model: Any) -> None:  # noqa: ANN401
    """One fit, one run, however many estimators it fits."""
    model.fit(X, Y)
    (run,) = runs(logged)
    assert run["tags"][f"{type(model).__name__}.class"]
    assert all(name.startswith(type(model).__name__) for name in run["parameters"])


def test_threads_of_a_search_log_nothing_twice(logged: Path) -> None:
    """Also where joblib fits in threads; candidates are children, the best ones first."""
    import joblib

    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, cv=3)
    with joblib.parallel_backend("threading", n_jobs=2):
        search.fit(X, Y)
    found = runs(logged)
    (whole,) = [one for one in found if not one["parent"]]
    children = [one for one in found if one["parent"] == whole["id"]]
    assert len(found) == 1 + len(children) == 4
    assert {one["parameters"]["max_depth"] for one in children} == {1, 2, 3}
    assert whole["parameters"]["GridSearchCV.best.max_depth"] == search.best_params_["max_depth"]
    assert whole["metrics"]["GridSearchCV.best_score"]["last"] == pytest.approx(search.best_score_)
    scores = {
        one["parameters"]["max_depth"]: one["metrics"]["mean_test_score"]["last"]
        for one in children
    }
    expected = search.cv_results_["mean_test_score"]
    assert scores == pytest.approx(dict(zip([1, 2, 3], expected, strict=True)))


def test_candidates_are_bounded(root: Path) -> None:
    """At most so many child runs, the best ones."""
    modeldeck.autolog(workspace=str(root), max_candidates=1)
    try:
        GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 3]}, cv=3).fit(X, Y)
    finally:
        modeldeck.autolog(enabled=False)
    (child,) = [one for one in runs(root) if one["parent"]]
    assert child["metrics"]["rank_test_score"]["last"] == 1


def test_results_are_what_they_are_without(logged: Path) -> None:
    """The same model to the last bit, the same pickle, the same random numbers afterwards."""

    def trained() -> tuple[bytes, float, float]:
        np.random.seed(3)  # noqa: NPY002 -- the state that must not change
        model = RandomForestClassifier(5, max_features=1).fit(X, Y)
        after = float(np.random.random())  # noqa: NPY002 -- as above
        scores = cross_val_score(LogisticRegression(max_iter=300), X, Y, cv=3)
        return pickle.dumps(model), after, float(scores.sum())

    with_it = trained()
    modeldeck.autolog(enabled=False)
    assert trained() == with_it
    model = LogisticRegression()
    assert vars(model) == vars(clone(model))


def test_threads_of_a_program_log_each_their_own_fit(logged: Path) -> None:
    """Two threads that fit at the same time make two runs."""
    threads = [
        threading.Thread(target=lambda: LogisticRegression(max_iter=300).fit(X, Y))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one["parent"] for one in runs(logged)] == ["", ""]


def test_estimators_of_the_program_itself_are_logged_too(logged: Path) -> None:
    """Also one that is defined later, cannot be scored, or has odd parameters."""

    class Odd(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # they have no types
        def __init__(self, values: Any = (1, 2), model: Any = None) -> None:  # noqa: ANN401
            self.values = values
            self.model = model

        def fit(self, X: Any, y: Any = None) -> Odd:  # noqa: ANN401, N803 -- scikit-learn's names
            return self

        def predict(self, X: Any) -> Any:  # noqa: ANN401, N803
            msg = "never"
            raise ZeroDivisionError(msg)

    Odd(model=LogisticRegression()).fit([[1.0], [2.0]], [0, 1])
    (run,) = runs(logged)
    assert run["parameters"]["Odd.values"] == "(1, 2)"
    assert run["parameters"]["Odd.model"] == "LogisticRegression"
    assert "Odd.training_score" not in run["metrics"]


def test_fit_that_fails_raises_its_own_error(logged: Path) -> None:
    """The run fails with it; nothing of ours is in between."""
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit([[float("nan")]], [1])
    (run,) = runs(logged)
    assert (run["status"], run["error"]["type"]) == ("failed", "ValueError")


def test_switched_off_nothing_is_left(root: Path) -> None:
    """The classes have their own methods again, and nothing is logged."""
    before = LogisticRegression.fit
    modeldeck.autolog(workspace=str(root))
    modeldeck.autolog(workspace=str(root))
    assert LogisticRegression.fit is not before
    modeldeck.autolog(enabled=False)
    assert LogisticRegression.fit is before
    assert "__init_subclass__" not in vars(BaseEstimator)
    LogisticRegression(max_iter=300).fit(X, Y)
    assert runs(root) == []


def test_no_workspace_is_said_once_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Outside of runs and workspaces a fit is just a fit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELDECK_WORKSPACE", raising=False)
    modeldeck.autolog()
    try:
        for _ in range(2):
            LogisticRegression(max_iter=300).fit(X, Y)
    finally:
        modeldeck.autolog(enabled=False)
    assert capfd.readouterr().err.count("not logged") == 1


def test_scikit_learn_is_patched_when_the_program_loads_it(root: Path) -> None:
    """Autolog loads nothing; what is imported later is logged."""
    code = (
        "import sys, modeldeck\n"
        "modeldeck.autolog(workspace=sys.argv[1])\n"
        "assert not {'sklearn', 'numpy'} & set(sys.modules)\n"
        "from sklearn.dummy import DummyClassifier\n"
        "DummyClassifier().fit([[1], [2]], [0, 1])\n"
        "modeldeck.autolog(False)\n"
        "DummyClassifier().fit([[1], [2]], [0, 1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=True, timeout=PATIENCE_S)
    assert [one["experiment"] for one in runs(root)] == ["dummyclassifier"]


def test_digest_is_of_values_type_and_shape() -> None:
    """Order in memory does not matter; values, type and shape do; objects have none."""
    same = digest_of(X)
    assert digest_of(np.asfortranarray(X)) == digest_of(X.copy()) == same
    others = [X.astype(np.float32), X.reshape(4, 150), X + 1, X[1:]]
    assert len({same, *map(digest_of, others)}) == 5
    assert digest_of(np.array([object()])) == digest_of([1, 2]) == digest_of(None) == ""
