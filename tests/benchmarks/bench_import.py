"""How long our imports take in a fresh interpreter, beside the library that each stands on."""

from __future__ import annotations

from functools import partial

from tests.benchmarks.harness import Row, interleaved, printed_s

_TIMED = """
from time import perf_counter
begun = perf_counter()
{statement}
print(perf_counter() - begun)
"""
_CASES = (
    ("import modeldeck", None, "import json", "import json"),
    ("modeldeck.start_run", 100.0, "import logging", "import logging"),
    ("import modeldeck.workspace", None, "import tinydb", "import tinydb"),
    ("import modeldeck_tui.cli", None, "import typer", "import typer"),
    ("import modeldeck_tui.app", None, "import textual.app", "import textual.app"),
    ("import modeldeck.ml.persistence", None, "import sklearn", "import sklearn"),
)
"""Name, budget in ms, what it is compared to, and the statement for that."""


def bench() -> list[Row]:
    """Measure each import and its neighbour in turn, in fresh interpreters."""
    statements = {name: _statement(name) for name, *_ in _CASES}
    statements |= {beside: statement for _, _, beside, statement in _CASES}
    cases = {
        name: partial(printed_s, _TIMED.format(statement=statement))
        for name, statement in statements.items()
    }
    taken = interleaved(cases, rounds=10)
    return [
        {
            "case": name,
            "value": taken[name] * 1000,
            "unit": "ms",
            "budget": budget,
            "beside": beside,
            "beside_value": taken[beside] * 1000,
        }
        for name, budget, beside, _ in _CASES
    ]


def _statement(name: str) -> str:
    return name if name.startswith("import ") else f"import modeldeck; {name}"
