"""What whoever opens a workspace has to know about its history, each with what helps."""

from __future__ import annotations

from typing import NamedTuple

from modeldeck.domain.history import breaks
from modeldeck.domain.state import State
from modeldeck.errors import UnavailableError
from modeldeck.services.base.deck import Deck
from modeldeck.services.history import records


class Notice(NamedTuple):
    """Something to know about a history: the entry that it is about, and what helps."""

    n: int
    text: str


def notices(deck: Deck) -> list[Notice]:
    """Return what is wrong with a workspace's history, one or two sentences each; empty when fine.

    The same texts stand on standard error of every command, and on the screen.
    """
    if deck.as_of:
        return []
    with deck.reading() as state:
        found = []
        if state.stopped:
            text = f"{state.stopped} `modeldeck ledger verify` says more."
            found.append(Notice(state.n, text))
        found += [Notice(one.n, _broken(one.n)) for one in breaks.open_breaks(state)]
        is_copy = deck.ledger.owners_differ and state.owners_count and not state.adoptions
        if is_copy and not state.stopped:
            found.append(Notice(1, _COPY))
        elif state.owners_count and not state.adoptions and not state.stopped:
            found += _lessened(deck, state)
    return [*found, *_missed(deck)]


_COPY = (
    "Entry 1 is owned by another account than it records, as in a copy: owners of files say "
    "nothing here. An owner with a key runs `modeldeck ledger adopt`."
)


def _lessened(deck: Deck, state: State) -> list[Notice]:
    """Say so where entries of a backup's original count for nothing in what was restored."""
    record = records.read(deck.root)
    if record is None or record.workspace != state.workspace:
        return []
    n_void = sum(1 for one in state.activity[: record.n] if one.is_void)
    if n_void <= record.n_void:
        return []
    text = (
        f"This is a copy: {n_void - record.n_void} entries that counted in the original do not "
        "here, because their files belong to another account. An owner with a key runs "
        "`modeldeck ledger adopt`."
    )
    return [Notice(record.n, text)]


def _broken(n: int) -> str:
    return (
        f"The chain is broken between entries {n} and {n + 1}: look at both, then owners run "
        f"`modeldeck ledger acknowledge {n}`."
    )


def _missed(deck: Deck) -> list[Notice]:
    try:
        problem = deck.history_problem
    except UnavailableError:
        return []
    if not problem:
        return []
    helps = "where a backup was restored, owners say so with `modeldeck ledger restore`."
    return [Notice(deck.state.n, f"{problem} Ask who changed the files; {helps}")]
