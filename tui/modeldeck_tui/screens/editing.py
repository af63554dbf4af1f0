"""Writing a longer text in the person's own editor, while the screen waits."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from modeldeck_tui.clean import clean

_BELOW = "# ------ what stands below this line is not kept ------"


def editor() -> list[str]:
    """Return the command of the person's editor."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    return shlex.split(named) or ["vi"]


def edited(app: App[Any], *, about: str) -> str | None:
    """Let the person write in an editor; return the text, or None where there is no terminal.

    An editor that fails, or a file that was not changed, gives an empty text.
    """
    with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
        path = Path(folder) / "remark.md"
        path.write_text(f"\n{_BELOW}\nYour annotation of {clean(about)}.\n", "utf-8")
        try:
            with app.suspend():
                done = subprocess.run([*editor(), str(path)], check=False).returncode
        except SuspendNotSupported:
            return None
        except OSError:
            return ""
        finally:
            app.refresh()
        text = path.read_text("utf-8", "replace") if not done and path.is_file() else ""
    return text.partition(_BELOW)[0].strip()
