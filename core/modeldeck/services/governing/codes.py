"""The code behind two versions: their runs' commits, what was not committed, and what differs.

What differs between two commits is asked of git, in the work tree that the workspace lies in. Git
runs nothing that a repository names: no hooks, no external or textual difference programs, no
fetching of what a partial clone lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from modeldeck import git
from modeldeck.domain.documents import VersionDocument
from modeldeck.domain.reading.reviews import CodeDocument, CodeSide
from modeldeck.errors import ModelDeckError
from modeldeck.services.reading import facts
from modeldeck.store.runs import RunStore

MAX_DIFF = 1 << 20
"""Bytes of a difference between commits that are shown."""

_PATIENCE_S = 10.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def compared(
    root: Path, runs: RunStore, *, before: VersionDocument | None, after: VersionDocument
) -> CodeDocument:
    """Return the code of two versions, and what differs.

    Parameters
    ----------
    root : Path
        The workspace.
    runs : RunStore
        Its runs.
    before, after : VersionDocument
        The live version, None when there is none, and the new one.
    """
    old, new = side(runs, before), side(runs, after)
    differs, why = between(root, old["commit"], after=new["commit"])
    return CodeDocument(before=old, after=new, between=differs, why=why)


def side(runs: RunStore, version: VersionDocument | None) -> CodeSide:
    """Return what is known of the code of a version's run."""
    found = CodeSide(version="", run="", commit="", branch="", uncommitted="", problem="")
    if version is None:
        return {**found, "problem": "nothing is live"}
    found = {**found, "version": version["id"], "run": version["run"]}
    if not version["run"]:
        return {**found, "problem": "it was registered from a file, not from a run"}
    try:
        known = facts.facts_of(runs, runs.document(version["run"]))
    except ModelDeckError:
        return {**found, "problem": "the folder of its run is not here"}
    told = known.told.get("code")
    code: Mapping[str, object] = told if isinstance(told, Mapping) else {}
    commit, branch = str(code.get("commit", "")), str(code.get("branch", ""))
    problem = "" if commit or known.diff else "its run recorded no code: it was in no git work tree"
    return {
        **found,
        "commit": commit,
        "branch": branch,
        "uncommitted": known.diff or "",
        "problem": problem,
    }


def between(root: Path, before: str, *, after: str) -> tuple[str, str]:
    """Return what differs between two commits, and why that is not known, if it is not.

    Parameters
    ----------
    root : Path
        A folder in the work tree.
    before, after : str
        Commits, whole; anything else is no commit.
    """
    if not (_COMMIT.fullmatch(before) and _COMMIT.fullmatch(after)):
        return "", "the commit of a side is not known"
    if before == after:
        return "", "both are of the same commit"
    words = ("diff", "--no-ext-diff", "--no-textconv", "--stat", "-p", before, after)
    found = git.ask(root, *words, timeout_s=_PATIENCE_S)
    if found is None:
        return "", "the workspace's git work tree does not hold both commits"
    text = found[:MAX_DIFF].decode(errors="replace")
    return text + ("\n… and more" if len(found) > MAX_DIFF else ""), ""
