"""What MLflow itself does in tests: making a store, and saying what it reads in one."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient


def make(uri: str) -> dict[str, Any]:
    """Make runs, and a registered model; return what is there."""
    run_id, artifact_uri = make_runs(uri)
    client = MlflowClient()
    client.create_registered_model("Churn Model", tags={"k": "v"})
    client.create_model_version("Churn Model", f"{artifact_uri}/model", run_id, description="first")
    client.set_registered_model_alias("Churn Model", "champion", "1")
    return read(uri)


def make_runs(uri: str) -> tuple[str, str]:
    """Make nested, failed and deleted runs; return the outer one's id and place of artifacts."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("Team/Churn study")
    Path("note.txt").write_text("hello", encoding="utf-8")
    with mlflow.start_run(run_name="outer", description="A note\nin two lines: yes") as run:
        mlflow.log_params({"lr": 0.1, "depth": 3, "a/b": "x y", "word": "007"})
        for step in range(5):
            mlflow.log_metric("val/loss", 1 / (step + 1), step=step)
        mlflow.log_metric("bad", math.nan)
        mlflow.log_metric("big", math.inf)
        mlflow.log_metric("back", 5.0, step=9)
        mlflow.log_metric("back", 6.0, step=2)
        mlflow.set_tags({"team": "blue ü: x", "empty": ""})
        mlflow.log_artifact("note.txt", "sub")
        with mlflow.start_run(run_name="inner", nested=True):
            mlflow.log_metric("loss", 2)
    client = MlflowClient()
    failed = client.create_run(run.info.experiment_id)
    client.set_terminated(failed.info.run_id, "FAILED")
    gone = client.create_run(run.info.experiment_id)
    client.set_terminated(gone.info.run_id, "KILLED")
    client.delete_run(gone.info.run_id)
    return run.info.run_id, run.info.artifact_uri


def read(uri: str) -> dict[str, Any]:
    """Return everything that MLflow reads in a store."""
    client = MlflowClient(uri)
    found: dict[str, Any] = {}
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL):
            found[run.info.run_id] = {
                "experiment": experiment.name,
                "name": run.info.run_name,
                "status": run.info.status,
                "stage": run.info.lifecycle_stage,
                "start": run.info.start_time,
                "end": run.info.end_time,
                "user": run.info.user_id,
                "params": run.data.params,
                "tags": run.data.tags,
                "latest": {key: _text(one) for key, one in run.data.metrics.items()},
                "history": {
                    key: sorted(map(_point, client.get_metric_history(run.info.run_id, key)))
                    for key in run.data.metrics
                },
                "artifacts": sorted(_files(client, run.info.run_id, "")),
            }
    return found


def registry(uri: str) -> dict[str, Any]:
    """Return every registered model with its versions, tags, aliases and files."""
    client = MlflowClient(uri, registry_uri=uri)
    found: dict[str, Any] = {}
    for model in client.search_registered_models():
        versions = client.search_model_versions(f"name = '{model.name}'")
        found[model.name] = {
            "aliases": {key: str(one) for key, one in model.aliases.items()},
            "versions": {
                str(one.version): {
                    "home": client.get_run(one.run_id).data.tags.get("modeldeck.run"),
                    "user": one.user_id,
                    "tags": dict(one.tags),
                    "files": sorted(
                        path.name for path in Path(one.source.removeprefix("file://")).iterdir()
                    ),
                }
                for one in versions
            },
        }
    return found


def _text(value: float) -> str:
    return repr(float(value))


def _point(metric: Metric) -> list[Any]:
    return [metric.timestamp, metric.step, _text(metric.value)]


def _files(client: MlflowClient, run_id: str, path: str) -> list[str]:
    found: list[str] = []
    for one in client.list_artifacts(run_id, path or None):
        found += _files(client, run_id, one.path) if one.is_dir else [one.path]
    return found


def plugin(uri: str) -> dict[str, Any]:
    """Call everything that a training program calls; return what it was answered."""
    run_id, _place = make_runs(uri)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("Team/Churn study").experiment_id
    return {
        "outer": run_id,
        "read": read(uri),
        "searched": _searches(client, experiment),
        "refused": _refusals(client, run_id),
        "failed": _failing(client, experiment),
        "experiments": _experiments(client),
        "later": _later(client, run_id),
    }


def _searches(client: MlflowClient, experiment: str) -> dict[str, list[str]]:
    asked = {
        "metric": ("metrics.`val/loss` < 0.3", None, ViewType.ACTIVE_ONLY),
        "parameter": ("params.depth = '3'", None, ViewType.ACTIVE_ONLY),
        "tag": ("tags.team LIKE 'blue%'", None, ViewType.ACTIVE_ONLY),
        "status": ("attributes.status = 'FAILED'", None, ViewType.ACTIVE_ONLY),
        "deleted": ("", None, ViewType.DELETED_ONLY),
        "ordered": ("attributes.status = 'FINISHED'", ["attributes.run_name"], ViewType.ALL),
    }
    return {
        name: [
            one.info.run_name
            for one in client.search_runs(
                [experiment], words, run_view_type=view, order_by=order, max_results=10
            )
        ]
        for name, (words, order, view) in asked.items()
    }


