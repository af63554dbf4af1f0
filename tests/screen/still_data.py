"""Makes a workspace of data versions whose clock, host and ids repeat, for goldens."""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

from tests.screen.still import POLICY, freeze


def write(path: Path, ids: range, *, shift: float) -> None:
    """Write a table of sales."""
    made = random.Random(3)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "price", "city", "paid", "note"])
        for number in ids:
            price = f"{made.gauss(10 + shift, 2):.2f}" if made.random() > 0.03 else ""
            note = number if number % 7 else "late"
            row = [number, price, made.choice(["Oslo", "Rome", "Lima"])]
            writer.writerow([*row, made.choice(["true", "false"]), note])


def main(root: Path) -> None:
    """Make it: two versions of sales and a folder, a run that used one, remarks and a tag."""
    freeze()
    from modeldeck.services.datasets.datasets import About
    from modeldeck.services.founding import init
    from modeldeck.tracking import start_run
    from modeldeck.workspace import Workspace
    from tests.jobs import fork_them

    fork_them()
    root.mkdir()
    (root / "modeldeck.toml").write_text(POLICY)
    init(root, owner="alice")
    folder = root / "datasets"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / "one.txt").write_text("A picture in words.\n")
    with Workspace.open(root, user="alice") as workspace:
        for rows, shift, reason in ((range(400), 0, "The first."), (range(50, 460), 2, "May.")):
            write(folder / "sales.csv", rows, shift=shift)
            about = About(reason=reason, target="paid", key=("id",))
            workspace.datasets.add("sales", folder / "sales.csv", about=about)
        workspace.datasets.add("images", folder / "images", snapshot="none")
        with start_run("sales", name="first", workspace=root, capture_output=False) as run:
            run.log_dataset("sales@1")
        workspace.annotations.tag("dataset:sales@1", "gold")
        workspace.annotations.add("dataset:sales@1", "Prices are net of tax.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
