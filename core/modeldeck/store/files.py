"""Reading and writing single files on a disk that is shared and may be hostile.

Nothing is ever written in place: a file is made under another name, brought to the disk, and then
appears whole, by ``link`` (never over an existing one) or ``rename`` (always over it). Reading
refuses links, pipes and devices, so that a crafted workspace can neither hang nor redirect us.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import math
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from modeldeck.errors import (
    DamageError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SMALL, _LARGE = 1 << 14, 1 << 20  # most files are small, and room for large ones costs time
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_FILE = {errno.EISDIR, errno.ENXIO, errno.ENODEV}
_OTHER_KIND = {errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, *_NO_FILE}
SHARED = stat.S_ISGID | stat.S_IWGRP
"""The bits of a folder that a group shares."""

LEFT_BEHIND_S = 3600.0
"""A file on its way that is older was left behind, in seconds."""


def open_regular(path: Path | str) -> int:
    """Open a regular file for reading; the caller closes the descriptor.

    Errors are those of :func:`open_with_status`.
    """
    return open_with_status(path)[0]


def open_with_status(path: Path | str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; return its descriptor, to be closed, and its status.

    Raises
    ------
    NotFoundError
        There is no such file.
    NotPermittedError
        It may not be read.
    DamageError
        It is a link, pipe, folder or device.
    UnavailableError
        The system cannot open it just now: no descriptor or memory is left, or the disk fails.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise read_error(error, path) from error
    try:
        status = os.fstat(descriptor)
    except OSError as error:
        close(descriptor)
        raise read_error(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        close(descriptor)
        msg = f"{path} is not a plain file."
        raise DamageError(msg, _NOT_FOLLOWED)
    return descriptor, status


_NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_NOT_FOLLOWED = "Links, pipes and devices are not followed."


def read_error(
    error: OSError, path: Path | str
) -> NotFoundError | NotPermittedError | DamageError | UnavailableError:
    """Return our error for a file that the system did not let us read.

    Only what stays as it is until somebody mends the file is damage. All else may be over in a
    moment, so that whoever reads may try again.
    """
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{path} is not there.")
    if isinstance(error, PermissionError):
        return NotPermittedError(f"{path} may not be read.", "Ask its owner.")
    if error.errno in _OTHER_KIND:
        return DamageError(f"{path} is not a plain file ({error.strerror}).", _NOT_FOLLOWED)
    msg = f"{path} could not be read: {error.strerror}."
    return UnavailableError(msg, "Try again; if it stays so, look at the disk.", path=str(path))


def close(descriptor: int) -> None:
    """Close a file that was read, or that is on the disk already: nothing hangs on the answer."""
    try:  # noqa: SIM105 -- once for each of a hundred thousand small files
        os.close(descriptor)
    except OSError:
        pass


def is_there(path: Path | str) -> bool:
    """Say whether a name is taken, by whatever; a link counts itself.

    Raises
    ------
    NotPermittedError, DamageError, UnavailableError
        That cannot be found out.
    """
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise read_error(error, path) from error
    return True


def is_folder(path: Path) -> bool:
    """Say whether a path leads to a folder; errors are those of :func:`is_there`."""
    return stat.S_ISDIR(_mode(path))


def is_file(path: Path) -> bool:
    """Say whether a path leads to a plain file; errors are those of :func:`is_there`."""
    return stat.S_ISREG(_mode(path))


def _mode(path: Path) -> int:
    try:
        return os.stat(path).st_mode  # noqa: PTH116 -- Path.is_dir() hides some errors
    except OSError as error:
        if error.errno in _NOWHERE:
            return 0
        raise read_error(error, path) from error


def read_bytes(path: Path | str, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises
    ------
    DamageError
        It is larger, or not a plain file.
    NotFoundError, NotPermittedError, UnavailableError
        As :func:`open_regular`.
    """
    return read_with_status(path, limit)[0]


