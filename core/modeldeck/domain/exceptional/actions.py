"""The actions of this folder, as the fold's table takes them, and which endpoint an act affects.

Each has the exact fields of its body, its check, what it does, and more words of a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modeldeck.domain.exceptional import glass, overrides, revoking
from modeldeck.domain.state import Act, State


def of_version(state: State, act: Act) -> str:
    """Return the endpoint of the version that an act is about and the environment that it names."""
    version = state.versions.get(act.entity)
    return f"{version.model if version else ''}@{act.text('environment')}"


def of_release(state: State, act: Act) -> str:
    """Return the endpoint of the release that an act is about."""
    return state.release(act.entity).endpoint


def of_endpoint(_state: State, act: Act) -> str:
    """Return the endpoint that an act is about."""
    return act.entity


_Rule = tuple[
    dict[str, type],
    Callable[[State, Act], None],
    Callable[[State, Act], str],
    Mapping[str, Any],
]
ACTIONS: dict[str, _Rule] = {
    "release.override": (
        {
            **dict.fromkeys(("manifest", "policy", "environment", "replaces"), str),
            **dict.fromkeys(("request", "report", "reason", "issued"), str),
            "generation": int,
            "checks": list,
        },
        overrides.check_override,
        overrides.apply_override,
        {"affects": of_release, "optional": {"overrides": list}},
    ),
    "version.revoke": (
        {"reason": str},
        revoking.check_revoke,
        revoking.apply_revoke,
        {"is_strict": True},
    ),
    "deployment.break-glass": (
        {"generation": int, "reason": str, "to": str, "manifest": str, "issued": str},
        glass.check_break,
        glass.apply_break,
        {"affects": of_endpoint},
    ),
    "deployment.review": (
        {"glass": int, "reason": str},
        glass.check_review,
        glass.apply_review,
        {"affects": of_endpoint},
    ),
}
