"""The workspaces of the command line's tests, for people at terminals."""

from __future__ import annotations

from tests.cli.conftest import requested, trained, waiting

__all__ = ["requested", "trained", "waiting"]
