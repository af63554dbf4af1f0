"""Saving and loading models, and files that must not be loaded."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.ml.persistence import (
    load_bytes,
    load_model,
    predict,
    read_signature,
    save_model,
    to_bytes,
)
from tests.warm import warm

IRIS = load_iris()
MODELS = [
    LogisticRegression(max_iter=500),
    make_pipeline(StandardScaler(), SVC()),
    RandomForestClassifier(n_estimators=5, n_jobs=2),
    GradientBoostingClassifier(n_estimators=5),
    HistGradientBoostingClassifier(max_iter=5),
    KNeighborsClassifier(),
    GaussianNB(),
    MLPClassifier(hidden_layer_sizes=(3,), max_iter=600, tol=1e-2),
]


def fitted() -> LogisticRegression:
    """Return a small fitted classifier."""
    model: LogisticRegression = LogisticRegression(max_iter=500).fit(IRIS.data, IRIS.target)
    return model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_model_predicts_the_same_after_saving(model: Any, tmp_path: Path) -> None:  # noqa: ANN401 -- no types
    """Ordinary classifiers come back bit for bit, and answer their examples."""
    model.fit(IRIS.data, IRIS.target)
    save_model(model, tmp_path / "m", examples=IRIS.data, target=IRIS.target)
    again = load_model(tmp_path / "m")
    assert (again.predict(IRIS.data) == model.predict(IRIS.data)).all()
    signature = read_signature(tmp_path / "m")
    assert signature["task"] == "classification"
    assert signature["outputs"][0]["classes"] == [0, 1, 2]
    assert len(signature["examples"]["outputs"]) == 5


def test_regressor_has_no_probability(tmp_path: Path) -> None:
    """A regressor answers one number a row."""
    features, target = load_diabetes(return_X_y=True)
    model = RandomForestRegressor(n_estimators=3).fit(features, target)
    save_model(model, tmp_path / "m", examples=features, target=target)
    signature = read_signature(tmp_path / "m")
    row = signature["examples"]["inputs"][0]
    (answer,) = predict(load_model(tmp_path / "m"), signature, rows=[row])
    assert answer == signature["examples"]["outputs"][0]
    assert list(answer) == ["prediction"]


def test_model_with_text_columns_takes_rows_by_name(tmp_path: Path) -> None:
    """A pipeline over texts and numbers is served from named values."""
    rows = [{"town": ["Bern", "Jena"][n % 2], "age": float(n)} for n in range(40)]
    encoder = ColumnTransformer([("t", OneHotEncoder(), ["town"])], remainder="passthrough")
    import polars as pl

    frame = pl.DataFrame(rows)
    target = np.arange(40) % 2
    model = make_pipeline(encoder, LogisticRegression()).fit(frame, target)
    save_model(model, tmp_path / "m", examples=frame, target=target)
    signature = read_signature(tmp_path / "m")
    assert [one["type"] for one in signature["inputs"]] == ["string", "float64"]
    assert signature["inputs"][0]["categories"] == ["Bern", "Jena"]
    (answer,) = predict(load_model(tmp_path / "m"), signature, rows=[{"town": "Jena", "age": 3.0}])
    assert answer["prediction"] == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (pickle.dumps(fitted()), "pickle"),
        (b"", "empty"),
        (b"hello", "no skops file"),
        (b"PK\x03\x04 broken", "damaged"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
)
def test_file_that_is_no_skops_file_is_refused_by_its_content(
    content: bytes, expected: str
) -> None:
    """Pickles are recognised whatever they are called; nothing of them runs."""
    with pytest.raises(InvalidInputError, match="refused") as caught:
        load_bytes(content)
    assert expected in caught.value.message


def test_joblib_file_under_another_name_is_refused(tmp_path: Path) -> None:
    """A joblib file called model.skops is not loaded."""
    save_model(fitted(), tmp_path / "m", examples=IRIS.data)
    joblib.dump(fitted(), tmp_path / "m" / "model.skops")
    with pytest.raises(InvalidInputError, match="pickle or joblib"):
        load_model(tmp_path / "m")


def test_unknown_type_is_named_and_never_called(tmp_path: Path) -> None:
    """A transformer that would run a command is refused with its name; the command never ran."""
    mark = tmp_path / "ran"
    evil = make_pipeline(FunctionTransformer(os.system), LogisticRegression())
    data = skops.io.dumps(evil)
    with pytest.raises(InvalidInputError) as caught:
        load_bytes(data)
    assert "posix.system" in caught.value.message
    assert not mark.exists()


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    """A file that would grow to a gigabyte is refused by its own directory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("schema.json", json.dumps({"protocol": 2}))
        with archive.open("1.npy", "w") as member:
            for _ in range(1024):
                member.write(bytes(1 << 20))
    with pytest.raises(InvalidInputError, match="unpacked it would have"):
        load_bytes(buffer.getvalue())


