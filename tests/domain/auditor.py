"""Watches a ledger from outside: whatever goes live has to have what its policy asks for.

The auditor keeps plain notes of what entries say, and shares no rule with the engine. Whenever a
pointer moves it works out from its notes alone whether that was allowed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from modeldeck.domain.entry import Intent
from modeldeck.domain.levels import Evidence
from modeldeck.domain.state import Activity, Endpoint, State
from tests.domain.chain import World

BOUND = ("manifest", "policy", "environment", "replaces", "generation")


@dataclass(frozen=True)
class Note:
    """An entry that counted: its number, author, digest and body."""

    n: int
    by: str
    digest: str
    body: Mapping[str, Any]


@dataclass
class Asked:
    """A release as entries tell it."""

    request: Note
    version: str
    votes: list[Note] = field(default_factory=list)
    overrides: list[Note] = field(default_factory=list)


@dataclass
class Auditor:
    """Plain notes of one ledger."""

    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    policy_digest: str = ""
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: list[Note] = field(default_factory=list)
    releases: dict[str, Asked] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    ready: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, set[str]] = field(default_factory=dict)
    glass: dict[str, Note] = field(default_factory=dict)
    moves: Counter[str] = field(default_factory=Counter)

    def saw(
        self, intent: Intent, done: Activity, *, before: Mapping[str, Endpoint], state: State
    ) -> None:
        """Take an entry in, and judge what moved because of it."""
        if not done.is_void:
            note = Note(done.n, done.by, done.digest, intent.body)
            self._note(intent, note, made=done.entity.partition(":")[2])
            if intent.action in {"workspace.found", "policy.adopt"}:
                self.policy, self.policy_digest = note.body["policy"], state.policy_digest
            elif intent.action == "deployment.report" and note.body["outcome"] == "failed":
                self._failed(intent.subject.partition(":")[2], state=state, before=before)
        for name, now in state.endpoints.items():
            was = before.get(name) or Endpoint(name, now.model, now.environment)
            if (was.pointer, was.generation) != (now.pointer, now.generation):
                assert not done.is_void, "a void entry moved a pointer"
                self._judge(intent, done, was=was, now=now)

    def _note(self, intent: Intent, note: Note, *, made: str) -> None:
        name, body = intent.subject.partition(":")[2], note.body
        if intent.action == "workspace.found":
            self.members |= {one["name"]: {**one, "since": note.n} for one in body["owners"]}
        elif intent.action == "member.add":
            self.members[name] = {**body, "since": note.n}
        elif intent.action == "member.revoke":
            del self.members[name]
        elif intent.action == "version.register":
            self.versions[made] = {**body, "by": note.by, "model": name}
        elif intent.action == "version.revoke":
            self.revoked.add(self.versions[name]["manifest"])
        elif intent.action == "gate.report":
            self.reports.append(note)
        else:
            self._note_more(intent.action, note, name=name, made=made)

    def _note_more(self, action: str, note: Note, *, name: str, made: str) -> None:
        if action == "release.request":
            self.releases[made] = Asked(note, name)
        elif action == "release.vote":
            self.releases[name].votes.append(note)
        elif action == "release.override":
            self.releases[name].overrides.append(note)
        elif action == "deployment.review":
            assert note.by != self.glass.pop(name).by, "reviewed by who broke it"
        elif action == "deployment.report" and note.body["outcome"] == "ready":
            manifest, lived = note.body["manifest"], self.ready.setdefault(name, [])
            self.ready[name] = [*(one for one in lived if one != manifest), manifest]
            self.left.setdefault(name, set()).discard(manifest)

    def _failed(self, name: str, *, state: State, before: Mapping[str, Endpoint]) -> None:
        """Note what failed on every server: it is nothing to go back to."""
        gone = before[name].pointer.manifest
        if gone not in {one.manifest for one in state.endpoints[name].lived}:
            self.left.setdefault(name, set()).add(gone)

    def asks(self, model: str) -> dict[str, Any]:
        """Return what the policy asks for a model in production."""
        found = next(one for one in self.policy["environments"] if one["name"] == "production")
        for exception in found.get("models", []):
            if fnmatchcase(model, exception["models"]):
                return {**found, **exception}
        return dict(found)

    def _judge(self, intent: Intent, done: Activity, *, was: Endpoint, now: Endpoint) -> None:
        self.moves[intent.action] += 1
        if intent.action == "deployment.rollback":
            self._rolled_back(done, was=was, now=now)
        elif intent.action == "deployment.break-glass":
            self._broken(intent, done, was=was, now=now)
        elif intent.action == "deployment.stop":
            assert not now.pointer.version
            self._has_role(done.by, self.asks(now.model)["rollback_roles"])
        elif intent.action in {"deployment.report", "member.revoke"}:
            assert now.pointer == was.previous, "it went back to something else"
        else:
            self._released(intent, done, was=was, now=now)
        if intent.action in {"deployment.rollback", "deployment.break-glass"}:
            self.left.setdefault(now.id, set()).add(was.pointer.manifest)

    def _has_role(self, name: str, roles: list[str]) -> None:
        assert not roles or set(roles) & set(self.members[name]["roles"]), "without the role"

    def _rolled_back(self, done: Activity, *, was: Endpoint, now: Endpoint) -> None:
        asked = self.asks(now.model)
        self._has_role(done.by, asked["rollback_roles"])
        gone = self.left.get(now.id, set()) | self.revoked | {was.pointer.manifest}
        lived = [one for one in self.ready.get(now.id, []) if one not in gone]
        depth = asked["rollback_depth"]
        assert now.pointer.manifest in lived[len(lived) - depth :] if depth else False

    def _broken(self, intent: Intent, done: Activity, *, was: Endpoint, now: Endpoint) -> None:
        roles = self.asks(now.model).get("break_glass", {"roles": []})["roles"]
        assert set(roles) & set(self.members[done.by]["roles"]), "broken by somebody else"
        assert self.members[done.by]["kind"] == "person"
        assert now.id not in self.glass, "broken again without a review"
        assert now.pointer.manifest in self.ready.get(now.id, []), "it was never live there"
        assert now.pointer.manifest not in self.revoked, "it is revoked"
        assert now.pointer.manifest != was.pointer.manifest
        assert str(intent.body["reason"]).strip()
        self.glass[now.id] = Note(done.n, done.by, done.digest, intent.body)

    def _released(self, intent: Intent, done: Activity, *, was: Endpoint, now: Endpoint) -> None:
        release = self.releases[now.pointer.release]
        version, asked = self.versions[release.version], self.asks(now.model)
        request = release.request.body
        assert now.pointer.manifest == version["manifest"] == request["manifest"]
        assert now.pointer.manifest not in self.revoked, "it is revoked"
        base = {
            "manifest": version["manifest"],
            "policy": self.policy_digest,
            "environment": "production",
            "replaces": was.base,
            "generation": was.generation,
        }
        assert {name: request[name] for name in BOUND} == base, "the request is stale"
        excluded = {release.request.by, version["by"], *version["authors"]}
        excluded = set() if asked["self_approval"] else excluded
        moment = str(intent.body.get("issued", request["issued"]))
        if intent.action == "deployment.start":
            self._has_role(done.by, asked["deploy_roles"])
            assert asked["deploy"] == "manual"
        else:
            assert asked["deploy"] == "on-approval"
        passing = [one for one in self.reports if {name: one.body[name] for name in BOUND} == base]
        held = self._votes(release, base=base, excluded=excluded, moment=moment)
        self._enough(held, asked=asked)
        named = {str(vote.body["report"]) for vote in held}
        assert len(named) <= 1, "votes about different reports"
        reports = [one for one in passing if str(one.body["report"]) in named] if named else passing
        assert reports, "no gate report"
        self._passed(release, reports, asked=asked, excluded=excluded)

    def _votes(
        self, release: Asked, *, base: dict[str, Any], excluded: set[str], moment: str
    ) -> list[Note]:
        """Return the approvals that hold; each is about just this."""
        last = {vote.by: vote for vote in release.votes}
        held = []
        for name, vote in last.items():
            verdict = vote.body["verdict"]
            member = self.members.get(name)
            if verdict == "reject":
                assert not self.asks(release.version.partition("@")[0])["reject_blocks"]
            assert verdict != "request-changes", "somebody asked for changes"
            is_member = member is not None and vote.n > member["since"]
            if verdict != "approve" or not is_member or str(vote.body["expires"]) < moment:
                continue
            assert member is not None
            assert member["kind"] == "person"
            assert name not in excluded, "an excluded person"
            assert {key: vote.body[key] for key in BOUND} == base, "a stale vote"
            assert vote.body["request"] == release.request.digest
            before = [one.digest for one in release.overrides]
            assert vote.body.get("overrides", []) == before, "a vote that knew no override"
            held.append(vote)
        return held

    def _enough(self, held: list[Note], *, asked: dict[str, Any]) -> None:
        assert len({vote.by for vote in held}) >= asked["approvals"], "too few people"
        slots = [role for role, count in asked["roles"].items() for _ in range(count)]
        people = [self.members[vote.by]["roles"] for vote in held]
        assert any(
            all(role in roles for role, roles in zip(slots, chosen, strict=True))
            for chosen in itertools.permutations(people, len(slots))
        ), "a role is missing"

    def _passed(
        self, release: Asked, reports: list[Note], *, asked: dict[str, Any], excluded: set[str]
    ) -> None:
        """Say whether one of the reports passes, or what fails in it was overridden."""
        roles = set(asked.get("override_roles", []))
        done: set[str] = set()
        for one in release.overrides:
            member = self.members.get(one.by)
            assert one.by not in excluded, "an excluded person overrode"
            if member and one.n > member["since"] and roles & set(member["roles"]):
                done |= set(one.body["checks"])
        counting = [one for one in reports if not asked["gate_roles"] or one.by not in excluded]
        assert any(
            one.body["passed"] or (one.body.get("failed") and set(one.body["failed"]) <= done)
            for one in counting
        ), "the gate did not pass"


@dataclass
class Watched(World):
    """A workspace in memory whose every entry the auditor sees."""

    auditor: Auditor = field(default_factory=Auditor)
    written: list[Intent] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)

    def fold(self, intent: Intent, evidence: Evidence = Evidence()) -> Activity:  # noqa: B008 -- frozen
        """Record an intent, and let the auditor judge what came of it."""
        before = dict(self.state.endpoints)
        done = super().fold(intent, evidence)
        self.auditor.saw(intent, done, before=before, state=self.state)
        if not done.is_void:
            self.written.append(intent)
            self.acts[intent.action] += 1
        return done
