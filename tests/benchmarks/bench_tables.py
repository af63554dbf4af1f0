"""Tables of runs: first paint, filter and order beside Textual's DataTable."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from modeldeck.domain.filters import fields, query
from modeldeck.domain.reading.columns import in_order
from modeldeck_tui.present import runs as present
from modeldeck_tui.screens import reading
from modeldeck_tui.widgets.table import Table
from tests.benchmarks.harness import Row

MANY = 100_000
FEW = 10_000
NOW = "2026-11-23T12:00:00.000000Z"


def documents(count: int) -> list[Any]:
    """Return documents of finished runs."""
    summary = {"min": 0.0, "max": 1.0, "best": 0.5, "step": 9}
    return [
        {
            "id": f"20261101-000000-{number:06d}",
            "experiment": f"churn-{number % 7}",
            "name": "forest",
            "kind": "run",
            "parent": "",
            "status": "finished",
            "started_at": "2026-11-01T00:00:00.000000Z",
            "ended_at": "2026-11-01T00:00:01.000000Z",
            "duration_s": 1.0,
            "user": "ann",
            "host": "gpu01",
            "parameters": {"depth": number % 12},
            "metrics": {"acc": {**summary, "last": (number * 7919 % 1000) / 1000}},
            "tags": {},
            "progress": {},
            "error": {},
        }
        for number in range(count)
    ]


class Ours(App[None]):
    """An app around our table."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variable that the table's style sheet uses."""
        return {"faint": "ansi_bright_black"}

    def compose(self) -> ComposeResult:
        """Make it."""
        yield Table("Runs", is_sideways=True)


class Theirs(App[None]):
    """An app around Textual's table."""

    def compose(self) -> ComposeResult:
        """Make it."""
        yield DataTable()


async def ours(found: list[Any]) -> dict[str, float]:
    """Return the seconds until our table shows rows, those that fit, and all in another order."""
    app = Ours()
    async with app.run_test(size=(160, 50)) as pilot:
        table = app.query_one(Table)
        taken = {}
        begun = time.perf_counter()
        table.show(present.table(found, NOW))
        await pilot.pause()
        taken["paint"] = time.perf_counter() - begun
        begun = time.perf_counter()
        test = query.parse("acc>0.5 exp:churn-*", fields.RUNS, now=NOW)
        table.show(present.table([one for one in found if test(one)], NOW))
        await pilot.pause()
        taken["filter"] = time.perf_counter() - begun
        begun = time.perf_counter()
        ordered = in_order(found, lambda one: fields.metric(one, "acc"), is_down=True)
        table.show(present.table(ordered, NOW))
        await pilot.pause()
        taken["sort"] = time.perf_counter() - begun
        return taken


async def theirs(found: list[Any]) -> float:
    """Return the seconds until Textual's table shows rows of eight columns."""
    app = Theirs()
    async with app.run_test(size=(160, 50)) as pilot:
        table = app.query_one(DataTable)
        begun = time.perf_counter()
        rows = present.table(found, NOW)
        for title in [one.title for one in rows.columns][:8]:
            table.add_column(title, width=10)
        for at in range(len(found)):
            table.add_row(*(Text(one.text) for one in rows[at].cells[:8]), key=rows.key(at))
        await pilot.pause()
        return time.perf_counter() - begun


def _row(case: str, value: float, unit: str, *, budget: float | None = None) -> Row:
    return {
        "case": case,
        "value": value,
        "unit": unit,
        "budget": budget,
        "beside": "",
        "beside_value": None,
    }


def bench() -> list[Row]:
    """Measure tables of 100,000 rows, and DataTable with 10,000."""
    with reading.unwatched():  # as the screen does when it reads all runs
        found = documents(MANY)
    taken = asyncio.run(ours(found))
    few = asyncio.run(ours(found[:FEW]))
    beside = asyncio.run(theirs(found[:FEW]))
    first = _row("10,000 rows: first paint", few["paint"], "s")
    first["beside"], first["beside_value"] = "Textual's DataTable", beside
    return [
        first,
        _row("100,000 rows: first paint", taken["paint"], "s", budget=0.1),
        _row("100,000 rows: filter", taken["filter"], "s", budget=0.15),
        _row("100,000 rows: order", taken["sort"], "s", budget=0.4),
    ]
