"""The inbox as rows: what waits for the person, what they wait for, what ends soon."""

from __future__ import annotations

from collections.abc import Sequence

from modeldeck.domain.documents import InboxItem
from modeldeck_tui.output import Cell
from modeldeck_tui.present.overview import KINDS
from modeldeck_tui.present.rows import Line, ago, cell


def lines(items: Sequence[InboxItem], now: str) -> list[Line]:
    """Return items as rows: what to do, about what, more, and since when."""
    return [
        Line(
            one["subject"],
            (
                KINDS.get(one["kind"], cell(one["kind"].upper())),
                cell(one["title"], "bold"),
                cell(one["detail"]),
                Cell(ago(one["since"], now), "dim"),
            ),
        )
        for one in items
    ]
