"""Streams: files that one writer appends records to and anybody reads while it does.

Each record is one line of UTF-8 that ends in a newline, written by a single ``write`` on a
descriptor opened with ``O_APPEND``. A writer killed in between leaves at most one torn line, and a
disk that fills up another: whoever writes next closes it with a newline first, and readers skip
what they cannot parse.
What was written survives a kill at once, and a loss of power after the next :meth:`Stream.sync`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from modeldeck.errors import DamageError, NotFoundError
from modeldeck.store import files

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SMALL, _LARGE = 1 << 16, 1 << 20  # most streams are short, and room for a large block costs time


class Stream:
    """An open stream of this process.

    Parameters
    ----------
    path : Path
        The file; made when it is not there.
    mode : int
        Permissions of a new file.

    Attributes
    ----------
    is_synced : bool
        Nothing was written since the last :meth:`sync`.

    Raises
    ------
    NotPermittedError, UnavailableError
        It cannot be written.
    DamageError
        It is a pipe or a device.
    """

    def __init__(self, path: Path, *, mode: int = 0o644) -> None:
        self.path = path
        self.is_synced = True
        self._is_torn = False
        try:
            self.descriptor = os.open(path, _FLAGS, mode)
        except OSError as error:
            raise files.write_error(error, path) from error
        try:
            self._look(mode)
        except BaseException as error:
            files.close(self.descriptor)
            if isinstance(error, OSError):
                raise files.write_error(error, path) from error
            raise

    def _look(self, mode: int) -> None:
        """Look at what was opened: whether it is a file, new, or ends in a torn record."""
        status = os.fstat(self.descriptor)
        if not stat.S_ISREG(status.st_mode):
            msg = f"{self.path} is not a plain file."
            raise DamageError(msg, "Links, pipes and devices are not followed.")
        if status.st_size:
            self._is_torn = os.pread(self.descriptor, 1, status.st_size - 1) != b"\n"
        elif stat.S_IMODE(status.st_mode) != mode:
            os.fchmod(self.descriptor, mode)

    def write(self, record: bytes) -> None:
        """Append one record, which ends in a newline; a torn one before it is closed first.

        Raises
        ------
        NotPermittedError, UnavailableError
            The folder became read-only; the disk is full or broken.
        """
        self.is_synced = False
        if self._is_torn:
            self._is_torn = False
            record = b"\n" + record
        try:
            done = os.write(self.descriptor, record)
            if done < len(record):
                files.write_all(self.descriptor, record[done:])
        except BaseException as error:  # also an interrupt between two parts
            self._is_torn = True
            if isinstance(error, OSError):
                raise files.write_error(error, self.path) from error
            raise

    def sync(self) -> None:
        """Bring what was written to the disk, if there is anything new."""
        if not self.is_synced:
            self.is_synced = True
            with contextlib.suppress(OSError):
                os.fdatasync(self.descriptor)

    def hold(self) -> None:
        """Let others see that this stream has a writer, where the file system has locks."""
        with contextlib.suppress(OSError):
            fcntl.flock(self.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def close(self) -> None:
        """Close the file."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            files.close(descriptor)


def is_held(path: Path) -> bool:
    """Say whether a stream may still have a writer: one that holds it, or nobody can tell."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        files.close(descriptor)
    return False


class StreamReader:
    """Reads a stream's whole lines, each once, also while it grows.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    longest : int
        A longer line is dropped as damaged.
    """

    def __init__(self, path: Path, *, longest: int = 1 << 20) -> None:
        self.path = path
        self.longest = longest
        self._offset = 0

    def read(self) -> list[bytes]:
        """Return the whole lines that came since the last call, without their newlines.

        Raises
        ------
        NotPermittedError, UnavailableError
            They cannot be read, or not just now; the next call returns them.
        """
        try:
            descriptor = files.open_regular(self.path)
        except DamageError:
            return []
        except NotFoundError:
            self._offset = 0
            return []
        try:
            return self.read_from(descriptor)
        finally:
            files.close(descriptor)

    def read_from(self, descriptor: int) -> list[bytes]:
        """Return the same by a descriptor of the stream that is open for reading.

        Raises
        ------
        UnavailableError
            The disk does not give it; the next call returns what this one could not.
        """
        try:
            lines, self._offset = self._lines(descriptor)
        except OSError as error:
            raise files.read_error(error, self.path) from error
        return lines

    def _lines(self, descriptor: int) -> tuple[list[bytes], int]:
        """Return the lines that are new, and where the next ones will begin."""
        offset = self._offset if os.fstat(descriptor).st_size >= self._offset else 0
        lines: list[bytes] = []
        rest, size = b"", _SMALL
        while block := os.pread(descriptor, size, offset + len(rest)):
            size = _LARGE
            *whole, rest_now = (rest + block).split(b"\n")
            offset += len(rest) + len(block) - len(rest_now)
            lines += [line for line in whole if line and len(line) <= self.longest]
            if len(rest_now) > self.longest:
                offset += len(rest_now)
                rest_now = b""
            rest = rest_now
        return lines, offset
