"""Finding many runs by what somebody typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modeldeck import ids

_SHORT = 6


def resolve_all(typed: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the full ids of runs from any unique endings of them, each once, in their order.

    Raises
    ------
    NotFoundError, UsageError
        None, or several, end so.
    """
    by_ending: dict[str, list[str]] = {}
    for one in known:
        by_ending.setdefault(one[-_SHORT:], []).append(one)
    found: dict[str, None] = {}
    for text in typed:
        wanted = text.split(":", 1)[-1].strip()
        likely = by_ending.get(wanted[-_SHORT:], []) if len(wanted) >= _SHORT else known
        found[ids.resolve(text, likely, what="run")] = None
    return list(found)
