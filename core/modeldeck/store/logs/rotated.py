"""Files that came and went between two looks at a log that is rotated quickly.

::

    looked at          one rotation       another one: the file in the middle was never seen
    log   (ours)  →    log.1  (ours)  →   log.2  (ours)
                       log                log.1  ← found here
                                          log
"""

from __future__ import annotations

import os
import re
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

_NUMBER = re.compile(r"[.-](\d{1,6})")
_DATED = re.compile(r"[.-][\d.:T_-]{1,40}")
_PACKED = (".gz", ".zst", ".xz", ".bz2", ".Z", ".lz4")


class Between(NamedTuple):
    """What was written between two looks.

    Attributes
    ----------
    paths : list of Path
        The files, in order.
    is_known : bool
        Whether these are all, as far as their names and times tell; else something is missing.
    """

    paths: list[Path]
    is_known: bool


class _Sibling(NamedTuple):
    written: int
    path: Path
    number: int
    is_packed: bool
    identity: tuple[int, int]


def between(path: Path, ours: int, *, known: Container[tuple[int, int]], most: int) -> Between:
    """Return the files that a log was between the one that is open and the present one.

    Their names are the log's with a number or a date behind; they were written to since the open
    one was, and were not read before.

    Parameters
    ----------
    path : Path
        The log, behind whose name another file stands by now.
    ours : int
        The descriptor of the file that it was.
    known : container of (device, inode)
        The files that were read, and the present one.
    most : int
        At most so many, the last ones.
    """
    status = os.fstat(ours)
    found = _siblings(path)
    identity = (status.st_dev, status.st_ino)
    here = next((one.number for one in found if one.identity == identity), 0)
    newer = [
        one
        for one in found
        if one.written >= status.st_mtime_ns
        and one.identity != identity
        and one.identity not in known
    ]
    is_chain = bool(here) and all(0 < one.number < here for one in newer)
    newer.sort(key=lambda one: (-one.number, 0) if is_chain else (one.written, one.number))
    plain = [one.path for one in newer if not one.is_packed]
    return Between(plain[-most:], is_known=len(plain) == len(newer) <= most)


def _siblings(path: Path) -> list[_Sibling]:
    """Return the files beside a log that have its name with a number or a date behind."""
    found = []
    try:
        with os.scandir(path.parent) as entries:
            for entry in entries:
                if not entry.name.startswith(path.name) or entry.name == path.name:
                    continue
                rest = entry.name.removeprefix(path.name)
                packing = next((one for one in _PACKED if rest.endswith(one)), "")
                rest = rest.removesuffix(packing)
                if not _DATED.fullmatch(rest) or not entry.is_file(follow_symlinks=False):
                    continue
                status = entry.stat(follow_symlinks=False)
                number = _NUMBER.fullmatch(rest)
                found.append(
                    _Sibling(
                        status.st_mtime_ns,
                        Path(entry.path),
                        int(number[1]) if number else 0,
                        bool(packing),
                        (status.st_dev, status.st_ino),
                    )
                )
    except OSError:
        return []
    return found
