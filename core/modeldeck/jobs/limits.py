"""Limits of a disposable worker, and how a job reports its end."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Callable

from modeldeck.errors import ModelDeckError

MEMORY_BYTES = 8 << 30  # address space: libraries reserve much more than they use
CPU_S = 300
FILE_BYTES = 4 << 30


def confine(cpu_s: int = CPU_S) -> None:
    """Limit this process's memory, processor time and files; nothing can lift that again."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _soft, hard = resource.getrlimit(kind)
        wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (wanted, wanted))


def answered(work: Callable[[], dict[str, object]]) -> int:
    """Print what ``work`` returns as one JSON document, or its error; return the exit code."""
    try:
        answer = work()
    except ModelDeckError as error:
        return refused(error)
    _print(answer)
    return 0


def refused(error: ModelDeckError) -> int:
    """Print an error as the job's answer; return its exit code."""
    _print({"error": {"message": error.message, "hint": error.hint}})
    return error.exit_code


def _print(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")
    sys.stdout.flush()
