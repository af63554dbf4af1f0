"""A workspace of signed entries on the disk: each act is signed, written as a file, and folded.

Whoever wants to cheat writes the file without asking whether it may be written, as a program of
one's own would; what the entry is worth is what every reader finds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from modeldeck.domain import fold
from modeldeck.domain.entry import NO_PREV, Intent, Json, entry_bytes, signed_bytes
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.policy import Check, Environment, Policy
from modeldeck.domain.state import Activity
from modeldeck.services.base import manifests
from modeldeck.store import files, places
from modeldeck.store.ledger import Ledger, entry_path
from modeldeck.store.objects import ObjectStore
from modeldeck.store.verifying import Verifier
from tests.approvals.keys import Key, make
from tests.domain.chain import World

_CONFIG = '[workspace]\nname = "test"\n[environments.production]\n'


def policy_of(**production: object) -> Policy:
    """Return a policy that asks for signatures: two approvals, one by risk, and a gate role."""
    settings: dict[str, object] = {
        "approvals": 2,
        "roles": {"risk": 1},
        "trust": "signed",
        "gate": "plain",
        "rollback_roles": ("oncall",),
        **production,
    }
    environment = Environment("production", **settings)  # type: ignore[arg-type]
    return Policy({"production": environment}, {"plain": (Check("loads", "loads"),)})


class Signed(World):
    """A workspace in a folder; the acts of everybody with a key are signed with it."""

    def __init__(self, root: Path, *, cache: Path | None = None) -> None:
        super().__init__()
        self.root = root
        for folder in (places.ledger_folder, places.objects_folder, places.tmp_folder):
            folder(root).mkdir(parents=True)
        (root / places.CONFIG).write_text(_CONFIG)
        self.objects = ObjectStore(root)
        self.ledger = Ledger(root, Verifier(cache))
        self.keys: dict[str, Key] = {}
        self.kind = "ed25519"

    def key(self, name: str) -> Key:
        """Return somebody's key."""
        if name not in self.keys:
            self.keys[name] = make(self.kind)
        return self.keys[name]

    def signed(self, intent: Intent, key: Key | None = None) -> Intent:
        """Return an intent with a signature by its author, or by another key."""
        signer = key or self.key(intent.by)
        return replace(intent, signature=signer.sign(signed_bytes(intent)))

    def fold(self, intent: Intent, evidence: Evidence | None = None) -> Activity:
        """Write an intent as the next file and read it; it is signed unless it is already."""
        assert evidence is None
        made = intent if intent.signature else self.signed(intent)
        return self.write(made)

    def write(self, intent: Intent) -> Activity:
        """Write an intent just as it is, whatever it is worth."""
        state = self.ledger.state
        data = entry_bytes(
            intent,
            n=state.n + 1,
            prev=state.head if state.n else NO_PREV,
            at=self.at(),
            host="test",
        )
        return self.put(data)

    def put(self, data: bytes) -> Activity:
        """Write bytes as the next file, and read them."""
        path = entry_path(self.root, self.ledger.state.n + 1)
        path.write_bytes(data)
        path.chmod(0o444)
        return self.look()

    def look(self) -> Activity:
        """Read what somebody wrote as the next file."""
        n = self.ledger.state.n + 1
        self.ledger.refresh()
        self.state = self.ledger.state
        assert not self.state.stopped, self.state.stopped
        return self.state.activity[n - 1]

    def act(self, by: str, action: str, subject: str, body: Mapping[str, Json]) -> Activity:
        """Decide and record, signed."""
        intent = self.intent(by, action, subject, body)
        if self.state.n:
            fold.decide(self.state, intent, level=Level.SIGNED, at=self.at())
        done = self.fold(intent)
        assert not done.is_void, done.reason
        return done

    def start(
        self,
        policy: Policy | None = None,
        owners: tuple[str, ...] = ("ann",),
        *,
        threshold: int = 1,
    ) -> None:
        """Found it: bob makes, carol has risk, dave oncall, ci makes reports, server serves."""
        keys = tuple(self.key(one).public for one in owners)
        self.found(policy or policy_of(), owners, threshold=threshold, keys=keys)
        if threshold == 1:
            self.people()

    def people(self) -> None:
        """Let everybody join."""
        self.member("bob")
        self.member("carol", ("risk",))
        self.member("dave", ("oncall",))
        self.member("ci", ("gatekeeper",), kind="ci")
        self.member("server", kind="server")

    def member(self, name: str, roles: tuple[str, ...] = (), kind: str = "person") -> None:
        """Add a member with a key."""
        self.act("ann", "member.add", f"member:{name}", self.joining(name, roles, kind=kind))

    def joining(
        self, name: str, roles: tuple[str, ...] = (), *, kind: str = "person"
    ) -> dict[str, Json]:
        """Return what an entry says about a new member."""
        everywhere: list[Json] = [*self.state.policy.environments] if kind == "server" else []
        return {
            "name": name,
            "kind": kind,
            "uid": -1,
            "roles": [*roles],
            "environments": everywhere,
            "keys": [self.key(name).public],
        }

    def register(self, model: str = "churn", by: str = "bob", content: str = "") -> str:
        """Register a version whose files and manifest are there; return its id."""
        part = self.objects.put((content or f"content {self._ids()}").encode())
        statement = {
            "_type": manifests.STATEMENT,
            "subject": [{"name": "model.skops", "digest": {"sha256": part}}],
            "predicateType": manifests.PREDICATE,
            "predicate": {},
        }
        manifest = self.objects.put(files.dumps(statement))
        body: dict[str, Json] = {"manifest": manifest, "run": "", "authors": [by]}
        return self.act(by, "version.register", f"model:{model}", body).entity[8:]

    def gate(
        self,
        version: str,
        environment: str,
        *,
        passed: bool = True,
        by: str = "ci",
        failed: tuple[str, ...] = (),
    ) -> None:
        """Record a gate report that is there."""
        passed = passed and not failed
        report = self.objects.put(json.dumps({"passed": passed, "n": self._ids()}).encode())
        body = {**self.base(version, environment), "report": report, "passed": passed}
        body |= {"failed": [*failed]} if failed else {}
        self.act(by, "gate.report", f"version:{version}", body)

    def waiting(self, by: str = "bob") -> str:
        """Return a fresh release that waits for votes."""
        version = self.register(by=by)
        self.gate(version, "production")
        return self.request(version, by=by)

    def ballot(self, release: str, by: str, **changes: Json) -> Intent:
        """Return an approval, unsigned, of which something may be changed."""
        body = {**self.statement(release, "approve"), **changes}
        return self.intent(by, "release.vote", f"release:{release}", body)

    def key_file(self, name: str, folder: Path) -> str:
        """Write somebody's key pair into a folder; return the private key's path."""
        path = folder / name
        path.write_bytes(self.key(name).private)
        path.chmod(0o600)
        Path(f"{path}.pub").write_text(f"{self.key(name).public} {name}\n")
        return str(path)

    @property
    def pointer(self) -> str:
        """What production serves."""
        return self.state.endpoint("churn", "production").pointer.version


def many_votes(world: Signed, *, people: int, releases: int) -> None:
    """Found it, and let so many people approve so many releases."""
    world.start(policy_of(approvals=people))
    names = ["carol", *(f"p{n}" for n in range(people - 1))]
    for name in names[1:]:
        world.member(name)
    for _ in range(releases):
        release = world.waiting()
        for name in names:
            world.fold(world.ballot(release, name))
