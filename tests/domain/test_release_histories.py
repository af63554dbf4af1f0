"""Random histories of everything that people and forgers do: what goes live was always allowed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modeldeck.domain import deployments, quorum, releases
from modeldeck.domain.entry import Json
from modeldeck.domain.exceptional import glass, overrides
from modeldeck.domain.policy import BreakGlass, Check, Environment, Policy
from modeldeck.domain.state import Release
from modeldeck.errors import ModelDeckError
from tests.domain.auditor import Watched
from tests.domain.chain import digest

PEOPLE: dict[str, tuple[str, ...]] = {
    "bob": (),
    "carol": ("risk",),
    "dave": ("oncall", "risk"),
    "erin": ("release-manager",),
    "quinn": ("quality", "oncall"),
}
SERVERS = ("s1", "s2")
STEPS = 400
MODELS = ("churn", "fraud-eu")
CHECKS = ("accuracy", "latency")


def random_policy(rng: random.Random) -> Policy:
    """Return some policy for production, with an exception for one of the models."""

    def one() -> dict[str, Any]:
        return {
            "approvals": rng.choice([0, 1, 1, 2]),
            "roles": rng.choice([{}, {"risk": 1}]),
            "self_approval": rng.random() < 0.05,
            "reject_blocks": rng.random() < 0.8,
            "deploy": rng.choice(["on-approval", "on-approval", "manual"]),
            "deploy_roles": rng.choice([(), ("release-manager",)]),
            "rollback_roles": rng.choice([(), ("oncall",)]),
            "gate_roles": rng.choice([(), (), ("quality",)]),
            "override_roles": rng.choice([(), ("quality",), ("quality",), ("quality", "risk")]),
            "break_glass": BreakGlass(rng.choice([(), ("oncall",), ("oncall",)]), 3600),
            "rollback_depth": rng.choice([0, 1, 2]),
            "approval_ttl_s": rng.choice([3600, 86400]),
        }

    usual = Environment("production", trust="claimed", gate="plain", **one())
    strict = Environment("production", trust="claimed", gate="plain", **one())
    usual = replace(usual, models={"fraud-*": strict})
    return Policy({"production": usual}, {"plain": (Check("accuracy", "loads"),)})


class Crowd:
    """A workspace, those who act in it, and what was written before, which forgers write again."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.world = Watched()
        self.world.found(random_policy(rng))
        for name, roles in PEOPLE.items():
            self.world.member(name, roles)
        for name in SERVERS:
            self.world.member(name, kind="server")

    def step(self) -> None:
        """Let somebody do something, by the rules or past them."""
        rng, world = self.rng, self.world
        if rng.random() < 0.03:
            world.now += timedelta(hours=rng.choice([1, 2, 30, 80]))
        action, by, subject, body = self._proposed()
        if rng.random() < 0.2:
            self._forge(action, by, subject=subject, body=body)
            return
        try:
            world.act(by, action, subject, body)
        except ModelDeckError:
            if rng.random() < 0.5:  # written without asking
                world.fold(world.intent(by, action, subject, body))

    def _forge(self, action: str, by: str, *, subject: str, body: dict[str, Json]) -> None:
        """Write something from before again, or change what would have been right."""
        rng, world = self.rng, self.world
        written = world.written
        if rng.random() < 0.4:
            old = rng.choice(written[-40:])
            action, subject, body = old.action, old.subject, dict(old.body)
        body = dict(body)
        if body and rng.random() < 0.6:
            name = rng.choice(sorted(body))
            others = [old.body[name] for old in written[-60:] if name in old.body]
            body[name] = rng.choice(others) if others else ""
        if "issued" in body and rng.random() < 0.5:
            body |= world.span(rng.choice([-1, 1, 24])) if "expires" in body else {}
        if rng.random() < 0.5:
            by = rng.choice([*PEOPLE, *SERVERS, "ann", "mallory"])
        world.fold(world.intent(by, action, subject, body))

    def _proposed(self) -> tuple[str, str, str, dict[str, Json]]:
        action = self.rng.choices(list(_LIKELY), weights=list(_LIKELY.values()))[0]
        by = self.rng.choice([*_WHO.get(action, ()), *PEOPLE, "ann"])
        subject, body = _PROPOSALS[action](self, by)
        if action == "deployment.report":
            by = self.rng.choice(SERVERS)
        elif action.startswith(("member.", "policy.")):
            by = "ann"
        return action, by, subject, body

    def some(self, table: Mapping[str, Any], *, kept: Callable[[Any], bool] | None = None) -> str:
        """Return mostly what an act fits to, by its name."""
        names = [name for name, one in table.items() if kept is None or kept(one)]
        names = names if names and self.rng.random() < 0.9 else list(table)
        return self.rng.choice(names[-4:] or ["none"])

    def endpoint(self) -> str:
        """Return an endpoint."""
        return self.some(self.world.state.endpoints)


