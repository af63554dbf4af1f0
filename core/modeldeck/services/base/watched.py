"""What of a workspace is watched for changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from modeldeck.services.base.deck import Deck
from modeldeck.store import filesystems, places
from modeldeck.watch import Watcher

if TYPE_CHECKING:
    from modeldeck.services.runs import Runs


def folders(deck: Deck, runs: Runs) -> list[Path]:
    """Return the folders in which changes show: of ledger, recent months, live runs, endpoints.

    A workspace that shows a store of MLflow is brought up to date with it first.
    """
    if deck.shows:
        from modeldeck.services.moving import mirror

        mirror.follow(Path(deck.shows))
    home = deck.root / "runs"
    months = sorted(home.iterdir())[-2:] if home.is_dir() else []
    runs.list()  # brings up to date which runs have not ended
    live = [deck.runs.folder(one) for one in deck.runs.not_ended()]
    endpoints = sorted(deck.root.glob("endpoints/*/*"))
    return [places.ledger_folder(deck.root), home, *months, *live, *endpoints]


def watcher(deck: Deck, runs: Runs, *, callback: Callable[[], None], interval_s: float) -> Watcher:
    """Return what calls back soon after anything changed; it polls where there are no events."""
    because = filesystems.of(deck.root).polls_because
    return Watcher(
        lambda: folders(deck, runs), callback, interval_s=interval_s, polls_because=because
    )
