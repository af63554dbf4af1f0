"""Bringing a run into a workspace: its folder appears whole, or nothing of it does.

Files are written aside, in the writer's own closed folder of ``.modeldeck/tmp``, brought to the
disk, and then the folder is renamed to its place. ``rename`` never replaces a folder that holds
something, so that of two who bring the same run one is first. A run that had not ended when it was
brought is brought up to date file by file, its ``end.json`` last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modeldeck import ids
from modeldeck.errors import DamageError
from modeldeck.store import files, places

ORDER = ("run.json", "output.log", "metrics.jsonl", "end.json")
"""The files of a run that are brought up to date, in the order in which they appear."""

_LEFT_BEHIND_S = 86_400.0
_PREFIX = ".landing-"


def folder_of(root: Path, run_id: str) -> Path:
    """Return the folder of a run, whether it is there or not."""
    return root / "runs" / ids.month_of(run_id) / run_id


def land(
    root: Path, run_id: str, *, write: Callable[[Path], object], is_durable: bool = True
) -> bool:
    """Let a run appear; say whether this call brought it.

    Parameters
    ----------
    root : Path
        The workspace.
    run_id : str
        The run's id here.
    write : callable
        Writes the run's files into the folder that it is given.
    is_durable : bool
        Bring it to the disk; a copy in a cache can be made again.

    Raises
    ------
    NotPermittedError, UnavailableError
        It cannot be written; nothing of it is left.
    """
    target = folder_of(root, run_id)
    if target.exists():
        return False
    with files.private_folder(places.tmp_folder(root)) as private:
        sweep(private)
        aside = private / f"{_PREFIX}{os.getpid()}-{os.urandom(6).hex()}"
        try:
            aside.mkdir()
            write(aside)
            if is_durable:
                files.sync_folder(aside)
            files.make_folder(target.parent)
            return _renamed(aside, target, is_durable=is_durable)
        except OSError as error:
            raise files.write_error(error, target) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _renamed(aside: Path, target: Path, *, is_durable: bool) -> bool:
    try:
        aside.rename(target)
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
            return False
        raise
    if is_durable:
        files.sync_folder(target.parent)
    return True


def sweep(private: Path) -> None:
    """Remove one's own folders that somebody killed left on their way more than a day ago."""
    with contextlib.suppress(OSError), os.scandir(private) as listing:
        for item in listing:
            is_ours = item.name.startswith(_PREFIX) and item.is_dir(follow_symlinks=False)
            if is_ours and time.time() - item.stat().st_mtime > _LEFT_BEHIND_S:
                shutil.rmtree(item.path, ignore_errors=True)


def renew(target: Path, contents: Mapping[str, bytes]) -> bool:
    """Bring the files of a run that had not ended up to date; say whether one changed."""
    changed = False
    for name in ORDER:
        if name not in contents:
            continue
        path = target / name
        try:
            known = files.read_bytes(path, len(contents[name])) if path.exists() else None
        except DamageError:
            known = None
        if known != contents[name]:
            files.replace(path, contents[name])
            changed = True
    return changed


def write(
    folder: Path, contents: Mapping[str, bytes], *, at: float = 0.0, is_durable: bool = True
) -> None:
    """Write the files of a new run; ``at`` is the Unix time of its last sign of life."""
    for name, data in contents.items():
        if is_durable:
            temporary = files.write_temporary(folder, data, mode=0o644)
            files.move(temporary, folder / name)
        else:
            (folder / name).write_bytes(data)
        if at > 0:
            os.utime(folder / name, (at, at))
