"""Random histories: whatever people do, a pointer moves only as the policy of that moment asks.

The checker shares no line with the engine. It keeps what it needs of each entry that counted (who
was a member when, which policy was in force, what was live), and when a pointer moves it looks for
everything that has to be there.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations
from types import ModuleType
from typing import Any

import pytest

from modeldeck.domain import quorum, releases
from modeldeck.domain.entry import Intent, Json
from modeldeck.domain.levels import Evidence
from modeldeck.domain.policy import Environment, Policy, policy_from_json
from modeldeck.domain.state import Activity
from tests.domain.chain import World, digest

ENDPOINT = "churn@production"
PEOPLE = {"bob": (), "carol": ("risk",), "dave": ("risk", "lead"), "erin": ("lead",), "finn": ()}
SIGNED, UNSIGNED, FORGED = Evidence(key="some key"), Evidence(), Evidence(is_forged=True)
BOUND = ("request", "manifest", "report", "policy", "environment", "replaces", "generation")


def policy_of(rng: random.Random) -> Policy:
    """Return some policy that asks for signatures."""
    environment = Environment(
        "production",
        approvals=rng.choice([1, 2, 2, 3]),
        roles=rng.choice([{}, {"risk": 1}, {"risk": 1, "lead": 1}, {"risk": 2}]),
        trust="signed",
        gate_roles=rng.choice([(), ("lead",)]),
        reject_blocks=rng.random() < 0.7,
        approval_ttl_s=rng.choice([3600, 86400]),
    )
    return Policy({"production": environment}, {})


@dataclass
class Book:
    """What the checker knows: only entries that counted, each as it was written."""

    policy: Policy
    members: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    votes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    generation: int = 0
    base: str = "none"
    n_moves: int = 0
    approved: set[str] = field(default_factory=set)

    def take(self, done: Activity, was: str) -> None:
        """Note an entry that counted, and check it when a pointer moved by it."""
        note: Callable[..., None] | None = getattr(self, f"_{done.action.replace('.', '_')}", None)
        if note is not None:
            note(done, done.entity.partition(":")[2], dict(done.body))
        if done.action == "version.register":
            known = self.versions[done.entity.partition(":")[2]]
            known["is_signed"] = known.get("is_signed") or was == "signed"
        else:
            assert was == "signed", done

    def _member_add(self, done: Activity, name: str, body: dict[str, Any]) -> None:
        self.members[name] = (done.n, tuple(body["roles"]))

    def _member_revoke(self, _: Activity, name: str, __: object) -> None:
        del self.members[name]

    def _policy_adopt(self, _: Activity, __: str, body: dict[str, Any]) -> None:
        self.policy = policy_from_json(body["policy"])

    def _version_register(self, done: Activity, name: str, body: dict[str, Any]) -> None:
        known = self.versions.setdefault(name, {"manifest": body["manifest"], "authors": set()})
        known["authors"] |= {done.by, *body["authors"]}

    def _gate_report(self, done: Activity, name: str, body: dict[str, Any]) -> None:
        self.reports.append({**body, "by": done.by, "version": name})

    def _release_request(self, done: Activity, name: str, body: dict[str, Any]) -> None:
        version = done.subject.partition(":")[2]
        self.requests[name] = {**body, "by": done.by, "digest": done.digest, "version": version}
        self.requests[name]["excluded"] = self._excluded(self.requests[name])

    def _release_vote(self, done: Activity, name: str, body: dict[str, Any]) -> None:
        self.votes.setdefault(name, []).append({**body, "by": done.by, "n": done.n})

    def moved(self, release: str) -> None:
        """Check that a release whose version the pointer names now had all that it needed."""
        environment = self.policy.environments["production"]
        request, votes = self.requests[release], self.votes[release]
        last = {one["by"]: one for one in votes}
        at = max(one["issued"] for one in votes)
        good = {name: one for name, one in last.items() if self._counts(one, at=at)}
        verdicts = {one["verdict"] for name, one in last.items()}
        assert "request-changes" not in verdicts
        assert not (environment.reject_blocks and "reject" in verdicts)
        assert len(good) >= environment.approvals
        assert self._roles_are_filled(environment, [*good])
        assert not set(good) & request["excluded"]
        report = next(one for one in self.reports if one["report"] == votes[-1]["report"])
        bound = {
            "request": request["digest"],
            "manifest": self.versions[request["version"]]["manifest"],
            "report": report["report"],
            "policy": self.policy.digest,
            "environment": "production",
            "replaces": self.base,
            "generation": self.generation,
        }
        for one in good.values():
            assert {name: one[name] for name in BOUND} == bound
        assert report["passed"]
        assert self.versions[request["version"]]["is_signed"]
        for name in ("manifest", "policy", "replaces", "generation"):
            assert report[name] == request[name] == bound[name]
        if environment.gate_roles:
            assert report["by"] not in request["excluded"]
        assert at <= request["expires"]
        self.base, self.generation = bound["manifest"], self.generation + 1
        self.approved.add(bound["manifest"])
        self.n_moves += 1

    def _counts(self, vote: dict[str, Any], *, at: str) -> bool:
        since = self.members.get(vote["by"], (10**9, ()))[0]
        is_late = bool(vote["expires"] < at or since >= vote["n"])
        return vote["verdict"] == "approve" and not is_late

    def _excluded(self, request: dict[str, Any]) -> set[str]:
        manifest = self.versions[request["version"]]["manifest"]
        known = [
            one["authors"]
            for name, one in self.versions.items()
            if one["manifest"] == manifest and (one["is_signed"] or name == request["version"])
        ]
        return {request["by"]}.union(*known)

    def _roles_are_filled(self, environment: Environment, people: list[str]) -> bool:
        slots = [role for role, count in environment.roles.items() for _ in range(count)]
        return any(
            all(role in self.members[name][1] for role, name in zip(slots, chosen, strict=True))
            for chosen in permutations(people, len(slots))
        )


class Crowd:
    """People who do random things, also on what they looked at long ago, and a hostile writer."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.world = rng, World()
        policy = policy_of(rng)
        self.world.found(policy, keys=("ssh-ed25519 ANN",))
        self.book = Book(policy)
        self.book.members["ann"] = (1, ())
        self.held: list[Intent] = []
        for name in PEOPLE:
            self.record(self.joining(name), SIGNED)
        self.record(self.joining("server"), SIGNED)

    def joining(self, name: str) -> Intent:
        """Let somebody join."""
        is_server = name == "server"
        body: dict[str, Json] = {
            "name": name,
            "kind": "server" if is_server else "person",
            "uid": -1,
            "roles": [*PEOPLE.get(name, ())],
            "environments": ["production"] if is_server else [],
            "keys": [],
        }
        return self.world.intent("ann", "member.add", f"member:{name}", body)

    def record(self, intent: Intent, evidence: Evidence) -> Activity:
        """Write an entry, whatever it is worth, and let the checker see what it did."""
        before = self.world.state.endpoint("churn", "production")
        done = self.world.fold(intent, evidence)
        was = "signed" if evidence is SIGNED else "not"
        if not done.is_void:
            self.book.take(done, was)
        after = self.world.state.endpoint("churn", "production")
        if after.generation != before.generation:
            self._moved(done, before.pointer.manifest, after.pointer.release)
        return done

    def _moved(self, done: Activity, before: str, release: str) -> None:
        assert not done.is_void
        if done.action in {"release.vote", "gate.report", "release.request"}:
            self.book.moved(release)
            return
        assert done.action in {"deployment.report", "deployment.stop", "deployment.rollback"}
        endpoint = self.world.state.endpoint("churn", "production")
        assert endpoint.pointer.manifest in {"", *self.book.approved}
        assert endpoint.pointer.manifest != before
        self.book.generation += 1
        self.book.base = endpoint.base

    def step(self) -> None:
        """Do something."""
        rng = self.rng
        self.world.now += timedelta(seconds=rng.choice([1, 1, 1, 1, 60, 60, 60, 2400]))
        deed = rng.choice(DEEDS)
        intent = deed(self)
        if intent is None:
            return
        if rng.random() < 0.15:
            self.held.append(intent)
        if rng.random() < 0.1 and self.held:
            intent = replace(rng.choice(self.held), id=f"late{rng.random()}")
        self.record(intent, rng.choice([SIGNED] * 12 + [UNSIGNED, FORGED]))

    def anybody(self) -> str:
        """Return anybody, at times nobody."""
        return self.rng.choice([*PEOPLE, *PEOPLE, *PEOPLE, "ann", "server", "mallory"])

    def some(self, table: dict[str, Any]) -> str:
        """Return mostly a late one of what there is."""
        return self.rng.choice([*table][-3:]) if table else ""

    def register(self) -> Intent:
        """Register something new, or what is there already, under one name or another."""
        manifest = digest(f"m{self.rng.randrange(1000 if self.rng.random() < 0.7 else 3)}")
        by = self.anybody()
        authors: list[Json] = [self.anybody()] if self.rng.random() < 0.3 else []
        body: dict[str, Json] = {"manifest": manifest, "run": "", "authors": authors}
        model = self.rng.choice(["churn"] * 5 + ["copy"])
        return self.world.intent(by, "version.register", f"model:{model}", body)

    def report(self) -> Intent | None:
        """Report about a version."""
        version = self.some(self.world.state.versions)
        asked = [one for one in self.world.state.releases.values() if one.status == "checking"]
        if asked and self.rng.random() < 0.8:
            version = asked[-1].version
        if not version:
            return None
        body = {
            **self.world.base(version, "production"),
            "report": digest(f"r{self.rng.random()}"),
            "passed": self.rng.random() < 0.85,
        }
        by = self.rng.choice(["dave", "erin"]) if self.rng.random() < 0.6 else self.anybody()
        return self.world.intent(by, "gate.report", f"version:{version}", body)

    def request(self) -> Intent | None:
        """Ask for a release."""
        version = self.some(self.world.state.versions)
        if not version:
            return None
        span = self.world.span(self.rng.choice([1, 72]))
        body = {**self.world.base(version, "production"), **span, "reason": ""}
        return self.world.intent(self.anybody(), "release.request", f"version:{version}", body)

    def vote(self) -> Intent | None:
        """Vote, as a rule to approve, on what one sees."""
        known = self.world.state.releases
        open_ones = {name: one for name, one in known.items() if one.status == "waiting"}
        release = self.some(open_ones if self.rng.random() < 0.9 else known)
        if not release:
            return None
        verdict = self.rng.choice(["approve"] * 25 + ["reject", "request-changes", "abstain"])
        body = self.world.statement(release, verdict, "because")
        body |= self.world.span(self.rng.choice([0.2, 1, 1, 24]))
        if self.rng.random() < 0.1:
            body[self.rng.choice([*BOUND, "issued"])] = digest("other")
        able = quorum.eligible(self.world.state, known[release])
        by = self.rng.choice(able) if able and self.rng.random() < 0.7 else self.anybody()
        return self.world.intent(by, "release.vote", f"release:{release}", body)

    def change_members(self) -> Intent | None:
        """Take somebody out, at times, or in again."""
        name = self.rng.choice([*PEOPLE])
        if self.world.state.member(name) is not None and self.rng.random() < 0.7:
            return None
        if self.world.state.member(name) is None:
            return self.joining(name)
        return self.world.intent("ann", "member.revoke", f"member:{name}", {"reason": "x"})

    def adopt(self) -> Intent | None:
        """Adopt another policy, at times."""
        if self.rng.random() < 0.8:
            return None
        body: dict[str, Json] = {"policy": policy_of(self.rng).to_json()}
        return self.world.intent(self.rng.choice(["ann", "bob"]), "policy.adopt", "policy", body)

    def serve(self) -> Intent | None:
        """Report as a server."""
        known = self.world.state.endpoints.get(ENDPOINT)
        if known is None:
            return None
        body: dict[str, Json] = {
            "generation": known.generation,
            "manifest": known.pointer.manifest,
            "outcome": self.rng.choice(["ready", "ready", "failed"]),
            "reason": "",
            "head": self.world.state.head,
        }
        return self.world.intent("server", "deployment.report", f"endpoint:{ENDPOINT}", body)

    def stop(self) -> Intent | None:
        """Stop the endpoint, or roll it back."""
        known = self.world.state.endpoints.get(ENDPOINT)
        if known is None or self.rng.random() < 0.6:
            return None
        body: dict[str, Json] = {"generation": known.generation, "reason": "x"}
        if not known.lived or self.rng.random() < 0.3:
            return self.world.intent(
                self.anybody(), "deployment.stop", f"endpoint:{ENDPOINT}", body
            )
        to = self.rng.choice(known.lived)
        body |= {"to": to.version, "manifest": to.manifest}
        return self.world.intent(
            self.anybody(), "deployment.rollback", f"endpoint:{ENDPOINT}", body
        )