Proposal = tuple[str, dict[str, Json]]


def _registered(crowd: Crowd, by: str) -> Proposal:
    rng = crowd.rng
    body: dict[str, Json] = {
        "manifest": digest(str(rng.random())),
        "run": "",
        "authors": [*rng.choice([(), (by,), ("carol",)])],
    }
    return f"model:{rng.choice(MODELS)}", body


def _reported(crowd: Crowd, _by: str) -> Proposal:
    rng, state = crowd.rng, crowd.world.state
    settled = {
        one.version
        for one in state.releases.values()
        if one.status in {"waiting", "approved", "changes-requested"}
    }
    version = crowd.some(state.versions, kept=lambda one: one.id not in settled)
    if version == "none":
        return "version:none", {}
    body = {**crowd.world.base(version, "production"), "report": digest(str(rng.random()))}
    failed: list[Json] = rng.sample([*CHECKS], rng.choice([0, 0, 0, 1, 2]))
    body |= {"passed": not failed, **({"failed": failed} if failed else {})}
    return f"version:{version}", body


def _asked(crowd: Crowd, _by: str) -> Proposal:
    known = {key[0] for key in crowd.world.state.reports}
    version = crowd.some(crowd.world.state.versions, kept=lambda one: one.manifest in known)
    if version == "none":
        return "version:none", {}
    span = crowd.world.span(crowd.rng.choice([24, 72]))
    return f"version:{version}", {**crowd.world.base(version, "production"), **span, "reason": ""}


def _voted(crowd: Crowd, _by: str) -> Proposal:
    open_ = {"waiting", "changes-requested"}
    name = crowd.some(crowd.world.state.releases, kept=lambda one: one.status in open_)
    if name == "none":
        return "release:none", {}
    verdict = crowd.rng.choice(["approve"] * 8 + ["reject", "request-changes", "abstain"])
    body = {**crowd.world.statement(name, verdict, "because"), **crowd.world.span(1)}
    return f"release:{name}", body


def _overridden(crowd: Crowd, _by: str) -> Proposal:
    table = crowd.world.state.releases
    name = crowd.some(table, kept=lambda one: one.status == "blocked")
    if name == "none":
        return "release:none", {}
    whole = crowd.world.statement(name, "approve", "because")
    body = {key: one for key, one in whole.items() if key not in {"verdict", "nonce", "expires"}}
    failed = overrides.left_of(table[name]) or [*CHECKS]
    count = crowd.rng.randrange(1, len(failed) + 1)
    return f"release:{name}", {**body, "checks": [*crowd.rng.sample(failed, count)]}


def _started(crowd: Crowd, _by: str) -> Proposal:
    table = crowd.world.state.releases
    name = crowd.some(table, kept=lambda one: one.status == "approved")
    known = table.get(name)
    endpoint = crowd.world.state.endpoint(known.model if known else "churn", "production")
    return f"release:{name}", {"generation": endpoint.generation, "issued": crowd.world.at()}


