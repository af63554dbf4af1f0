"""Upper bounds of functions, classes, modules and folders, with every exception and its reason."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.code import CORE, TUI, Function, classes, functions, modules, parsed, short

FUNCTION_LINES = 50
CLASS_LINES = 300
CLASS_METHODS = 20
MODULE_LINES = 500
MODULES_OF_A_FOLDER = 15
POSITIONAL_PARAMETERS = 2
SMALL_MODULES = {"core/modeldeck/workspace.py": 250, "tui/modeldeck_tui/app.py": 250}
"""Modules from which everything can be reached grow first; they are held shorter."""

EXCEPTIONS: dict[str, str] = {}
"""What may be larger, as its test names it, and why."""

_FOREIGN = {("scope", "receive", "send"), ("fullname", "path", "target")}
"""Parameters of protocols that others call: ASGI, and the import system's finders."""


def too_long_functions(path: Path) -> Iterator[str]:
    """Name functions of too many lines, not counting their docstrings."""
    for name, function in functions(parsed(path)):
        lines = _lines(function) - _docstring_lines(function)
        if lines > FUNCTION_LINES:
            yield f"{short(path)}:{name} has {lines} lines"


def too_many_parameters(path: Path) -> Iterator[str]:
    """Name functions with positional parameters beyond the second."""
    for name, function in functions(parsed(path)):
        names = _positional(function)
        is_magic = function.name.startswith("__") and function.name != "__init__"
        is_command = any(isinstance(node, ast.Call) for node in function.decorator_list)
        if is_magic or is_command or names in _FOREIGN:
            continue
        if len(names) > POSITIONAL_PARAMETERS:
            yield f"{short(path)}:{name} takes {', '.join(names)} by position"


def too_large_classes(path: Path) -> Iterator[str]:
    """Name classes of too many lines or methods."""
    for found in classes(parsed(path)):
        methods = sum(isinstance(node, Function) for node in found.body)
        if _lines(found) > CLASS_LINES:
            yield f"{short(path)}:{found.name} has {_lines(found)} lines"
        if methods > CLASS_METHODS:
            yield f"{short(path)}:{found.name} has {methods} methods"


def too_long_modules(path: Path) -> Iterator[str]:
    """Name a module of too many lines."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    if lines > SMALL_MODULES.get(short(path), MODULE_LINES):
        yield f"{short(path)} has {lines} lines"


def too_full_folders(path: Path) -> Iterator[str]:
    """Name the folder of an ``__init__.py`` when it holds too many other modules."""
    count = len(list(path.parent.glob("*.py"))) - 1
    if path.name == "__init__.py" and count > MODULES_OF_A_FOLDER:
        yield f"{short(path.parent)} has {count} modules"


RULES = (
    too_long_functions,
    too_many_parameters,
    too_large_classes,
    too_long_modules,
    too_full_folders,
)


@pytest.mark.parametrize("rule", RULES)
def test_sources_keep_the_sizes(rule: Callable[[Path], Iterator[str]]) -> None:
    """Nothing is larger than the bounds, unless the table of exceptions names it."""
    found = [text for path in modules(CORE, TUI) for text in rule(path)]
    surprising = [text for text in found if text.split()[0] not in EXCEPTIONS]
    assert not surprising, "\n".join(surprising)


def test_exceptions_of_sizes_are_still_needed() -> None:
    """An exception whose reason has gone leaves the table."""
    found = {
        text.split()[0] for path in modules(CORE, TUI) for rule in RULES for text in rule(path)
    }
    assert set(EXCEPTIONS) <= found
    assert all(EXCEPTIONS.values())


def _lines(node: ast.AST) -> int:
    return getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0) + 1


def _docstring_lines(function: Function) -> int:
    return _lines(function.body[0]) if ast.get_docstring(function) else 0


def _positional(function: Function) -> tuple[str, ...]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return tuple(names[1:] if names[:1] in (["self"], ["cls"]) else names)
