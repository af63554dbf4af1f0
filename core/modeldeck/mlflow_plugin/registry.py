"""The registry that MLflow asks for at addresses that begin with ``modeldeck:``: it refers people.

A version here is registered in somebody's name, from what a run recorded, and goes live by
approvals; MLflow's calls know neither. So each of them is refused in words that say what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from mlflow.protos import databricks_pb2 as codes
from mlflow.store.model_registry.abstract_store import AbstractStore

from modeldeck.mlflow_plugin.telling import refused

HINT = (
    "`modeldeck model register RUN NAME` registers what a run logged, `modeldeck model versions` "
    "lists versions, `modeldeck export mlflow PATH` writes a registry that MLflow reads. "
    "MLFLOW_REGISTRY_URI names another registry for MLflow's own calls."
)


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        msg = f"ModelDeck's registry does not take MLflow's call {name}. {HINT}"
        raise refused(msg, codes.FEATURE_DISABLED)

    refuse.__name__ = name
    return refuse


class _Refusing(AbstractStore):  # type: ignore[misc]  # MLflow's class is not looked at
    """MLflow's registry without a single call that does something."""

    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)


ModelDeckRegistry = type(
    "ModelDeckRegistry",
    (_Refusing,),
    {
        name: _refusing(name)
        for name, one in sorted(vars(AbstractStore).items())
        if getattr(one, "__isabstractmethod__", False)
    },
)
"""What the entry point ``mlflow.model_registry_store`` names."""