def _refusals(client: MlflowClient, run_id: str) -> dict[str, str]:
    live = client.create_run("0")
    client.log_param(live.info.run_id, "lr", 1)
    client.create_registered_model("churn")
    calls: dict[str, Callable[[], Any]] = {
        "other value": lambda: client.log_param(live.info.run_id, "lr", 2),
        "ended": lambda: client.log_metric(run_id, "late", 1.0),
        "missing": lambda: client.get_run("20200101-000000-aaaaaa"),
        "odd": lambda: client.get_run("nothing"),
        "twice": lambda: client.create_experiment("Team/Churn study"),
        "version": lambda: client.get_model_version("churn", "1"),
        "alias": lambda: client.set_registered_model_alias("churn", "champion", "1"),
        "stage": lambda: client.transition_model_version_stage("churn", "1", "Production"),
        "renamed": lambda: client.rename_registered_model("churn", "leaving"),
        "removed": lambda: client.delete_model_version("churn", "1"),
        "elsewhere": lambda: mlflow.register_model("/etc", "churn"),
    }
    found = {}
    for name, call in calls.items():
        try:
            call()
        except MlflowException as error:
            is_told = "modeldeck release request" in str(error)
            found[name] = f"{error.error_code}{' told' * is_told}"
    client.log_param(live.info.run_id, "lr", 1)
    client.set_terminated(live.info.run_id)
    return found


def register(uri: str, skops: str, pickled: str) -> dict[str, Any]:
    """Register what runs logged; return what was answered."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    run_id = client.create_run("0", tags={"mlflow.user": "al"}).info.run_id
    for folder in (skops, pickled):
        client.log_artifacts(run_id, folder, folder)
    made = mlflow.register_model(f"runs:/{run_id}/{skops}", "Team Churn", tags={"team": "a"})
    again = mlflow.register_model(f"runs:/{run_id}/{skops}", "Team Churn")
    refused = ""
    try:
        mlflow.register_model(f"runs:/{run_id}/{pickled}", "Team Churn")
    except MlflowException as error:
        refused = str(error)
    client.update_model_version("Team Churn", "1", "the first")
    client.set_terminated(run_id)
    found = client.get_model_version("Team Churn", "1")
    return {
        "run": run_id,
        "made": [made.name, made.version, made.run_id, made.status],
        "again": again.version,
        "refused": refused,
        "found": [found.description, found.tags, found.user_id, found.source == made.source],
        "searched": [
            [one.name, one.version] for one in client.search_model_versions(f"run_id = '{run_id}'")
        ],
        "models": [one.name for one in client.search_registered_models()],
        "latest": [one.version for one in client.get_latest_versions("Team Churn")],
    }


def _failing(client: MlflowClient, experiment: str) -> str:
    with contextlib.suppress(ZeroDivisionError), mlflow.start_run(run_name="fails"):
        mlflow.log_metric("rate", 1 / int("0"))
    (run,) = client.search_runs([experiment], "attributes.run_name = 'fails'")
    return str(run.info.status)


def _experiments(client: MlflowClient) -> list[Any]:
    identifier = client.create_experiment("first", tags={"a": "b"})
    client.rename_experiment(identifier, "second")
    found = [client.get_experiment_by_name("first"), client.get_experiment(identifier).name]
    client.delete_experiment(identifier)
    found.append([one.name for one in client.search_experiments()])
    client.restore_experiment(identifier)
    found.append([one.name for one in client.search_experiments(filter_string="tags.a = 'b'")])
    return found


def _later(client: MlflowClient, run_id: str) -> list[Any]:
    client.set_tag(run_id, "seen", "yes")
    client.delete_run(run_id)
    stages = [client.get_run(run_id).info.lifecycle_stage]
    client.restore_run(run_id)
    run = client.get_run(run_id)
    return [*stages, run.info.lifecycle_stage, run.data.tags["seen"]]


def wait(uri: str, path: str) -> dict[str, Any]:
    """Begin a run, say its id in a file, log one more value when told, and wait to be killed."""
    mlflow.set_tracking_uri(uri)
    run = mlflow.start_run(run_name="waits")
    mlflow.log_metric("loss", 0.5, step=1)
    Path(path).write_text(run.info.run_id, encoding="utf-8")
    sys.stdin.read()
    raise AssertionError


def join(uri: str, run_id: str, name: str) -> dict[str, Any]:
    """Log to a run that another process began."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    for step in range(200):
        client.log_metric(run_id, name, step, step=step)
    client.log_param(run_id, name, "x")
    client.set_tag(run_id, name, "y")
    return {}


def end(uri: str, run_id: str) -> dict[str, Any]:
    """End a run that another process began."""
    MlflowClient(uri).set_terminated(run_id, "FINISHED")
    return {}


def autolog(uri: str) -> dict[str, Any]:
    """Fit an estimator with scikit-learn's autologging on."""
    import mlflow.sklearn
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    mlflow.set_tracking_uri(uri)
    mlflow.sklearn.autolog()
    features, target = load_iris(return_X_y=True)
    with mlflow.start_run() as run:
        LogisticRegression(C=0.5, max_iter=300).fit(features, target)
    found = read(uri)[run.info.run_id]
    models = MlflowClient().search_logged_models(["0"])
    return {**found, "models": [one.status.value for one in models]}


def main() -> None:
    """Do what the command line names, and print what came out."""
    actions = (make, read, registry, plugin, register, wait, join, end, autolog)
    known = {one.__name__: one for one in actions}
    done = known[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(f"\n{json.dumps(done)}\n")


if __name__ == "__main__":
    main()
