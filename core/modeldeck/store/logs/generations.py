"""The files that a log is and was: opened, unpacked, indexed, watched for rotation.

A log is a path, and behind it one file after the other as it is rotated::

    offsets   0 ─────────────── 7,000 ───────────── 9,500
    parts     │ renamed, kept open │ the file there now │ … grows
    numbers   1 …               81  82 …

Offsets count on through rotations by renaming, so that a place stays a place: what is on the
screen can be scrolled back beyond a rotation, and a bookmark holds. A file that is shortened or
written anew (``copytruncate``) is gone; what comes is a new part, and ``begin`` is where it begins.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from modeldeck.domain.logs.formats import Format
from modeldeck.domain.logs.heads import Catalogue
from modeldeck.errors import ModelDeckError
from modeldeck.store.logs.matching import Pattern
from modeldeck.store.logs.opening import Opened, Plain, open_log
from modeldeck.store.logs.part import Part
from modeldeck.store.logs.rotated import between

MOST_PARTS = 8
"""Files that were renamed and are kept open, so that one can scroll back into them."""

MOST_OF_PIPE = 256 << 20
"""Bytes of a pipe that one file takes; so many times :data:`MOST_PARTS` can be scrolled back."""


class Change(NamedTuple):
    """What became of a log's file.

    Attributes
    ----------
    kind : str
        ``rotated``: renamed, another one has its name, nothing is lost. ``missed``: the same, but
        there were others meanwhile that cannot be read any more. ``shortened``: cut or
        written anew in place, what was not read before is lost. ``gone``: there is no file of
        that name; what was open is still read. ``appeared``: now there is one.
    offset : int
        Where the new file begins; for ``gone`` the end.
    """

    kind: str
    offset: int


class Files:
    """The files of one log.

    One thread may call :meth:`refresh` and :meth:`advance` while others read.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    name : str
        The name of its lines; empty takes the file's.
    source : int
        The number of its lines' source.
    formats : sequence of Format
        A person's own formats.
    follows_links : bool
        Whether links are followed and pipes read, as for paths that a person names.
    cache : Path or None
        A folder for indexes; None keeps none.
    opened : Opened or None
        What to read instead of the path: standard input, see
        :func:`modeldeck.store.logs.opening.open_pipe`.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str = "",
        source: int = 0,
        formats: Sequence[Format] = (),
        follows_links: bool = False,
        cache: Path | None = None,
        opened: Opened | None = None,
    ) -> None:
        self.path = path
        self.name = name or path.name
        self.source = source
        self.problem: ModelDeckError | None = None
        self._formats = formats
        self._follows_links = follows_links
        self._cache = cache
        self._is_fixed = opened is not None
        self._is_there = True
        self._parts: tuple[Part, ...] = ()
        self._lock = threading.Lock()
        self._has_saved = False
        self._known: deque[tuple[int, int]] = deque(maxlen=2 * MOST_PARTS)
        self.begin = 0
        if opened is not None:
            self._add(opened, 0)
        else:
            self._open(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            parts, self._parts = self._parts, ()
        for part in parts:
            part.close()

    @property
    def end(self) -> int:
        """Where the log ends, as far as :meth:`refresh` saw."""
        return self._parts[-1].end if self._parts else self.begin

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return bool(self._parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The files it consists of, the present one last."""
        return self._parts

    def refresh(self) -> list[Change]:
        """Look at the file again; return what became of it. New lines are no change."""
        if not self._parts:
            return self._appear()
        part = self._parts[-1]
        if not part.grow():
            return self._shortened(part)
        return [] if self._is_fixed else self._check_name(part)

    def _appear(self) -> list[Change]:
        if self._is_fixed or not self._open(self.begin):
            return []
        return [Change("appeared", self.begin)]

    def _shortened(self, part: Part) -> list[Change]:
        begin = part.end
        is_plain = isinstance(part.opened, Plain)  # it may have been renamed since, too
        opened = part.opened if is_plain else self._try_open()
        with self._lock:
            parts, self._parts = self._parts, ()
        for one in parts:
            if one is not part or not is_plain:
                one.close()
        self.begin = begin
        if opened is None:
            return [Change("shortened", begin)]
        part = self._add(opened, begin)
        return [Change("shortened", begin), *([] if self._is_fixed else self._check_name(part))]

    def _check_name(self, part: Part) -> list[Change]:
        try:
            status = self.path.stat(follow_symlinks=self._follows_links)
        except OSError:
            was_there, self._is_there = self._is_there, False
            return [Change("gone", self.end)] if was_there else []
        is_back = not self._is_there
        self._is_there = True
        if (status.st_dev, status.st_ino) == part.opened.identity:
            return [Change("appeared", self.end)] if is_back else []
        if not status.st_size:  # who writes to the old file has not opened the new one yet
            return []
        opened = self._try_open()
        if opened is None:
            return []
        part.grow()
        known = (*self._known, opened.identity)
        found = between(self.path, part.descriptor, known=known, most=MOST_PARTS - 2)
        changes = []
        for path in found.paths:  # two rotations since the last look, or more
            with contextlib.suppress(ModelDeckError):
                one = open_log(path, follows_links=False)
                changes.append(Change("rotated", self.end))
                self._add(one, self.end)
        changes.append(Change("rotated" if found.is_known else "missed", self.end))
        self._add(opened, self.end)
        return changes

    def _try_open(self) -> Opened | None:
        try:
            opened = open_log(self.path, follows_links=self._follows_links)
        except ModelDeckError as error:
            self.problem = error
            return None
        self.problem = None
        return opened

    def _open(self, base: int) -> bool:
        opened = self._try_open()
        if opened is not None:
            self._add(opened, base)
        return opened is not None

    def _add(self, opened: Opened, base: int) -> Part:
        catalogue = Catalogue(self._formats, compile_theirs=Pattern)
        part = Part(opened, base=base, catalogue=catalogue, name=self.name, source=self.source)
        self._known.append(opened.identity)
        if (path := self._cache_path(part)) is not None:
            part.index.load(path, size=part.size)
        with self._lock:
            parts = (*self._parts, part)
            old, self._parts = parts[:-MOST_PARTS], parts[-MOST_PARTS:]
        for one in old:
            one.close()
        self.begin = self._parts[0].base
        self._has_saved = False
        return part

    def _cache_path(self, part: Part) -> Path | None:
        if self._cache is None or self._is_fixed:
            return None
        device, inode = part.opened.identity
        name = hashlib.sha256(f"{device} {inode} {self.name}".encode(errors="replace")).hexdigest()
        return self._cache / f"{name[:32]}.index"

    def unpack(self) -> bool:
        """Unpack a little more; say whether more is left. What is no archive needs none.

        Raises
        ------
        DamageError, UnavailableError
            As :meth:`advance`.
        """
        if not self._parts:
            return False
        part = self._parts[-1]
        has_more = part.opened.feed()
        part.grow()
        if part.size > MOST_OF_PIPE and (more := part.opened.after(part.whole_lines())) is not None:
            part.size = part.whole_lines()
            self._add(more, part.end)
        return has_more

    def advance(self) -> bool:
        """Unpack or index a little more, for about a millisecond; say whether more is left.

        Raises
        ------
        DamageError, UnavailableError
            What is packed cannot be unpacked further; the next call goes on with the rest.
        """
        if not self._parts:
            return False
        part = self._parts[-1]
        if self.unpack():
            return True
        for one in self._parts:
            if one.index.advance(one.size):
                return True
        if not self._has_saved and (path := self._cache_path(part)) is not None:
            part.index.save(path)
        self._has_saved = True
        return False

    @property
    def progress(self) -> float:
        """How much is unpacked and indexed, 0 to 1."""
        whole = max(1, self.end - self.begin)
        done = sum(min(one.index.covered + (1 << 18), one.size) for one in self._parts)
        unpacked = self._parts[-1].opened.share() if self._parts else 1.0
        return min(1.0, done / whole) * unpacked if self.end > self.begin else unpacked
