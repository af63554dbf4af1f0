"""Opening what a log is in: plain text, UTF-16, gz, zst, a pipe.

What is no plain text is unpacked into a file without a name, from which it is read like any other.
zst is unpacked by the program ``zstd``: the standard library reads it from Python 3.14 on only.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import shutil
import stat
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from modeldeck.errors import DamageError, UnavailableError
from modeldeck.store import files

_ZST = b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 18
_LEAST_FREE = 256 << 20
_LOOK_EVERY = 16 << 20

_MOST_AT_ONCE = 4 << 20
_SLICE = 1 << 14

Decoder = Callable[[bytes], Iterator[bytes]]


class Opened(Protocol):
    """A file from which lines are read by ``pread``."""

    descriptor: int
    identity: tuple[int, int]
    """Device and inode of the file itself."""
    is_pipe: bool
    """Whether it comes as somebody writes it, once."""

    def size(self) -> int:
        """Return how many bytes there are by now."""

    def written_at(self) -> int:
        """Return when it was last written, in microseconds since 1970."""

    def feed(self) -> bool:
        """Unpack some more; say whether more is left."""

    def share(self) -> float:
        """Return how much of it was unpacked, 0 to 1."""

    def after(self, offset: int) -> Opened | None:
        """Return what a pipe goes on into, beginning with what is behind an offset; or None."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more."""

    def wait(self, seconds: float) -> None:
        """Wait until something comes, at most so long."""

    def close(self) -> None:
        """Close it."""


class Plain:
    """A file that is read as it lies."""

    is_pipe = False

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        status = os.fstat(descriptor)
        self.identity = (status.st_dev, status.st_ino)

    def size(self) -> int:
        """Return its size."""
        return os.fstat(self.descriptor).st_size

    def written_at(self) -> int:
        """Return when it was last written."""
        return os.fstat(self.descriptor).st_mtime_ns // 1000

    def feed(self) -> bool:
        """Do nothing: it needs no unpacking."""
        return False

    def share(self) -> float:
        """Return 1."""
        return 1.0

    def after(self, offset: int) -> None:
        """Return None: it is no pipe."""

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more: nobody knows that of a file."""
        return False

    def wait(self, seconds: float) -> None:
        """Sleep: a file is looked at again and again."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close it."""
        files.close(self.descriptor)


class Unpacked:
    """A file whose text lies in another one, without a name, that grows as it is unpacked.

    Parameters
    ----------
    given : int
        What is unpacked; closed with this.
    decode : callable
        Makes text of its bytes; called with none at the end.
    name : str
        For messages.
    is_stream : bool
        Whether bytes come one after the other, as somebody writes them.
    """

    def __init__(self, given: int, decode: Decoder, *, name: str, is_stream: bool = False) -> None:
        self._given = given
        self._decode = decode
        self._name = name
        self.is_pipe = self._is_stream = is_stream
        self._at = 0
        self._size = 0
        self._checked = 0
        self._is_over = False
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- closed by close
        self.descriptor = self._file.fileno()
        status = os.fstat(given)
        self.identity = (status.st_dev, status.st_ino)

    def size(self) -> int:
        """Return how many bytes of text there are."""
        return self._size

    def written_at(self) -> int:
        """Return when the file that is unpacked was last written."""
        return os.fstat(self._given).st_mtime_ns // 1000

    def share(self) -> float:
        """Return how much was unpacked."""
        whole = os.fstat(self._given).st_size
        return min(1.0, self._at / whole) if whole and not self._is_over else 1.0

    def feed(self) -> bool:
        """Unpack some more; say whether more is there at once.

        Raises
        ------
        DamageError
            What is packed is damaged; what came before it can be read.
        UnavailableError
            There is no room to unpack it.
        """
        if self._is_over:
            return False
        data = self._next()
        if data is None:
            return False
        try:
            for text in self._decode(data):
                self._write(text)
        except (zlib.error, ValueError) as error:
            self._is_over = True
            msg = f"{self._name} is damaged: {error}."
            raise DamageError(msg, "What comes before the damage can be read.") from None
        self._is_over = not data
        return bool(data)

    def _next(self) -> bytes | None:
        """Return the next bytes; empty at the end, None when none are there yet."""
        if self._is_stream:
            ready, _, _ = select.select([self._given], [], [], 0)
            return os.read(self._given, _CHUNK) if ready else None
        data = os.pread(self._given, _CHUNK, self._at)
        self._at += len(data)
        return data or None

    def _write(self, text: bytes) -> None:
        if self._size - self._checked > _LOOK_EVERY:
            self._checked = self._size
            if shutil.disk_usage(tempfile.gettempdir()).free < _LEAST_FREE:
                self._is_over = True
                msg = f"There is no room to unpack {self._name}."
                hint = f"Free space in {tempfile.gettempdir()}, or name another place in TMPDIR."
                raise UnavailableError(msg, hint)
        try:
            files.write_all(self.descriptor, text)
        except OSError as error:
            raise files.write_error(error, Path(tempfile.gettempdir(), "unpacked")) from error
        self._size += len(text)

    def after(self, offset: int) -> Opened | None:
        """Return what a pipe goes on into."""
        if not self.is_pipe or self._is_over:
            return None
        more = Unpacked(os.dup(self._given), self._decode, name=self._name, is_stream=True)
        rest = os.pread(self.descriptor, self._size - offset, offset)
        more._write(rest)
        self._is_over = True
        return more

    @property
    def is_over(self) -> bool:
        """Whether all of it was unpacked."""
        return self._is_over

    def wait(self, seconds: float) -> None:
        """Wait until something comes through a pipe."""
        if self.is_pipe and not self._is_over:
            select.select([self._given], [], [], seconds)

    def close(self) -> None:
        """Close both files."""
        self._file.close()
        files.close(self._given)


