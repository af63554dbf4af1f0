"""Makes the workspace of the goldens: that of ``making`` with a clock, host and ids that repeat.

Digests and sizes of model files still differ from one version of a library to the next;
:mod:`tests.screen.test_goldens` masks them.
"""

from __future__ import annotations

import math
import random
import secrets
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

HOST = "flight-1"
BEGUN = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
SEEN = BEGUN + timedelta(hours=3)
"""When the screen looks at it."""

TICK = timedelta(seconds=7)
N_STEPS = 40
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
name = "tiny file"
kind = "size"
max = 100
required = false
"""


def freeze() -> None:
    """Make clock, host and random ids repeat; before anything else of ModelDeck is imported."""
    import modeldeck.clock

    seeded = random.Random(7)
    now = BEGUN

    def tick() -> datetime:
        nonlocal now
        now += TICK
        return now

    modeldeck.clock.utc_now = tick
    time.time = lambda: now.timestamp()  # noqa: PLW0108 -- now changes
    socket.gethostname = lambda: HOST
    secrets.choice = seeded.choice
    secrets.randbits = lambda k: seeded.getrandbits(k)  # noqa: PLW0108 -- the name of k counts
    secrets.token_hex = lambda nbytes=None: seeded.randbytes(nbytes or 32).hex()
    secrets.token_bytes = lambda nbytes=None: seeded.randbytes(nbytes or 32)


def track(root: Path) -> None:
    """Leave runs with parameters and curves, and remarks on one of them."""
    from modeldeck.tracking import start_run
    from modeldeck.workspace import Workspace

    ids = []
    for name, rate in (("slow", 0.05), ("fast", 0.4)):
        parameters = {"rate": rate, "depth": 6}
        with start_run(
            "curves", name=name, parameters=parameters, workspace=root, capture_output=False
        ) as run:
            for step in range(N_STEPS):
                run.log({"loss": math.exp(-rate * step), "auc": 1 - rate / (step + 1)}, step=step)
            ids.append(run.id)
            run.log_text("INFO epoch 1 of 2\nWARNING the learning rate is high\nERROR no more data")
    with Workspace.open(root, user="bob") as workspace:
        workspace.annotations.add(f"run:{ids[-1]}", "The baseline of the third quarter.")
        workspace.annotations.add("release:churn-2", "Recall on the new customers is low.")


def main(root: Path) -> None:
    """Make it all."""
    freeze()
    from tests.jobs import fork_them
    from tests.screen import making

    fork_them()
    making.make(root, policy=POLICY)
    track(root)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
