"""The code that a run started with: what differs from its commit, in ``code.diff``.

Git is asked when the first run of a process starts. For later ones the background thread asks
within a second, once for all that started meanwhile; which of two answers belongs to a run is told
by the times at which the files changed, so that an edit right after a start is not taken for the
code that the run had. New text files are part of the difference unless git ignores them, they are
the workspace's own data, or their names are those under which people keep secrets.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modeldeck import git
from modeldeck.errors import ModelDeckError
from modeldeck.store import files
from modeldeck.tracking.around import surroundings

if TYPE_CHECKING:
    from modeldeck.tracking.run import Run

MAX_DIFF = 1 << 20
"""Bytes of a ``code.diff``; what is beyond is left out, and the last line says so."""
MAX_NEW_FILE = 256 << 10
"""Bytes of a new file that is kept whole; larger ones are named only."""
MAX_NEW_FILES = 200

_PATIENCE_S = 20.0
_FIELDS_BEFORE_NAME = {"1": 7, "u": 9}
_OF_THE_WORKSPACE = ("runs", "endpoints", ".modeldeck", "datasets")
_SECRETS = (
    ".env*",
    "*.pem",
    "*.key",
    "*.p12",
    "id_rsa*",
    "id_ed25519*",
    "*secret*",
    "*credential*",
)


class Difference(NamedTuple):
    """What differed from a commit at one moment, and the files that were looked at."""

    text: bytes
    names: frozenset[str]


class _Wish(NamedTuple):
    folder: Path
    root: Path
    tree: str
    commit: str
    at: float


class Diffs:
    """Writes the ``code.diff`` of this process's runs."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Difference] = {}
        self._wishes: list[_Wish] = []
        self._lock = threading.Lock()
        self._settling = (
            threading.RLock()
        )  # git is asked by one thread at a time, runs start meanwhile

    def want(self, run: Run, root: Path) -> None:
        """Note that a run has started; the first one of a work tree and commit is served now."""
        here = surroundings.here() if run.is_kept else ""
        tree = surroundings.work_tree(here) if here else ""
        if not tree:
            return
        wish = _Wish(run.folder, root, tree, run.commit, time.time())
        with self._lock:
            self._wishes.append(wish)
        if (tree, wish.commit) not in self._known:
            self.settle()

    def settle(self) -> None:
        """Write what is wanted."""
        if not self._wishes:
            return
        with self._settling:
            with self._lock:
                wishes, self._wishes = self._wishes, []
            for key in dict.fromkeys((one.tree, one.commit) for one in wishes):
                mine = [one for one in wishes if (one.tree, one.commit) == key]
                new = difference(Path(key[0]), key[1], root=mine[0].root)
                known = self._known.get(key, new)
                changed_at = _newest(key[0], known.names | new.names)
                _write([one.folder for one in mine if one.at >= changed_at], new.text)
                _write([one.folder for one in mine if one.at < changed_at], known.text)
                self._known[key] = new

    def forget(self) -> None:
        """Leave the parent's runs to the parent; called in a forked child."""
        self._wishes = []
        self._lock = threading.Lock()
        self._settling = threading.RLock()


def _write(folders: list[Path], text: bytes) -> None:
    """Write what differed into the folders of runs: one file, under several names where it can."""
    first = ""
    for folder in folders if text else ():
        path = f"{folder}/code.diff"
        with contextlib.suppress(ModelDeckError, OSError):  # a full disk; the run goes on
            try:
                os.link(first, path)
            except OSError:
                files.replace(Path(path), text, mode=0o444, durable=False)
                first = path


def _newest(tree: str, names: Iterable[str]) -> float:
    """Return when one of some files changed last; one that is gone counts by its folder."""
    newest = 0.0
    for name in names:
        path = Path(tree, name)
        for one in (path, path.parent):
            with contextlib.suppress(OSError):
                newest = max(newest, one.lstat().st_mtime)
                break
    return newest


