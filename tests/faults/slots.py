"""One endpoint that several people deploy to: the acts, each bound to what its author looked at."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from modeldeck import clock
from modeldeck.domain.entry import Intent, Json, digest_of
from modeldeck.domain.policy import Environment, Policy
from modeldeck.domain.state import Activity, State
from modeldeck.store import places
from modeldeck.store.ledger import Ledger, found
from tests.store.ledger_writer import opened

ENDPOINT = "churn@production"
_BOUND = ("request", "manifest", "report", "policy", "environment", "replaces")


def make_slot(root: Path, *, people: int, deploy: str = "", approvals: int = 1) -> Path:
    """Found a workspace of makers m0…, approvers v0… and servers s0…, with one environment."""
    for folder in (
        places.ledger_folder(root),
        places.objects_folder(root),
        places.tmp_folder(root),
    ):
        folder.mkdir(parents=True)
    environment = Environment(
        "production", trust="claimed", deploy=deploy or "on-approval", approvals=approvals
    )
    owner = member("ann")
    body: dict[str, Json] = {
        "name": "test",
        "threshold": 1,
        "file_owners": True,
        "owners": [{**owner}],
        "policy": Policy({"production": environment}, {}).to_json(),
    }
    found(root, Intent("found", "ann", "workspace.found", "workspace:test", body, "", ""), host="h")
    ledger = opened(root)
    for n in range(people):
        for kind, letter in (("person", "m"), ("person", "v"), ("server", "s")):
            name = f"{letter}{n}"
            act(
                ledger,
                "ann",
                action="member.add",
                subject=f"member:{name}",
                body=member(name, kind=kind),
            )
    return root


def member(name: str, *, kind: str = "person") -> dict[str, Json]:
    """Return what an entry says about a member."""
    everywhere: list[Json] = ["production"] if kind == "server" else []
    return {
        "name": name,
        "kind": kind,
        "uid": -1,
        "roles": [],
        "environments": everywhere,
        "keys": [],
    }


def intent_of(
    state: State, by: str, *, action: str, subject: str, body: Mapping[str, Json]
) -> Intent:
    """Return an intent of somebody who saw the state's head."""
    return Intent(uuid.uuid4().hex, by, action, subject, body, state.workspace, state.head)


def act(
    ledger: Ledger, by: str, *, action: str, subject: str, body: Mapping[str, Json]
) -> Activity:
    """Commit an act."""
    intent = intent_of(ledger.state, by, action=action, subject=subject, body=body)
    return ledger.commit(intent, host="h")


def span() -> dict[str, Json]:
    """Return when a statement was issued, and when it expires."""
    now = clock.utc_now()
    later = clock.to_text(now + timedelta(hours=24))
    return {"issued": clock.to_text(now), "expires": later, "reason": ""}


def base(state: State, version: str) -> dict[str, Json]:
    """Return what binds a statement to what somebody looked at."""
    endpoint = state.endpoint("churn", "production")
    return {
        "environment": "production",
        "manifest": _manifest(state, version),
        "replaces": endpoint.base,
        "generation": endpoint.generation,
        "policy": state.policy_digest,
    }


def _manifest(state: State, version: str) -> str:
    known = state.versions.get(version)
    return known.manifest if known else ""


def register(ledger: Ledger, by: str, content: str) -> str:
    """Register a version; return its id."""
    body: dict[str, Json] = {"manifest": digest_of(content.encode()), "run": "", "authors": [by]}
    done = act(ledger, by, action="version.register", subject="model:churn", body=body)
    return done.entity.partition(":")[2]


def report(ledger: Ledger, by: str, *, version: str, looked: Mapping[str, Json]) -> None:
    """Record a gate report that passes."""
    body = {**looked, "report": digest_of(uuid.uuid4().bytes), "passed": True}
    act(ledger, by, action="gate.report", subject=f"version:{version}", body=body)


def request(ledger: Ledger, by: str, *, version: str, looked: Mapping[str, Json]) -> str:
    """Ask for a release; return its id."""
    body = {**looked, **span()}
    done = act(ledger, by, action="release.request", subject=f"version:{version}", body=body)
    return done.entity.partition(":")[2]


def approval(state: State, release: str, *, verdict: str = "approve") -> dict[str, Json]:
    """Return the statement of a vote."""
    known = state.releases.get(release)
    bound: dict[str, Json] = {name: getattr(known, name, "") for name in _BOUND}
    return {
        **bound,
        "generation": known.generation if known else 0,
        "verdict": verdict,
        "nonce": uuid.uuid4().hex,
        **span(),
        "reason": "" if verdict in {"approve", "abstain"} else "because",
    }
