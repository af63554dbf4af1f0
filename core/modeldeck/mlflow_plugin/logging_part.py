"""Logging to runs, by MLflow's calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from mlflow.entities import (
    DatasetInput,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_MODELS
from mlflow.utils.validation import (
    _validate_batch_log_data,
    _validate_batch_log_limits,
    _validate_metric,
    _validate_param,
    _validate_param_keys_unique,
    _validate_tag,
)

from modeldeck.errors import NotFoundError
from modeldeck.mlflow_plugin.runs_part import RunsPart
from modeldeck.mlflow_plugin.telling import in_words_of_mlflow, refused
from modeldeck.mlflow_plugin.writing import same
from modeldeck.services.moving.reading.values import NAME, Point


@in_words_of_mlflow
class LoggingPart(RunsPart):
    """How a store writes to runs."""

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        *,
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> None:
        """Log several metrics, parameters and tags."""
        metrics, params, tags = _validate_batch_log_data(metrics, params, tags)
        _validate_batch_log_limits(metrics, params, tags)
        _validate_param_keys_unique(params)
        self._need_active(run_id)
        if params:
            self._log_params(run_id, {one.key: str(one.value) for one in params})
        if metrics:
            points = [Point(o.key, o.timestamp, float(o.value), o.step or 0) for o in metrics]
            self.place.writers.of(run_id).points(points)
        for one in tags:
            self._set_tag(run_id, one)

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log one value of a metric."""
        _validate_metric(metric.key, metric.value, metric.timestamp, metric.step)
        self._need_active(run_id)
        point = Point(metric.key, metric.timestamp, float(metric.value), metric.step or 0)
        self.place.writers.of(run_id).points([point])

    def log_param(self, run_id: str, param: Param) -> None:
        """Log one parameter; another value for it is refused."""
        checked = _validate_param(param.key, param.value)
        self._need_active(run_id)
        self._log_params(run_id, {checked.key: str(checked.value)})

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Set a tag; on a run that has ended, by an entry of the ledger."""
        checked = _validate_tag(tag.key, tag.value)
        self._need_active(run_id)
        self._set_tag(run_id, checked)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag away."""
        document = self._document(run_id)
        if key not in document["tags"]:
            msg = f"Run {run_id} has no tag {key[:80]!r}."
            raise NotFoundError(msg)
        if document["status"] in {"running", "lost"}:
            self.place.writers.of(run_id).remove_tag(key)
        else:
            self.place.workspace.annotations.untag(f"run:{document['id']}", key)

    def log_inputs(
        self,
        run_id: str,
        datasets: list[DatasetInput] | None = None,
        *,
        models: list[LoggedModelInput] | None = None,
    ) -> None:
        """Keep which data and models a run used."""
        self._need_active(run_id)
        known = [
            {
                "dataset": one.dataset.to_dictionary(),
                "tags": {tag.key: str(tag.value) for tag in one.tags},
            }
            for one in datasets or ()
        ]
        used = [one.model_id for one in models or ()]
        if known or used:
            self.place.writers.of(run_id).add({"datasets": known, "models": used})

    def log_outputs(self, run_id: str, models: list[LoggedModelOutput]) -> None:
        """Keep which models a run made."""
        self._need_active(run_id)
        made = [{"model_id": one.model_id, "step": one.step} for one in models]
        self.place.writers.of(run_id).add({"outputs": made})

    def record_logged_model(self, run_id: str, mlflow_model: Any) -> None:  # noqa: ANN401 -- MLflow's
        """Keep what MLflow says about a model that a run logged, as its tag."""
        known = self._document(run_id)["tags"].get(MLFLOW_LOGGED_MODELS, "[]")
        found = [*json.loads(known), mlflow_model.get_tags_dict()]
        self._set_tag(run_id, RunTag(MLFLOW_LOGGED_MODELS, json.dumps(found)))

    def link_traces_to_run(self, trace_ids: list[str], run_id: str) -> None:  # noqa: ARG002 -- MLflow's
        """Refuse: a workspace keeps no traces."""
        msg = "A ModelDeck workspace keeps no traces."
        raise refused(msg)

    def _log_params(self, run_id: str, params: dict[str, str]) -> None:
        known = self._document(run_id)["parameters"]
        for key, text in params.items():
            if key in known and not same(known[key], text):
                msg = (
                    f"Parameter {key!r} of run {run_id} is {known[key]!r:.100} already; "
                    f"it cannot become {text[:100]!r}."
                )
                raise refused(msg)
        new = {key: text for key, text in params.items() if key not in known}
        if new:
            self.place.writers.of(run_id).amend(parameters=new)

    def _set_tag(self, run_id: str, tag: RunTag) -> None:
        document = self._document(run_id)
        if document["status"] in {"running", "lost"}:
            writer = self.place.writers.of(run_id)
            writer.amend(tags={tag.key: str(tag.value)})
            if tag.key == NAME:
                writer.rename(str(tag.value))
        else:
            self._tag(document["id"], tag.key, value=str(tag.value))
