"""The harness of the benchmarks: tables, budgets, and what a run writes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.benchmarks import run
from tests.benchmarks.harness import Row, interleaved, within_budget


def row(value: float, *, unit: str = "ms", budget: float | None = 2.0) -> Row:
    """Return a row of a benchmark that never ran."""
    return {
        "case": "a case",
        "value": value,
        "unit": unit,
        "budget": budget,
        "beside": "a peer",
        "beside_value": 1234.5,
    }


@pytest.mark.parametrize(
    ("measured", "kept"),
    [
        (row(1.9), True),
        (row(2.1), False),
        (row(2.1, unit="1/s"), True),
        (row(1.9, unit="rows/s"), False),
        (row(9.9, budget=None), None),
    ],
)
def test_budget_of_a_row_depends_on_its_unit(measured: Row, kept: bool | None) -> None:
    """Times must stay below their budget, rates above it, and no budget is never broken."""
    assert within_budget(measured) is kept


def test_table_of_rows_marks_broken_budgets() -> None:
    """Columns are aligned and only the row over its budget carries the mark."""
    head, good, bad = run.table([row(1.0), row(3.0)]).splitlines()
    assert "budget" in head
    assert good.startswith("   a case")
    assert bad.startswith("!  a case")
    assert good.endswith("1,234")


def test_interleaved_cases_return_medians_without_the_first_round() -> None:
    """The first, cold round does not count."""
    values = iter([100.0, 1.0, 3.0, 2.0])
    assert interleaved({"one": lambda: next(values)}, rounds=3) == {"one": 2.0}


def test_run_of_one_benchmark_writes_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run prints machine and table, and writes both as JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "import_module", lambda _: SimpleNamespace(bench=lambda: [row(3.0)]))
    assert run.main(["start"]) == 0
    assert "cores" in capsys.readouterr().out
    document = json.loads(Path("benchmark-results.json").read_text())
    assert document["results"] == {"start": [row(3.0)]}
    assert document["machine"]["cores"] >= 1


def test_run_of_an_unknown_benchmark_names_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A wrong name is a usage error."""
    assert run.main(["nonsense"]) == 2
    assert "start" in capsys.readouterr().out
