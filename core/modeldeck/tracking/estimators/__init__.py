"""Logging what scikit-learn's estimators do, without a line of code beside :func:`autolog`."""

from __future__ import annotations

from modeldeck.tracking.estimators.patching import autolog

__all__ = ["autolog"]