DEEDS: tuple[Callable[[Crowd], Intent | None], ...] = (
    *(Crowd.register,) * 2,
    *(Crowd.report,) * 4,
    *(Crowd.request,) * 3,
    *(Crowd.vote,) * 12,
    *(Crowd.serve,) * 2,
    Crowd.change_members,
    Crowd.adopt,
    Crowd.stop,
)


def live_through(seed: int, *, histories: int, steps: int) -> int:
    """Let so many crowds do so much; return how often a release moved a pointer."""
    n_moves = 0
    for count in range(histories):
        crowd = Crowd(random.Random(f"{seed}:{count}"))
        try:
            for _ in range(steps):
                crowd.step()
        except AssertionError as error:
            error.add_note(f"history {count} with --seed={seed}, entry {crowd.world.state.n}")
            raise
        n_moves += crowd.book.n_moves
    return n_moves


@pytest.mark.parametrize(
    ("n_histories", "n_steps"),
    [
        (10, 150),
        pytest.param(2_000, 400, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_pointer_moves_only_as_the_policy_of_that_moment_asks(
    seed: int, n_histories: int, n_steps: int
) -> None:
    """Votes, new versions, policies, expiries, revocations, replays and forgeries at random."""
    assert live_through(seed, histories=n_histories, steps=n_steps), "nothing happened"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("module", "rule", "instead"),
    [
        (quorum, "may_vote", lambda *_args, **_more: None),
        (quorum, "is_cast_by_member", lambda *_: True),
        (quorum, "open_roles", lambda *_: Counter()),
        (releases, "same_statement", lambda *_: None),
        (releases, "_rests_on", lambda *_args, **_more: True),
    ],
)
def test_checker_finds_an_engine_without_one_of_its_rules(
    seed: int, module: ModuleType, rule: str, instead: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pointer moves that should not have, in one of two hundred histories at the latest."""
    monkeypatch.setattr(module, rule, instead)
    with pytest.raises((AssertionError, StopIteration)):
        live_through(seed, histories=200, steps=200)
