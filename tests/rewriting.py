"""Tests are rewritten once, before workers start, and not by each of them.

pytest rewrites every assertion when it imports a test: five seconds for all. It keeps the result
beside the test, but a fresh checkout has none, and where ``PYTHONDONTWRITEBYTECODE`` is set nothing
is ever kept; then three workers do the same work at the same time.
"""

from __future__ import annotations

import compileall
import contextlib
import os
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

_TESTS = Path(__file__).parent


def rewrite_tests(config: pytest.Config) -> None:
    """Keep all tests rewritten, and what they share compiled, with all processors."""
    paths = sorted(_TESTS.rglob("*.py"))
    n = os.cpu_count() or 1
    children = []
    for first in range(n):
        child = os.fork()
        if not child:
            _be_child(config, paths[first::n])
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def _be_child(config: pytest.Config, paths: list[Path]) -> None:
    """Do a part of it; what fails here is done, and said, by the workers."""
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123 -- no file of ours
            for path in paths:
                if path.name.startswith("test_") or path.name == "conftest.py":
                    _rewrite(config, path)
                else:
                    compileall.compile_file(path, quiet=2)
    finally:
        os._exit(0)


def _rewrite(config: pytest.Config, path: Path) -> None:
    state = config.stash[rewrite.assertstate_key]
    kept = rewrite.get_cache_dir(path) / (path.name[:-3] + rewrite.PYC_TAIL)
    if rewrite._read_pyc(path, kept, state.trace) is None:
        kept.parent.mkdir(exist_ok=True)
        digest, code = rewrite._rewrite_test(path, config)
        rewrite._write_pyc(state, code, digest, kept)
