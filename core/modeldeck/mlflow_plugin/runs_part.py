"""Runs, by MLflow's calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow.entities import (
    LifecycleStage,
    Run,
    RunInfo,
    RunStatus,
    RunTag,
    ViewType,
)
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_THRESHOLD
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchUtils

from modeldeck import ids
from modeldeck.domain.documents import RunDocument
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.mlflow_plugin import entities
from modeldeck.mlflow_plugin.place import Place
from modeldeck.mlflow_plugin.telling import final, in_words_of_mlflow, refused
from modeldeck.mlflow_plugin.writing import ended_error, points_of
from modeldeck.services.base.views import as_said
from modeldeck.services.moving.reading.values import NAME, PARENT
from modeldeck.store.records import parse_record
from modeldeck.store.streams import StreamReader

_ENDS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "cancelled"}


@in_words_of_mlflow
class RunsPart:
    """What a store says about runs, and how they are written."""

    place: Place

    def create_run(
        self,
        experiment_id: str,
        user_id: str,
        *,
        start_time: int,
        tags: Sequence[RunTag] | None,
        run_name: str | None,
    ) -> Run:
        """Begin a run, which lives with this process."""
        experiment = self.place.experiment(experiment_id or "0")
        if experiment.is_deleted:
            msg = f"Experiment {experiment.name!r} was deleted; restore it first."
            raise final(msg)
        known = {one.key: str(one.value) for one in tags or ()}
        if run_name and known.get(NAME, run_name) != run_name:
            msg = f"run_name is {run_name!r}, but the tag {NAME} says {known[NAME]!r}."
            raise refused(msg)
        name = run_name or known.get(NAME) or _generate_random_name()
        run = self.place.writers.create(
            experiment.slug,
            name=name,
            user=user_id,
            started_ms=start_time or 0,
            parent=known.get(PARENT, ""),
            tags={**known, NAME: name},
        )
        return self.get_run(run.id)

    def get_run(self, run_id: str) -> Run:
        """Return a run with the latest values of its metrics."""
        document = self._document(run_id)
        folder = self.place.workspace.deck.runs.folder(document["id"])
        return entities.run_of(document, folder, records=self._records(document["id"]))

    def update_run_info(
        self, run_id: str, run_status: int | None, *, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """End a run, or call it something else."""
        document = self._document(run_id)
        is_live = document["status"] in {"running", "lost"}
        status = RunStatus.to_string(run_status) if run_status is not None else ""
        if run_name and run_name != document["tags"].get(NAME, document["name"]):
            writer = self.place.writers.of(run_id)
            writer.amend(tags={NAME: run_name})
            writer.rename(run_name)
        if status in _ENDS and is_live:
            self.place.writers.end(run_id, status=_ENDS[status], ended_ms=end_time or 0)
        elif status in _ENDS and _ENDS[status] != document["status"]:
            raise ended_error(run_id)
        elif status in {"RUNNING", "SCHEDULED"}:
            self.place.writers.of(run_id).need_live()
        folder = self.place.workspace.deck.runs.folder(document["id"])
        return entities.run_info(self._document(run_id), folder)

    def delete_run(self, run_id: str) -> None:
        """Hide a run from MLflow's lists: an entry tags it, and its folder stays."""
        document = self._document(run_id)
        if document["tags"].get(entities.LIFECYCLE) != entities.DELETED:
            self._tag(document["id"], entities.LIFECYCLE, value=entities.DELETED)

    def restore_run(self, run_id: str) -> None:
        """Show a run again."""
        document = self._document(run_id)
        if document["tags"].get(entities.LIFECYCLE) == entities.DELETED:
            self.place.workspace.annotations.untag(f"run:{document['id']}", entities.LIFECYCLE)

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        *,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> Any:  # noqa: ANN401 -- MLflow's page
        """Return all values of a metric, in the order in which they were logged."""
        if page_token:
            msg = "The history of a metric comes in one piece; leave page_token out."
            raise refused(msg)
        points = points_of(self._records(self._document(run_id)["id"]))
        found = [entities.metric(one, run_id) for one in points if one.key == metric_key]
        return PagedList(found[:max_results] if max_results else found, None)

    def _search_runs(
        self,
        experiment_ids: list[str],
        filter_string: str | None,
        *,
        run_view_type: int,
        max_results: int,
        order_by: list[str] | None,
        page_token: str | None,
    ) -> tuple[list[Run], str | None]:
        """Find runs by summaries, and read those of the page that is returned."""
        if max_results > SEARCH_MAX_RESULTS_THRESHOLD:
            msg = f"max_results is at most {SEARCH_MAX_RESULTS_THRESHOLD}, not {max_results}."
            raise refused(msg)
        with self.place.lock:
            documents = list(self.place.workspace.runs.list())
        wanted = {str(one) for one in experiment_ids}
        found = [
            one
            for one in map(self._listed, documents)
            if one.info.experiment_id in wanted and _is_in_view(one.info, run_view_type)
        ]
        fitting = SearchUtils.filter(found, filter_string)
        ordered = SearchUtils.sort(fitting, order_by)
        page, token = SearchUtils.paginate(ordered, page_token, max_results)
        return [self.get_run(one.info.run_id) for one in page], token

    def _listed(self, document: RunDocument) -> Run:
        folder = self.place.workspace.deck.runs.folder(document["id"])
        is_live = document["status"] in {"running", "lost"}
        records = self._records(document["id"]) if is_live else None
        return entities.run_of(document, folder, records=records)

    def _document(self, run_id: str) -> RunDocument:
        deck = self.place.workspace.deck
        with self.place.lock, deck.reading() as state:
            if not ids.is_id(run_id) or not deck.runs.folder(run_id).is_dir():
                msg = f"There is no run with the id {run_id[:80]!r}."
                raise NotFoundError(msg)
            return as_said(deck.runs.document(run_id), state)

    def _records(self, run_id: str) -> list[dict[str, object]]:
        folder = self.place.workspace.deck.runs.folder(run_id)
        lines = StreamReader(folder / "metrics.jsonl").read()
        return [one for one in map(parse_record, lines) if one is not None]

    def _need_active(self, run_id: str) -> None:
        with self.place.lock, self.place.workspace.deck.reading() as state:
            is_deleted = entities.LIFECYCLE in state.tags.get(f"run:{run_id}", {})
        if is_deleted:
            msg = f"Run {run_id} was deleted; restore it first."
            raise final(msg)

    def _tag(self, run_id: str, key: str, *, value: str) -> None:
        try:
            self.place.workspace.annotations.tag(f"run:{run_id}", key, value=value)
        except ModelDeckError as error:
            if error.exit_code != 5:  # it has that tag already
                raise


def _is_in_view(info: RunInfo, view: int) -> bool:
    is_deleted = info.lifecycle_stage == LifecycleStage.DELETED
    return bool(view == ViewType.ALL or is_deleted == (view == ViewType.DELETED_ONLY))
