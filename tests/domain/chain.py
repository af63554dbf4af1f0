"""A chain in memory: entries are made, decided and folded as the ledger does, without a disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from modeldeck import clock
from modeldeck.domain import fold
from modeldeck.domain.entry import NO_PREV, Intent, Json, entry_bytes, read_entry
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.policy import Policy
from modeldeck.domain.state import Activity, State

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def digest(text: str) -> str:
    """Return some digest."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class World:
    """A workspace in memory; every act goes through decide, bytes, strict reading and apply."""

    state: State = field(default_factory=State)
    now: datetime = START
    _ids: Callable[[], int] = field(default_factory=lambda: count().__next__)

    def at(self) -> str:
        """Return the time, which moves on a second each time."""
        self.now += timedelta(seconds=1)
        return clock.to_text(self.now)

    def intent(self, by: str, action: str, subject: str, body: Mapping[str, Json]) -> Intent:
        """Return an intent of somebody who saw the newest head."""
        state = self.state
        head = state.head if state.n else ""
        return Intent(f"id{self._ids()}", by, action, subject, body, state.workspace, head)

    def fold(self, intent: Intent, evidence: Evidence = Evidence()) -> Activity:  # noqa: B008 -- frozen
        """Record an intent without deciding, as a hostile writer would."""
        data = entry_bytes(
            intent,
            n=self.state.n + 1,
            prev=self.state.head if self.state.n else NO_PREV,
            at=self.at(),
            host="test",
        )
        fold.apply(self.state, read_entry(data), evidence=evidence)
        assert not self.state.stopped, self.state.stopped
        return self.state.activity[-1]

    def act(self, by: str, action: str, subject: str, body: Mapping[str, Json]) -> Activity:
        """Decide and record."""
        intent = self.intent(by, action, subject, body)
        if self.state.n:
            fold.decide(self.state, intent, level=Level.CLAIMED, at=self.at())
        done = self.fold(intent)
        assert not done.is_void, done.reason
        return done

    def found(
        self,
        policy: Policy,
        owners: tuple[str, ...] = ("ann",),
        *,
        threshold: int = 1,
        keys: tuple[str, ...] = (),
    ) -> None:
        """Found the workspace; the first owners have the keys."""
        people: list[Json] = [
            {
                "name": one,
                "kind": "person",
                "uid": n,
                "roles": [],
                "environments": [],
                "keys": [*keys[n : n + 1]],
            }
            for n, one in enumerate(owners)
        ]
        body: dict[str, Json] = {
            "name": "test",
            "threshold": threshold,
            "file_owners": True,
            "owners": people,
            "policy": policy.to_json(),
        }
        self.act(owners[0], "workspace.found", "workspace:test", body)

    def member(self, name: str, roles: tuple[str, ...] = (), kind: str = "person") -> None:
        """Add a member."""
        everywhere: list[Json] = [*self.state.policy.environments] if kind == "server" else []
        self.act(
            "ann",
            "member.add",
            f"member:{name}",
            {
                "name": name,
                "kind": kind,
                "uid": 100 + self._ids(),
                "roles": [*roles],
                "environments": everywhere,
                "keys": [],
            },
        )

    def adopt(self, policy: Policy) -> None:
        """Adopt a policy."""
        self.act("ann", "policy.adopt", "policy:test", {"policy": policy.to_json()})

    def register(self, model: str = "churn", by: str = "bob", content: str = "") -> str:
        """Register a version; return its id."""
        manifest = digest(content or f"content {self._ids()}")
        body: dict[str, Json] = {"manifest": manifest, "run": "", "authors": [by]}
        return self.act(by, "version.register", f"model:{model}", body).entity[8:]

    def base(self, version: str, environment: str) -> dict[str, Json]:
        """Return the fields that bind a statement to what is there now."""
        known = self.state.versions[version]
        endpoint = self.state.endpoint(known.model, environment)
        return {
            "environment": environment,
            "manifest": known.manifest,
            "replaces": endpoint.base,
            "generation": endpoint.generation,
            "policy": self.state.policy_digest,
        }

    def span(self, hours: float = 72) -> dict[str, Json]:
        """Return issued and expires."""
        issued = self.at()
        return {"issued": issued, "expires": clock.to_text(self.now + timedelta(hours=hours))}

    def gate(
        self,
        version: str,
        environment: str,
        *,
        passed: bool = True,
        by: str = "bob",
        failed: tuple[str, ...] = (),
    ) -> None:
        """Record a gate report; one that names failed checks does not pass."""
        body = {**self.base(version, environment), "report": digest(f"r{self._ids()}")}
        body |= {"passed": passed and not failed, **({"failed": [*failed]} if failed else {})}
        self.act(by, "gate.report", f"version:{version}", body)

    def request(self, version: str, environment: str = "production", by: str = "bob") -> str:
        """Ask for a release; return its id."""
        body = {**self.base(version, environment), **self.span(), "reason": ""}
        return self.act(by, "release.request", f"version:{version}", body).entity[8:]

    def statement(self, release: str, verdict: str, reason: str = "") -> dict[str, Json]:
        """Return the statement of a vote."""
        known = self.state.releases[release]
        overrides: dict[str, Json] = {"overrides": [one.digest for one in known.overrides]}
        return {
            "request": known.request,
            "manifest": known.manifest,
            "report": known.report,
            "policy": known.policy,
            "environment": known.environment,
            "replaces": known.replaces,
            "generation": known.generation,
            **(overrides if known.overrides else {}),
            "verdict": verdict,
            "reason": reason,
            "nonce": f"n{self._ids()}",
            **self.span(),
        }

    def vote(self, release: str, by: str, verdict: str = "approve", reason: str = "") -> Activity:
        """Vote."""
        body = self.statement(release, verdict, reason=reason)
        return self.act(by, "release.vote", f"release:{release}", body)

    def report(self, endpoint: str, outcome: str, by: str = "server", reason: str = "") -> Activity:
        """Report as a server."""
        known = self.state.endpoints[endpoint]
        body: dict[str, Json] = {
            "generation": known.generation,
            "manifest": known.pointer.manifest,
            "outcome": outcome,
            "reason": reason,
            "head": self.state.head,
        }
        return self.act(by, "deployment.report", f"endpoint:{endpoint}", body)

    def ship(self, version: str, environment: str = "production") -> str:
        """Take a version through gate, request, votes and a ready server."""
        self.gate(version, environment)
        release = self.request(version, environment)
        for person in ("carol", "dave"):
            if self.status(release) == "waiting":
                self.vote(release, person)
        self.report(f"{self.state.versions[version].model}@{environment}", "ready")
        return release

    def status(self, release: str) -> str:
        """Return a release's status."""
        return self.state.releases[release].status
