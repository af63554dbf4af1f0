"""Copying a workspace file by file: nothing is half-written, nothing copied twice.

What an entry names is verified by its digest on the way; of other files the digest is taken. Every
file is written under another name and renamed, so that a copy that was cut short goes on where it
ended. Links, pipes and devices are left out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from modeldeck.domain.history.documents import VerifyProblem
from modeldeck.errors import DamageError, ModelDeckError, NotFoundError, UnavailableError
from modeldeck.store import files

_BLOCK = 1 << 20


class Step(NamedTuple):
    """How many bytes are done, of how many, and which file is next (empty at the end)."""

    done: int
    total: int
    path: str


Progress = Callable[[Step], None]
"""Told before each file."""


class Item(NamedTuple):
    """One file to copy: where it lies below both folders, its size, the digest that it must have.

    ``source`` is another file with the same bytes, where the one of that name is damaged.
    """

    path: str
    size: int
    digest: str = ""
    source: str = ""


@dataclass
class Copied:
    """What came of copying; ``digests`` has size and digest of files that no entry names."""

    n_files: int = 0
    n_bytes: int = 0
    n_skipped: int = 0
    digests: dict[str, tuple[int, str]] = field(default_factory=dict)
    problems: list[VerifyProblem] = field(default_factory=list)


def below(root: Path, name: str, *, left_out: list[str]) -> Iterator[Item]:
    """Yield the plain files at or below a path of a workspace; name what is left out."""
    try:
        status = os.lstat(root / name)
    except OSError:
        return
    if stat.S_ISREG(status.st_mode):
        if not (name.endswith(".tmp") and Path(name).name.startswith(".")):
            yield Item(name, status.st_size)
    elif stat.S_ISDIR(status.st_mode):
        try:
            names = sorted(os.listdir(root / name))  # noqa: PTH208 -- names only
        except OSError as error:
            left_out.append(f"{name} ({error.strerror})")
            return
        for one in names:
            yield from below(root, f"{name}/{one}", left_out=left_out)
    else:
        left_out.append(name)


class Copier:
    """Copies files of one folder into another.

    Parameters
    ----------
    source, target : Path
        The folders.
    expected : mapping of path to digest
        What other files had when they were recorded; empty where nothing was.
    """

    def __init__(self, source: Path, target: Path, *, expected: dict[str, str]) -> None:
        self.source, self.target = source, target
        self.expected = expected
        self.known: dict[str, tuple[int, str]] = {}
        self.result = Copied()
        self._is_root = os.geteuid() == 0
        self._folders: set[str] = set()

    def copy(self, items: Iterable[Item], *, total: int, progress: Progress) -> Copied:
        """Copy files; what cannot be copied as it should be is a problem, and the rest goes on.

        Raises
        ------
        NotPermittedError, UnavailableError
            The target cannot be written.
        """
        done = 0
        for item in items:
            progress(Step(done, total, item.path))
            try:
                self._one(item)
            except NotFoundError:
                if item.digest:
                    self._problem(item, "is missing")
            except DamageError as error:
                self._problem(item, error.message)
            done += item.size
        progress(Step(done, total, ""))
        return self.result

    def _problem(self, item: Item, text: str) -> None:
        self.result.problems.append(
            VerifyProblem(n=0, kind="object", problem=f"{item.path}: {text}", digest=item.digest)
        )

    def _one(self, item: Item) -> None:
        goal = self.target / item.path
        self._make_folder(item)
        descriptor = files.open_regular(self.source / (item.source or item.path))
        try:
            status = os.fstat(descriptor)
            if self._is_there(item, goal, status=status):
                self.result.n_skipped += 1
                return
            digest, size = self._write(descriptor, goal, item=item, status=status)
        finally:
            files.close(descriptor)
        self.result.n_files += 1
        self.result.n_bytes += size
        if not item.digest:
            self.result.digests[item.path] = (size, digest)
            wanted = self.expected.get(item.path, digest)
            if wanted != digest:
                self._problem(item, "has other bytes than were recorded of it")

    def _make_folder(self, item: Item) -> None:
        """Make the folder of a file; a new one gets the mode of the one that it is copied from."""
        inside, known = Path(item.path).parent, Path(item.source or item.path).parent
        if str(inside) in self._folders:
            return
        self._folders.add(str(inside))
        pairs = zip((inside, *inside.parents), (known, *known.parents), strict=False)
        for name, other in reversed([*pairs]):
            goal = self.target / name
            if not goal.is_dir():
                files.make_folder(goal)
                self._like(self.source / other, goal)
        for left in (self.target / inside).glob(".*-*.tmp"):  # of a copy that was killed
            with contextlib.suppress(OSError):
                left.unlink()

    def _like(self, folder: Path, goal: Path) -> None:
        with contextlib.suppress(OSError):  # what the system does not allow, it gives as it does
            status = folder.stat()
            if self._is_root:
                os.chown(goal, status.st_uid, status.st_gid)
            goal.chmod(stat.S_IMODE(status.st_mode) | stat.S_IRWXU)

    def _is_there(self, item: Item, goal: Path, *, status: os.stat_result) -> bool:
        """Say whether a file was copied before: the right bytes, or the same size and time."""
        try:
            known = os.lstat(goal)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise files.write_error(error, goal) from error
        if not stat.S_ISREG(known.st_mode):
            msg = f"{goal} is not a plain file."
            raise UnavailableError(msg, "Remove it, then do it again.")
        if item.digest:
            return _digest(goal) == item.digest
        before = self.known.get(item.path)
        same = (known.st_size, known.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        if same:
            self.result.digests[item.path] = before or (known.st_size, _digest(goal))
        return same

    def _write(
        self, descriptor: int, goal: Path, *, item: Item, status: os.stat_result
    ) -> tuple[str, int]:
        temporary = goal.parent / f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
        found = hashlib.sha256()
        try:
            with temporary.open("xb") as writer:
                for block in _blocks(descriptor, status.st_size):
                    found.update(block)
                    writer.write(block)
                size = writer.tell()
                os.fchmod(writer.fileno(), 0o444 if item.digest else status.st_mode & 0o777)
                if self._is_root:
                    os.fchown(writer.fileno(), status.st_uid, status.st_gid)
                writer.flush()
                if item.digest:
                    os.fsync(writer.fileno())
            if item.digest and found.hexdigest() != item.digest:
                msg = "has other bytes than its entry or name says"
                raise DamageError(msg)
            os.utime(temporary, ns=(status.st_mtime_ns, status.st_mtime_ns))
            temporary.rename(goal)
        except OSError as error:
            raise files.write_error(error, goal) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return found.hexdigest(), size


def _blocks(descriptor: int, size: int) -> Iterator[bytes]:
    """Yield the first ``size`` bytes: what a live file held when it was opened."""
    done = 0
    while done < size:
        block = os.pread(descriptor, min(_BLOCK, size - done), done)
        if not block:
            return
        yield block
        done += len(block)


def _digest(path: Path) -> str:
    try:
        descriptor = files.open_regular(path)
    except ModelDeckError:
        return ""
    try:
        with open(descriptor, "rb", closefd=False) as reader:
            return hashlib.file_digest(reader, "sha256").hexdigest()
    finally:
        files.close(descriptor)
