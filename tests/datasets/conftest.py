"""A founded workspace, and tables to freeze in it."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from modeldeck.jobs import dataset
from modeldeck.services.datasets import tables
from modeldeck.services.founding import init
from modeldeck.workspace import Workspace


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches and states in the test's own folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read tables in this process: starting the job's own takes long, and tests/cli does it."""

    def ask(_job: str, arguments: list[str], **_options: object) -> dict[str, object]:
        answer: dict[str, object] = json.loads(json.dumps(dataset.work(Path(arguments[1]))))
        return answer

    monkeypatch.setattr(tables, "processes", SimpleNamespace(ask=ask))


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Workspace]:
    """Return an open workspace of ann's with a folder ``datasets/``."""
    init(tmp_path / "ws", owner="ann", name="team")
    (tmp_path / "ws" / "datasets").mkdir(exist_ok=True)
    with Workspace.open(tmp_path / "ws", user="ann") as workspace:
        yield workspace


def write_sales(path: Path, ids: range, *, seed: int = 1, shift: float = 0.0) -> Path:
    """Write a table of sales: a key, a price with gaps, a city, a truth value."""
    made = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "price", "city", "paid"])
        for number in ids:
            price = round(made.gauss(10 + shift, 2), 3) if made.random() > 0.02 else ""
            city = made.choice(["Oslo", "Rome", "Lima"])
            writer.writerow([number, price, city, made.choice(["true", "false"])])
    return path