def test_tree_that_points_nowhere_is_refused() -> None:
    """A crafted tree, which would crash the process, is found after loading and before use."""
    model = RandomForestClassifier(n_estimators=1, max_depth=2, random_state=0)
    model.fit(IRIS.data, IRIS.target)
    buffer = io.BytesIO(to_bytes(model))
    crafted = io.BytesIO()
    changed = 0
    with zipfile.ZipFile(buffer) as before, zipfile.ZipFile(crafted, "w") as after:
        for info in before.infolist():
            data = before.read(info)
            if info.filename.endswith(".npy"):
                array = np.load(io.BytesIO(data))
                if array.dtype.names and "left_child" in array.dtype.names:
                    array["left_child"][0] = 1_000_000
                    out = io.BytesIO()
                    np.save(out, array)
                    data = out.getvalue()
                    changed += 1
            after.writestr(info, data)
    assert changed == 1
    with pytest.raises(InvalidInputError, match="child that is not there"):
        load_bytes(crafted.getvalue())


def test_missing_file_and_changed_answers_are_noticed(tmp_path: Path) -> None:
    """A folder without its model, or whose examples are answered otherwise, is refused."""
    save_model(fitted(), tmp_path / "m", examples=IRIS.data, target=IRIS.target)
    other = GaussianNB().fit(IRIS.data, (IRIS.target + 1) % 3)
    (tmp_path / "m" / "model.skops").write_bytes(to_bytes(other))
    with pytest.raises(InvalidInputError, match="Example row 1"):
        load_model(tmp_path / "m")
    (tmp_path / "m" / "model.skops").unlink()
    with pytest.raises(NotFoundError):
        load_model(tmp_path / "m")


