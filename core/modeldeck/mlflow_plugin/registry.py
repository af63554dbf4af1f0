"""The registry that MLflow asks for at addresses that begin with ``modeldeck:``.

Registering is answered: a version is registered in the ledger by whoever runs the program, from
files that a run of this workspace kept without pickle, as ``modeldeck model register`` does it.
What would say that a version is in use, aliases and stages, is refused: here releases say that,
with gates and votes, which MLflow's calls do not know. So is what would change or end a version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelTag,
)
from mlflow.protos import databricks_pb2 as codes
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry import (
    SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
)
from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils, SearchUtils
from mlflow.utils.validation import _validate_model_name

from modeldeck.domain.documents import VersionDocument
from modeldeck.errors import ConflictError
from modeldeck.mlflow_plugin.located import located
from modeldeck.mlflow_plugin.place import Place
from modeldeck.mlflow_plugin.registered import (
    About,
    Registered,
    RegisteredName,
    milliseconds_now,
)
from modeldeck.mlflow_plugin.telling import (
    exists,
    in_words_of_mlflow,
    missing,
    refused,
    translated,
)
from modeldeck.services.models import makers
from modeldeck.services.moving.reading.values import milliseconds

_RELEASES = (
    "Aliases and stages say what is in use; here a release decides that: "
    "`modeldeck release request MODEL@N --environment ENVIRONMENT` asks for one, `modeldeck deploy "
    "list` shows what is live."
)
_FINAL = (
    "What was registered stays in the ledger: `modeldeck model revoke MODEL@N --reason TEXT` ends "
    "the use of a version for good."
)
_HINTS = {
    "set_registered_model_alias": _RELEASES,
    "delete_registered_model_alias": _RELEASES,
    "get_model_version_by_alias": _RELEASES,
    "transition_model_version_stage": _RELEASES,
    "delete_registered_model": _FINAL,
    "delete_model_version": _FINAL,
    "rename_registered_model": "Votes and releases name a model; register it under another name.",
}
_PROMPT = "mlflow.prompt.is_prompt"


def _refusing(name: str, hint: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        msg = f"A ModelDeck workspace does not take MLflow's call {name}. {hint}"
        raise refused(msg, codes.FEATURE_DISABLED)

    refuse.__name__ = name
    return refuse


class _Refusing(AbstractStore):  # type: ignore[misc]  # MLflow's class is not looked at
    """What is refused, each in words that say what to do."""


for _name, _hint in _HINTS.items():
    setattr(_Refusing, _name, _refusing(_name, _hint))


@in_words_of_mlflow
class _Models(_Refusing):
    """Registered models."""

    place: Place
    known: Registered

    def create_registered_model(
        self,
        name: str,
        tags: list[RegisteredModelTag] | None = None,
        *,
        description: str | None = None,
        deployment_job_id: str | None = None,  # noqa: ARG002 -- MLflow's
    ) -> RegisteredModel:
        """Make a model that has no version yet."""
        _validate_model_name(name)
        given = {one.key: str(one.value) for one in tags or ()}
        if given.get(_PROMPT) == "true":
            msg = "A ModelDeck workspace keeps no prompts."
            raise refused(msg, codes.FEATURE_DISABLED)
        self.place.workspace.deck.need_writable()
        if self._named(name) is not None:
            what = f"a registered model {name!r}"
            raise exists(what)
        about = RegisteredName("", name, milliseconds_now(), 0, description or "", given)
        self.known.claim(name, self._slugs(), about=about)
        return self.get_registered_model(name)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a model with its latest version."""
        return self._model(self._need(name))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
        *,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:  # noqa: ANN401 -- MLflow's page
        """Return models that fit a filter."""
        every = [self._model(one) for one in self.known.all(self._slugs())]
        fitting = SearchModelUtils.filter(every, filter_string)
        return _page(SearchModelUtils.sort(fitting, order_by), page_token, most=max_results)

    def update_registered_model(
        self,
        name: str,
        description: str | None,
        *,
        deployment_job_id: str | None = None,  # noqa: ARG002 -- MLflow's
    ) -> RegisteredModel:
        """Describe a model in other words."""
        self._change(name, description=description or "")
        return self.get_registered_model(name)

    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        """Set a tag of a model."""
        known = self._need(name)
        self._change(name, tags={**known.tags, tag.key: str(tag.value)})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag of a model away."""
        known = self._need(name)
        self._change(name, tags={k: one for k, one in known.tags.items() if k != key})

    def get_latest_versions(self, name: str, stages: list[str] | None = None) -> list[ModelVersion]:
        """Return the latest version; no version is in a stage of MLflow's."""
        if [one for one in stages or () if one.lower() != "none"]:
            raise refused(_RELEASES, codes.FEATURE_DISABLED)
        known = self._need(name)
        return [self._version(one, known) for one in self._versions(known)[-1:]]

    def _change(self, name: str, **changes: object) -> None:
        self.place.workspace.deck.need_writable()
        known = self._need(name)
        self.known.put(RegisteredName(**{**vars(known), **changes}))

    def _slugs(self) -> set[str]:
        with self.place.lock:
            return {one["name"] for one in self.place.workspace.models.list()}

    def _named(self, name: str) -> RegisteredName | None:
        return next((one for one in self.known.all(self._slugs()) if one.name == name), None)

    def _need(self, name: str) -> RegisteredName:
        found = self._named(name)
        if found is None:
            what = f"registered model {str(name)[:80]!r}"
            raise missing(what)
        return found

    def _versions(self, known: RegisteredName) -> list[VersionDocument]:
        with self.place.lock:
            every = self.place.workspace.models.versions()
        found = [one for one in every if one["model"] == known.slug]
        return sorted(found, key=lambda one: one["version"])

    def _model(self, known: RegisteredName) -> RegisteredModel:
        versions = self._versions(known)
        first = milliseconds(versions[0]["registered_at"]) if versions else 0
        last = milliseconds(versions[-1]["registered_at"]) if versions else 0
        return RegisteredModel(
            known.name,
            creation_timestamp=known.created_ms or first,
            last_updated_timestamp=max(known.changed_ms, last),
            description=known.description,
            latest_versions=[self._version(one, known) for one in versions[-1:]],
            tags=[RegisteredModelTag(key, value) for key, value in known.tags.items()],
        )

    def _version(self, found: VersionDocument, known: RegisteredName) -> ModelVersion:
        about = self.known.about(found["id"])
        registered = milliseconds(found["registered_at"])
        problem = "It was revoked; see `modeldeck model show`." if "revoked" in found else ""
        return ModelVersion(
            known.name,
            str(found["version"]),
            registered,
            last_updated_timestamp=max(registered, about.changed_ms),
            description=about.description,
            user_id=found["registered_by"],
            current_stage="None",
            source=about.source or self._folder(found),
            run_id=found["run"] or None,
            status_message=problem or None,
            tags=[ModelVersionTag(key, value) for key, value in found["tags"].items()],
            model_id=about.model_id or None,
        )

    def _folder(self, found: VersionDocument) -> str:
        if not found["run"]:
            return ""
        folder = self.place.workspace.deck.runs.folder(found["run"])
        return (folder / "artifacts" / "model").as_uri()


