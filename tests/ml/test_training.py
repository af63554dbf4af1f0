"""Training from pipeline files on real and on bad data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_wine

from modeldeck.domain.pipeline import Value, parse_pipeline
from modeldeck.errors import InsufficientDataError, InvalidInputError, ModelDeckError, NotFoundError
from modeldeck.ml import data, training

PIPELINE = """
experiment = "t"
seed = 3
[data]
source = "{source}"
target = "{target}"
[estimator]
type = "{estimator}"
[evaluation]
folds = 3
metrics = ["{metric}"]
"""
GRID = """
[search]
grid = { C = [0.001, 1.0, -1.0] }
"""
LOGISTIC = "sklearn.linear_model.LogisticRegression"


class Recorder:
    """Remembers what training told it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.logged: list[dict[str, float]] = []
        self.steps: list[tuple[int, int]] = []
        self.candidates: list[Mapping[str, Value]] = []

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Remember metrics."""
        self.logged.append(dict(values))

    def line(self, level: str, text: str) -> None:
        """Remember a line."""
        self.lines.append(f"{level} {text}")

    def progress(self, done: int, total: int, *, text: str) -> None:
        """Remember how far it was."""
        self.steps.append((done, total))

    def candidate(
        self,
        number: int,
        parameters: Mapping[str, Value],
    ) -> AbstractContextManager[Recorder]:
        """Remember a candidate."""
        self.candidates.append(parameters)
        return nullcontext(self)


def run(
    root: Path,
    *,
    source: str = "sklearn:wine",
    target: str = "target",
    estimator: str = LOGISTIC,
    metric: str = "accuracy",
    more: str = "",
    recorder: Recorder | None = None,
) -> training.Trained:
    """Train a small pipeline."""
    text = PIPELINE.format(source=source, target=target, estimator=estimator, metric=metric)
    spec = parse_pipeline(text + more, "p.toml")
    return training.train(spec, data.load(spec, root), recorder=recorder or Recorder())


def table(root: Path, **columns: object) -> str:
    """Write a CSV file of 60 rows: two numbers, a class, and what is given."""
    rng = np.random.default_rng(1)
    base = {"a": rng.normal(size=60), "b": rng.normal(size=60), "y": np.arange(60) % 2}
    (root / "datasets").mkdir(exist_ok=True)
    pl.DataFrame({**base, **columns}).write_csv(root / "datasets" / "t.csv")
    return "datasets/t.csv"


def test_training_is_repeatable_and_scores_on_rows_held_out(tmp_path: Path) -> None:
    """The same file gives the same numbers, and the hold-out is apart from training."""
    first, second = run(tmp_path), run(tmp_path)
    assert first.metrics == second.metrics
    assert first.metrics["holdout"]["accuracy"] > 0.85
    both = np.concatenate([first.problem.training, first.problem.holdout])
    assert sorted(both) == list(range(len(load_wine().target)))


def test_failed_candidate_is_left_out(tmp_path: Path) -> None:
    """A candidate that scikit-learn refuses is reported; the others go on."""
    recorder = Recorder()
    trained = run(tmp_path, more=GRID, recorder=recorder)
    assert trained.parameters == {"estimator.C": 1.0}
    assert len(recorder.candidates) == 3
    assert any("candidate 3 of 3 failed" in line for line in recorder.lines)
    assert recorder.steps[-1][0] <= recorder.steps[-1][1]


def test_text_columns_and_missing_values_of_a_csv_file(tmp_path: Path) -> None:
    """Texts are encoded; missing values pass where the estimator takes them."""
    towns = ["Bern", "Jena", None] * 20
    values = [None if n % 7 == 0 else float(n) for n in range(60)]
    source = table(tmp_path, town=towns, c=values)
    forest = "sklearn.ensemble.HistGradientBoostingClassifier"
    trained = run(tmp_path, source=source, target="y", estimator=forest)
    assert 0 <= trained.metrics["holdout"]["accuracy"] <= 1


@pytest.mark.parametrize(
    ("columns", "target", "expected"),
    [
        ({}, "z", "no column 'z'"),
        ({"c": [None] + [1.0] * 59}, "y", "missing in 'c' (1), which LogisticRegression"),
        ({"c": ["1.5"] * 58 + ["x", "y"]}, "y", "mixes numbers and texts"),
        ({"c": ["inf"] + ["1.0"] * 59}, "y", "infinite"),
        ({"y": [None] + ["a", "b"] * 29 + ["a"]}, "y", "values of 'y' are missing"),
        ({"y": np.linspace(0.1, 9, 60)}, "y", "not classes"),
        ({"y": ["a"] * 60}, "y", "single class"),
        ({"y": ["a"] * 59 + ["b"]}, "y", "has 1 row"),
        ({"c": [f"t{n}" for n in range(60)]}, "y", ""),
    ],
)
def test_unusable_column_is_named_with_the_line_of_the_file(
    tmp_path: Path, columns: dict[str, object], target: str, expected: str
) -> None:
    """Each problem of the data names the column, the pipeline's line, and what was expected."""
    source = table(tmp_path, **columns)
    if not expected:
        run(tmp_path, source=source, target=target)
        return
    with pytest.raises(InvalidInputError) as caught:
        run(tmp_path, source=source, target=target)
    assert expected in caught.value.message
    assert caught.value.message.startswith("p.toml, line ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"a,b,y\n1,2,3,4\n", "line 2 has 4 fields"),
        (b"a,a,y\n1,2,3\n", "two columns are called 'a'"),
        (b"a,\xff,y\n1,2,3\n", ""),
        (b"a,b,y\n", "0 rows"),
        (b'a,b,y\n"1,2,3\n', ""),
    ],
)
def test_damaged_csv_file_is_an_error_that_names_it(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    """Whatever is wrong with the file, the error names the file."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "t.csv").write_bytes(content)
    with pytest.raises(ModelDeckError) as caught:
        run(tmp_path, source="datasets/t.csv", target="y")
    assert "datasets/t.csv" in caught.value.message
    assert expected in caught.value.message


def test_file_that_is_not_there_or_leads_out_is_refused(tmp_path: Path) -> None:
    """A missing file says so; a link out of the workspace is not followed."""
    with pytest.raises(NotFoundError, match="no file"):
        run(tmp_path, source="datasets/missing.csv")
    outside = tmp_path / "outside"
    outside.mkdir()
    table(outside)
    root = tmp_path / "ws"
    root.mkdir()
    (root / "datasets").symlink_to(outside / "datasets")
    with pytest.raises(InvalidInputError, match="leads out"):
        run(root, source="datasets/t.csv", target="y")


def test_too_few_rows_are_insufficient_data(tmp_path: Path) -> None:
    """Nineteen rows are not trained on."""
    (tmp_path / "t.csv").write_text("a,y\n" + "1,0\n2,1\n" * 9)
    with pytest.raises(InsufficientDataError, match="18 rows"):
        run(tmp_path, source="t.csv", target="y")


@pytest.mark.parametrize(
    ("estimator", "metric", "expected"),
    [
        ("sklearn.linear_model.LogisticRegresion", "accuracy", "LogisticRegression"),
        ("sklearn.preprocessing.StandardScaler", "accuracy", "cannot predict"),
        ("sklearn.ensemble.VotingClassifier", "accuracy", "needs other estimators"),
        ("sklearn.utils.os.system", "accuracy", "no class"),
        (LOGISTIC, "acuracy", "accuracy"),
    ],
)
def test_unknown_name_is_an_error_with_near_ones(
    tmp_path: Path, estimator: str, metric: str, expected: str
) -> None:
    """A misspelt class or scorer names what was probably meant."""
    with pytest.raises(InvalidInputError) as caught:
        run(tmp_path, estimator=estimator, metric=metric)
    assert expected in str(caught.value)


def test_dataset_document_tells_what_was_trained_on(tmp_path: Path) -> None:
    """Source, digest, rows and columns stand beside the model."""
    spec = parse_pipeline(
        PIPELINE.format(
            source="sklearn:wine", target="target", estimator=LOGISTIC, metric="accuracy"
        ),
        "p.toml",
    )
    document = data.load(spec, tmp_path).to_json()
    assert document["rows"] == 178
    assert len(str(document["sha256"])) == 64
    assert json.loads(json.dumps(document)) == document
