"""Models that MLflow 3 logs beside runs.

What MLflow says about one is in ``mlflow/models/<model id>.json``; its files lie with the run that
made it, below ``artifacts/mlflow-models/<model id>/``, or beside that file when no run did.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import Any

from mlflow.entities import LoggedModel, LoggedModelParameter, LoggedModelStatus, LoggedModelTag
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchLoggedModelsUtils
from mlflow.utils.validation import _validate_logged_model_name

from modeldeck.errors import ModelDeckError
from modeldeck.mlflow_plugin.place import Place
from modeldeck.mlflow_plugin.telling import in_words_of_mlflow, missing
from modeldeck.store import files

MAX_FILE = 4 << 20
_ID = re.compile(r"m-[0-9a-f]{32}", re.ASCII)
_DELETED = "is_deleted"


@in_words_of_mlflow
class ModelsPart:
    """What a store says about logged models."""

    place: Place

    def create_logged_model(
        self,
        experiment_id: str = "0",
        name: str | None = None,
        *,
        source_run_id: str | None = None,
        tags: list[LoggedModelTag] | None = None,
        params: list[LoggedModelParameter] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a model whose files come next."""
        _validate_logged_model_name(name)
        experiment = self.place.experiment(experiment_id)
        identifier = f"m-{uuid.uuid4().hex}"
        now = int(time.time() * 1000)
        if source_run_id:
            run = self.place.workspace.deck.runs.folder(source_run_id)
            location = run / "artifacts" / "mlflow-models" / identifier
        else:
            location = self.place.root / "mlflow" / "models" / identifier
        files.make_folder(location)
        known: dict[str, Any] = {
            "experiment_id": experiment.id,
            "model_id": identifier,
            "name": name or _generate_random_name(),
            "artifact_location": location.as_uri(),
            "creation_timestamp": now,
            "last_updated_timestamp": now,
            "model_type": model_type,
            "source_run_id": source_run_id,
            "status": int(LoggedModelStatus.PENDING.to_int()),
            "tags": {one.key: str(one.value) for one in tags or ()},
            "params": {one.key: str(one.value) for one in params or ()},
        }
        self._write(known)
        return _model(known)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """Say whether a model's files came."""
        known = self._read(model_id)
        return self._write({**known, "status": int(status.to_int())})

    def log_logged_model_params(self, model_id: str, params: list[LoggedModelParameter]) -> None:
        """Add parameters to a model."""
        known = self._read(model_id)
        more = {one.key: str(one.value) for one in params}
        self._write({**known, "params": {**known["params"], **more}})

    def set_logged_model_tags(self, model_id: str, tags: list[LoggedModelTag]) -> None:
        """Set tags of a model."""
        known = self._read(model_id)
        more = {one.key: str(one.value) for one in tags}
        self._write({**known, "tags": {**known["tags"], **more}})

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag of a model away."""
        known = self._read(model_id)
        if key not in known["tags"]:
            what = f"tag {key!r} of model {model_id}"
            raise missing(what)
        self._write({**known, "tags": {k: v for k, v in known["tags"].items() if k != key}})

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:  # noqa: FBT001, FBT002 -- MLflow's signature
        """Return a model."""
        known = self._read(model_id)
        if known.get(_DELETED) and not allow_deleted:
            what = f"logged model {model_id!r}"
            raise missing(what)
        return _model(known)

    def delete_logged_model(self, model_id: str) -> None:
        """Hide a model; its files stay."""
        self._write({**self._read(model_id), _DELETED: True})

    def search_logged_models(
        self,
        experiment_ids: list[str],
        filter_string: str | None = None,
        *,
        datasets: list[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: list[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> Any:  # noqa: ANN401 -- MLflow's page
        """Return the models of experiments that fit a filter."""
        wanted = {str(one) for one in experiment_ids}
        folder = self.place.root / "mlflow" / "models"
        every = [self._read(path.stem) for path in sorted(folder.glob("m-*.json"))]
        found = [
            _model(one) for one in every if one["experiment_id"] in wanted and not one.get(_DELETED)
        ]
        fitting = SearchLoggedModelsUtils.filter_logged_models(found, filter_string, datasets)
        ordered = SearchLoggedModelsUtils.sort(fitting, order_by)
        most = max_results or SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT
        page, token = SearchLoggedModelsUtils.paginate(ordered, page_token, most)
        return PagedList(page, token)

    def _read(self, model_id: str) -> dict[str, Any]:
        what = f"logged model {model_id[:80]!r}"
        if not _ID.fullmatch(model_id):
            raise missing(what)
        path = self.place.root / "mlflow" / "models" / f"{model_id}.json"
        try:
            value = json.loads(files.read_bytes(path, MAX_FILE))
        except (ModelDeckError, ValueError):
            raise missing(what) from None
        if not isinstance(value, dict):
            raise missing(what)
        return value

    def _write(self, known: dict[str, Any]) -> LoggedModel:
        changed = {**known, "last_updated_timestamp": int(time.time() * 1000)}
        folder = self.place.root / "mlflow" / "models"
        files.make_folder(folder)
        files.replace(folder / f"{known['model_id']}.json", files.dumps(changed))
        return _model(changed)


def _model(known: dict[str, Any]) -> LoggedModel:
    values = {key: value for key, value in known.items() if key != _DELETED}
    return LoggedModel(**{**values, "status": LoggedModelStatus.from_int(values["status"])})
