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
from modeldeck.errors import DamageError, InvalidInputError, NotFoundError
from modeldeck.store import files, places

MAX_READ = 64 << 20
"""Objects that are read into memory are at most so large; larger ones are copied out."""

_BLOCK = 1 << 20


class ObjectStore:
    """The objects of one workspace."""

    def __init__(self, root: Path) -> None:
        self.folder = places.objects_folder(root)
        self.tmp = places.tmp_folder(root)

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
        """Store bytes; return their digest. Storing them again does nothing."""
        digest = digest_of(data)
        path = self.path(digest)
        if self._has(path, len(data)):
            return digest
        files.make_folder(path.parent)
        files.write_new(path, data, tmp=self.tmp)
        return digest

    def put_file(self, source: Path) -> tuple[str, int]:
        """Store a file's contents; return their digest and size in bytes."""
        found = hashlib.sha256()
        temporary = self.tmp / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
        descriptor = files.open_regular(source)
        try:
            with open(descriptor, "rb", closefd=False) as reader, temporary.open("xb") as writer:
                while block := reader.read(_BLOCK):
                    found.update(block)
                    writer.write(block)
                os.fchmod(writer.fileno(), 0o444)
                writer.flush()
                os.fsync(writer.fileno())
                size = writer.tell()
            self._appear(temporary, self.path(found.hexdigest()), size=size)
        except OSError as error:
            raise files.write_error(error, temporary) from error
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                temporary.unlink()
        return found.hexdigest(), size

    def _appear(self, temporary: Path, path: Path, *, size: int) -> None:
        if self._has(path, size):
            return
        files.make_folder(path.parent)
        if files.link_new(temporary, path):
            files.sync_folder(path.parent)

    def _has(self, path: Path, size: int) -> bool:
        try:
            return path.lstat().st_size == size
        except OSError:
            return False

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
            os.close(descriptor)
        if found.hexdigest() != digest:
            target.unlink()
            raise _changed(digest)
        return size

    def problem(self, digest: str, *, data: bool = False) -> str:
        """Return what is wrong with an object; empty when nothing is.

        With ``data`` its bytes are hashed again; else only its presence is looked at.
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
        finally:
            os.close(descriptor)
        return ""


_MISSING = "Restore it from a backup; `modeldeck ledger verify` lists what is missing."


def _changed(digest: str) -> DamageError:
    return DamageError(
        f"Object {digest[:12]} has other bytes than its name says; it is not used.",
        "Restore it from a backup; `modeldeck ledger verify --data` lists what is damaged.",
        digest=digest,
    )
