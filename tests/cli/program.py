"""Running the real program, and the small workspace that its tests use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.warm import COMMANDS, warm

PATIENCE_S = 60.0

CONFIG = """
name = "team"
[environments.staging]
approvals = 1
trust = "claimed"
gate = "staging"
[environments.production]
approvals = 2
roles = { risk = 1 }
self_approval = false
rollback_roles = ["oncall"]
trust = "claimed"
gate = "production"
[[gates.staging.checks]]
name = "loads"
kind = "loads"
[[gates.production.checks]]
name = "accuracy"
kind = "threshold"
metric = "accuracy"
min = 0.8
[[gates.production.checks]]
name = "no regression"
kind = "no-regression"
metric = "accuracy"
margin = 0.01
"""
MEMBERS = """
[[members]]
name = "bob"
[[members]]
name = "carol"
roles = ["risk"]
[[members]]
name = "dave"
roles = ["oncall"]
[[members]]
name = "server"
kind = "server"
environments = ["staging", "production"]
"""
DECENT = """
experiment = "cancer"
seed = 1
[data]
source = "sklearn:breast_cancer"
target = "target"
[estimator]
type = "sklearn.linear_model.LogisticRegression"
parameters = { solver = "liblinear" }
[search]
kind = "grid"
grid = { C = [0.1, 10.0] }
[evaluation]
folds = 2
metrics = ["accuracy"]
[register]
model = "cancer"
"""
WEAK = """
experiment = "cancer"
seed = 1
[data]
source = "sklearn:breast_cancer"
target = "target"
[estimator]
type = "sklearn.dummy.DummyClassifier"
[evaluation]
folds = 2
metrics = ["accuracy"]
[register]
model = "cancer"
"""


@dataclass(frozen=True)
class Answer:
    """What one call of the program gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever the command prints
        """The one JSON document on standard output."""
        return json.loads(self.out)


class Program:
    """The program with homes of its own below a folder."""

    def __init__(self, base: Path, root: Path) -> None:
        self.base = base
        self.root = root

    def environment(self, user: str) -> dict[str, str]:
        """Return the environment of one person's call."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MODELDECK")}
        return {
            **kept,
            "HOME": str(self.base),
            "XDG_CACHE_HOME": str(self.base / "cache"),
            "XDG_STATE_HOME": str(self.base / "state"),
            "MODELDECK_USER": user,
            "NO_COLOR": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a call."""
        return [sys.executable, "-P", "-m", "modeldeck_tui.cli", *arguments]

    def __call__(
        self, *arguments: str, user: str = "alice", expect: int | Sequence[int] = 0
    ) -> Answer:
        """Run a command in the workspace and check its exit code."""
        code, out, err = warm(COMMANDS).call(
            arguments,
            cwd=self.root if self.root.is_dir() else self.base,
            environment=self.environment(user),
            timeout_s=PATIENCE_S,
        )
        answer = Answer(code, out.decode(), err.decode())
        expected = (expect,) if isinstance(expect, int) else expect
        assert answer.code in expected, f"{arguments}: {answer}"
        assert "Traceback" not in answer.err
        return answer

    def start(self, *arguments: str, user: str = "alice") -> subprocess.Popen[str]:
        """Start a command that does not end by itself."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment(user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