def _served(crowd: Crowd, _by: str) -> Proposal:
    name = crowd.endpoint()
    known = crowd.world.state.endpoints.get(name)
    if known is None:
        return f"endpoint:{name}", {}
    body: dict[str, Json] = {
        "generation": known.generation,
        "manifest": known.pointer.manifest,
        "outcome": crowd.rng.choice(["ready", "ready", "ready", "failed"]),
        "reason": "",
        "head": crowd.world.state.head,
    }
    return f"endpoint:{name}", body


def _gone_back(crowd: Crowd, _by: str) -> Proposal:
    name = crowd.endpoint()
    known = crowd.world.state.endpoints.get(name)
    if known is None or not known.ever:
        return f"endpoint:{name}", {}
    target = crowd.rng.choice(list(known.ever.values()))
    body: dict[str, Json] = {"generation": known.generation, "reason": "x"}
    return f"endpoint:{name}", {**body, "to": target.version, "manifest": target.manifest}


def _broken(crowd: Crowd, by: str) -> Proposal:
    subject, body = _gone_back(crowd, by)
    return subject, {**body, "issued": crowd.world.at()} if body else {}


def _reviewed(crowd: Crowd, _by: str) -> Proposal:
    name = crowd.some(crowd.world.state.endpoints, kept=glass.is_unreviewed)
    known = crowd.world.state.endpoints.get(name)
    n = known.glass.n if known and known.glass else 0
    return f"endpoint:{name}", {"glass": n, "reason": "seen"}


def _stopped(crowd: Crowd, _by: str) -> Proposal:
    name = crowd.endpoint()
    known = crowd.world.state.endpoints.get(name)
    return f"endpoint:{name}", {"generation": known.generation if known else 0, "reason": "x"}


def _joined(crowd: Crowd, _by: str) -> Proposal:
    name = crowd.rng.choice(list(PEOPLE))
    body: dict[str, Json] = {
        "name": name,
        "kind": "person",
        "uid": -1,
        "roles": [*crowd.rng.choice([PEOPLE[name], PEOPLE[name], ()])],
        "environments": [],
        "keys": [],
    }
    return f"member:{name}", body


def _left(crowd: Crowd, _by: str) -> Proposal:
    return f"member:{crowd.rng.choice(list(PEOPLE))}", {"reason": "left"}


def _adopted(crowd: Crowd, _by: str) -> Proposal:
    return "policy:test", {"policy": random_policy(crowd.rng).to_json()}


def _withdrawn(crowd: Crowd, _by: str) -> Proposal:
    return f"release:{crowd.some(crowd.world.state.releases)}", {"reason": ""}


def _revoked(crowd: Crowd, _by: str) -> Proposal:
    return f"version:{crowd.some(crowd.world.state.versions)}", {"reason": "x"}


_PROPOSALS: dict[str, Callable[[Crowd, str], Proposal]] = {
    "version.register": _registered,
    "gate.report": _reported,
    "release.request": _asked,
    "release.vote": _voted,
    "release.override": _overridden,
    "release.withdraw": _withdrawn,
    "deployment.start": _started,
    "deployment.report": _served,
    "deployment.rollback": _gone_back,
    "deployment.break-glass": _broken,
    "deployment.review": _reviewed,
    "deployment.stop": _stopped,
    "member.add": _joined,
    "member.revoke": _left,
    "policy.adopt": _adopted,
    "version.revoke": _revoked,
}
_WHO = {
    **dict.fromkeys(("version.register", "gate.report", "release.request"), ("bob",) * 20),
    "release.vote": ("carol", "dave") * 3,
    "release.override": ("quinn",) * 8,
    "deployment.start": ("erin",) * 4,
    "deployment.rollback": ("dave", "quinn") * 2,
    "deployment.break-glass": ("dave", "quinn") * 3,
}
"""Who mostly does it."""
_LIKELY = {
    **dict.fromkeys(_PROPOSALS, 2),
    "version.register": 6,
    "gate.report": 16,
    "release.request": 16,
    "release.vote": 40,
    "release.override": 14,
    "release.withdraw": 1,
    "deployment.start": 10,
    "deployment.report": 20,
    "deployment.rollback": 4,
    "deployment.break-glass": 8,
    "deployment.stop": 1,
    "member.add": 5,
    "policy.adopt": 0.5,
    "member.revoke": 0.7,
    "version.revoke": 0.7,
}


