"""A person's own formats: reading and checking their table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from modeldeck.domain.logs.formats import GROUPS, Compile, Format
from modeldeck.domain.logs.levels import LEVELS, level_of
from modeldeck.errors import InvalidInputError

MAX_PATTERN = 2000
"""Characters of a pattern."""


def own_formats(document: Mapping[str, Any], compiled: Compile) -> list[Format]:
    """Return the formats of a person's own file.

    Parameters
    ----------
    document : Mapping
        The file, as TOML reads it.
    compiled : callable
        Compiles a regular expression, or raises InvalidInputError.

    Raises
    ------
    InvalidInputError
        Something in it is unknown or does not fit; the message says what and where.
    """
    unknown = set(document) - {"formats"}
    if unknown:
        _refuse(f"{min(unknown)!r} is not known; formats stand below [formats.NAME]")
    tables = document.get("formats", {})
    if not isinstance(tables, Mapping):
        _refuse("formats is no table; write [formats.NAME]")
    return [_own(name, table, compiled=compiled) for name, table in tables.items()]


def _own(name: str, table: object, *, compiled: Compile) -> Format:
    where = f"formats.{name}"
    if not isinstance(table, Mapping):
        _refuse(f"{where} is no table")
    unknown = set(table) - {"pattern", "levels", "sample"}
    if unknown:
        _refuse(f"{where}.{min(unknown)} is not known; there are pattern, levels, sample")
    pattern = table.get("pattern")
    if not isinstance(pattern, str) or not 0 < len(pattern) <= MAX_PATTERN:
        _refuse(f"{where}.pattern must be a text of 1 to {MAX_PATTERN} characters")
    found = Format(name, pattern, levels=_own_levels(table.get("levels", {}), where), is_own=True)
    try:
        expression = compiled(found.expression())
    except InvalidInputError as error:
        _refuse(f"{where}.pattern: {error.message}")
    _check_groups(set(expression.groupindex), where)
    sample = table.get("sample", "")
    if not isinstance(sample, str) or (sample and not expression.match(sample.encode())):
        _refuse(f"{where}.sample does not fit its pattern")
    return found


def _own_levels(levels: object, where: str) -> dict[str, str]:
    if not isinstance(levels, Mapping):
        _refuse(f"{where}.levels is no table")
    found = {str(word): level_of(str(name)) for word, name in levels.items()}
    for word, level in found.items():
        if not level:
            _refuse(f"{where}.levels.{word} must be one of {', '.join(LEVELS)}")
    return found


def _check_groups(names: Iterable[str], where: str) -> None:
    unknown = set(names) - GROUPS
    if unknown:
        _refuse(f"{where}.pattern has a group {min(unknown)!r}, which is not known")
    if not set(names) & {"at", "level", "severity"}:
        _refuse(f"{where}.pattern needs a group: at, level or severity")


def _refuse(problem: str) -> NoReturn:
    msg = f"{problem[:300]}."
    hint = "Mend the file log-formats.toml in the folder of your settings, or move it away."
    raise InvalidInputError(msg, hint)
