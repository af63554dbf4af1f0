"""What a run was started in: the commit, the packages, the command line."""

from __future__ import annotations

import functools
import os
import platform
import re
import stat
import sys
import time
from pathlib import Path

from modeldeck.store import files

_KNOWN = {
    *("lightgbm", "modeldeck", "numpy", "pandas", "polars"),
    *("scikit-learn", "scipy", "skops", "torch", "xgboost"),
}
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MAX_REF = 4096
_SETTLED_S = 2.0
_HEADS: dict[str, tuple[list[tuple[str, tuple[int, int, int] | None]], dict[str, str]]] = {}
"""What heads said, by git's folder, with the files that were read for it as they were then."""


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


def here() -> str:
    """Return the working directory; empty where somebody removed it."""
    try:
        return os.getcwd()  # noqa: PTH109 -- a path object costs more
    except OSError:
        return ""


def code(folder: str) -> dict[str, str]:
    """Return ``commit`` and ``branch`` of the git work tree around a folder; empty without one.

    The work tree is looked for at each call. What its ``HEAD`` says is read anew when that file, or
    the one of its branch, is another one, or changed so shortly before that a time may not tell.
    """
    tree = work_tree(folder) if folder else ""
    git = _git_of(tree) if tree else ""
    if not git:
        return {}
    known = _HEADS.get(git)
    if known is not None and all(_signature(path) == one for path, one in known[0]):
        return dict(known[1])
    paths = _read_for(git)
    before = [(path, _signature(path)) for path in paths]
    found = _head(git)
    settled = (time.time() - _SETTLED_S) * 1e9
    if found and paths and all(one is not None and one[0] < settled for _path, one in before):
        _HEADS[git] = (before, found)
    return dict(found)


def _read_for(git: str) -> list[str]:
    """Return the files that tell which commit the head is: it, and that of its branch."""
    head = _text(f"{git}/HEAD")
    branch = f"{git}/{head.removeprefix('ref:').strip()}"
    return [f"{git}/HEAD", branch] if head.startswith("ref:") else [f"{git}/HEAD"]


def _signature(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- a path object costs more
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def work_tree(folder: str) -> str:
    """Return the top folder of the git work tree around a folder; empty without one."""
    while not _git_of(folder):
        above = os.path.dirname(folder)  # noqa: PTH120 -- a path object for each step costs more
        if above == folder:
            return ""
        folder = above
    return folder


def _git_of(folder: str) -> str:
    """Return the folder in which git keeps what it knows of a work tree; empty if it is none."""
    git = f"{folder}/.git"
    try:
        mode = os.stat(git).st_mode  # noqa: PTH116 -- as above
    except OSError:
        return ""
    if stat.S_ISDIR(mode):
        return git
    return str(Path(folder, _text(git).removeprefix("gitdir:").strip()))


def _head(git: str) -> dict[str, str]:
    head = _text(f"{git}/HEAD")
    if not head.startswith("ref:"):
        return {"commit": head, "branch": ""} if _COMMIT.fullmatch(head) else {}
    ref = head.removeprefix("ref:").strip()
    commit = _text(f"{git}/{ref}") or _commit_elsewhere(git, ref)
    branch = ref.removeprefix("refs/heads/")
    return {"commit": commit, "branch": branch} if _COMMIT.fullmatch(commit) else {}


def _commit_elsewhere(git: str, ref: str) -> str:
    """Return what a reference points to that is packed, or kept with the main work tree."""
    shared = _text(f"{git}/commondir")
    homes = [git, str(Path(git, shared))] if shared else [git]
    commit = _text(f"{homes[-1]}/{ref}") if shared else ""
    return commit or next((text for home in homes if (text := _packed(home, ref))), "")


def _packed(git: str, ref: str) -> str:
    try:
        lines = Path(git, "packed-refs").read_text(errors="replace", encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split()[0] for line in lines if line.endswith(f" {ref}")), "")


def _text(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, _MAX_REF).decode(errors="replace").strip()
    except OSError:
        return ""
    finally:
        files.close(descriptor)
