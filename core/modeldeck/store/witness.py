"""The highest ledger head that this user ever saw, kept outside the workspace.

A chain cannot show that its end was cut off or that all of it was written anew; whoever remembers
a head can (the idea is that of The Update Framework, section 5, rollback attacks). What is missed
is said until the owners name it: by acknowledging the broken place, or as lost with a backup.
``~/.local/state/modeldeck/heads/<workspace>.json`` holds lines, ``{"n": …, "head": "…",
"losses": …}``, of which the last whole one counts; ``losses`` is how many losses the owners had
named by then. Lines are appended without waiting for the disk: what a loss of power tears or takes
is the last of them, and the ones before stand. A file of more than 4 KiB is replaced by its last
line, whole.
"""

from __future__ import annotations

import contextlib
import functools
import json
from pathlib import Path
from typing import NamedTuple

from modeldeck.domain.entry import is_digest
from modeldeck.domain.history import copies
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, NotFoundError, UnavailableError
from modeldeck.store import files, places
from modeldeck.store.streams import Stream

_LARGE, _READ_LIMIT = 1 << 12, 1 << 16


class Seen(NamedTuple):
    """A head that was seen: number, digest, and how many losses the ledger named then."""

    n: int = 0
    head: str = ""
    n_losses: int = 0


def against(state: State, known: Seen | None) -> str:
    """Return what contradicts a head that was read before the state; empty when nothing does.

    A head that is read after it may be of entries that others recorded in between.
    """
    n, head, n_losses = known or Seen()
    if not n or state.stopped or copies.is_named(state, n, head=head, n_losses=n_losses):
        return ""
    if state.n < n:
        return f"History shrank: entry {n} was seen here before, now there are {state.n}."
    if head not in state.heads:
        return f"History was rewritten: entry {n} is another one than was seen here before."
    return ""


def path_of(workspace: str) -> Path:
    """Return the file that remembers the head of a workspace."""
    return _path_of(places.user_state(), workspace)


@functools.lru_cache(maxsize=64)
def _path_of(state: Path, workspace: str) -> Path:
    return state / "heads" / f"{workspace}.json"


def seen(workspace: str) -> Seen | None:
    """Return the highest head that is remembered; number 0 without one, None when damaged.

    Raises
    ------
    UnavailableError
        What is remembered cannot be read just now.
    """
    try:
        data = files.read_bytes(path_of(workspace), _READ_LIMIT)
    except NotFoundError:
        return Seen()
    except UnavailableError:
        raise
    except ModelDeckError:
        return None
    return next(filter(None, map(_seen_in, reversed(data.rstrip().split(b"\n")))), None)


def _seen_in(line: bytes) -> Seen | None:
    """Return the head that a line holds; None for a torn or foreign one."""
    try:
        known = json.loads(line)
        n, head, n_losses = known["n"], known["head"], known.get("losses", 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    is_sound = type(n) is int and n >= 1 and is_digest(head) and type(n_losses) is int
    return Seen(n, head, n_losses) if is_sound else None


def remember(state: State) -> None:
    """Remember the head of a workspace, unless a higher one is remembered."""
    with contextlib.suppress(ModelDeckError, OSError):
        known, now = seen(state.workspace), Seen(state.n, state.head, len(state.losses))
        if not state.n or state.stopped or known == now or against(state, known):
            return
        line = files.dumps({"n": now.n, "head": now.head, "losses": now.n_losses})
        path = path_of(state.workspace)
        if not known or not known.n or path.stat().st_size > _LARGE:
            files.make_folder(path.parent)
            files.replace(path, line, mode=0o600, durable=False)
        else:
            _append(path, line)


def _append(path: Path, line: bytes) -> None:
    stream = Stream(path, mode=0o600)
    try:
        stream.write(line)
    finally:
        stream.close()
