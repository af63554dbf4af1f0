"""Logs: of runs, of endpoints' servers, of any file: found, read, filtered, counted, followed.

What a workspace offers is in ``service``; the rest needs none and loads none. How it is used says
the page at the top of :mod:`modeldeck.store.logs`.
"""

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
from modeldeck.domain.logs.typed import Goto, goto_of, query_of, zone_of
from modeldeck.services.logs.browsing import Strand, behind, place_of
from modeldeck.services.logs.paths import STDIN, Target, paths_of
from modeldeck.services.logs.reading import Asked, Block, Reading, opened
from modeldeck.services.logs.stats import Counts
from modeldeck.store.logs.following import Follower, News
from modeldeck.store.logs.generations import Change
from modeldeck.store.logs.histogram import Bar, histogram
from modeldeck.store.logs.lines import MAX_LINE, Line
from modeldeck.store.logs.log import Found, Log
from modeldeck.store.logs.matching import Matcher
from modeldeck.store.logs.merged import Merged, Page, Place
from modeldeck.store.logs.part import Passage

__all__ = [
    "MAX_LINE",
    "STDIN",
    "Asked",
    "Bar",
    "Block",
    "Change",
    "Counts",
    "FieldTest",
    "Follower",
    "Found",
    "Goto",
    "Head",
    "Line",
    "Log",
    "Matcher",
    "Merged",
    "News",
    "Page",
    "Passage",
    "Place",
    "Query",
    "Reading",
    "Strand",
    "Target",
    "Words",
    "all_of",
    "behind",
    "field_test",
    "goto_of",
    "histogram",
    "levels_from",
    "moment_from",
    "opened",
    "paths_of",
    "place_of",
    "query_of",
    "words",
    "zone_of",
]
