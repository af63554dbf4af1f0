"""Python imports this when it starts, where this folder is on its path: it then forks its jobs."""

from __future__ import annotations

from tests.jobs import fork_them

fork_them()
