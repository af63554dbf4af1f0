"""Objects: blobs named by the SHA-256 of their bytes, written once, verified when read.

``.modeldeck/objects/ab/abcd…`` holds the bytes whose digest is ``abcd…`` and nothing else, so
``sha256sum`` checks them. Files are read-only, and are copied out, never linked into other folders.

Objects name others by their digests, as a manifest does its files; :func:`named_in` finds those in
any JSON. What nothing names is moved into the trash by garbage collection. Somebody may have put it
just before, and name it in an entry just after: whoever commits therefore calls
:meth:`ObjectStore.ensure` afterwards, and a collector looks at the ledger again after moving, so
that of the two whoever comes later brings it back.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from modeldeck.domain.entry import digest_of, is_digest
from modeldeck.errors import (
    DamageError,
    InvalidInputError,
    ModelDeckError,
    NotFoundError,
    NotPermittedError,
    UnavailableError,
)
from modeldeck.store import files, places
from modeldeck.store.upkeep import trash

MAX_READ = 64 << 20
"""Objects that are read into memory are at most so large; larger ones are copied out."""

MAX_NAMING = 16 << 20
"""Larger objects are not looked through for the digests of others."""

_BLOCK = 1 << 20
_JSON = (b"{", b"[")
_NAMED = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def named_in(data: bytes) -> set[str]:
    """Return every SHA-256 that stands somewhere in a text."""
    return {one.decode() for one in _NAMED.findall(data)}


_FICLONE = 0x40049409


class ObjectStore:
    """The objects of one workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
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

    def put_copy(self, data: bytes) -> None:
        """Store bytes that are on the disk elsewhere, too, without waiting for the disk.

        After a loss of power the copy may be missing or damaged, which its name tells. What lies in
        its place already is left alone.

        Raises
        ------
        NotPermittedError, DamageError, UnavailableError
            It cannot be written, or not be looked at.
        """
        path = self.path(digest_of(data))
        files.make_folder(path.parent, durable=False)
        with files.private_folder(self.tmp) as folder:
            temporary = files.write_temporary(folder, data, mode=0o444, durable=False)
            try:
                files.link_new(temporary, path)
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink()

    def put_file(self, source: Path, *, has_shared_blocks: bool = False) -> tuple[str, int]:
        """Store a file's contents; return their digest and size in bytes.

        With ``has_shared_blocks`` the object shares the file's blocks on the disk where the file
        system can do that (a clone): whoever writes into the file later gets blocks of his own.

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
                digest, size = _copy(descriptor, temporary, is_clone=has_shared_blocks)
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
            with contextlib.suppress(OSError):  # of somebody else: an entry that names it looks
                os.utime(path)  # it is needed anew: garbage collection spares what is young
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
        if folder.name not in self._durable or not files.is_there(folder):
            files.make_folder(folder)
            _sync(folder.parent)
            self._durable.add(folder.name)

    def digests(self) -> Iterator[str]:
        """Yield the names of all objects there are, in order."""
        for folder in sorted(_names(self.folder)):
            if len(folder) == 2:
                for name in sorted(_names(self.folder / folder)):
                    if is_digest(name) and name.startswith(folder):
                        yield name

    def named_by(self, digest: str) -> set[str]:
        """Return the digests that stand in an object that is JSON; none when it is not."""
        try:
            descriptor = files.open_regular(self.path(digest))
        except ModelDeckError:
            return set()
        try:
            if os.fstat(descriptor).st_size > MAX_NAMING or os.pread(descriptor, 1, 0) not in _JSON:
                return set()
            return named_in(files.read_descriptor(descriptor, MAX_NAMING, name=digest))
        except (OSError, ModelDeckError):
            return set()
        finally:
            files.close(descriptor)

    def reached(self, named: set[str], *, but: set[str]) -> set[str]:
        """Return what is named, and what stands in those objects, and in those, and so on.

        Parameters
        ----------
        named : set of digests
            Where to begin.
        but : set of digests
            Objects that are not looked into.
        """
        found, fresh = set(named), named - but
        while fresh:
            inner = {one for digest in fresh for one in self.named_by(digest)}
            fresh = inner - found - but
            found |= inner
        return found

    def rescue(self, digest: str) -> bool:
        """Bring an object back if it was moved into the trash; say whether it is there."""
        if files.is_there(self.path(digest)):
            return True
        for path in trash.copies(self.root, digest):
            with contextlib.suppress(ModelDeckError):
                if file_digest(path) == digest and self.put_file(path)[0] == digest:
                    return True
        return False

    def ensure(self, digests: Iterable[str]) -> None:
        """Bring back from the trash some objects, and those that they name, as far as needed.

        An entry that names objects calls this once it is recorded; what is neither here nor in the
        trash is left to :mod:`modeldeck.services.verify`.
        """
        named = set(digests)
        for digest in [one for one in named if self.rescue(one)]:
            for inner in self.named_by(digest) - named:
                self.rescue(inner)

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

    def remove(self, digest: str) -> bool:
        """Remove an object for good; say whether it was there.

        Only texts that were redacted are ever removed like that.

        Raises
        ------
        NotPermittedError
            It belongs to somebody else in a folder where only owners remove.
        UnavailableError
            The disk failed.
        """
        path = self.path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise files.write_error(error, path) from error
        _sync(path.parent)
        return True

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


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a plain file's bytes.

    Raises
    ------
    NotFoundError, NotPermittedError, DamageError, UnavailableError
        As :func:`modeldeck.store.files.open_regular`.
    """
    descriptor = files.open_regular(path)
    try:
        with open(descriptor, "rb", closefd=False) as reader:
            return hashlib.file_digest(reader, "sha256").hexdigest()
    except OSError as error:
        raise files.read_error(error, path) from error
    finally:
        files.close(descriptor)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 -- names only, of many objects
    except FileNotFoundError:
        return []
    except OSError as error:
        raise files.read_error(error, folder) from error


def _copy(descriptor: int, temporary: Path, *, is_clone: bool = False) -> tuple[str, int]:
    """Copy an open file into a new one and bring that to the disk; return digest and size."""
    found = hashlib.sha256()
    try:
        with open(descriptor, "rb", closefd=False) as reader, temporary.open("x+b") as writer:
            is_cloned = is_clone and _clone(descriptor, writer.fileno())
            source = writer if is_cloned else reader  # what counts is what the object holds
            while block := source.read(_BLOCK):
                found.update(block)
                if not is_cloned:
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


def _clone(source: int, target: int) -> bool:
    """Let a new file share all blocks of another one; False where the file system cannot.

    Notes
    -----
    ``FICLONE`` of ioctl_ficlone(2); never a hard link, whose bytes change with the file's.
    """
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


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


_MISSING = "`modeldeck doctor --repair` restores it from a copy here; else take one from a backup."


def _changed(digest: str) -> DamageError:
    return DamageError(
        f"Object {digest[:12]} has other bytes than its name says; it is not used.",
        _MISSING,
        digest=digest,
    )
