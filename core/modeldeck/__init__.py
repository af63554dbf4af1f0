"""ModelDeck: train, test, approve, deploy, serve and watch a team's models from one plain folder.

>>> import modeldeck
>>> modeldeck.__version__
'0.1.0'

``modeldeck.start_run`` tracks an experiment; ``modeldeck.Workspace`` gives everything else. Both
are loaded when they are first used, so that importing costs a training script next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeldeck._version import __version__

if TYPE_CHECKING:
    from modeldeck.tracking.active import active_run, log, log_artifact, log_parameters, set_tags
    from modeldeck.tracking.estimators import autolog
    from modeldeck.tracking.run import Run
    from modeldeck.tracking.start import start_run
    from modeldeck.tracking.values import MetricDefinition
    from modeldeck.workspace import Workspace

__all__ = [
    "MetricDefinition",
    "Run",
    "Workspace",
    "__version__",
    "active_run",
    "autolog",
    "log",
    "log_artifact",
    "log_parameters",
    "set_tags",
    "start_run",
]

_HOMES = {
    "MetricDefinition": "modeldeck.tracking.values",
    "Run": "modeldeck.tracking.run",
    "active_run": "modeldeck.tracking.active",
    "autolog": "modeldeck.tracking.estimators",
    "log": "modeldeck.tracking.active",
    "log_artifact": "modeldeck.tracking.active",
    "log_parameters": "modeldeck.tracking.active",
    "set_tags": "modeldeck.tracking.active",
    "start_run": "modeldeck.tracking.start",
    "Workspace": "modeldeck.workspace",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module 'modeldeck' has no attribute {name!r}"
        raise AttributeError(msg)
    import importlib

    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
