"""Makes the workspace of the screen tests, in a process of its own: they load no scikit-learn.

``churn@1`` is live in production. ``churn@2`` of bob's waits for production, where carol approved
and one more vote completes the quorum, and for staging, where it lacks one vote. An advisory check
of production always fails. A run of alice's failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path

POLICY = """\
name = "shop"

[environments.staging]
approvals = 1
trust = "claimed"
gate = "staging"

[environments.production]
approvals = 2
roles = { risk = 1 }
trust = "claimed"
gate = "production"

[[gates.staging.checks]]
name = "file size"
kind = "size"
max = 20_000_000

[[gates.production.checks]]
name = "file size"
kind = "size"
max = 20_000_000

[[gates.production.checks]]
name = "latency p95"
kind = "latency"
max = 0.000_000_001
required = false
"""
MEMBERS = """\
[[members]]
name = "bob"

[[members]]
name = "carol"
roles = ["risk"]

[[members]]
name = "dave"

[[members]]
name = "server"
kind = "server"
environments = ["staging", "production"]
"""


class BrokenError(Exception):
    """What the failed run fails of."""


def train(root: Path) -> None:
    """Train two versions: the second one's recall is better, its loss worse."""
    import polars as pl
    from sklearn.linear_model import LogisticRegression

    from modeldeck.tracking import start_run
    from modeldeck.workspace import Workspace

    frame = pl.DataFrame({"age": [20.0, 30.0, 40.0, 50.0] * 5, "visits": [1, 2, 3, 4] * 5})
    target = pl.Series("left", [0, 0, 1, 1] * 5)
    for user, factor in (("alice", 1.0), ("bob", 10.0)):
        os.environ["MODELDECK_USER"] = user
        weights = {0: 1.0, 1: 1.0} if factor > 1 else None  # so that the files differ in size
        model = LogisticRegression(C=factor, class_weight=weights)
        model.fit(frame.to_numpy(), target.to_numpy())
        measured = {"recall": 0.8 + factor / 100, "loss": 0.1 + factor / 100}
        goals = {"recall": "max", "loss": "min"}
        with Workspace.open(root) as workspace:
            with start_run("churn", name="logistic", workspace=root, capture_output=False) as run:
                run.log(measured)
                folder = run.log_model(
                    model,
                    examples=frame.with_columns(target),
                    target="left",
                    metrics={"holdout": measured, "goal": goals},
                )
                estimator = {"type": "Logistic", "parameters": {"C": factor}}
                (folder / "pipeline.json").write_text(json.dumps({"estimator": estimator}))
            workspace.models.register(run.id, "churn")
    os.environ["MODELDECK_USER"] = "alice"


def release(root: Path) -> None:
    """Take version 1 live in production, and leave two releases of version 2 waiting."""
    from modeldeck.workspace import Workspace

    people = {
        name: Workspace.open(root, user=name)
        for name in ("alice", "bob", "carol", "dave", "server")
    }
    first = people["alice"].releases.request("churn@1", "production", reason="The first one.")
    people["carol"].releases.approve(first["id"], "fine")
    people["dave"].releases.approve(first["id"], "fine")
    live = people["server"].deployments.show("churn@production")
    people["server"].deployments.report(
        live["id"], generation=live["generation"], manifest=live["manifest"], outcome="ready"
    )
    second = people["bob"].releases.request("churn@2", "production", reason="Ten times the C.")
    people["carol"].releases.approve(second["id"], "looks good")
    people["bob"].releases.request("churn@2", "staging", reason="To try it.")
    for workspace in people.values():
        workspace.close()


def fail(root: Path) -> None:
    """Leave a failed run of alice's."""
    from modeldeck.tracking import start_run

    with (
        contextlib.suppress(BrokenError),
        start_run("churn", name="broken", workspace=root, capture_output=False),
    ):
        message = "the table has no column 'age'"
        raise BrokenError(message)


def make(root: Path, *, policy: str = POLICY) -> None:
    """Make it all."""
    from modeldeck.services import founding

    root.mkdir()
    os.chdir(root)  # runs record the code around them: there is none
    (root / "modeldeck.toml").write_text(policy)
    (root / "members.toml").write_text(MEMBERS)
    founding.init(root, owner="alice")
    train(root)
    fail(root)
    release(root)


def main() -> None:
    """Make it where the command line says."""
    make(Path(sys.argv[1]))
