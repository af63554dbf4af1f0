"""Run the benchmarks: ``make bench``, or ``make bench ONLY=start`` for ``bench_start.py`` alone.

Each ``bench_NAME.py`` beside this file has a function ``bench()`` that returns rows. They are
printed as a table, under the machine that they were taken on, and written to
``benchmark-results.json`` in the working directory.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path

from tests.benchmarks.harness import Row, within_budget

RESULTS = Path("benchmark-results.json")
_LIBRARIES = ("modeldeck", "textual", "typer", "tinydb", "scikit-learn", "numpy", "uvicorn")
_HEAD = ("", "case", "value", "unit", "budget", "beside", "")


def names() -> list[str]:
    """Return the names of the benchmarks that there are."""
    found = Path(__file__).parent.glob("bench_*.py")
    return sorted(path.stem.removeprefix("bench_") for path in found)


def machine() -> dict[str, object]:
    """Describe what the figures were taken on."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
    }


def table(rows: Iterable[Row]) -> str:
    """Lay rows out in columns; a budget that is not kept is marked with ``!``."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    lines = []
    for row in cells:
        fields = (
            cell.rjust(width) if column in {2, 4, 6} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(fields).rstrip())
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, all of them when none is named."""
    known = names()
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
        return 2
    about = machine()
    print(_sentence(about), flush=True)
    results: dict[str, list[Row]] = {}
    for name in arguments or known:
        rows: list[Row] = import_module(f"tests.benchmarks.bench_{name}").bench()
        results[name] = rows
        print(f"\n{name}\n{table(rows)}", flush=True)
    document = {"at": datetime.now(UTC).isoformat(), "machine": about, "results": results}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\nWritten to {RESULTS}.")
    return 0


def _cells(row: Row) -> tuple[str, ...]:
    mark = "!" if within_budget(row) is False else ""
    budget, beside = _number(row["budget"]), _number(row["beside_value"])
    return mark, row["case"], _number(row["value"]), row["unit"], budget, row["beside"], beside


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _sentence(about: dict[str, object]) -> str:
    libraries = about["libraries"]
    versions = libraries.items() if isinstance(libraries, dict) else ()
    return (
        f"{about['cores']} cores, {about['processor']}, {about['system']}, "
        f"Python {about['python']}; {', '.join(f'{name} {version}' for name, version in versions)}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
