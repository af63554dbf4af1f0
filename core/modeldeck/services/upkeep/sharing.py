"""A folder that a group shares: set up so that the system stamps and guards what each one writes.

Every folder belongs to the group and has the bit setgid, so that what is made below belongs to the
group too. Where nobody may touch what others wrote (ledger, objects, files on their way, trash) the
sticky bit stands beside it: only the owner of a file, or of the folder, removes or renames it. So
the 256 folders of objects are made at once, by the founder; else whoever came first would own one.
"""

from __future__ import annotations

import contextlib
import grp
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modeldeck.errors import NotFoundError, NotPermittedError, UnavailableError
from modeldeck.store import files, places

GUARDED = 0o3775
SHARED = 0o2775
FILE = 0o664
LOCK = 0o644
_OPEN = ("runs", "endpoints", "pipelines", "datasets")


@dataclass(frozen=True, slots=True)
class Wrong:
    """A folder or file of a shared workspace that does not have the mode or group it should."""

    path: Path
    mode: int
    wanted: int


def group_id(name: str) -> int:
    """Return the number of a group that this user is in.

    Raises
    ------
    NotFoundError
        There is no such group.
    NotPermittedError
        This user is not in it.
    """
    try:
        found = grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        msg = f"There is no group {name[:80]!r} on this computer."
        raise NotFoundError(msg, "`getent group` lists them; root makes one: `groupadd`.") from None
    if os.geteuid() != 0 and found not in {os.getegid(), *os.getgroups()}:
        msg = f"You are not in the group {name}."
        hint = f"Root can add you (`usermod -aG {name} YOU`); log in again afterwards."
        raise NotPermittedError(msg, hint)
    return found


def _wanted(root: Path) -> Iterator[tuple[Path, int]]:
    """Yield the folders and files of a shared workspace with the modes they should have."""
    objects = places.objects_folder(root)
    yield root, GUARDED
    yield root / places.HIDDEN, GUARDED
    yield places.ledger_folder(root), GUARDED
    yield places.tmp_folder(root), GUARDED
    yield objects, GUARDED
    for n in range(256):
        yield objects / f"{n:02x}", GUARDED
    for name in _OPEN:
        yield root / name, SHARED
    yield root / places.CONFIG, FILE
    yield places.lock_file(root), LOCK


def share(root: Path, gid: int) -> None:
    """Set up a workspace that is just being founded for a group.

    Raises
    ------
    NotPermittedError
        The folder is somebody else's.
    UnavailableError
        The file system does not keep groups or modes.
    """
    for n in range(256):
        files.make_folder(places.objects_folder(root) / f"{n:02x}")
    files.write_new(places.lock_file(root), b"", mode=LOCK)
    for path, mode in _wanted(root):
        try:
            os.chown(path, -1, gid)
            path.chmod(mode)
            status = path.stat()
        except OSError as error:
            raise files.write_error(error, path) from error
        if stat.S_IMODE(status.st_mode) != mode or status.st_gid != gid:
            kept = f"{stat.S_IMODE(status.st_mode):04o}, group {status.st_gid}"
            msg = f"{path} should have mode {mode:04o} and group {gid}, and keeps {kept}."
            hint = "This file system does not do that; choose a folder on a disk of this computer."
            raise UnavailableError(msg, hint)
    for folder in (places.objects_folder(root), root / places.HIDDEN, root):
        files.sync_folder(folder)


def open_to(root: Path, name: str) -> int:
    """Set up a workspace that is there already for a group; return how many folders changed.

    What lies in its folders is opened to the group as far as it is this account's. Nothing is
    written into any file. Done again, or after an interruption, it goes on where it was.

    Parameters
    ----------
    root : Path
        The workspace's folder.
    name : str
        A group of this computer that this account is in.

    Raises
    ------
    NotFoundError, NotPermittedError
        There is no such group, this account is not in it, or a folder is another account's.
    UnavailableError
        The file system does not keep groups or modes.
    """
    gid = group_id(name)
    before = {path: _stand(path) for path, _mode in _wanted(root)}
    for path, one in before.items():
        if one is not None and os.geteuid() not in {0, os.lstat(path).st_uid}:
            msg = f"{path} belongs to another account, which alone can share it."
            raise NotPermittedError(msg, "Let that account, or root, do this.")
    for name_there in _OPEN:
        files.make_folder(root / name_there)
    share(root, gid)
    for path in _below(root):
        _give(path, gid)
    return sum(1 for path, one in before.items() if one != _stand(path))


