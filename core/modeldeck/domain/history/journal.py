"""A table whose changes can be taken back."""

from __future__ import annotations

from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Table(dict[K, V]):
    """A table of the state, whose changes the state's journal keeps until an entry is whole.

    It is changed by item alone: ``table[key] = value`` and ``del table[key]``.
    """

    __slots__ = ("journal",)

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[tuple[Table[Any, Any], Any, list[Any]]] = []

    def __setitem__(self, key: K, value: V) -> None:
        self.journal.append((self, key, [self[key]] if key in self else []))
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        self.journal.append((self, key, [self[key]]))
        super().__delitem__(key)
