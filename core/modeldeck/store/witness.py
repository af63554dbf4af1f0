"""The highest ledger head that this user ever saw, kept outside the workspace.

A chain cannot show that its end was cut off or that all of it was written anew; whoever remembers
a head can (the idea is that of The Update Framework, section 5, rollback attacks).
``~/.local/state/modeldeck/heads/<workspace>.json`` holds ``{"n": …, "head": "…"}``.
"""

from __future__ import annotations

import contextlib
import json

from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError, UnavailableError
from modeldeck.store import files, places


def check(state: State) -> str:
    """Return what contradicts the head remembered for a workspace; empty when nothing does.

    Raises
    ------
    UnavailableError
        What is remembered cannot be read just now.
    """
    path = places.user_state() / "heads" / f"{state.workspace}.json"
    try:
        seen = json.loads(files.read_bytes(path, 1 << 12))
        n, head = int(seen["n"]), str(seen["head"])
    except UnavailableError:
        raise
    except (ModelDeckError, ValueError, KeyError, TypeError):
        return ""
    if state.n < n and not state.stopped:
        return f"History shrank: entry {n} was seen here before, now there are {state.n}."
    if head not in state.heads and not state.stopped:
        return f"History was rewritten: entry {n} is another one than was seen here before."
    return ""


def remember(state: State) -> None:
    """Remember the head of a workspace, unless a higher one is remembered."""
    folder = places.user_state() / "heads"
    with contextlib.suppress(ModelDeckError):
        if not state.n or state.stopped or check(state):
            return
        files.make_folder(folder)
        data = files.dumps({"n": state.n, "head": state.head})
        files.replace(folder / f"{state.workspace}.json", data, mode=0o600, durable=False)
