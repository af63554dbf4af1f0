"""Digests of rows: how two versions tell which rows either of them was trained on.

``training_rows.bin`` is the sorted, distinct digests, 8 bytes each, big-endian, one after the
other. A row's digest is BLAKE2b over the names of its columns in alphabetical order, then 8 bytes
a column: a number as IEEE double (−0 as 0, one NaN), a text as its own BLAKE2b digest. So it does
not depend on the order of columns, nor on a file storing whole numbers as integers or as floats.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from modeldeck.errors import InvalidInputError

_SIZE = 8
Digests = np.ndarray[Any, np.dtype[np.uint64]]
"""Digests of rows as integers."""


def row_digests(frame: pl.DataFrame, columns: Sequence[str]) -> Digests:
    """Return the digest of each row over some columns of a normalised frame."""
    names = sorted(columns)
    matrix = np.column_stack([_words(frame[name]) for name in names])
    start = hashlib.blake2b(json.dumps(names).encode(), digest_size=_SIZE)
    found = np.empty(len(matrix), dtype=">u8")
    for number, row in enumerate(matrix):
        one = start.copy()
        one.update(row.tobytes())
        found[number] = int.from_bytes(one.digest(), "big")
    return found.astype(np.uint64)


def _words(column: pl.Series) -> Digests:
    if column.dtype == pl.String:
        texts = column.unique().to_list()
        known = {text: _text_digest(text) for text in texts}
        return np.array([known[text] for text in column.to_list()], dtype="<u8")
    numbers = column.cast(pl.Float64).fill_null(np.nan).to_numpy() + 0.0
    return np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").view("<u8")


def _text_digest(text: str | None) -> int:
    data = b"\x00missing" if text is None else b"\x01" + text.encode()
    return int.from_bytes(hashlib.blake2b(data, digest_size=_SIZE).digest(), "big")


def to_bytes(digests: Digests) -> bytes:
    """Return what ``training_rows.bin`` holds for some rows."""
    return np.unique(digests).astype(">u8").tobytes()


def from_bytes(data: bytes) -> Digests:
    """Read ``training_rows.bin``.

    Raises
    ------
    InvalidInputError
        Its length is not a multiple of eight.
    """
    if len(data) % _SIZE:
        msg = "training_rows.bin is damaged: its length is not a multiple of 8."
        raise InvalidInputError(msg)
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)
