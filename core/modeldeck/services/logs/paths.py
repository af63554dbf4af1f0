"""What people name as a log, as far as no workspace is needed for it: paths, globs, ``-``."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from modeldeck.errors import InvalidInputError, NotFoundError

STDIN = "-"
MOST = 64
"""Logs that are read together."""

_GLOB = frozenset("*?[")


class Target(NamedTuple):
    """A file to read.

    Attributes
    ----------
    path : Path
        The file; ``-`` is standard input.
    name : str
        What its lines are said to be from.
    is_named : bool
        Whether a person named it, so that a link is followed.
    """

    path: Path
    name: str
    is_named: bool = True


def paths_of(things: Sequence[str]) -> list[Target] | None:
    """Return the files that are meant, if all of them are paths, globs or standard input.

    Parameters
    ----------
    things : sequence of str
        What a person wrote.

    Returns
    -------
    list of Target or None
        None when something needs a workspace to be found.

    Raises
    ------
    NotFoundError
        A glob finds nothing.
    InvalidInputError
        There are too many, or standard input is named twice.
    """
    found: list[Target] = []
    for thing in things:
        some = of_path(thing)
        if some is None:
            return None
        found += some
    return checked(found)


def of_path(thing: str) -> list[Target] | None:
    """Return the files that one name means; None when it is no path.

    Raises
    ------
    NotFoundError
        It can be nothing but a path or a glob, and there is no such file.
    """
    if thing == STDIN:
        return [Target(Path(STDIN), "stdin")]
    if "\0" in thing:
        return None
    path = Path(thing)
    if os.path.lexists(path) and not path.is_dir():
        return [Target(path, path.name)]
    if _GLOB & set(thing):
        found = glob.iglob(thing)  # noqa: PTH207 -- Path.glob takes no absolute pattern
        paths = sorted(one for one in map(Path, found) if not one.is_dir())
        if not paths:
            msg = f"No file fits {thing[:200]!r}."
            raise NotFoundError(msg, "Write it in quotation marks, and look at the folder.")
        return [Target(one, one.name) for one in paths]
    if "/" in thing:
        msg = f"There is no file {thing[:200]!r}."
        hint = "Name files in it." if path.is_dir() else "Look at the folder that it is in."
        raise NotFoundError(msg, hint)
    return None


def checked(targets: Iterable[Target]) -> list[Target]:
    """Return each file once, under names that differ.

    Raises
    ------
    InvalidInputError
        There are more than :data:`MOST`.
    """
    unique = list({one.path.absolute(): one for one in targets}.values())
    if len(unique) > MOST:
        msg = f"These are {len(unique)} logs; at most {MOST} are read together."
        raise InvalidInputError(msg, "Name fewer of them.")
    names = [one.name for one in unique]
    return [
        one._replace(name=str(one.path)) if names.count(one.name) > 1 else one for one in unique
    ]