def read_with_status(path: Path | str, limit: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file as :func:`read_bytes` does; return its status too."""
    descriptor, status = open_with_status(path)
    try:
        return read_descriptor(descriptor, limit, name=path, size=status.st_size), status
    finally:
        close(descriptor)


def read_descriptor(descriptor: int, limit: int, *, name: Path | str, size: int = -1) -> bytes:
    """Read an open file from its beginning, ``limit`` bytes at the most.

    ``size`` is what its status says: whoever got just as many bytes need not ask for more.

    Raises
    ------
    DamageError
        It is larger.
    UnavailableError
        The disk does not give it.
    """
    parts = []
    done, block = 0, _SMALL
    try:
        if 0 < size < min(block, limit):
            part = os.pread(descriptor, size + 1, 0)
            if len(part) == size:
                return part
        while done <= limit and (part := os.pread(descriptor, min(block, limit + 1 - done), done)):
            parts.append(part)
            done += len(part)
            block = _LARGE
    except OSError as error:
        raise read_error(error, name) from error
    if done > limit:
        msg = f"{name} is larger than {limit:,} bytes."
        raise DamageError(msg, "Such a file is never written by ModelDeck; look who made it.")
    return b"".join(parts)


def make_folder(path: Path, *, durable: bool = True) -> None:
    """Make a folder and those above it, durably by default; an existing one is fine.

    Raises
    ------
    InvalidInputError, NotPermittedError, UnavailableError
        It cannot be made.
    """
    try:
        missing = itertools.takewhile(lambda one: not one.is_dir(), (path, *path.parents))
        for folder in reversed([*missing]):
            _mkdir(folder)
            if durable:
                sync_folder(folder.parent)
    except (FileExistsError, NotADirectoryError):
        msg = f"{path} is a file, or is below one."
        raise InvalidInputError(msg, "Name a folder.", path=str(path)) from None
    except OSError as error:
        raise write_error(error, path) from error


def _mkdir(folder: Path) -> None:
    """Make one folder; in one that a group shares it is shared in the same way.

    A folder with the bits setgid and group-write was set up for a group (``init --group``): what is
    made below takes its mode, else the maker's umask would shut the others out.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    mode = stat.S_IMODE(folder.parent.stat().st_mode)
    if mode & SHARED == SHARED:
        folder.chmod(mode)


@contextlib.contextmanager
def private_folder(shared: Path) -> Iterator[Path]:
    """Give a folder below a shared one into which nobody else can look.

    A file on its way gets its final mode before it appears, so that a kill leaves none that others
    cannot read; until then it must not be seen, or somebody could use its contents first. Each
    user has a folder ``u<user id>``; where that is not one's own, or owners are not told truly
    (over sshfs), a folder for just this time is made.
    """
    mine = shared / f"u{os.geteuid()}"
    try:
        is_lasting = _is_private(mine)
        if not is_lasting:
            mine = shared / f".{os.getpid()}-{os.urandom(6).hex()}"
            mine.mkdir(mode=0o700)
    except OSError as error:
        raise write_error(error, mine) from error
    try:
        yield mine
    finally:
        if not is_lasting:
            with contextlib.suppress(OSError):
                mine.rmdir()


def _is_private(folder: Path) -> bool:
    """Say whether a folder, made when missing, is one's own and closed to others."""
    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = os.lstat(folder)
    is_closed = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    return is_closed and status.st_uid == os.geteuid()


def sweep(shared: Path) -> None:
    """Remove one's own files that somebody killed left on their way more than an hour ago."""
    for path in left_behind(shared):
        with contextlib.suppress(OSError):
            path.unlink()


def left_behind(shared: Path) -> list[Path]:
    """Return one's own files that were left on their way more than an hour ago."""
    found = []
    for folder in (shared, shared / f"u{os.geteuid()}"):
        with contextlib.suppress(OSError), os.scandir(folder) as listing:
            for item in listing:
                is_ours = item.name.startswith(".") and item.name.endswith(".tmp")
                if is_ours and _is_old(Path(item.path)):
                    found.append(Path(item.path))
    return found


def _is_old(path: Path) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    is_old = time.time() - status.st_mtime > LEFT_BEHIND_S
    return is_old and stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def write_temporary(folder: Path, data: bytes, *, mode: int, durable: bool = True) -> Path:
    """Write a new file under a name of its own, and bring it to the disk; the mode is set last."""
    name = folder / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
    try:
        descriptor = os.open(name, _CREATE, 0o600)
    except OSError as error:
        raise write_error(error, name) from error
    try:
        try:
            write_all(descriptor, data)
            os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException as error:
        with contextlib.suppress(OSError):
            name.unlink()
        if isinstance(error, OSError):
            raise write_error(error, name) from error
        raise
    return name


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def link_new(temporary: Path, path: Path) -> bool:
    """Let a temporary file appear as ``path`` unless that exists; say whether it did.

    Notes
    -----
    Over NFS a ``link`` may succeed although its reply is lost; the link count tells
    (open(2), on O_EXCL).
    """
    try:
        os.link(temporary, path)
    except OSError as error:
        if _is_linked(temporary, path):
            return True
        if isinstance(error, FileExistsError):
            return False
        raise write_error(error, path) from error
    return True


def _is_linked(temporary: Path, path: Path) -> bool:
    try:
        one, other = os.lstat(temporary), os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _uncertain(error, path) from error
    return one.st_nlink == 2 and os.path.samestat(one, other)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk.

    Raises
    ------
    UnavailableError
        It failed; ``perhaps_saved`` in its data says that the names are there all the same, and
        may be gone after a loss of power.
    """
    _sync(folder, _FOLDER)


def sync(path: Path) -> None:
    """Bring a file's bytes, or a folder's names, to the disk, whoever wrote them.

    Raises
    ------
    UnavailableError
        As :func:`sync_folder`.
    """
    _sync(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _sync(path: Path, flags: int) -> None:
    try:
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            close(descriptor)
    except OSError as error:
        raise _uncertain(error, path) from error


def _uncertain(error: OSError, path: Path) -> UnavailableError:
    msg = f"{path} could not be brought to the disk: {error.strerror}."
    hint = "It is perhaps saved: look before doing it again."
    return UnavailableError(msg, hint, path=str(path), perhaps_saved=True)


def write_new(path: Path, data: bytes, *, mode: int = 0o444, tmp: Path | None = None) -> bool:
    """Write a file that must not exist yet, durably; say whether this call made it.

    Parameters
    ----------
    path : Path
        Where the file shall appear.
    data : bytes
        Its contents.
    mode : int
        Its permissions, whatever the umask.
    tmp : Path or None
        Shared folder for files on their way, where nobody else can look into it; None takes the
        folder of ``path``.

    Raises
    ------
    NotPermittedError, UnavailableError
        It could not be written; with ``perhaps_saved`` in the error's data it appeared all the
        same.
    """
    with contextlib.nullcontext(path.parent) if tmp is None else private_folder(tmp) as folder:
        temporary = write_temporary(folder, data, mode=mode)
        try:
            made = link_new(temporary, path)
            if made:
                sync_folder(path.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    return made


def replace(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Write a file whole, over an older one if there is one."""
    temporary = write_temporary(path.parent, data, mode=mode)
    move(temporary, path)
    if durable:
        sync_folder(path.parent)


def move(temporary: Path, path: Path) -> None:
    """Let a temporary file appear as ``path``, over an older file if there is one."""
    try:
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise write_error(error, path) from error


def write_error(error: OSError, path: Path) -> NotPermittedError | UnavailableError:
    """Return our error for a write that the system refused."""
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return NotPermittedError(
            f"{path.parent} cannot be written ({error.strerror}).",
            "Ask the folder's owner for write permission.",
            path=str(path),
        )
    return UnavailableError(
        f"{path} could not be written: {error.strerror}.",
        "Nothing was saved; free space or mend the disk, then do it again.",
        path=str(path),
    )


def finite(value: object) -> object:
    """Return a value with non-finite numbers as the texts "NaN", "Infinity", "-Infinity".

    Examples
    --------
    >>> finite({"loss": float("nan"), "n": [1, float("-inf")]})
    {'loss': 'NaN', 'n': [1, '-Infinity']}
    """
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def number(value: object) -> float:
    """Read a number back that :func:`finite` may have turned into a text; NaN if it is none."""
    if isinstance(value, int | float):
        return float(value)
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    return words.get(value, math.nan) if isinstance(value, str) else math.nan


def dumps(value: object) -> bytes:
    """Write a value as compact JSON with sorted keys, in UTF-8, ending in a newline."""
    text = json.dumps(
        finite(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode() + b"\n"
