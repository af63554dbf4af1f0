"""Seals of prediction logs: what a file held when its server had written it to the end.

Nobody guards an endpoint's folder as the ledger is guarded. With the digest of each closed file in
an entry of the server, it shows when somebody changed, later, what was asked and answered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from modeldeck.domain.deployments import need_server
from modeldeck.domain.entry import Json, is_digest
from modeldeck.domain.exceptional.actions import of_endpoint
from modeldeck.domain.state import Act, State
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError

MOST = 200
"""Files that one entry may seal."""

NAME = re.compile(r"predictions-[A-Za-z0-9._-]{1,200}\.jsonl")
_SEAL = {"name": str, "sha256": str, "size_bytes": int}


def check_seal(state: State, act: Act) -> None:
    """Check a seal: by a server of the environment, of files that were not sealed before.

    Raises
    ------
    NotFoundError, NotPermittedError
        There is no such endpoint, or its author is no server of the environment.
    InvalidInputError
        What it names is no list of files with their digests and sizes.
    ConflictError
        One of them was sealed before.
    """
    if act.entity not in state.endpoints:
        msg = f"There is no endpoint {act.entity[:80]!r}."
        raise NotFoundError(msg)
    need_server(state, act.by, environment=state.endpoints[act.entity].environment)
    names = [str(one["name"]) for one in seals_of(act.body)]
    if not 1 <= len(names) <= MOST or len(set(names)) < len(names):
        msg = f"A seal names 1 to {MOST} files, each once."
        raise InvalidInputError(msg)
    for name in names:
        if (act.entity, name) in state.seals:
            msg = f"{name} was sealed by entry {state.seals[act.entity, name]}."
            raise ConflictError(msg)


def apply_seal(state: State, act: Act) -> str:
    """Note which files are sealed from here on."""
    for one in seals_of(act.body):
        state.seals[act.entity, str(one["name"])] = act.n
    return act.subject


def seals_of(body: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Return what an entry says of each file: its ``name``, ``sha256`` and ``size_bytes``.

    Raises
    ------
    InvalidInputError
        It says something else.
    """
    found = body.get("files")
    listed = found if isinstance(found, list) else []
    kept = [one for one in listed if isinstance(one, dict) and _is_seal(one)]
    if len(kept) < len(listed):
        msg = "A seal names files of predictions by name, sha256 and size_bytes."
        raise InvalidInputError(msg)
    return [*kept]


def _is_seal(one: Mapping[str, Json]) -> bool:
    if {key: type(value) for key, value in one.items()} != _SEAL:
        return False
    size, name = one["size_bytes"], NAME.fullmatch(str(one["name"]))
    return name is not None and is_digest(one["sha256"]) and isinstance(size, int) and size >= 0


_FIELDS: dict[str, type] = {"files": list}
ACTIONS = {"predictions.seal": (_FIELDS, check_seal, apply_seal, of_endpoint)}
