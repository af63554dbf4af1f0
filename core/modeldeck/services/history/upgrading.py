"""Before an upgrade of the rules: who would be locked out, as far as anything says so.

Servers write the newest version that they know into their heartbeat files; programs of people
leave no such word, so that the last hosts they wrote from are named as unknown.
"""

from __future__ import annotations

import json
from datetime import timedelta

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.domain.history.documents import UpgradeDocument, UpgradeReader
from modeldeck.domain.state import State
from modeldeck.errors import ModelDeckError
from modeldeck.services.base.deck import Deck
from modeldeck.store import files

RECENT = timedelta(days=30)
"""Whoever wrote longer ago is not named."""


def plan(deck: Deck, to: int) -> UpgradeDocument:
    """Return what an upgrade to a version would do, and whom it would lock out."""
    with deck.reading() as state:
        known = state.rules
        readers = [*_servers(deck, to), *_clients(deck, state)]
    return UpgradeDocument(
        current=known, newest=fold.newest(), to=to, is_needed=to > known, readers=readers
    )


def _servers(deck: Deck, to: int) -> list[UpgradeReader]:
    found = []
    for path in sorted((deck.root / "endpoints").glob("*/heartbeat-*.json")):
        try:
            value = json.loads(files.read_bytes(path, 1 << 16))
            name, host, ended = str(value["member"]), str(value["host"]), str(value["ended_at"])
        except (ModelDeckError, ValueError, KeyError, TypeError):
            continue
        if ended:
            continue
        rules = value.get("rules")
        known = rules if type(rules) is int else 0
        found.append(
            UpgradeReader(
                kind="server",
                name=f"{name} on {host}, {path.parent.name}",
                knows=known,
                verdict=_verdict(known, to),
            )
        )
    return found


def _clients(deck: Deck, state: State) -> list[UpgradeReader]:
    since = clock.to_text(deck.now() - RECENT)
    servers = {one.name for one in state.members.values() if one.kind == "server"}
    seen = {
        (one.by, one.host)
        for one in state.activity
        if one.at >= since and one.by not in servers and not one.is_void
    }
    return [
        UpgradeReader(kind="client", name=f"{by} on {host}", knows=0, verdict="unknown")
        for by, host in sorted(seen)
    ]


def _verdict(known: int, to: int) -> str:
    if not known:
        return "unknown"
    return "knows it" if known >= to else "locked out: it keeps serving what it serves"
