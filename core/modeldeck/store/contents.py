r"""What lies at a path, by digest: the SHA-256 of a file, or of a folder's list of files.

The list of a folder is what ``sha256sum`` prints for its files in the order of the bytes of their
names (``<digest>  <name>``, a line each), so that anybody can check it::

    find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from modeldeck.domain.entry import digest_of
from modeldeck.errors import DamageError, InvalidInputError, NotFoundError
from modeldeck.store import files

MAX_FILES = 10_000
MAX_DEPTH = 32
MAX_NAME = 1_000


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name below the folder (of a single file: its own), SHA-256, size."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Contents:
    """A file or a folder as it was read; ``digest`` is its identity."""

    path: Path
    is_folder: bool
    files: tuple[File, ...]

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, or of the folder's list."""
        return digest_of(listing(self.files)) if self.is_folder else self.files[0].sha256

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(one.size_bytes for one in self.files)

    def place(self, file: File) -> Path:
        """Return where a file lies."""
        return self.path / file.name if self.is_folder else self.path


def listing(known: tuple[File, ...]) -> bytes:
    """Return the list of a folder's files."""
    ordered = sorted(known, key=lambda one: one.name.encode())
    return "".join(f"{one.sha256}  {one.name}\n" for one in ordered).encode()


def read(path: Path) -> Contents:
    """Read a file or a folder, whole, and return what it holds.

    Raises
    ------
    InvalidInputError
        The path or a name below it is none that can be kept; it holds links, pipes or devices, no
        file at all, or too many.
    NotFoundError, NotPermittedError, UnavailableError
        It is not there, or cannot be read.
    """
    _check_path(path)
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        msg = f"{path} is not there."
        raise NotFoundError(msg, "Name a file or a folder.") from None
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from error
    if not stat.S_ISDIR(mode):
        return Contents(path, is_folder=False, files=(_file(path, path.name),))
    names = sorted(_names(path), key=str.encode)
    if not names:
        msg = f"{path} holds no file."
        raise InvalidInputError(msg, "Put the data into it first.")
    found = tuple(_file(path / name, name) for name in names)
    return Contents(path, is_folder=True, files=found)


def _unusable(path: Path, error: OSError | ValueError) -> InvalidInputError:
    what = error.strerror if isinstance(error, OSError) else str(error)
    msg = f"{str(path)[:200]} cannot be read: {what}."
    return InvalidInputError(msg, "Name a file or a folder.")


def _check_path(path: Path) -> None:
    """Refuse a path that no name can hold; its bytes go into messages and documents."""
    if not is_plain(str(path)):
        msg = f"{str(path)[:200]!r} is not the name of a file that can be kept."
        raise InvalidInputError(msg, "Use printable Unicode text, at most 1,000 characters.")


def is_plain(name: str) -> bool:
    """Say whether a path can be written down: printable, Unicode, of a sensible length."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(name) <= MAX_NAME and not any(one < " " or one == "\x7f" for one in name)


def _names(folder: Path) -> list[str]:
    """Return the files below a folder, without following anything."""
    found: list[str] = []
    left = [("", 0)]
    while left:
        below, depth = left.pop()
        try:
            with os.scandir(folder / below) as listed:
                items = list(listed)
        except OSError as error:
            raise files.read_error(error, folder / below) from error
        for item in items:
            name = f"{below}{item.name}"
            _check_item(folder, name, item=item)
            if item.is_dir(follow_symlinks=False):
                left.append((f"{name}/", depth + 1))
            else:
                found.append(name)
        if len(found) > MAX_FILES or depth > MAX_DEPTH:
            msg = f"{folder} holds more than {MAX_FILES:,} files, or is deeper than {MAX_DEPTH}."
            raise InvalidInputError(msg, "Put them into fewer and larger files.")
    return found


def _check_item(folder: Path, name: str, *, item: os.DirEntry[str]) -> None:
    is_usable = item.is_dir(follow_symlinks=False) or item.is_file(follow_symlinks=False)
    if is_usable and is_plain(name) and "\\" not in name:
        return
    what = "has a name that cannot be kept" if is_usable else "is a link, a pipe or a device"
    msg = f"{folder} cannot be a dataset: {name[:200]!r} {what}."
    raise InvalidInputError(msg, "Put plain files there; links are not followed.")


def _file(path: Path, name: str) -> File:
    try:
        descriptor = files.open_regular(path)
    except DamageError as error:
        raise InvalidInputError(error.message, error.hint) from None
    try:
        with open(descriptor, "rb", closefd=False) as reader:
            digest = hashlib.file_digest(reader, "sha256").hexdigest()
            return File(name, digest, reader.tell())
    except OSError as error:
        raise files.read_error(error, path) from error
    finally:
        files.close(descriptor)
