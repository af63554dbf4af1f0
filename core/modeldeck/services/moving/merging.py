"""Bringing one run's folder of another workspace up to date here, without losing anything.

::

    here            there                      what happens
    nothing         a run                      its folder appears whole
    the same        the same                   nothing
    not ended       the same, further on       its files are replaced, ``end.json`` last
    further on      the same, less far         nothing: ours is the newer copy
    otherwise                                  a conflict, which is told; ours stays

A run goes on by appending to its streams; what is further on begins with all of what is less far.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

import orjson

from modeldeck.errors import DamageError, ModelDeckError, NotFoundError
from modeldeck.services.moving import landing
from modeldeck.services.moving.reading.tree import Tree
from modeldeck.store import files

Outcome = Literal["taken", "there", "renewed"]
_BLOCK = 1 << 20
_STREAMS = ("output.log", "metrics.jsonl")
_MAX_DOCUMENT = 8 << 20
_END = "end.json"


class Conflict(Exception):  # noqa: N818 -- it is no error: it is told in the summary
    """Ours and theirs contradict each other."""


def merge(tree: Tree, place: tuple[str, ...], *, root: Path, is_dry: bool) -> Outcome:
    """Bring a run here, or up to date.

    Parameters
    ----------
    tree : Tree
        The other workspace.
    place : tuple of str
        The run's folder in it; the last part is its id.
    root : Path
        This workspace.
    is_dry : bool
        Only say what would happen.

    Raises
    ------
    Conflict
        There is another run of that id here, or it went on differently.
    NotPermittedError, DamageError, UnavailableError
        It cannot be read or written.
    """
    run_id = place[-1]
    begun = tree.read((*place, "run.json"), _MAX_DOCUMENT)
    if _id(begun) != run_id:
        msg = "its run.json is of another run"
        raise DamageError(msg)
    end = _read(tree, (*place, _END))  # first: what is copied after it is whole
    folder = landing.folder_of(root, run_id)
    if not folder.exists():
        if is_dry or landing.land(
            root, run_id, write=lambda aside: _copy(tree, place, aside=aside, end=end)
        ):
            return "taken"
        return "there"
    return _again(tree, place, folder=folder, begun=begun, end=end, is_dry=is_dry)


def _again(
    tree: Tree,
    place: tuple[str, ...],
    *,
    folder: Path,
    begun: bytes,
    end: bytes | None,
    is_dry: bool,
) -> Outcome:
    if files.read_bytes(folder / "run.json", _MAX_DOCUMENT) != begun:
        msg = "another run has its id here"
        raise Conflict(msg)
    ours = _ours(folder / _END)
    relations = {name: _relation(tree, (*place, name), path=folder / name) for name in _STREAMS}
    if ours is not None and end is not None and ours != end:
        msg = "it ended differently here"
        raise Conflict(msg)
    is_ahead = "ahead" in relations.values() or (end is not None and ours is None)
    is_behind = "behind" in relations.values() or (ours is not None and end is None)
    if "apart" in relations.values() or (is_ahead and is_behind):
        msg = "it went on differently here"
        raise Conflict(msg)
    if ours is not None and is_ahead:
        msg = "it had ended here, and goes on there"
        raise Conflict(msg)
    if not is_ahead:
        if ours is None and not is_dry and not is_behind:
            _beat(tree, place, folder=folder)
        return "there"
    if not is_dry:
        _renew(tree, place, folder=folder, end=end)
    return "renewed"


def _relation(tree: Tree, parts: tuple[str, ...], *, path: Path) -> str:
    """Say whether their stream is the same as ours, ``ahead``, ``behind``, or ``apart``."""
    theirs = _open(tree, parts)
    try:
        ours = files.open_regular(path)
    except NotFoundError:
        ours = -1
    try:
        return _compared(theirs, ours)
    finally:
        for descriptor in (theirs, ours):
            if descriptor >= 0:
                files.close(descriptor)


def _compared(theirs: int, ours: int) -> str:
    sizes = [os.fstat(one).st_size if one >= 0 else 0 for one in (theirs, ours)]
    shared, done = min(sizes), 0
    while done < shared:
        count = min(_BLOCK, shared - done)
        one, other = os.pread(theirs, count, done), os.pread(ours, count, done)
        if one != other or not one:
            return "apart"
        done += len(one)
    if sizes[0] == sizes[1]:
        return "same"
    return "ahead" if sizes[0] > sizes[1] else "behind"


def _copy(tree: Tree, place: tuple[str, ...], *, aside: Path, end: bytes | None) -> None:
    """Copy a run's folder; its end is the one that was read first, or none."""
    for item in tree.files(place):
        inner = item.parts[len(place) :]
        if item.problem or inner == (_END,) or inner[-1].endswith(".tmp"):
            continue
        target = aside.joinpath(*inner)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy_one(tree, item.parts, target=target)
    if end is not None:
        landing.write(aside, {_END: end})


def _copy_one(tree: Tree, parts: tuple[str, ...], *, target: Path) -> None:
    """Copy a file with its time of change: a run's sign of life is when that was."""
    descriptor = tree.open(parts)
    try:
        changed = os.fstat(descriptor).st_mtime
    finally:
        files.close(descriptor)
    tree.copy(parts, target)
    os.utime(target, (changed, changed))


def _renew(tree: Tree, place: tuple[str, ...], *, folder: Path, end: bytes | None) -> None:
    for item in tree.files(place):
        inner = item.parts[len(place) :]
        is_stream = inner in {(name,) for name in (*_STREAMS, "heartbeat")}
        if item.problem or not (is_stream or inner[0] == "artifacts"):
            continue
        target = folder.joinpath(*inner)
        if not is_stream and target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}-{os.urandom(4).hex()}.tmp")
        try:
            _copy_one(tree, item.parts, target=aside)
            files.move(aside, target)
        finally:
            aside.unlink(missing_ok=True)
    if end is not None:
        files.replace(folder / _END, end)


def _beat(tree: Tree, place: tuple[str, ...], *, folder: Path) -> None:
    """Give a run that is still alive there the time of its last sign of life."""
    descriptor = _open(tree, (*place, "heartbeat"))
    if descriptor < 0:
        return
    changed = os.fstat(descriptor).st_mtime
    files.close(descriptor)
    path = folder / "heartbeat"
    with contextlib.suppress(OSError):
        if not path.exists():
            path.touch()
        elif path.stat().st_mtime >= changed:
            return
        os.utime(path, (changed, changed))


def problems(tree: Tree, place: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the files of a run that are not taken, and why."""
    return [(one.path, one.problem) for one in tree.files(place) if one.problem]


def _id(begun: bytes) -> str:
    try:
        value = orjson.loads(begun)
    except ValueError:
        return ""
    return str(value.get("id", "")) if isinstance(value, dict) else ""


def _ours(path: Path) -> bytes | None:
    try:
        return files.read_bytes(path, _MAX_DOCUMENT)
    except NotFoundError:
        return None


def _read(tree: Tree, parts: tuple[str, ...]) -> bytes | None:
    try:
        return tree.read(parts, _MAX_DOCUMENT)
    except NotFoundError:
        return None


def _open(tree: Tree, parts: tuple[str, ...]) -> int:
    try:
        return tree.open(parts)
    except ModelDeckError:
        return -1