def test_model_of_another_scikit_learn_is_refused(tmp_path: Path) -> None:
    """Another minor version may behave otherwise."""
    save_model(fitted(), tmp_path / "m", examples=IRIS.data)
    path = tmp_path / "m" / "environment.json"
    known = json.loads(path.read_text())
    known["packages"]["scikit-learn"] = "0.24.2"
    path.write_text(json.dumps(known))
    with pytest.raises(InvalidInputError, match=r"made with scikit-learn 0\.24\.2"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize(
    "model", [StandardScaler().fit(IRIS.data), object(), "model"], ids=["scaler", "object", "text"]
)
def test_what_cannot_predict_is_not_saved(model: object, tmp_path: Path) -> None:
    """Only something that predicts is a model."""
    with pytest.raises(InvalidInputError, match="cannot predict"):
        save_model(model, tmp_path / "m", examples=IRIS.data)


def test_target_of_another_length_is_refused(tmp_path: Path) -> None:
    """Rows and target values have to be as many."""
    with pytest.raises(InvalidInputError, match="3 target values for 150 rows"):
        save_model(fitted(), tmp_path / "m", examples=IRIS.data, target=[1, 2, 3])


def test_clusterer_predicts_and_is_saved(tmp_path: Path) -> None:
    """Whatever predicts one value a row can be a model."""
    model = KMeans(n_clusters=3, n_init=1, random_state=0).fit(IRIS.data)
    save_model(model, tmp_path / "m", examples=IRIS.data)
    assert load_model(tmp_path / "m").predict(IRIS.data[:1]).shape == (1,)


def test_inspection_job_makes_a_folder_of_a_bare_file(tmp_path: Path) -> None:
    """A skops file from elsewhere becomes a model folder in a process of its own."""
    (tmp_path / "m.skops").write_bytes(to_bytes(Ridge().fit(*load_diabetes(return_X_y=True))))
    command = [sys.executable, "-P", "-m", "modeldeck.jobs.inspect"]
    arguments = ["--file", str(tmp_path / "m.skops"), "--into", str(tmp_path / "m")]
    done = subprocess.run([*command, *arguments], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout)["task"] == "regression"
    assert load_model(tmp_path / "m").n_features_in_ == 10
    (tmp_path / "bad.skops").write_bytes(pickle.dumps(1))
    arguments = ["--file", str(tmp_path / "bad.skops"), "--into", str(tmp_path / "b")]
    code, out, _ = warm("modeldeck.jobs.inspect").call(
        arguments, cwd=tmp_path, environment=os.environ, timeout_s=60
    )
    assert code == 4
    assert "pickle" in json.loads(out)["error"]["message"]
    assert not (tmp_path / "b").exists()


def with_pool(size: str, *, shared: bool) -> bytes:
    """Return a boosted model whose seed announces a pool; ``shared`` hides it behind an id."""
    model = HistGradientBoostingClassifier(max_iter=2).fit(IRIS.data, IRIS.target)
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(to_bytes(model))) as before,
        zipfile.ZipFile(buffer, "w") as after,
    ):
        for name in before.namelist():
            data = before.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                parts = schema["content"]["content"]
                seed = parts["_feature_subsample_rng"]["content"]["seed_seq"]["content"]
                if shared:
                    seed["pool_size"]["__id__"] = parts["max_iter"]["__id__"]
                    parts["max_iter"]["content"] = size
                else:
                    seed["pool_size"]["content"] = size
                data = json.dumps(schema).encode()
            after.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("shared", [False, True])
def test_seed_with_an_endless_pool_is_refused_before_it_is_made(*, shared: bool) -> None:
    """Mixing a pool takes the square of its size: a crafted one would never come to its end."""
    with pytest.raises(InvalidInputError, match="pool"):
        load_bytes(with_pool("200000", shared=shared))
    assert load_bytes(with_pool("4", shared=False)) is not None


def test_saved_model_with_holdout_keeps_its_scores_beside_those_given(tmp_path: Path) -> None:
    """What the task is judged by is computed on the hold-out; given numbers count first."""
    model, held = fitted(), (IRIS.data[::5], IRIS.target[::5])
    save_model(model, tmp_path / "m", holdout=held, metrics={"accuracy": 0.5, "recall_macro": 1})
    found = json.loads((tmp_path / "m" / "metrics.json").read_text())
    shares = model.predict_proba(held[0])
    assert found["holdout"] == {
        "accuracy": 0.5,
        "recall_macro": 1.0,
        "neg_log_loss": pytest.approx(-log_loss(held[1], shares)),
    }
    assert found["goal"] == {"neg_log_loss": "max"}
    with pytest.raises(InvalidInputError, match="no number"):
        save_model(model, tmp_path / "n", metrics={"accuracy": "high"})
    with pytest.raises(InvalidInputError, match="do not fit the model"):
        save_model(model, tmp_path / "n", holdout=(held[0][:, :2], held[1]))
    with pytest.raises(InvalidInputError, match="Nothing says which column"):
        save_model(model, tmp_path / "n", holdout=held[0])


def test_saved_regressor_keeps_its_scores_columns_and_steps(tmp_path: Path) -> None:
    """A model that no pipeline file made says what it is, and what it was trained on."""
    features, target = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), Ridge()).fit(features, target)
    save_model(model, tmp_path, examples=features, target=target, holdout=(features, target))
    metrics, data, pipeline = (
        json.loads((tmp_path / f"{name}.json").read_text())
        for name in ("metrics", "dataset", "pipeline")
    )
    assert metrics["holdout"].keys() == {"r2", "neg_mean_absolute_error"}
    assert metrics["holdout"]["r2"] == pytest.approx(model.score(features, target))
    assert (data["rows"], data["target"], len(data["columns"])) == (442, "target", 11)
    assert pipeline == {"parameters": {"estimator": "StandardScaler + Ridge"}}
