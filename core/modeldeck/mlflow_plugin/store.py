"""The store that MLflow makes for addresses that begin with ``modeldeck:``."""

from __future__ import annotations

from mlflow.store.tracking.abstract_store import AbstractStore

from modeldeck.mlflow_plugin.experiments_part import ExperimentsPart
from modeldeck.mlflow_plugin.logging_part import LoggingPart
from modeldeck.mlflow_plugin.models_part import ModelsPart
from modeldeck.mlflow_plugin.place import Place
from modeldeck.mlflow_plugin.telling import translated


class ModelDeckStore(ExperimentsPart, LoggingPart, ModelsPart, AbstractStore):  # type: ignore[misc]  # MLflow's class is not looked at
    """A workspace as MLflow's tracking store.

    Parameters
    ----------
    store_uri : str
        ``modeldeck:///path/of/workspace``; ``modeldeck:`` alone takes ``MODELDECK_WORKSPACE`` or
        looks upwards from the working directory.
    artifact_uri : str, optional
        Not used: artifacts lie in the folders of their runs.

    Raises
    ------
    MlflowException
        There is no workspace.
    """

    @translated
    def __init__(self, store_uri: str, artifact_uri: str | None = None) -> None:  # noqa: ARG002 -- MLflow's signature
        super().__init__()
        self.place = Place(store_uri)
