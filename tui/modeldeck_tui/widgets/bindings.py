"""Bindings made from the table of keys, and the colours of a cell's style."""

from __future__ import annotations

from rich.style import Style
from textual.binding import Binding, BindingType

from modeldeck_tui import keymap

STYLES = {
    "": Style.null(),
    "good": Style(color="green"),
    "bad": Style(color="red"),
    "warn": Style(color="yellow"),
    "dim": Style(color="bright_black"),
    "bold": Style(bold=True),
}
"""Sixteen colours only: they follow the terminal's own palette and cost few bytes."""


def bindings(*scopes: str) -> list[BindingType]:
    """Return the bindings of some scopes."""
    return [
        Binding(",".join(one.keys), one.does or one.name, one.hint, show=False, id=one.id)
        for one in keymap.of_scope(*scopes)
    ]
