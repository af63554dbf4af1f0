"""Examples in docstrings show what the functions really return."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tests.architecture.code import CORE, TUI, modules, short

EXAMPLES = [path for path in modules(CORE, TUI) if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", EXAMPLES, ids=short)
def test_examples_of_a_module_show_what_it_does(path: Path) -> None:
    """Each example of a module gives what stands below it."""
    top = CORE.parent if path.is_relative_to(CORE) else TUI.parent
    parts = path.relative_to(top).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert not found.failed