def _stand(path: Path) -> tuple[int, int] | None:
    """Return the mode and group of a folder or file; None where there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return stat.S_IMODE(status.st_mode), status.st_gid


def _below(root: Path) -> Iterator[Path]:
    """Yield what lies below the folders that a group shares; what is on its way stays private."""
    ways = places.tmp_folder(root)
    for name in (places.HIDDEN, *_OPEN):
        for folder, inner, names in os.walk(root / name):
            if Path(folder) == ways:
                inner.clear()
                continue
            for one in (*inner, *names):
                path = Path(folder, one)
                if not path.is_symlink():
                    yield path


def _give(path: Path, gid: int) -> None:
    """Give the group what lies in a shared folder: folders to pass and write, files to read."""
    status = os.lstat(path)
    if os.geteuid() not in {0, status.st_uid}:
        return  # each account gives its own: the doctor of that account names them
    mode = stat.S_IMODE(status.st_mode)
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        return
    wanted = mode | stat.S_IRGRP
    if is_folder:
        is_guarded = mode & stat.S_ISVTX
        wanted = mode | stat.S_IRGRP | stat.S_IXGRP | stat.S_ISGID
        wanted |= 0 if is_guarded else stat.S_IWGRP
    try:
        if status.st_gid != gid:
            os.chown(path, -1, gid, follow_symlinks=False)
        if stat.S_IMODE(os.lstat(path).st_mode) != wanted:
            path.chmod(wanted)
    except OSError as error:
        raise files.write_error(error, path) from error


def is_shared(root: Path) -> bool:
    """Say whether a workspace was set up for a group."""
    try:
        mode = places.ledger_folder(root).stat().st_mode
    except OSError:
        return False
    return mode & files.SHARED == files.SHARED


def group_of(root: Path) -> str:
    """Return the name of the group that the ledger's folder belongs to."""
    gid = places.ledger_folder(root).stat().st_gid
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"group id {gid}"


def problems(root: Path) -> list[Wrong]:
    """Return what is not as it should be in a shared workspace; missing things are not counted."""
    gid = places.ledger_folder(root).stat().st_gid
    found = []
    for path, wanted in _wanted(root):
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            mode = stat.S_IMODE(status.st_mode)
            is_folder = stat.S_ISDIR(status.st_mode)
            if status.st_gid != gid or (is_folder and mode != wanted):
                found.append(Wrong(path, mode, wanted))
    return found


def mend(root: Path) -> None:
    """Give folders of one's own back the modes and the group that a shared workspace needs.

    Raises
    ------
    NotPermittedError, UnavailableError
        One is somebody else's, or the file system does not do it.
    """
    gid = places.ledger_folder(root).stat().st_gid
    for one in problems(root):
        try:
            os.chown(one.path, -1, gid)
            one.path.chmod(one.wanted)
        except OSError as error:
            raise files.write_error(error, one.path) from error


def unreachable(root: Path) -> Path | None:
    """Return the first folder on the way to a workspace that others cannot pass, if any."""
    gid = places.ledger_folder(root).stat().st_gid
    for folder in reversed(root.resolve().parents):
        status = folder.stat()
        is_open = status.st_mode & stat.S_IXOTH
        is_open_to_group = status.st_gid == gid and status.st_mode & stat.S_IXGRP
        if not (is_open or is_open_to_group):
            return folder
    return None


def is_guarded(root: Path) -> bool:
    """Say whether nobody but the owner of a folder can change what others wrote in the ledger."""
    for path, _mode in list(_wanted(root))[:5]:
        status = path.stat()
        is_open = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if is_open and not status.st_mode & stat.S_ISVTX:
            return False
    ledger = places.ledger_folder(root).stat().st_mode
    return bool(ledger & (stat.S_IWGRP | stat.S_IWOTH))
