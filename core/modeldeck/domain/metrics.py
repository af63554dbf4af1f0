"""Metrics: which way is better."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_BETWEEN = re.compile(r"[^a-z0-9]+")
_MINIMISED = ("loss", "error", "rmse", "mse", "mae", "log_loss", "latency", "time", "perplexity")


def goal_of(name: str, definitions: Mapping[str, object]) -> str:
    """Return whether a metric is to be ``max`` or ``min``: as defined, else by its name.

    Examples
    --------
    >>> goal_of("val_loss", {}), goal_of("accuracy", {}), goal_of("x", {"x": {"goal": "min"}})
    ('min', 'max', 'min')
    >>> goal_of("val/loss", {}), goal_of("neg_log_loss", {})
    ('min', 'max')
    """
    known = definitions.get(name)
    if isinstance(known, Mapping) and known.get("goal") in {"max", "min"}:
        return str(known["goal"])
    words = _BETWEEN.split(name.lower())
    is_loss = any(word in _MINIMISED for word in (*words, name.lower()))
    return "min" if is_loss and "neg" not in words else "max"


def in_order(names: Iterable[str], defined: Iterable[str] = ()) -> list[str]:
    """Return metrics as people read them: defined ones, others, then those of cross-validation.

    Examples
    --------
    >>> in_order(["cv_loss", "auc", "loss"], defined=["loss", "cv_loss"])
    ['loss', 'auc', 'cv_loss']
    """
    place = {name: number for number, name in enumerate(defined)}
    return sorted(
        names, key=lambda name: (name.startswith("cv_"), place.get(name, len(place)), name)
    )


def goal_in(name: str, goals: Mapping[str, object]) -> str:
    """Return whether a metric is to be ``max`` or ``min``: as a manifest says, else by its name.

    Examples
    --------
    >>> goal_in("x", {"x": "min"}), goal_in("loss", {}), goal_in("auc", {"auc": "?"})
    ('min', 'min', 'max')
    """
    known = goals.get(name)
    return str(known) if known in {"max", "min"} else goal_of(name, {})
