"""Objects: blobs named by the SHA-256 of their bytes, written once, verified when read.

``.modeldeck/objects/ab/abcd…`` holds the bytes whose digest is ``abcd…`` and nothing else, so
``sha256sum`` checks them. Files are read-only, and are copied out, never linked into other folders.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from modeldeck.domain.entry import digest_of, is_digest
from modeldeck.errors import (
    DamageError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.store import files, places

MAX_READ = 64 << 20
"""Objects that are read into memory are at most so large; larger ones are copied out."""

_BLOCK = 1 << 20


class ObjectStore:
    """The objects of one workspace."""

    def __init__(self, root: Path) -> None:
        self.folder = places.objects_folder(root)
        self.tmp = places.tmp_folder(root)
        self._durable: set[str] = set()

    def path(self, digest: str) -> Path:
        """Return where an object lies, or would lie.

        Raises
        ------
        InvalidInputError
            That is not a digest.
        """
        if not is_digest(digest):
            msg = f"{digest[:80]!r} is not a SHA-256."
            raise InvalidInputError(msg)
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Store bytes; return their digest. What is there already is kept, or mended if damaged.

        Raises
        ------
        DamageError
            Other bytes lie in their place, and may not be replaced by this user.
        NotPermittedError, UnavailableError
            It cannot be written.
        """
        digest = digest_of(data)
        if self._is_kept(digest, size=len(data)):
            return digest
        with files.private_folder(self.tmp) as folder:
            temporary = files.write_temporary(folder, data, mode=0o444)
            self._appear(temporary, digest, size=len(data))
        return digest

    def put_file(self, source: Path) -> tuple[str, int]:
        """Store a file's contents; return their digest and size in bytes.

        Raises
        ------
        NotFoundError, NotPermittedError, DamageError
            The file cannot be read; or as for :meth:`put`.
        UnavailableError
            It cannot be read or written just now.
        """
        descriptor = files.open_regular(source)
        try:
            with files.private_folder(self.tmp) as folder:
                temporary = folder / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
                digest, size = _copy(descriptor, temporary)
                self._appear(temporary, digest, size=size)
        finally:
            files.close(descriptor)
        return digest, size

    def _is_kept(self, digest: str, *, size: int) -> bool:
        """Say whether an object is there with the right bytes, and bring its name to the disk."""
        path = self.path(digest)
        try:
            is_whole = os.lstat(path).st_size == size and not self.problem(digest, data=True)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise files.read_error(error, path) from error
        except NotPermittedError:
            is_whole = False
        if is_whole:  # whoever linked it may have been killed before its folder was on the disk
            self._make_durable(path.parent)
            _sync(path.parent)
        return is_whole

    def _appear(self, temporary: Path, digest: str, *, size: int) -> None:
        """Let an object appear; what lies in its place with other bytes is replaced."""
        path = self.path(digest)
        try:
            self._make_durable(path.parent)
            if files.link_new(temporary, path):
                _sync(path.parent)
            elif not self._is_kept(digest, size=size):
                _replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _make_durable(self, folder: Path) -> None:
        """Make an object's folder; once a process bring it to the disk, whoever made it."""
        if folder.name not in self._durable or not folder.is_dir():
            files.make_folder(folder)
            _sync(folder.parent)
            self._durable.add(folder.name)

    def read(self, digest: str, *, limit: int = MAX_READ) -> bytes:
        """Return an object's bytes, verified.

        Raises
        ------
        DamageError
            It is missing, too large, or its bytes are not those of its name.
        """
        try:
            data = files.read_bytes(self.path(digest), limit)
        except NotFoundError:
            msg = f"Object {digest[:12]} is missing."
            raise DamageError(msg, _MISSING, digest=digest) from None
        if digest_of(data) != digest:
            raise _changed(digest)
        return data

    def copy_to(self, digest: str, target: Path) -> int:
        """Copy an object's bytes into a new file, verified on the way; return their number."""
        found = hashlib.sha256()
        try:
            descriptor = files.open_regular(self.path(digest))
        except NotFoundError:
            msg = f"Object {digest[:12]} is missing."
            raise DamageError(msg, _MISSING, digest=digest) from None
        try:
            with open(descriptor, "rb", closefd=False) as reader, target.open("xb") as writer:
                while block := reader.read(_BLOCK):
                    found.update(block)
                    writer.write(block)
                size = writer.tell()
        except OSError as error:
            raise files.write_error(error, target) from error
        finally:
            files.close(descriptor)
        if found.hexdigest() != digest:
            target.unlink()
            raise _changed(digest)
        return size

    def problem(self, digest: str, *, data: bool = False) -> str:
        """Return what is wrong with an object; empty when nothing is.

        With ``data`` its bytes are hashed again; else only its presence is looked at.

        Raises
        ------
        NotPermittedError, UnavailableError
            It cannot be looked at.
        """
        try:
            descriptor = files.open_regular(self.path(digest))
        except NotFoundError:
            return "is missing"
        except DamageError as error:
            return error.message
        try:
            if data:
                with open(descriptor, "rb", closefd=False) as reader:
                    if hashlib.file_digest(reader, "sha256").hexdigest() != digest:
                        return "has other bytes than its name says"
        except OSError as error:
            raise files.read_error(error, self.path(digest)) from error
        finally:
            files.close(descriptor)
        return ""


def _copy(descriptor: int, temporary: Path) -> tuple[str, int]:
    """Copy an open file into a new one and bring that to the disk; return digest and size."""
    found = hashlib.sha256()
    try:
        with open(descriptor, "rb", closefd=False) as reader, temporary.open("xb") as writer:
            while block := reader.read(_BLOCK):
                found.update(block)
                writer.write(block)
            os.fchmod(writer.fileno(), 0o444)
            writer.flush()
            os.fsync(writer.fileno())
            return found.hexdigest(), writer.tell()
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise files.write_error(error, temporary) from error
        raise


def _sync(folder: Path) -> None:
    """Bring a folder to the disk; objects may be put twice, so that nothing is unsure."""
    try:
        files.sync_folder(folder)
    except UnavailableError as error:
        hint = "Do it again when the disk is well; an object that is there already does no harm."
        raise UnavailableError(error.message, hint) from error


def _replace(temporary: Path, path: Path) -> None:
    try:
        files.move(temporary, path)
    except NotPermittedError:
        msg = f"Object {path.name[:12]} has other bytes than its name says."
        hint = f"Ask the owner of {path} to remove it, then do it again."
        raise DamageError(msg, hint, digest=path.name) from None
    _sync(path.parent)


_MISSING = "Restore it from a backup; `modeldeck ledger verify` lists what is missing."


def _changed(digest: str) -> DamageError:
    return DamageError(
        f"Object {digest[:12]} has other bytes than its name says; it is not used.",
        "Restore it from a backup; `modeldeck ledger verify --data` lists what is damaged.",
        digest=digest,
    )
