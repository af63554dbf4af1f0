"""Draws README's pictures: the pages of a demo that runs, by the program itself.

``python -m tests.screen.picture FOLDER`` builds (or continues) a demo in a folder.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from modeldeck.services import demo
from modeldeck.workspace import Workspace
from modeldeck_tui.app import ModelDeckApp
from tests.architecture.code import ROOT

TUI = ROOT / "tui"
PERSON = "you"
SIZE = (100, 28)
TRAFFIC_S = 20.0
PICTURES = {
    "overview.svg": (),
    "pictures/runs.svg": ("2",),
    "pictures/run.svg": ("2", "G", "enter"),
    "pictures/models.svg": ("3",),
    "pictures/review.svg": ("1", "enter"),
    "pictures/deployments.svg": ("5",),
    "pictures/activity.svg": ("7",),
    "pictures/releases.svg": ("4", "right_square_bracket"),
    "pictures/logs.svg": ("6", "enter"),
    "pictures/compare.svg": ("2", "G", *["k"] * 6, "space", "space", "space", "C"),
    "pictures/help.svg": ("1", "question_mark"),
}
"""Each picture, and the keys that lead to it."""


async def drawn(folder: Path) -> dict[str, str]:
    """Return the pictures as SVG, after the server has answered for a while."""
    found = {}
    with Workspace.open(folder, user=PERSON) as workspace:
        app = ModelDeckApp(workspace)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(TRAFFIC_S)
            for name, keys in PICTURES.items():
                for key in keys:
                    await pilot.press(key)
                    await pilot.pause(0.5)
                await pilot.pause(1.0)
                found[name] = app.export_screenshot(title="modeldeck")
    return found


def plain(svg: str) -> str:
    """Return a picture that loads nothing from elsewhere."""
    without = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"[ \t]+$", "", without, flags=re.MULTILINE)


def tell(text: str) -> None:
    """Tell how far the demo is."""
    sys.stderr.write(f"{text}\n")


def main(folder: Path) -> None:
    """Draw the pictures."""
    (TUI / "pictures").mkdir(exist_ok=True)
    with demo.running(folder, person=PERSON, narrate=tell):
        for name, svg in asyncio.run(drawn(folder)).items():
            (TUI / name).write_text(plain(svg), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
