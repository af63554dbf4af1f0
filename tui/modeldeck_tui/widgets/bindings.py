"""Bindings made from the table of keys."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from modeldeck_tui import keymap

_FROM_ANYWHERE = {"app.quit"}
"""Actions whose keys work in dialogs too."""


def bindings(*scopes: str) -> list[BindingType]:
    """Return the bindings of some scopes: direct ones call a widget, others go through the app."""
    return [
        Binding(
            ",".join(one.keys),
            one.does if one.is_direct else f"app.do('{one.id}')",
            one.hint,
            show=False,
            priority=one.id in _FROM_ANYWHERE,
            id=one.id,
        )
        for one in keymap.of_scope(*scopes)
    ]
