"""A training script that tests start, watch, stop and kill: ``script.py ROOT MODE``."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

import modeldeck


def main(root: Path, mode: str) -> None:
    """Log step after step until the mode says otherwise."""
    with modeldeck.start_run("churn", workspace=root, parameters={"mode": mode}) as run:
        (root / "run-id").write_text(run.id)
        for step in itertools.count():
            run.log({"loss": 1.0 / (step + 1)}, step)
            sys.stdout.write(f"step {step}\n")
            if mode == "raise" and step == 3:
                msg = "the data is gone"
                raise RuntimeError(msg)
            if mode == "short" and step == 3:
                break
            if mode == "endless":
                time.sleep(0.01)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
