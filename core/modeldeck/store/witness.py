"""The highest ledger head that this user ever saw, kept outside the workspace.

A chain cannot show that its end was cut off or that all of it was written anew; whoever remembers
a head can (the idea is that of The Update Framework, section 5, rollback attacks). What is missed
is said until the owners name it: by acknowledging the broken place, or as lost with a backup.
``~/.local/state/modeldeck/heads/<workspace>.json`` holds ``{"n": …, "head": "…", "losses": …}``,
where ``losses`` is how many losses the owners had named by then.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import NamedTuple

from modeldeck.domain.entry import is_digest
from modeldeck.domain.history import copies
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, NotFoundError, UnavailableError
from modeldeck.store import files, places


class Seen(NamedTuple):
    """A head that was seen: number, digest, and how many losses the ledger named then."""

    n: int = 0
    head: str = ""
    n_losses: int = 0


def check(state: State) -> str:
    """Return what contradicts the head remembered for a workspace; empty when nothing does.

    Raises
    ------
    UnavailableError
        What is remembered cannot be read just now.
    """
    n, head, n_losses = seen(state.workspace) or Seen()
    if not n or state.stopped or copies.is_named(state, n, head=head, n_losses=n_losses):
        return ""
    if state.n < n:
        return f"History shrank: entry {n} was seen here before, now there are {state.n}."
    if head not in state.heads:
        return f"History was rewritten: entry {n} is another one than was seen here before."
    return ""


def path_of(workspace: str) -> Path:
    """Return the file that remembers the head of a workspace."""
    return places.user_state() / "heads" / f"{workspace}.json"


def seen(workspace: str) -> Seen | None:
    """Return the highest head that is remembered; number 0 without one, None when damaged.

    Raises
    ------
    UnavailableError
        What is remembered cannot be read just now.
    """
    try:
        known = json.loads(files.read_bytes(path_of(workspace), 1 << 12))
        n, head, n_losses = known["n"], known["head"], known.get("losses", 0)
    except NotFoundError:
        return Seen()
    except UnavailableError:
        raise
    except (ModelDeckError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    is_sound = type(n) is int and n >= 1 and is_digest(head) and type(n_losses) is int
    return Seen(n, head, n_losses) if is_sound else None


def remember(state: State) -> None:
    """Remember the head of a workspace, unless a higher one is remembered."""
    folder = places.user_state() / "heads"
    with contextlib.suppress(ModelDeckError):
        if not state.n or state.stopped or check(state):
            return
        files.make_folder(folder)
        known = {"n": state.n, "head": state.head, "losses": len(state.losses)}
        data = files.dumps(known)
        files.replace(folder / f"{state.workspace}.json", data, mode=0o600, durable=False)
