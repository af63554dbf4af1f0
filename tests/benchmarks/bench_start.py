"""How long ``modeldeck --help`` takes, beside a program that does nothing but use Typer."""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks.harness import Row, interleaved, process_s

_BARE = '''
import typer

app = typer.Typer()


@app.command()
def hello(name: str) -> None:
    """Greet."""
    typer.echo(name)


@app.command()
def goodbye(name: str) -> None:
    """Take leave."""
    typer.echo(name)


app()
'''


def bench() -> list[Row]:
    """Measure whole processes in turn; the budget is 1.2 times the bare program."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder, "bare.py")
        bare.write_text(_BARE)
        ours = Path(sys.executable).with_name("modeldeck")
        cases = {
            "ours": partial(process_s, [ours, "--help"]),
            "bare": partial(process_s, [sys.executable, bare, "--help"]),
            "python": partial(process_s, [sys.executable, "-c", "pass"]),
        }
        taken = interleaved(cases, rounds=20)
    return [
        {
            "case": "modeldeck --help",
            "value": taken["ours"] * 1000,
            "unit": "ms",
            "budget": 1.2 * taken["bare"] * 1000,
            "beside": "bare Typer program --help",
            "beside_value": taken["bare"] * 1000,
        },
        {
            "case": "modeldeck --help, per bare program",
            "value": taken["ours"] / taken["bare"],
            "unit": "×",
            "budget": 1.2,
            "beside": "python -c pass",
            "beside_value": taken["python"] / taken["bare"],
        },
    ]
