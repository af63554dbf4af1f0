"""Asking git about a work tree that may be anybody's, so that it runs nothing of theirs.

No hooks, no external or textual difference programs, no watcher, no fetching of what a partial
clone lacks; and no lock is taken beside a person's own commands.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_GIT = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"),
    *("-c", "color.ui=false", "-c", "diff.external=", "-c", "core.hooksPath=/dev/null"),
)
_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF")


def ask(folder: Path, *arguments: str, timeout_s: float) -> bytes | None:
    """Return what git prints; None where it is not there, fails, or takes too long.

    Parameters
    ----------
    folder : Path
        Where it runs.
    arguments : tuple of str
        Its command with what belongs to it.
    timeout_s : float
        How long it may take, in seconds.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _OWN}
    environment["GIT_NO_LAZY_FETCH"] = "1"
    try:
        done = subprocess.run(
            [*_GIT, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
