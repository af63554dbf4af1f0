"""Finding actions: by id, scope and page; and the keys that they have now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modeldeck_tui.keymap.action import Action, shown_key
from modeldeck_tui.keymap.table import ACTIONS, HINTS, SCOPES

BY_ID: Mapping[str, Action] = {one.id: one for one in ACTIONS}
INSIDE = {"logs": ("logs", "app"), "entry": ("text", "app"), "run": ("run", "list", "text", "app")}
"""Scopes that work on a page, where they are not its own, lists and everywhere."""

_own: dict[str, tuple[str, ...]] = {}


def use(own: Mapping[str, Sequence[str]]) -> None:
    """Show a person's own keys from now on, by the actions' ids."""
    _own.clear()
    _own.update({name: tuple(keys) for name, keys in own.items()})


def keys_of(action: Action) -> tuple[str, ...]:
    """Return the keys of an action: the person's own, else the table's."""
    return _own.get(action.id, action.keys)


def shown(action: Action) -> str:
    """Return the first key of an action as people know it; empty when its keys were taken away."""
    keys = keys_of(action)
    return shown_key(keys[0]) if keys else ""


def of_scope(*scopes: str) -> list[Action]:
    """Return the actions of some scopes, in the table's order."""
    return [one for one in ACTIONS if one.scope in scopes]


def scopes_of(page: str) -> tuple[str, ...]:
    """Return the scopes that work on a page, its own first."""
    return INSIDE.get(page, (page, "list", "app"))


def of_page(page: str) -> list[Action]:
    """Return the actions of a page, its own first."""
    return [one for scope in scopes_of(page) for one in of_scope(scope)]


def hints(page: str) -> list[Action]:
    """Return the actions that the last line of a page shows."""
    return [*(BY_ID[one] for one in HINTS[page].split()), BY_ID["app.help"]]


def clashes(keys: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
    """Return keys that two actions book which work at the same place: key and both ids.

    Parameters
    ----------
    keys : Mapping of str to sequence of str
        The keys of each action, by id.
    """
    found = []
    for scope in SCOPES:
        booked: dict[str, str] = {}
        for one in of_scope(scope, "app"):
            for key in keys[one.id]:
                if key in booked:
                    found.append((key, booked[key], one.id))
                booked[key] = one.id
    return sorted(set(found))
