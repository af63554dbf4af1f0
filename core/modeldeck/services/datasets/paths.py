"""Paths that people name: refused where they lead astray, written down as others can use them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from modeldeck.domain.datasets import formats
from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.store import contents, places

MOST_LISTED = 1_000


def checked(root: Path, typed: str | Path) -> Path:
    """Return the full path of a file or folder, from the working directory or the workspace.

    Raises
    ------
    InvalidInputError
        It is an address, no path that can be written down, leads out of the workspace through a
        link, or is the workspace's own records.
    NotFoundError
        It is not there.
    """
    text = str(typed)
    if "://" in text:
        msg = f"{text[:120]!r} is an address; a dataset is a file or a folder."
        raise InvalidInputError(msg, "Fetch it first, then name the file.")
    if not contents.is_plain(text):
        msg = f"{text[:120]!r} is not the name of a file that can be kept."
        raise InvalidInputError(msg, "Use printable Unicode text, at most 1,000 characters.")
    choices = [Path(os.path.abspath(Path(text).expanduser()))]  # noqa: PTH100 -- follows no link
    if not Path(text).is_absolute():
        choices.append(Path(os.path.abspath(root / text)))  # noqa: PTH100 -- as above
    found = next((one for one in choices if _is_there(one)), None)
    if found is None:
        msg = f"There is no file or folder {text[:200]!r}."
        raise NotFoundError(msg, "Name a file, or a folder, of data.")
    _check_place(root, found)
    return found


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except (OSError, ValueError):
        return False
    return True


def _check_place(root: Path, path: Path) -> None:
    whole = root.absolute()
    hidden = whole / places.HIDDEN
    if path in {whole, hidden} or path in whole.parents or hidden in path.parents:
        msg = f"{path} is, or holds, the workspace's own records."
        raise InvalidInputError(msg, "Put the data into a folder of its own, such as datasets/.")
    if whole in path.parents and not path.parent.resolve().is_relative_to(root.resolve()):
        msg = f"{path} leads out of the workspace through a link."
        raise InvalidInputError(msg, "Name the file itself.")


def candidates(root: Path) -> list[str]:
    """Return the tables and folders in ``datasets/`` that can be named, as :func:`shown` does."""
    folder = root / "datasets"
    try:
        with os.scandir(folder) as listed:
            items = [*itertools.islice(listed, MOST_LISTED)]
    except OSError:
        return []
    return sorted(
        f"datasets/{one.name}"
        for one in items
        if contents.is_plain(one.name)
        and (
            one.is_dir(follow_symlinks=False)
            or (one.is_file(follow_symlinks=False) and formats.format_of(one.name))
        )
    )


def shown(root: Path, path: Path) -> str:
    """Return how a path is written down: from the workspace on, or just its last name."""
    whole = root.absolute()
    return path.relative_to(whole).as_posix() if whole in path.parents else path.name


def working(root: Path, source: str) -> Path | None:
    """Return where contents were added from; None when that is not in the workspace.

    Anybody may have written the description: a source leads nowhere else.
    """
    parts = source.split("/")
    is_usable = len(parts) > 1 and contents.is_plain(source) and "\\" not in source
    if not is_usable or {"", ".", ".."} & set(parts) or parts[0] == places.HIDDEN:
        return None
    path = root / source
    try:
        is_inside = path.parent.resolve(strict=True).is_relative_to(root.resolve(strict=True))
    except (OSError, RuntimeError):
        return None
    return path if is_inside else None
