"""Bringing runs that were written elsewhere into a workspace: copied whole, once.

A run is copied beside its place under a name that no reader takes for a run, and renamed. A run
that is there already stays, unless it has not ended there and what comes is newer: then the copy
takes its place. Links, pipes and devices are not copied.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from modeldeck import ids
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError
from modeldeck.store import files
from modeldeck.store.described import resumes_of
from modeldeck.store.runs import document_in, recall

_MARK = re.compile(r".{22}\.resumed-[1-9]\d{0,5}", re.ASCII)
_DEPTH = 2


def runs_in(folder: Path) -> list[Path]:
    """Return the folders of runs in a folder: itself, or those in it, or in its months.

    Raises
    ------
    NotFoundError
        There are none.
    """
    found = sorted(_runs_below(folder, _DEPTH))
    if not found:
        msg = f"{folder} holds no run."
        raise NotFoundError(msg, "Name the folder of a run, or one that holds runs.")
    return found


def _runs_below(folder: Path, depth: int) -> Iterator[Path]:
    if ids.is_id(folder.name) and (folder / "run.json").is_file():
        yield folder
    elif depth and folder.is_dir():
        for inner in sorted(folder.iterdir()):
            if not inner.is_symlink():
                yield from _runs_below(inner, depth - 1)


def adopt(source: Path, runs: Path) -> str:
    """Copy a run into the folder of a workspace's runs; return what became of it.

    Returns
    -------
    str
        ``adopted``, ``updated`` (it was there, and had not ended), or ``there`` (nothing was done).

    Raises
    ------
    InvalidInputError
        It is no run.
    ConflictError
        Another run of that id is there.
    NotPermittedError, UnavailableError
        It cannot be read or written.
    """
    run_id = source.name
    live = recall(source)
    if live is None or live.begun.get("id", run_id) != run_id:
        msg = f"{source} is not the folder of a run."
        raise InvalidInputError(msg, "It needs a run.json that names the folder's own id.")
    month = runs / ids.month_of(run_id)
    files.make_folder(month)
    path = month / run_id
    is_there = files.is_there(path)
    if is_there and not _is_newer(source, path):
        return "there"
    aside = month / f".{run_id}-{os.urandom(4).hex()}.tmp"
    try:
        _copy(source, aside)
        if is_there:
            old = aside.with_suffix(".old")
            path.rename(old)
            aside.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            aside.rename(path)
        for mark in source.parent.glob(f"{run_id}.resumed-*"):
            if _MARK.fullmatch(mark.name):
                (month / mark.name).touch(mode=0o644)
        files.sync_folder(month)
    except OSError as error:
        raise files.write_error(error, path) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return "updated" if is_there else "adopted"


def _is_newer(source: Path, path: Path) -> bool:
    """Say whether a run has gone on since it was copied.

    Raises
    ------
    ConflictError
        They are two different runs.
    """
    if source.resolve() == path.resolve():
        return False
    first, second = document_in(source, "run.json"), document_in(path, "run.json")
    if first != second:
        msg = f"There is another run {ids.short(path.name)} already."
        raise ConflictError(msg, "An id belongs to one run; look which of the two is meant.")
    new, old = document_in(source, "end.json"), document_in(path, "end.json")
    if old is not None:
        return new is not None and resumes_of(new) > resumes_of(old)
    return new is not None or _size(source) > _size(path)


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return (folder / "metrics.jsonl").stat().st_size
    return 0


def _copy(source: Path, target: Path) -> None:
    """Copy plain files and folders, and bring them to the disk."""
    target.mkdir()
    for item in os.scandir(source):
        mode = item.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            _copy(Path(item.path), target / item.name)
        elif stat.S_ISREG(mode):
            shutil.copy2(item.path, target / item.name, follow_symlinks=False)
            with (target / item.name).open("rb") as file:
                os.fsync(file.fileno())
    shutil.copystat(source, target)
    files.sync_folder(target)
