"""The actions of the screen and their keys."""

from __future__ import annotations

from modeldeck_tui.keymap.action import Action, shown_key
from modeldeck_tui.keymap.lookup import (
    BY_ID,
    clashes,
    hints,
    keys_of,
    of_page,
    of_scope,
    scopes_of,
    shown,
    use,
)
from modeldeck_tui.keymap.table import ACTIONS, HINTS, PAGES_IN_ORDER, SCOPES

__all__ = [
    "ACTIONS",
    "BY_ID",
    "HINTS",
    "PAGES_IN_ORDER",
    "SCOPES",
    "Action",
    "clashes",
    "hints",
    "keys_of",
    "of_page",
    "of_scope",
    "scopes_of",
    "shown",
    "shown_key",
    "use",
]