class _Zstd(Unpacked):
    """What the program ``zstd`` unpacks."""

    def __init__(self, process: subprocess.Popen[bytes], packed: int, *, name: str) -> None:
        self._process = process
        self._packed = packed
        assert process.stdout is not None  # noqa: S101 -- asked for as a pipe
        super().__init__(os.dup(process.stdout.fileno()), _as_it_is, name=name, is_stream=True)
        self.is_pipe = False
        status = os.fstat(packed)
        self.identity = (status.st_dev, status.st_ino)

    def written_at(self) -> int:
        """Return when the packed file was last written."""
        return os.fstat(self._packed).st_mtime_ns // 1000

    def share(self) -> float:
        """Return how much the program has read: it shares the file's offset with us."""
        if self._is_over:
            return 1.0
        whole = os.fstat(self._packed).st_size
        return min(1.0, os.lseek(self._packed, 0, os.SEEK_CUR) / whole) if whole else 1.0

    def feed(self) -> bool:
        """Take some more from the program; say whether it goes on."""
        if self._is_over:
            return False
        super().feed()
        if self.is_over and self._process.wait() != 0:
            msg = f"{self._name} is damaged: zstd could not unpack it."
            raise DamageError(msg, "What comes before the damage can be read.")
        return not self.is_over

    def close(self) -> None:
        """End the program and close all files."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        files.close(self._packed)
        super().close()


def open_log(path: Path, *, follows_links: bool = False) -> Opened:
    """Open a log of whatever form.

    Parameters
    ----------
    path : Path
        The file.
    follows_links : bool
        Whether a link is followed and a pipe is read: for paths that a person names.

    Raises
    ------
    ModelDeckError
        As :func:`modeldeck.store.files.open_regular`.
    """
    target = path
    if follows_links:
        with contextlib.suppress(OSError, RuntimeError):
            target = path.resolve()
        if _is_pipe(path):
            return open_pipe(os.open(path, os.O_RDONLY | os.O_CLOEXEC), name=path.name)
    descriptor = files.open_regular(target)
    try:
        start = os.pread(descriptor, 4, 0)
    except OSError as error:
        files.close(descriptor)
        raise files.read_error(error, path) from error
    if start == _ZST:
        return _unzstd(descriptor, path.name)
    decode = _decoder_for(start)
    return Plain(descriptor) if decode is None else Unpacked(descriptor, decode, name=path.name)


def open_pipe(descriptor: int, *, name: str) -> Opened:
    """Open a pipe, such as standard input: its text is kept so that one can scroll back."""
    return Unpacked(descriptor, _as_it_is, name=name, is_stream=True)


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


def _decoder_for(start: bytes) -> Decoder | None:
    if start.startswith(b"\x1f\x8b"):
        return _Gunzip()
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and start[2:] != b"\0\0":
        return _FromUtf16()
    return None


class _Gunzip:
    """Unpacks gz, also of several members, one behind the other."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    def __call__(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _SLICE):  # what comes before damage is not lost with it
            yield from self._some(data[at : at + _SLICE])

    def _some(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield self._inner.decompress(data, _MOST_AT_ONCE)
            data = self._inner.unconsumed_tail
            if self._inner.eof:
                data = self._inner.unused_data.lstrip(b"\0")
                self._inner = zlib.decompressobj(31)


class _FromUtf16:
    def __init__(self) -> None:
        self._inner = codecs.getincrementaldecoder("utf-16")(errors="replace")

    def __call__(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decode(data).encode(errors="replace")


def _as_it_is(data: bytes) -> Iterator[bytes]:
    yield data


def _unzstd(descriptor: int, name: str) -> Opened:
    """Let the program ``zstd`` unpack a file into a pipe."""
    program = shutil.which("zstd")
    if program is None:
        files.close(descriptor)
        msg = f"{name} is packed by zstd, and there is no program `zstd` to unpack it."
        raise UnavailableError(msg, "Install zstd, or unpack the file elsewhere.")
    process = subprocess.Popen(
        [program, "-dcq"], stdin=descriptor, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return _Zstd(process, descriptor, name=name)


def unpack_all(opened: Opened) -> Iterator[float]:
    """Unpack to the end, yielding how much was."""
    while opened.feed():
        yield opened.share()
