"""Checking tables that people wrote: each problem named with file, line, and what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from modeldeck.errors import InvalidInputError

T = TypeVar("T")
Problems = list[InvalidInputError]

MAX_TEXT = 1 << 20
"""A TOML file of more characters than this is refused."""

_WORDS: dict[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list in [ ]",
    dict: "a table",
}


def parse_toml(text: str, filename: str, *, problems: Problems | None = None) -> Table:
    """Parse TOML into a :class:`Table` that knows where it came from.

    With a list for problems, what is wrong is collected there, until :meth:`Table.settle`.

    Raises
    ------
    InvalidInputError
        The text is too long or not TOML; the message names file, line and the problem.
    """
    if len(text) > MAX_TEXT:
        msg = f"{filename} has {len(text):,} characters; at most {MAX_TEXT:,} are read."
        raise InvalidInputError(msg)
    import tomllib  # those who only look parse no TOML

    try:
        return Table(tomllib.loads(text), text=text, filename=filename, problems=problems)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = f", line {where[1] if where else max(1, len(text.splitlines()))}"
        problem = re.sub(r" \(at .*\)$", "", str(error)).rstrip(".")
        msg = f"{filename}{line} is not TOML: {problem}."
        raise InvalidInputError(msg, "Correct that line.", file=filename) from None
    except RecursionError:
        msg = f"{filename} is nested too deeply."
        raise InvalidInputError(msg, file=filename) from None


class Table:
    """One table of a TOML file: values are taken out by name and type, leftovers are an error.

    Parameters
    ----------
    data : Mapping of str to object
        The parsed table.
    text : str
        The whole file, to find lines in.
    filename : str
        How to call the file in messages.
    path : tuple of str
        Keys from the top of the file to this table.
    problems : list of InvalidInputError, optional
        Where problems of all tables of a file are collected; without it, the first one is raised.
    """

    def __init__(
        self,
        data: Mapping[str, object],
        *,
        text: str,
        filename: str,
        path: tuple[str, ...] = (),
        problems: Problems | None = None,
    ) -> None:
        self.data = dict(data)
        self.text = text
        self.filename = filename
        self.path = path
        self.problems = problems
        self._known: set[str] = set()

    def fail(self, key: str, problem: str, *, hint: str = "") -> InvalidInputError:
        """Return the error for one key of this table: file, line, key, problem."""
        line = self.line_of(key)
        where = f"{self.filename}, line {line}" if line else self.filename
        name = ".".join((*self.path, key)) if key else ".".join(self.path)
        said = f"{name}: {problem}" if name else problem
        return InvalidInputError(f"{where}: {said}.", hint, file=self.filename, line=line, key=name)

    def attempt(self, read: Callable[[], T]) -> T | None:
        """Read a part of the file; None where that failed and problems are collected.

        What a value that was wrong already leads to is no further problem.
        """
        if self.problems is None:
            return read()
        before = len(self.problems)
        try:
            return read()
        except InvalidInputError as error:
            if len(self.problems) == before:
                self.problems.append(error)
            return None

    def settle(self) -> None:
        """Raise what was collected: one problem as it is, several as one error that names all.

        Raises
        ------
        InvalidInputError
            There was a problem.
        """
        found = sorted(self.problems or (), key=lambda one: int(str(one.data.get("line", 0))))
        if len(found) == 1:
            raise found[0]
        if found:
            named = [str(one).removeprefix(f"{self.filename}, ") for one in found]
            told = " ".join(f"({number}) {one}" for number, one in enumerate(named, start=1))
            msg = f"{self.filename} has {len(found)} problems: {told}"
            raise InvalidInputError(msg, file=self.filename)

    def refuse(self, error: InvalidInputError) -> None:
        """Raise a problem, or keep it where problems are collected; then go on with another value.

        Raises
        ------
        InvalidInputError
            That problem.
        """
        if self.problems is None:
            raise error
        self.problems.append(error)

    def line_of(self, key: str) -> int:
        """Return the line (from 1) where a key of this table seems to stand; 0 when not found."""
        lines = self.text.splitlines()
        start = 0
        header = ".".join(self.path)
        names = {header, ".".join(map(_quoted, self.path))}
        for number, line in enumerate(lines):
            opened = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line)
            if opened and self.path and opened[1] in names:
                start = number
                break
        for number in range(start, len(lines)):
            if re.search(rf'(^|[\s{{,."\[]){re.escape(key)}"?\s*(=|\]|\.)', lines[number]):
                return number + 1
        return start + 1 if self.path and start else 0

    def take(self, key: str, kind: type[T], *, default: T | None = None) -> T:
        """Take a value of one type out; without a default it is required.

        Raises
        ------
        InvalidInputError
            It is missing or of another type.
        """
        self._known.add(key)
        if key not in self.data:
            if default is None:
                self.refuse(self.fail("", f"{key} is missing; expected {_WORDS[kind]}"))
                return kind()
            return default
        value = self.data[key]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            found = "true or false" if isinstance(value, bool) else f"{value!r:.60}"
            self.refuse(self.fail(key, f"expected {_WORDS[kind]}, found {found}"))
            return kind() if default is None else default
        return value

    def has(self, key: str) -> bool:
        """Say whether the table has a key."""
        return key in self.data

    def raw(self, key: str) -> object:
        """Take a value of any type out (None when it is not there)."""
        self._known.add(key)
        return self.data.get(key)

    def texts(self, key: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """Take a list of texts out."""
        values = self.take(key, list, default=list(default))
        for value in values:
            if not isinstance(value, str):
                self.refuse(self.fail(key, f"expected a list of texts, found {value!r:.60} in it"))
                return tuple(default)
        return tuple(values)

    def table(self, key: str) -> Table:
        """Take a table out; empty when it is not there."""
        return self._child(key, self.take(key, dict, default={}))

    def tables(self, key: str) -> list[Table]:
        """Take an array of tables out; empty when it is not there."""
        found = []
        for value in self.take(key, list, default=[]):
            if not isinstance(value, dict):
                self.refuse(self.fail(key, f"expected tables ([[{key}]]), found {value!r:.60}"))
                continue
            found.append(self._child(key, value))
        return found

    def named(self, key: str) -> dict[str, Table]:
        """Take a table of tables out, in the order of the file."""
        inner = self.table(key)
        return {name: inner.table(name) for name in inner.data}

    def choice(self, key: str, options: Iterable[str], *, default: str | None = None) -> str:
        """Take a text out that must be one of some words."""
        before = len(self.problems or ())
        value = self.take(key, str, default=default)
        words = list(options)
        if value not in words:
            if len(self.problems or ()) == before:
                expected = f"expected one of {', '.join(words)}, found {value!r:.60}"
                self.refuse(self.fail(key, expected))
            return words[0] if default is None else default
        return value

    def finish(self) -> None:
        """Refuse keys that nobody took, naming the nearest known one.

        Raises
        ------
        InvalidInputError
            There is such a key.
        """
        for key in self.data:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else ""
                self.refuse(self.fail(key, "no such setting", hint=hint or "Remove it."))

    def _child(self, key: str, data: Mapping[str, object]) -> Table:
        path = (*self.path, key)
        return Table(
            data, text=self.text, filename=self.filename, path=path, problems=self.problems
        )


def _quoted(part: str) -> str:
    """Return a part of a table's name as TOML writes it."""
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
