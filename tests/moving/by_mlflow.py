"""What MLflow itself does in tests: making a store, and saying what it reads in one."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, ViewType
from mlflow.tracking import MlflowClient


def make(uri: str) -> dict[str, Any]:
    """Make experiments, nested and failed runs, and registered models; return what is there."""
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
    client.create_registered_model("Churn Model", tags={"k": "v"})
    source = f"{run.info.artifact_uri}/model"
    client.create_model_version("Churn Model", source, run.info.run_id, description="first")
    client.set_registered_model_alias("Churn Model", "champion", "1")
    return read(uri)


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


def _text(value: float) -> str:
    return repr(float(value))


def _point(metric: Metric) -> list[Any]:
    return [metric.timestamp, metric.step, _text(metric.value)]


def _files(client: MlflowClient, run_id: str, path: str) -> list[str]:
    found: list[str] = []
    for one in client.list_artifacts(run_id, path or None):
        found += _files(client, run_id, one.path) if one.is_dir else [one.path]
    return found


if __name__ == "__main__":
    ACTION = {"make": make, "read": read}[sys.argv[1]]
    sys.stdout.write(f"\n{json.dumps(ACTION(*sys.argv[2:]))}\n")