def difference(tree: Path, commit: str, *, root: Path) -> Difference:
    """Return what differs in a work tree from a commit; empty where git cannot tell.

    Parameters
    ----------
    tree : Path
        The top folder of the work tree.
    commit : str
        Digest of the commit.
    root : Path
        A workspace, whose runs and data are no code; it may lie in the tree or not.
    """
    left_out = []
    if root.is_relative_to(tree):
        inner = [root.relative_to(tree) / one for one in _OF_THE_WORKSPACE]
        left_out = [f":(exclude,literal){one.as_posix()}" for one in inner]
    paths = ["--", ".", *left_out]
    head, known, strange = _status(tree, paths)
    changed = b""
    if known or head != commit:  # where both say that nothing changed, git is not asked once more
        asked = ("diff", "--no-ext-diff", "--no-textconv", "--no-renames")
        changed = _git(tree, *asked, commit, *paths)
    new, missing = _new_files(tree, sorted(strange))
    text = changed + new
    if len(text) > MAX_DIFF:
        cut_at = text.rfind(b"\n", 0, MAX_DIFF) + 1
        missing.append(f"{len(text) - cut_at:,} bytes beyond {MAX_DIFF:,}")
        text = text[:cut_at]
    if missing:
        text += f"# Left out: {'; '.join(missing)}\n".encode(errors="backslashreplace")
    return Difference(text, frozenset([*known, *strange]))


def _status(tree: Path, paths: list[str]) -> tuple[str, list[str], list[str]]:
    """Return the commit of a work tree, the files that changed since, and those git does not know.

    The lines are those of ``git status --porcelain=v2``.
    """
    asked = ("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--no-renames", "-uall")
    head, known, strange = "", [], []
    for line in _git(tree, *asked, "-z", *paths).decode(errors="surrogateescape").split("\0"):
        kind, _space, rest = line.partition(" ")
        if kind == "#" and rest.startswith("branch.oid "):
            head = rest.removeprefix("branch.oid ")
        elif kind in _FIELDS_BEFORE_NAME:
            known.append(rest.split(" ", _FIELDS_BEFORE_NAME[kind])[-1])
        elif kind == "?":
            strange.append(rest)
    return head, known, strange


def _new_files(tree: Path, names: list[str]) -> tuple[bytes, list[str]]:
    """Return new files as git would show them, and what was left out with its reason."""
    parts, missing = [], []
    for name in names[:MAX_NEW_FILES]:
        lines, why = _lines_of(tree, name)
        if why:
            missing.append(f"{name} ({why})")
            continue
        head = f"diff --git a/{name} b/{name}\nnew file mode 100644\n"
        if lines:
            head += f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1,{len(lines)} @@\n"
        body = b"".join(b"+" + line for line in lines)
        end = b"" if not body or body.endswith(b"\n") else b"\n\\ No newline at end of file\n"
        parts.append(head.encode() + body + end)
    if len(names) > MAX_NEW_FILES:
        missing.append(f"{len(names) - MAX_NEW_FILES:,} more new files")
    return b"".join(parts), missing


def _lines_of(tree: Path, name: str) -> tuple[list[bytes], str]:
    """Return the lines of a new text file, or why it is left out."""
    base = name.rsplit("/", 1)[-1].lower()
    if any(fnmatch.fnmatchcase(base, one) for one in _SECRETS):
        return [], "may be a secret"
    if not name.isprintable():
        return [], "its name"
    try:
        text = files.read_bytes(tree / name, MAX_NEW_FILE)
    except (ModelDeckError, OSError):
        return [], f"no plain file of at most {MAX_NEW_FILE >> 10} KiB"
    if b"\0" in text:
        return [], "binary"
    return text.splitlines(keepends=True), ""


def _git(tree: Path, *arguments: str) -> bytes:
    return git.ask(tree, *arguments, timeout_s=_PATIENCE_S) or b""


DIFFS = Diffs()
