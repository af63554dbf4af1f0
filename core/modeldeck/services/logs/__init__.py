"""Logs: of runs, of endpoints' servers, of any file: found, read, filtered, counted, followed."""

from __future__ import annotations

from modeldeck.domain.logs.heads import Head
from modeldeck.domain.logs.query import (
    FieldTest,
    Query,
    Words,
    all_of,
    field_test,
    levels_from,
    moment_from,
    words,
)
from modeldeck.services.logs.paths import STDIN, Target, paths_of
from modeldeck.services.logs.reading import Asked, Block, Reading, opened
from modeldeck.services.logs.service import Following, Logs
from modeldeck.services.logs.stats import Counts
from modeldeck.store.logs.following import Follower, News
from modeldeck.store.logs.generations import Change
from modeldeck.store.logs.lines import MAX_LINE, Line
from modeldeck.store.logs.log import Found, Log
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.merged import Merged, Page, Place

__all__ = [
    "MAX_LINE",
    "STDIN",
    "Asked",
    "Block",
    "Change",
    "Counts",
    "FieldTest",
    "Follower",
    "Following",
    "Found",
    "Head",
    "Line",
    "Log",
    "Logs",
    "Matcher",
    "Merged",
    "News",
    "Page",
    "Place",
    "Query",
    "Reading",
    "Target",
    "Words",
    "all_of",
    "field_test",
    "levels_from",
    "moment_from",
    "opened",
    "paths_of",
    "words",
]
