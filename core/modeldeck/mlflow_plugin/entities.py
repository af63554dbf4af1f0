"""Documents of a workspace as MLflow's entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    ExperimentTag,
    InputTag,
    LifecycleStage,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunTag,
)

from modeldeck.domain.documents import RunDocument
from modeldeck.mlflow_plugin.writing import EXTRA, points_of
from modeldeck.services.moving import experiments
from modeldeck.services.moving.reading.values import (
    NAME,
    PARENT,
    USER,
    Point,
    latest,
    milliseconds,
    parameter_text,
)
from modeldeck.store import files

LIFECYCLE = "mlflow.lifecycle"
"""The tag, in the ledger, of a run that was deleted by MLflow's call."""
DELETED = "deleted"
_STATUSES = {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED", "lost": "KILLED"}


def experiment(known: experiments.Experiment, root: Path) -> Experiment:
    """Return an experiment."""
    return Experiment(
        experiment_id=known.id,
        name=known.name,
        artifact_location=(root / "runs").as_uri(),
        lifecycle_stage=LifecycleStage.DELETED if known.is_deleted else LifecycleStage.ACTIVE,
        tags=[ExperimentTag(key, value) for key, value in known.tags.items()],
        creation_time=known.created_ms or None,
        last_update_time=known.created_ms or None,
    )


def run_info(run: RunDocument, folder: Path) -> RunInfo:
    """Return what MLflow calls a run's information."""
    ended = milliseconds(run["ended_at"])
    if run["status"] == "lost":
        ended = milliseconds(run["started_at"]) + round(run["duration_s"] * 1000)
    is_deleted = run["tags"].get(LIFECYCLE) == DELETED
    return RunInfo(
        run_id=run["id"],
        experiment_id=experiments.id_of(run["experiment"]),
        user_id=run["user"],
        status=_STATUSES.get(run["status"], "RUNNING"),
        start_time=milliseconds(run["started_at"]),
        end_time=ended or None,
        lifecycle_stage=LifecycleStage.DELETED if is_deleted else LifecycleStage.ACTIVE,
        artifact_uri=(folder / "artifacts").as_uri(),
        run_name=run["tags"].get(NAME) or run["name"] or run["id"].rsplit("-", 1)[-1],
    )


def run_of(
    run: RunDocument, folder: Path, *, records: Sequence[Mapping[str, object]] | None = None
) -> Run:
    """Return a run; with its stream's records its metrics have their times, else their summary."""
    known = records or ()
    extra = [one[EXTRA] for one in known if isinstance(one.get(EXTRA), dict)]
    metrics = _summarised(run) if records is None else _latest(points_of(known))
    data = RunData(
        metrics=metrics,
        params=[Param(key, parameter_text(value)) for key, value in run["parameters"].items()],
        tags=[RunTag(key, value) for key, value in _tags(run, extra).items()],
    )
    return Run(run_info(run, folder), data, _inputs(extra), _outputs(extra))


def metric(point: Point, run_id: str | None = None) -> Metric:
    """Return one value of a metric."""
    return Metric(point.key, point.value, point.at, point.step, run_id=run_id)


def _latest(points: Sequence[Point]) -> list[Metric]:
    by_key: dict[str, list[Point]] = {}
    for one in points:
        by_key.setdefault(one.key, []).append(one)
    return [metric(latest(found)) for found in by_key.values()]


def _summarised(run: RunDocument) -> list[Metric]:
    at = milliseconds(run["ended_at"]) or milliseconds(run["started_at"])
    return [
        Metric(key, files.number(one["last"]), at, one["step"])
        for key, one in run["metrics"].items()
    ]


def _tags(run: RunDocument, extra: Sequence[Any]) -> dict[str, str]:
    found = {key: value for key, value in run["tags"].items() if key != LIFECYCLE}
    if run["status"] in {"running", "lost"}:
        for one in extra:
            for key in one.get("removed", ()):
                found.pop(key, None)
    found.setdefault(NAME, run["name"] or run["id"].rsplit("-", 1)[-1])
    found.setdefault(USER, run["user"])
    if run["parent"]:
        found[PARENT] = run["parent"]
    return found


def _inputs(extra: Sequence[Any]) -> RunInputs:
    datasets = [
        DatasetInput(
            Dataset.from_dictionary(one["dataset"]),
            [InputTag(key, value) for key, value in one["tags"].items()],
        )
        for record in extra
        for one in record.get("datasets", ())
    ]
    models = [LoggedModelInput(one) for record in extra for one in record.get("models", ())]
    return RunInputs(dataset_inputs=datasets, model_inputs=models)


def _outputs(extra: Sequence[Any]) -> RunOutputs:
    models = [
        LoggedModelOutput(one["model_id"], one["step"])
        for record in extra
        for one in record.get("outputs", ())
    ]
    return RunOutputs(model_outputs=models)
