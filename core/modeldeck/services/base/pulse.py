"""Which servers live: their heartbeat files, looked at when an endpoint is shown.

A server touches ``endpoints/<environment>/heartbeat-<member>-<host>.json`` every five seconds
(:mod:`modeldeck.jobs.heartbeat` writes it). Clocks of two hosts may differ, so what counts is when
this process saw the time of change change; only at first sight it is compared with the clock.
"""

from __future__ import annotations

import json
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.documents import EndpointDocument, ServerDocument
from modeldeck.errors import ModelDeckError
from modeldeck.store import files

SILENT_AFTER_S = 30.0
"""Without a beat for that long a server is silent."""

SKEW_S = 90.0
"""How much later another host's beats may seem at first sight, because its clock differs."""

_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class Beat:
    """What is known of one heartbeat file; ``seen_at`` is of this process's own clock."""

    mtime: float
    seen_at: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether a member lives anywhere, and when it was heard last."""

    is_alive: bool
    heard_at: str


class Pulses:
    """Remembers when heartbeats were seen to change."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._beats: dict[Path, Beat] = {}

    def of(self, environment: str, *, now: datetime) -> Mapping[str, Pulse]:
        """Return the pulse of each member that ever had a heartbeat in an environment."""
        found: dict[str, Pulse] = {}
        for path in sorted((self._root / "endpoints" / environment).glob("heartbeat-*.json")):
            known = self._look(path, now=now)
            if known is not None:
                name, pulse = known
                before = found.get(name, Pulse(is_alive=False, heard_at=""))
                found[name] = Pulse(
                    is_alive=before.is_alive or pulse.is_alive,
                    heard_at=max(before.heard_at, pulse.heard_at),
                )
        return found

    def _look(self, path: Path, *, now: datetime) -> tuple[str, Pulse] | None:
        try:
            mtime = path.stat().st_mtime
            value = json.loads(files.read_bytes(path, _LIMIT))
            name, host, ended_at = str(value["member"]), value["host"], str(value["ended_at"])
            heard_at = ended_at or clock.to_text(datetime.fromtimestamp(mtime, UTC))
        except (OSError, ModelDeckError, ValueError, KeyError, TypeError, OverflowError):
            return None
        monotonic = time.monotonic()
        before = self._beats.get(path)
        if before is None or before.mtime != mtime:
            age = now.timestamp() - mtime
            allowed = SILENT_AFTER_S + (0.0 if host == socket.gethostname() else SKEW_S)
            is_old = before is None and age > allowed
            self._beats[path] = Beat(mtime, -math.inf if is_old else monotonic)
        is_fresh = monotonic - self._beats[path].seen_at <= SILENT_AFTER_S
        return name, Pulse(is_alive=is_fresh and not ended_at, heard_at=heard_at)


def with_pulse(endpoint: EndpointDocument, pulses: Mapping[str, Pulse]) -> EndpointDocument:
    """Return an endpoint with what is known about its servers' lives."""
    servers = [_server(one, pulses.get(one["name"])) for one in endpoint["servers"]]
    ready = [
        one
        for one in servers
        if one["outcome"] == "ready" and one["generation"] == endpoint["generation"]
    ]
    is_silent = bool(ready) and not any(one.get("answers", True) for one in ready)
    status = "silent" if is_silent and endpoint["status"] == "live" else endpoint["status"]
    return {**endpoint, "servers": servers, "status": status}


def _server(server: ServerDocument, pulse: Pulse | None) -> ServerDocument:
    if pulse is None:
        return server
    return {**server, "answers": pulse.is_alive, "heard_at": pulse.heard_at}
