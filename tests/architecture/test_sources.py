"""What may not stand in a source file, and what must."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.code import CORE, ROOT, TUI, functions, modules, parsed, short

_TEXTS = {"", ".cfg", ".css", ".json", ".md", ".py", ".tcss", ".toml", ".txt", ".yaml", ".yml"}
_PLACES = ("core", "tui", "tests", "workspace", ".ci")

_MACHINE = re.compile(r"(?<![\w.$}/-])/(?:work|root|farm|home/\w+|Users/\w+)/")
_INDEX = re.compile(r"index[-_]url|find[-_]links|trusted-host|registry *= *\"?http|pythonhosted")
_OPEN = re.compile(r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b|raise NotImplemented[E]rror")
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control, bidi and zero-width characters: what an editor shows is not what Python reads."""


def texts() -> Iterator[Path]:
    """Return every text file of the project that is made by hand."""
    files = [path for place in _PLACES for path in (ROOT / place).rglob("*")]
    for path in sorted([*files, *ROOT.glob("*")]):
        if path.is_file() and path.suffix in _TEXTS and "__pycache__" not in path.parts:
            yield path


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Return where a pattern stands, as ``file:line``, except in this file."""
    return [
        f"{short(path)}:{number}"
        for path in texts()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize(
    "pattern",
    [_MACHINE, _INDEX, _OPEN, _HIDDEN],
    ids=["machine", "index", "open", "hidden"],
)
def test_sources_name_no_machine_and_leave_nothing_open(pattern: re.Pattern[str]) -> None:
    """No path of a machine, no package index, no loose end, no invisible character."""
    assert lines_with(pattern) == []


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (_MACHINE, 'open("/root/.ssh/x")', "runs/work/x and ${HOME}/root/"),
        (_INDEX, "pip --index-url", "the index of a block"),
        (_HIDDEN, "a\u202eb", "a – b, ✓"),
    ],
    ids=["machine", "index", "hidden"],
)
def test_patterns_of_this_file_tell_bad_from_good(
    pattern: re.Pattern[str], bad: str, good: str
) -> None:
    """The patterns find what they are for and leave ordinary text alone."""
    assert pattern.search(bad)
    assert not pattern.search(good)


def test_public_functions_of_modeldeck_have_docstrings() -> None:
    """Everything in the package that does not begin with an underscore says what it does."""
    bare = [
        f"{short(path)}:{name}"
        for path in modules(CORE)
        for name, function in functions(parsed(path))
        if not re.search(r"<locals>|(^|\.)_", name) and not ast.get_docstring(function)
    ]
    assert bare == []


def test_modules_have_docstrings() -> None:
    """Every module says in its first line what it is for."""
    bare = [short(path) for path in modules(CORE, TUI) if not ast.get_docstring(parsed(path))]
    assert bare == []


def test_tests_are_named_and_explained() -> None:
    """A test's name tells subject, situation and outcome, and its docstring says what holds."""
    odd = [
        f"{short(path)}:{name}"
        for path in modules(ROOT / "tests")
        for name, function in functions(parsed(path))
        if function.name.startswith("test_")
        and (function.name.count("_") < 3 or not ast.get_docstring(function))
    ]
    assert odd == []
