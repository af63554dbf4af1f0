"""Tracking: what a training script calls. Start with :func:`modeldeck.start_run`."""

from __future__ import annotations

from modeldeck.tracking.run import Run, start_run
from modeldeck.tracking.values import MetricDefinition

__all__ = ["MetricDefinition", "Run", "start_run"]