def history(seed: str, steps: int = STEPS) -> Crowd:
    """Return what became of one random history; the auditor has seen every step."""
    crowd = Crowd(random.Random(seed))
    for _ in range(steps):
        crowd.step()
    return crowd


def tried(seed: int, count: int) -> tuple[Counter[str], Counter[str]]:
    """Try so many histories; return which acts counted, and which moved pointers."""
    acts: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    for number in range(count):
        crowd = history(f"{seed}:{number}")
        acts += crowd.world.acts
        moves += crowd.world.auditor.moves
    return acts, moves


def test_nothing_goes_live_without_what_its_policy_asks(seed: int) -> None:
    """Votes, edits, new versions, policies, expiries, revocations, overrides: always allowed."""
    acts, moves = tried(seed, 12)
    assert {"release.vote", "release.override", "release.request"} <= acts.keys()
    assert sum(moves.values()) > 5


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_goes_live_in_a_thousand_histories(seed: int) -> None:
    """The same a thousand times; every act counted in some of them, every way moved a pointer."""
    acts, moves = tried(seed, 1000)
    assert acts.keys() >= _PROPOSALS.keys()
    assert {
        "release.vote",
        "release.override",
        "gate.report",
        "deployment.start",
        "deployment.rollback",
        "deployment.break-glass",
        "deployment.report",
        "deployment.stop",
    } <= moves.keys()


def _nothing(*_arguments: object, **_named: object) -> None:
    return None


_left_of = overrides.left_of


def _one_for_all(release: Release) -> list[str]:
    """Let the first override of a release stand for all of its failed checks."""
    return [] if release.overrides else _left_of(release)


LEFT_OUT: dict[str, tuple[object, str, Callable[..., object]]] = {
    "who may vote": (quorum, "may_vote", _nothing),
    "how many": (quorum, "missing", lambda *_: []),
    "whose overrides hold": (quorum, "fallen", lambda *_: []),
    "in which membership": (
        quorum,
        "fallen_overrides",
        lambda state, release: [one for one in release.overrides if not state.member(one.by)],
    ),
    "about what": (releases, "same_statement", _nothing),
    "revoked, asked for": (releases, "need_unrevoked", _nothing),
    "what is overridden": (overrides, "left_of", _one_for_all),
    "reviewed": (glass, "is_unreviewed", lambda _: False),
    "revoked, by glass": (glass, "need_unrevoked", _nothing),
    "who breaks": (glass, "need_break_role", _nothing),
    "how far back": (deployments, "targets", lambda _, endpoint: list(endpoint.ever.values())),
    "whose role": (deployments, "need_role", _nothing),
}


SOON = ("who may vote", "how many", "whose role", "how far back")
"""What a few histories find."""


def without(monkeypatch: pytest.MonkeyPatch, name: str, *, count: int) -> None:
    """Try so many histories without a rule; the auditor has to find something."""
    module, rule, instead = LEFT_OUT[name]
    monkeypatch.setattr(module, rule, instead)
    with pytest.raises(AssertionError):
        tried(1, count)


@pytest.mark.parametrize("name", SOON)
def test_rule_that_is_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without one of the rules the auditor finds a history in which something went live."""
    without(monkeypatch, name, count=60)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(set(LEFT_OUT) - set(SOON)))
def test_every_rule_that_is_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The same for the rules that stop what seldom happens."""
    without(monkeypatch, name, count=1000)
