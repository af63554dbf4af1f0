"""Which files are tables, by the ending of their names, and how a version of a dataset is typed."""

from __future__ import annotations

import re

from modeldeck import ids
from modeldeck.errors import InvalidInputError

FORMATS = {
    ".csv": "csv",
    ".csv.gz": "csv.gz",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""The format of a table by the ending of its file's name."""

MODES = ("reflink", "copy", "none")
"""How contents are kept: shared blocks where the file system can, a copy, or not at all."""

NUMBERS = frozenset({"int64", "float64"})
"""The types of columns that hold numbers."""

_VERSION = re.compile(r"([a-z0-9][a-z0-9._-]{0,63})@([1-9][0-9]{0,8})")


def format_of(name: str) -> str:
    """Return the format of a file by the ending of its name; empty when it is no table.

    >>> format_of("sales.csv.gz"), format_of("Sales.CSV"), format_of("notes.txt")
    ('csv.gz', 'csv', '')
    """
    lower = name.lower()
    return next((kind for ending, kind in FORMATS.items() if lower.endswith(ending)), "")


def is_version(text: str) -> bool:
    """Say whether a text is a version of a dataset, as ``sales@3``.

    >>> is_version("sales@3"), is_version("sales"), is_version("sales@0"), is_version("../x@1")
    (True, False, False, False)
    """
    found = _VERSION.fullmatch(text)
    return found is not None and ids.is_name(found[1])


def check_name(name: str) -> str:
    """Return a dataset's name.

    Raises
    ------
    InvalidInputError
        It is none.
    """
    if "@" in name:
        msg = f"{name[:80]!r} cannot be the name of a dataset."
        raise InvalidInputError(msg, "Leave the number out: versions count themselves.")
    return ids.check_name(name, "a dataset")