@in_words_of_mlflow
class ModelDeckRegistry(_Models):
    """A workspace as MLflow's model registry; the entry point ``mlflow.model_registry_store``.

    Parameters
    ----------
    store_uri : str
        As of :class:`modeldeck.mlflow_plugin.store.ModelDeckStore`.
    tracking_uri : str, optional
        Not used: runs are those of the workspace.

    Raises
    ------
    MlflowException
        There is no workspace.
    """

    @translated
    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self.place = Place(store_uri or "")
        self.known = Registered(self.place.root)

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: list[ModelVersionTag] | None = None,
        run_link: str | None = None,  # noqa: ARG002 -- MLflow's
        description: str | None = None,
        local_model_path: str | None = None,  # noqa: ARG002 -- MLflow's
        model_id: str | None = None,
    ) -> ModelVersion:
        """Register a version from the skops file of a model that a run of the workspace logged.

        What is registered already, of the same run, is answered as it was.
        """
        known = self._need(name)
        workspace = self.place.workspace
        file = located(self.place, source, run_id=run_id or "", model_id=model_id or "")
        run = workspace.deck.runs.document(file.run)
        authors = makers(workspace.deck, run["id"], named=run["user"])
        try:
            with self.place.lock:
                made = workspace.models.register_file(
                    file.path, known.slug, run=run["id"], authors=authors
                )["id"]
        except ConflictError as error:
            made = str(error.data.get("version", ""))
            if not made:
                raise
        text = description or self.known.about(made).description
        self.known.say(made, About(source, file.model_id, text))
        for one in tags or ():
            self._tag(made, one.key, value=str(one.value))
        return self.get_model_version(name, made.rpartition("@")[2])

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        """Return one version."""
        known = self._need(name)
        return self._version(self._found(known, version), known)

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Return where a version's files lie, as its source says."""
        return str(self.get_model_version(name, version).source)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
        *,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> Any:  # noqa: ANN401 -- MLflow's page
        """Return versions that fit a filter."""
        every = [
            self._version(one, known)
            for known in self.known.all(self._slugs())
            for one in self._versions(known)
        ]
        order = order_by or ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
        fitting = SearchModelVersionUtils.filter(every, filter_string)
        return _page(SearchModelVersionUtils.sort(fitting, order), page_token, most=max_results)

    def update_model_version(
        self, name: str, version: str, *, description: str | None = None
    ) -> ModelVersion:
        """Describe a version in other words, for MLflow's users."""
        self.place.workspace.deck.need_writable()
        found = self._found(self._need(name), version)["id"]
        about = self.known.about(found)
        self.known.say(found, About(about.source, about.model_id, description or ""))
        return self.get_model_version(name, version)

    def set_model_version_tag(self, name: str, version: str, *, tag: ModelVersionTag) -> None:
        """Set a tag of a version, by an entry of the ledger."""
        found = self._found(self._need(name), version)["id"]
        self._tag(found, tag.key, value=str(tag.value))

    def delete_model_version_tag(self, name: str, version: str, *, key: str) -> None:
        """Take a tag of a version away, by an entry of the ledger."""
        found = self._found(self._need(name), version)["id"]
        with self.place.lock:
            self.place.workspace.annotations.untag(f"version:{found}", key)

    def _found(self, known: RegisteredName, version: str) -> VersionDocument:
        for one in self._versions(known):
            if str(one["version"]) == str(version):
                return one
        what = f"version {str(version)[:20]!r} of the registered model {known.name[:80]!r}"
        raise missing(what)

    def _tag(self, version: str, key: str, *, value: str) -> None:
        subject = f"version:{version}"
        with self.place.lock:
            if self.place.workspace.annotations.tags(subject).get(key) != value:
                self.place.workspace.annotations.tag(subject, key, value=value)


def _page(found: list[Any], token: str | None, *, most: int) -> Any:  # noqa: ANN401 -- MLflow's page
    page, following = SearchUtils.paginate(found, token, most)
    return PagedList(page, following)
