"""Makes a workspace of two owners who decide together: nothing is trained, so that it is quick."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from modeldeck.domain.entry import Intent, Json
from modeldeck.services.base import config
from modeldeck.store import places
from modeldeck.store.ledger import found

POLICY = """\
name = "shop"

[environments.production]
approvals = 1
trust = "claimed"
"""


def make(root: Path, owners: tuple[str, ...] = ("ann", "oli"), *, threshold: int = 2) -> Path:
    """Found a workspace; every owners' entry needs so many of them."""
    for folder in (
        places.ledger_folder(root),
        places.objects_folder(root),
        places.tmp_folder(root),
    ):
        folder.mkdir(parents=True)
    (root / "modeldeck.toml").write_text(POLICY)
    body: Mapping[str, Json] = {
        "name": "shop",
        "threshold": threshold,
        "file_owners": False,
        "owners": [
            {"name": name, "kind": "person", "uid": -1, "roles": [], "environments": [], "keys": []}
            for name in owners
        ],
        "policy": config.load(root).policy.to_json(),
    }
    intent = Intent(
        id=uuid.uuid4().hex,
        by=owners[0],
        action="workspace.found",
        subject="workspace:shop",
        body=body,
        workspace="",
        head="",
    )
    found(root, intent, host="here")
    return root
