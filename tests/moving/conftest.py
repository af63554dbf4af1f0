"""Stores that MLflow itself made, and workspaces to move them into."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modeldeck.services.founding import init
from tests.once import once
from tests.warm import MLFLOW, warm

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("by_mlflow.py")
PATIENCE_S = 100.0
collect_ignore = ["by_mlflow.py"]
"""It imports MLflow, and runs in processes of its own."""


def has(*modules: str) -> bool:
    """Say whether modules can be imported, without importing them."""
    return all(importlib.util.find_spec(one) is not None for one in modules)


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches and states in the test's own folder, which is no work tree; alice acts there."""
    monkeypatch.chdir(tmp_path)  # so that no run has a code.diff, which may come after its end
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MODELDECK_USER", "alice")
    monkeypatch.delenv("MODELDECK_WORKSPACE", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty workspace of alice's."""
    init(tmp_path / "ws", owner="alice")
    return tmp_path / "ws"


def environment(cwd: Path) -> dict[str, str]:
    """Return the environment of a process in which MLflow finds our plug-in, installed or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = cwd / "plug-in" / "modeldeck_plugin-0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: modeldeck-plugin\nVersion: 0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    paths = [str(ROOT / "core"), str(about.parent), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(one for one in paths if one),
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }


def mlflow(*arguments: str, cwd: Path) -> Any:  # noqa: ANN401 -- JSON
    """Have MLflow do something in a process of its own; return the JSON that it prints.

    Whatever concerns our plug-in is done by an interpreter that finds and loads it itself.
    """
    if not has("mlflow", "sqlalchemy", "alembic"):
        pytest.skip("mlflow-skinny, sqlalchemy and alembic are not installed")
    if arguments[0] in {"make", "read", "registry"} and "modeldeck:" not in arguments[1]:
        code, out, err = warm(MLFLOW).call(
            arguments, cwd=cwd, environment=environment(cwd), timeout_s=PATIENCE_S
        )
    else:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), *arguments],
            cwd=cwd,
            env=environment(cwd),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    assert code == 0, err.decode()[-3000:]
    return json.loads(out.decode().strip().splitlines()[-1])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which MLflow made ``files/mlruns`` and ``database/mlflow.db``."""

    def build(base: Path) -> None:
        for name, uri in (("files", "file://{}/mlruns"), ("database", "sqlite:///{}/mlflow.db")):
            (base / name).mkdir()
            mlflow("make", uri.format(base / name), cwd=base / name)

    return once(tmp_path_factory, "mlflow", build)


Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file of a small file store of MLflow's, made by hand."""
    base = tmp_path / "mlruns"

    def write_file(name: str, text: str) -> Path:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    write_file("7/meta.yaml", "artifact_location: x\nexperiment_id: '7'\nname: churn\n")
    write_file("7/aa11/meta.yaml", meta("aa11"))
    return write_file


def meta(run_id: str, **changes: object) -> str:
    """Return the description of a run as MLflow writes it."""
    known: dict[str, object] = {
        "artifact_uri": f"file:///elsewhere/7/{run_id}/artifacts",
        "end_time": 1700000009000,
        "lifecycle_stage": "active",
        "run_id": run_id,
        "run_name": "one",
        "start_time": 1700000000000,
        "status": 3,
        "user_id": "bob",
        **changes,
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in known.items())
