"""Draws README's picture: the overview of a demo that runs, by the program itself.

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

PICTURE = ROOT / "tui" / "overview.svg"
PERSON = "you"
SIZE = (100, 28)
TRAFFIC_S = 20.0


async def drawn(folder: Path) -> str:
    """Return the overview as SVG, after the server has answered for a while."""
    with Workspace.open(folder, user=PERSON) as workspace:
        app = ModelDeckApp(workspace)
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause(TRAFFIC_S)
            return app.export_screenshot(title="modeldeck")


def plain(svg: str) -> str:
    """Return a picture that loads nothing from elsewhere."""
    without = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"[ \t]+$", "", without, flags=re.MULTILINE)


def tell(text: str) -> None:
    """Tell how far the demo is."""
    sys.stderr.write(f"{text}\n")


def main(folder: Path) -> None:
    """Draw the picture."""
    with demo.running(folder, person=PERSON, narrate=tell):
        PICTURE.write_text(plain(asyncio.run(drawn(folder))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
