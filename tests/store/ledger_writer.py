"""What the ledger's tests write: they found a workspace and commit annotations."""

from __future__ import annotations

import uuid
from pathlib import Path

from modeldeck.domain.entry import Intent, Json
from modeldeck.domain.policy import Environment, Policy
from modeldeck.domain.state import Activity
from modeldeck.store import places
from modeldeck.store.ledger import Ledger, found
from modeldeck.store.verifying import Verifier


def make(root: Path, *, keys: tuple[str, ...] = (), uid: int = -1) -> Path:
    """Found a workspace owned by ann."""
    for folder in (
        places.ledger_folder(root),
        places.objects_folder(root),
        places.tmp_folder(root),
    ):
        folder.mkdir(parents=True)
    owner: dict[str, Json] = {
        "name": "ann",
        "kind": "person",
        "uid": uid,
        "roles": [],
        "environments": [],
        "keys": [*keys],
    }
    policy = Policy({"production": Environment("production", trust="claimed")}, {})
    body: dict[str, Json] = {
        "name": "test",
        "threshold": 1,
        "file_owners": True,
        "owners": [owner],
        "policy": policy.to_json(),
    }
    found(root, Intent("found", "ann", "workspace.found", "workspace:test", body, "", ""), host="h")
    return root


def opened(root: Path) -> Ledger:
    """Open and fold a workspace's ledger."""
    ledger = Ledger(root, Verifier(None))
    ledger.refresh()
    return ledger


def remark(ledger: Ledger, name: str = "", *, size: int = 0) -> Intent:
    """Return an annotation; ``size`` makes its subject so many characters longer."""
    return Intent(
        id=name or uuid.uuid4().hex,
        by="ann",
        action="annotation.add",
        subject=f"model:churn{'x' * size}",
        body={"object": "0" * 64},
        workspace=ledger.state.workspace,
        head=ledger.state.head,
    )


def commit(ledger: Ledger, name: str = "", *, size: int = 0) -> Activity:
    """Commit an annotation."""
    return ledger.commit(remark(ledger, name, size=size), host="h")
