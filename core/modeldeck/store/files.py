"""Reading and writing single files on a disk that is shared and may be hostile.

Nothing is ever written in place: a file is made under another name, brought to the disk, and then
appears whole, by ``link`` (never over an existing one) or ``rename`` (always over it). Reading
refuses links, pipes and devices, so that a crafted workspace can neither hang nor redirect us.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
from collections.abc import Mapping
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


def open_regular(path: Path | str) -> int:
    """Open a regular file for reading; the caller closes the descriptor.

    Raises
    ------
    NotFoundError
        There is no such file.
    NotPermittedError
        It may not be read.
    DamageError
        It is a link, pipe, folder or device.
    """
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        msg = f"{path} is not there."
        raise NotFoundError(msg) from None
    except PermissionError:
        msg = f"{path} may not be read."
        raise NotPermittedError(msg, "Ask its owner.") from None
    except OSError as error:
        msg = f"{path} is not a plain file ({error.strerror})."
        raise DamageError(msg, "Links, pipes and devices are not followed.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        msg = f"{path} is not a plain file."
        raise DamageError(msg, "Links, pipes and devices are not followed.")
    return descriptor


def read_bytes(path: Path | str, limit: int) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises
    ------
    DamageError
        It is larger, or not a plain file.
    NotFoundError, NotPermittedError
        As :func:`open_regular`.
    """
    descriptor = open_regular(path)
    try:
        return read_descriptor(descriptor, limit, name=str(path))
    finally:
        os.close(descriptor)


def read_descriptor(descriptor: int, limit: int, *, name: str) -> bytes:
    """Read an open file from its beginning, ``limit`` bytes at the most.

    Raises
    ------
    DamageError
        It is larger.
    """
    parts = []
    done = 0
    while done <= limit and (part := os.pread(descriptor, min(1 << 20, limit + 1 - done), done)):
        parts.append(part)
        done += len(part)
    if done > limit:
        msg = f"{name} is larger than {limit:,} bytes."
        raise DamageError(msg, "Such a file is never written by ModelDeck; look who made it.")
    return b"".join(parts)


def make_folder(path: Path) -> None:
    """Make a folder and those above it; an existing one is fine.

    Raises
    ------
    InvalidInputError, NotPermittedError, UnavailableError
        It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        msg = f"{path} is a file, or is below one."
        raise InvalidInputError(msg, "Name a folder.", path=str(path)) from None
    except OSError as error:
        raise write_error(error, path) from error


def write_temporary(folder: Path, data: bytes, *, mode: int) -> Path:
    """Write a new file under a name of its own and bring it to the disk; the mode is set last."""
    name = folder / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
    try:
        descriptor = os.open(name, _CREATE, 0o600)
    except OSError as error:
        raise write_error(error, name) from error
    try:
        try:
            write_all(descriptor, data)
            os.fchmod(descriptor, mode)
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
    except FileExistsError:
        return temporary.stat().st_nlink == 2 and path.samefile(temporary)
    except OSError as error:
        raise write_error(error, path) from error
    return True


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        Folder for the file on its way; None takes the folder of ``path``.
    """
    temporary = write_temporary(tmp or path.parent, data, mode=mode)
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
    try:
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise write_error(error, path) from error
    if durable:
        sync_folder(path.parent)


def write_error(error: OSError, path: Path) -> NotPermittedError | UnavailableError:
    """Return our error for a write that the system refused."""
    if isinstance(error, PermissionError) or error.errno in {1, 13, 30}:
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
