"""Garbage collection of runs: what was deleted moves into the trash, for a week.

A run's folder moves whole, by one rename, so that it is in the one place or in the other. As with
objects, whoever looks last sees what the other one did::

    a collector:  read entries ── move folders ── read entries again ── taken back by now: back
    an undeletion:  bring back what is in the trash ── commit ── bring back
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from modeldeck import clock, ids
from modeldeck.domain.reading.shelf import deleted_runs, referred
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, NotFoundError
from modeldeck.services.base.deck import Deck
from modeldeck.store import files, places
from modeldeck.store.upkeep import trash


def outdated(deck: Deck, state: State, *, grace_s: int) -> dict[str, int]:
    """Return runs that were deleted longer ago than the grace, with their bytes.

    What runs, and what a version was made of after all, stays.
    """
    since = deck.now().timestamp() - grace_s
    found = {}
    for run, shelved in deleted_runs(state).items():
        if clock.from_text(shelved.at).timestamp() > since or referred(state, run):
            continue
        with contextlib.suppress(NotFoundError):
            if deck.runs.document(run)["status"] != "running":
                found[run] = bytes_below(deck.runs.folder(run))
    return found


def move(deck: Deck, runs: Sequence[str]) -> list[str]:
    """Move folders of runs into the trash; return those that are for others to move."""
    others = []
    for run in runs:
        folder = deck.runs.folder(run)
        try:
            if may_remove(deck.root, os.lstat(folder)):
                trash.move(deck.root, folder, now=deck.now())
                continue
        except FileNotFoundError:  # somebody else collects too
            continue
        except (ModelDeckError, OSError):
            pass
        others.append(run)
    return others


def may_remove(root: Path, status: os.stat_result) -> bool:
    """Say whether this user may remove something: its owner, the folder's, or the system's."""
    mine = os.geteuid()
    return mine in {0, status.st_uid, os.stat(places.objects_folder(root)).st_uid}  # noqa: PTH116 -- beside lstat


def trashed(root: Path) -> dict[str, Path]:
    """Return the runs in the trash, with where they lie."""
    found: dict[str, Path] = {}
    for _day, folder in trash.days(root):
        with contextlib.suppress(OSError):
            found |= {one.name: one for one in folder.iterdir() if ids.is_id(one.name)}
    return found


def taken_back(deck: Deck, state: State) -> set[str]:
    """Return runs that lie in the trash and are not deleted any more."""
    return {
        run
        for run in trashed(deck.root).keys() - deleted_runs(state).keys()
        if not files.is_there(deck.runs.folder(run))
    }


def bring_back(deck: Deck, runs: Iterator[str] | Sequence[str] | set[str]) -> set[str]:
    """Move runs out of the trash, to where they were; return those that came."""
    came = set()
    lying = trashed(deck.root)
    for run in runs:
        folder = deck.runs.folder(run)
        if run not in lying or files.is_there(folder):
            continue
        with contextlib.suppress(ModelDeckError, OSError):
            files.make_folder(folder.parent)
            lying[run].rename(folder)
            came.add(run)
    return came


def bytes_below(path: Path) -> int:
    """Return the bytes of what lies at a place: a file, or the files of a folder."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        return status.st_size
    total = 0
    for folder, _inner, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(folder, name)).st_size
    return total


def remove(path: Path) -> None:
    """Remove what lies in the trash: a file, or a run's folder.

    Raises
    ------
    OSError
        The system does not let it; the next collection tries again.
    """
    if stat.S_ISDIR(os.lstat(path).st_mode):
        shutil.rmtree(path)
    else:
        path.unlink()
