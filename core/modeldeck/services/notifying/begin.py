"""What a commit does for notifications: it starts a process that delivers, and never waits for one.

A decision is recorded before this is asked, and nothing that goes wrong here reaches it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from modeldeck import ids
from modeldeck.domain.notifying.settings import Settings
from modeldeck.services.base import config, processes
from modeldeck.services.base.deck import Deck
from modeldeck.services.notifying import consent
from modeldeck.services.notifying.outbox import Outbox
from modeldeck.store import places

_TABLE = "[notifications"
_known: dict[Path, tuple[tuple[int, ...], Settings]] = {}


def mark(root: Path) -> tuple[int, ...]:
    """Return what tells one ``modeldeck.toml`` from another; nothing when there is none."""
    try:
        status = os.stat(root / places.CONFIG)  # noqa: PTH116 -- as cheap as can be
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def settings(root: Path) -> Settings:
    """Return what the workspace's file says of notifications; it is read again when it changed.

    A file without that table is not parsed, so that this costs a commit next to nothing.

    Raises
    ------
    ModelDeckError
        The file is not there, or not as expected.
    """
    there = mark(root)
    known = _known.get(root)
    if known is None or known[0] != there:
        text = config.read_text(root / places.CONFIG, "the configuration")
        found = config.load(root).notifications if _TABLE in text else Settings()
        known = _known[root] = (there, found)
    return known[1]


def after_commit(deck: Deck, n: int) -> None:
    """Have the events of entry ``n`` delivered by a process of its own, where this account does.

    Parameters
    ----------
    deck : Deck
        The open workspace, whose actor committed that entry.
    n : int
        The entry's number.
    """
    with contextlib.suppress(Exception):
        found = settings(deck.root)
        member = deck.actor.name
        if not found.receivers or found.sender not in {"", member} or not ids.is_name(member):
            return
        workspace = deck.state.workspace
        if any(consent.is_agreed(workspace, one) for one in found.receivers):
            start(deck, Outbox(workspace, member), n=n)


def start(deck: Deck, outbox: Outbox, *, n: int) -> None:
    """Start the process that delivers, or wake the one that does."""
    with deck.ledger.lock:
        before = deck.state.activity[n - 2].digest if n > 1 else ""
    outbox.begin(n - 1, before)
    outbox.wake()
    if not outbox.is_tended():
        arguments = ["--workspace", str(deck.root), "--member", outbox.member]
        processes.spawn("notify", arguments, root=deck.root)
