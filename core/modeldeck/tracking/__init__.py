"""Tracking: what a training script calls. Begin with :func:`modeldeck.start_run`."""

from __future__ import annotations

from modeldeck.tracking.active import active_run, log, log_artifact, log_parameters, set_tags
from modeldeck.tracking.run import Run
from modeldeck.tracking.start import start_run
from modeldeck.tracking.values import MetricDefinition

__all__ = [
    "MetricDefinition",
    "Run",
    "active_run",
    "log",
    "log_artifact",
    "log_parameters",
    "set_tags",
    "start_run",
]
