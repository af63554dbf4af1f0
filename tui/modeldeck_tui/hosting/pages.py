"""The pages, each loaded when it is first opened: the first screen waits for no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from modeldeck_tui.screens.base import Page

_WHERE = {
    "overview": ("overview", "OverviewScreen"),
    "runs": ("runs", "RunsScreen"),
    "models": ("models", "ModelsScreen"),
    "releases": ("releases", "ReleasesScreen"),
    "deployments": ("deployments", "DeploymentsScreen"),
    "sources": ("logs", "SourcesScreen"),
    "activity": ("activity", "ActivityScreen"),
    "datasets": ("datasets", "DatasetsScreen"),
    "inbox": ("inbox", "InboxScreen"),
    "policy": ("policy", "PolicyScreen"),
    "run": ("run", "RunScreen"),
    "release": ("review", "ReviewScreen"),
    "log": ("logs", "LogScreen"),
    "dataset": ("datasets", "DatasetScreen"),
}
MODES = tuple(_WHERE)[:10]
"""The pages that stay open: those that have a number, in its order, data, inbox and policy."""


def _class(name: str) -> type[Page]:
    module, found = _WHERE[name]
    page: type[Page] = getattr(import_module(f"modeldeck_tui.screens.pages.{module}"), found)
    return page


def page_of(name: str, *shown: str) -> Page:
    """Return a new page: one of :data:`MODES`, or another one of what is shown."""
    return _class(name)(*shown)


def log_page(sources: Sequence[str], asked: str) -> Page:
    """Return a page of logs with a filter."""
    page = page_of("log", *sources)
    page.filter_text = asked  # type: ignore[attr-defined]  # of logs alone, which are not loaded here
    return page


def maker(name: str) -> Callable[[], Screen[None]]:
    """Return what makes a page that stays open, as Textual's modes want it."""
    return lambda: page_of(name)


def load_all() -> None:
    """Load every page; in a thread, once the first screen shows."""
    for name in _WHERE:
        _class(name)
