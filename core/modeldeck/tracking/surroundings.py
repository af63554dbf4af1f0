"""What a run was started in: the commit, the packages, the command line."""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
from pathlib import Path

_KNOWN = {
    *("lightgbm", "modeldeck", "numpy", "pandas", "polars"),
    *("scikit-learn", "scipy", "skops", "torch", "xgboost"),
}
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAX_REF = 4096


@functools.cache
def packages() -> dict[str, str]:
    """Return the versions of the libraries that results depend on, as far as installed.

    Read from the names of ``*.dist-info`` folders, because asking ``importlib.metadata`` takes a
    hundred times as long.
    """
    found: dict[str, str] = {}
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")  # noqa: PTH208 -- names only
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                title, _dash, version = name.removesuffix(".dist-info").partition("-")
                known = title.lower().replace("_", "-")
                if known in _KNOWN and version:
                    found.setdefault(known, version)
    return dict(sorted(found.items()))


def python() -> str:
    """Return the interpreter's version."""
    return platform.python_version()


def code(start: Path) -> dict[str, str]:
    """Return ``commit`` and ``branch`` of the git work tree around a folder; empty without one."""
    for folder in (start, *start.parents):
        git = folder / ".git"
        if git.is_file():
            named = _text(git).removeprefix("gitdir:").strip()
            git = folder / named
        if git.is_dir():
            return _head(git)
    return {}


def _head(git: Path) -> dict[str, str]:
    head = _text(git / "HEAD")
    if not head.startswith("ref:"):
        return {"commit": head, "branch": ""} if _COMMIT.fullmatch(head) else {}
    ref = head.removeprefix("ref:").strip()
    shared = _text(git / "commondir")
    homes = [git, git / shared] if shared else [git]
    commit = next((text for home in homes if (text := _text(home / ref))), "")
    commit = commit or next((text for home in homes if (text := _packed(home, ref))), "")
    branch = ref.removeprefix("refs/heads/")
    return {"commit": commit, "branch": branch} if _COMMIT.fullmatch(commit) else {}


def _packed(git: Path, ref: str) -> str:
    try:
        lines = (git / "packed-refs").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), "")


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_REF).strip()
    except OSError:
        return ""
