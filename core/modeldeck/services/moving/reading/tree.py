"""Reading somebody else's folder: below one descriptor, link by link refused, with limits.

Every path is opened part by part from the folder's own descriptor (``openat`` with ``O_NOFOLLOW``),
so that neither ``..`` nor a link in any place leads out of it, whoever changes it meanwhile; pipes
and devices are never waited for.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from modeldeck.errors import DamageError, NotFoundError
from modeldeck.store import files

MAX_FILE = 4 << 30
"""A larger file is not taken."""
MAX_DEPTH = 32
MAX_FILES = 100_000
"""Files below one folder that are taken."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 1 << 20
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

Parts = Sequence[str]


@dataclass(frozen=True)
class Item:
    """A file below a folder; ``problem`` says why it may not be taken, if it may not."""

    parts: tuple[str, ...]
    size: int = 0
    problem: str = ""

    @property
    def path(self) -> str:
        """Its path below the tree's folder."""
        return "/".join(self.parts)


class Tree:
    """A folder that is read and never written.

    Parameters
    ----------
    root : Path
        The folder; whoever names it may name it by a link.

    Raises
    ------
    NotFoundError, NotPermittedError, DamageError
        It is not there, may not be read, or is no folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        try:
            self._descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise files.read_error(error, root) from error

    def close(self) -> None:
        """Close it."""
        if self._descriptor >= 0:
            files.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _folder(self, parts: Parts) -> Iterator[int]:
        """Give a descriptor of a folder below."""
        descriptor = os.dup(self._descriptor)
        try:
            for part in parts:
                inner = os.open(_plain(part), _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        except OSError as error:
            raise files.read_error(error, self.path(parts)) from error
        finally:
            files.close(descriptor)

    def path(self, parts: Parts) -> str:
        """Return a path as people see it."""
        return "/".join((str(self.root), *parts))

    def open(self, parts: Parts) -> int:
        """Open a plain file; the caller closes the descriptor.

        Raises
        ------
        NotFoundError, NotPermittedError, DamageError, UnavailableError
            It is not there, may not be read, or is a link, pipe, folder or device.
        """
        with self._folder(parts[:-1]) as folder:
            descriptor = os.open(_plain(parts[-1]), _FILE, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                files.close(descriptor)
                msg = f"{self.path(parts)} is not a plain file."
                raise DamageError(msg, "Links, pipes and devices are not followed.")
            return descriptor

    def read(self, parts: Parts, limit: int) -> bytes:
        """Return the bytes of a plain file of at most ``limit`` bytes.

        Raises
        ------
        NotFoundError, NotPermittedError, DamageError, UnavailableError
            As :meth:`open`, or it is larger.
        """
        descriptor = self.open(parts)
        try:
            return files.read_descriptor(descriptor, limit, name=self.path(parts))
        finally:
            files.close(descriptor)

    def names(self, parts: Parts = ()) -> list[tuple[str, bool]]:
        """Return the names in a folder, in order, and whether each is a folder itself.

        A folder that is not there has none; links are no folders.

        Raises
        ------
        NotPermittedError, DamageError, UnavailableError
            It cannot be read.
        """
        try:
            with self._folder(parts) as folder, os.scandir(folder) as listing:
                found = [(one.name, one.is_dir(follow_symlinks=False)) for one in listing]
        except NotFoundError:
            return []
        return sorted(found)

    def is_folder(self, parts: Parts) -> bool:
        """Say whether there is a folder, which is no link."""
        try:
            with self._folder(parts):
                return True
        except (NotFoundError, DamageError):
            return False

    def files(self, parts: Parts) -> Iterator[Item]:
        """Yield every file below a folder, in order; what may not be taken with its problem."""
        pending = [tuple(parts)]
        count = 0
        while pending:
            at = pending.pop()
            if len(at) - len(parts) > MAX_DEPTH:
                yield Item(at, problem="it lies too deep")
                continue
            for name, is_folder in reversed(self.names(at)):
                if is_folder:
                    pending.append((*at, name))
                    continue
                count += 1
                if count > MAX_FILES:
                    yield Item((*at, name), problem=f"more than {MAX_FILES:,} files")
                    return
                yield self._item((*at, name))

    def _item(self, parts: tuple[str, ...]) -> Item:
        if not _is_text(parts[-1]):
            return Item((*parts[:-1], repr(parts[-1])), problem="its name is no Unicode text")
        try:
            with self._folder(parts[:-1]) as folder:
                status = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        except NotFoundError:
            return Item(parts, problem="it has gone")
        kind = stat.S_IFMT(status.st_mode)
        if kind != stat.S_IFREG:
            return Item(parts, problem=f"it is {_KINDS.get(kind, 'no plain file')}")
        if status.st_size > MAX_FILE:
            return Item(parts, problem=f"it is larger than {MAX_FILE >> 30} GiB")
        return Item(parts, size=status.st_size)

    def copy(self, parts: Parts, target: Path) -> str:
        """Copy a plain file durably into a new one; return its SHA-256.

        Raises
        ------
        NotFoundError, NotPermittedError, DamageError, UnavailableError
            It cannot be read, is larger than :data:`MAX_FILE`, or the target cannot be written.
        """
        descriptor = self.open(parts)
        try:
            return _copied(descriptor, target, name=self.path(parts))
        finally:
            files.close(descriptor)


def _copied(descriptor: int, target: Path, *, name: str) -> str:
    digest, done = hashlib.sha256(), 0
    try:
        into = os.open(target, _CREATE, 0o644)
    except OSError as error:
        raise files.write_error(error, target) from error
    try:
        while block := os.pread(descriptor, _BLOCK, done):
            done += len(block)
            if done > MAX_FILE:
                msg = f"{name} is larger than {MAX_FILE >> 30} GiB."
                raise DamageError(msg)
            digest.update(block)
            files.write_all(into, block)
        os.fsync(into)
    except OSError as error:
        raise files.write_error(error, target) from error
    finally:
        files.close(into)
    return digest.hexdigest()


def _plain(part: str) -> str:
    """Refuse a name that is no name of something in a folder."""
    if part in {"", ".", ".."} or "/" in part or "\0" in part:
        msg = f"{part[:80]!r} is no name of a file."
        raise DamageError(msg)
    return part


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
