"""Experiments, by MLflow's calls."""

from __future__ import annotations

import time
from typing import Any

from mlflow.entities import Experiment, ExperimentTag, ViewType
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_DEFAULT
from mlflow.utils.search_utils import SearchExperimentsUtils, SearchUtils
from mlflow.utils.validation import _validate_experiment_name

from modeldeck.mlflow_plugin import entities
from modeldeck.mlflow_plugin.place import Place
from modeldeck.mlflow_plugin.telling import exists, final, in_words_of_mlflow, missing, refused
from modeldeck.services.moving import experiments


@in_words_of_mlflow
class ExperimentsPart:
    """What a store says about experiments."""

    place: Place

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = SEARCH_MAX_RESULTS_DEFAULT,
        *,
        filter_string: str | None = None,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:  # noqa: ANN401 -- MLflow's page
        """Return experiments, newest first."""
        found = [
            entities.experiment(one, self.place.root)
            for one in self.place.experiments()
            if view_type == ViewType.ALL or one.is_deleted == (view_type == ViewType.DELETED_ONLY)
        ]
        fitting = SearchExperimentsUtils.filter(found, filter_string)
        order = order_by or ["creation_time DESC", "experiment_id ASC"]
        ordered = SearchExperimentsUtils.sort(fitting, order)
        page, token = SearchUtils.paginate(ordered, page_token, max_results)
        return PagedList(page, token)

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        *,
        tags: list[ExperimentTag] | None = None,
    ) -> str:
        """Make an experiment; return its id."""
        _validate_experiment_name(name)
        if artifact_location:
            msg = "Artifacts lie in the folders of their runs; leave artifact_location out."
            raise refused(msg)
        if self.place.named(name) is not None:
            what = f"an experiment {name!r}"
            raise exists(what)
        made = self.place.known.claim(
            name,
            created_ms=int(time.time() * 1000),
            tags={one.key: str(one.value) for one in tags or ()},
        )
        return made.id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment by its id."""
        return entities.experiment(self.place.experiment(experiment_id), self.place.root)

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        """Return an experiment by its name; None without one."""
        found = self.place.named(experiment_name)
        return entities.experiment(found, self.place.root) if found else None

    def delete_experiment(self, experiment_id: str) -> None:
        """Hide an experiment; its runs stay in the workspace."""
        self._change(experiment_id, is_deleted=True)

    def restore_experiment(self, experiment_id: str) -> None:
        """Show an experiment again."""
        known = self.place.experiment(experiment_id)
        if not known.is_deleted:
            what = f"deleted experiment with the id {experiment_id!r}"
            raise missing(what)
        self.place.known.change(known, is_deleted=False)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name for MLflow's users; here it keeps its own."""
        _validate_experiment_name(new_name)
        other = self.place.named(new_name)
        if other is not None and other.id != str(experiment_id):
            what = f"an experiment {new_name!r}"
            raise exists(what)
        self._change(experiment_id, name=new_name)

    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        """Set a tag of an experiment."""
        known = self.place.experiment(experiment_id)
        self._change(experiment_id, tags={**known.tags, tag.key: str(tag.value)})

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag of an experiment away."""
        known = self.place.experiment(experiment_id)
        self._change(experiment_id, tags={k: v for k, v in known.tags.items() if k != key})

    def _change(self, experiment_id: str, **changes: object) -> experiments.Experiment:
        known = self.place.experiment(experiment_id)
        if known.is_deleted:
            msg = f"Experiment {known.name!r} was deleted; restore it first."
            raise final(msg)
        return self.place.known.change(known, **changes)
