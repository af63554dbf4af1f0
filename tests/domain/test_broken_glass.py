"""Random histories of broken glass against an account of its own of what may be selected."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from modeldeck.domain.entry import Json
from modeldeck.domain.policy import BreakGlass, Policy
from modeldeck.domain.state import Activity
from tests.domain.chain import World

LIVE = "churn@production"
PEOPLE = ("ann", "bob", "carol", "dave", "rita", "server", "mallory")
BREAKERS, REVIEWERS = {"dave", "rita"}, {"ann", "carol"}
N_STEPS = 30


@dataclass
class Account:
    """What a careful reader of the history would write down about one endpoint.

    ``was_live`` are versions by the manifests that a server reported ready; ``broken_by`` is who
    broke the glass and waits for a review, empty for nobody.
    """

    world: World
    rng: random.Random
    was_live: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    broken_by: str = ""
    n_broken: int = 0
    n_refused: int = 0

    @property
    def pointer(self) -> str:
        """What the endpoint serves, by its manifest."""
        return self.world.state.endpoint("churn", "production").pointer.manifest

    def write(self, by: str, action: str, body: dict[str, Json]) -> Activity:
        """Write an entry without asking whether it may be, as a program of one's own would."""
        return self.world.fold(self.world.intent(by, action, f"endpoint:{LIVE}", body))

    def ship(self) -> None:
        """Release another version; the server says that it is ready, or that it failed."""
        world, version = self.world, self.world.register()
        world.gate(version, "production")
        release = world.request(version)
        for name in ("carol", "dave"):
            world.vote(release, name)
        is_ready = self.rng.random() < 0.7
        world.report(LIVE, "ready" if is_ready else "failed")
        if is_ready:
            self.was_live[world.state.versions[version].manifest] = version

    def revoke(self) -> None:
        """Revoke a version for good."""
        version = self.rng.choice(sorted(self.world.state.versions))
        manifest = self.world.state.versions[version].manifest
        if manifest not in self.revoked:
            self.world.act("ann", "version.revoke", f"version:{version}", {"reason": "bad data"})
            self.revoked.add(manifest)

    def smash(self) -> None:
        """Break the glass: anybody, to anything, with or without a reason."""
        rng, world = self.rng, self.world
        by = rng.choice([*PEOPLE, "dave", "dave", "rita"])
        version = rng.choice(sorted(world.state.versions))
        manifest = world.state.versions[version].manifest
        if rng.random() < 0.1:
            manifest = world.state.versions[rng.choice(sorted(world.state.versions))].manifest
        reason = "" if rng.random() < 0.1 else "it answers nonsense"
        behind = rng.random() < 0.1
        body: dict[str, Json] = {
            "generation": world.state.endpoint("churn", "production").generation - behind,
            "to": version,
            "manifest": manifest,
            "reason": reason,
            "issued": world.at(),
        }
        may = (
            by in BREAKERS
            and bool(reason)
            and not behind
            and not self.broken_by
            and self.was_live.get(manifest) == version
            and manifest not in self.revoked
            and manifest != self.pointer
        )
        before = self.pointer
        done = self.write(by, "deployment.break-glass", body)
        assert done.is_void is not may, (by, version, done.reason)
        assert self.pointer == (manifest if may else before)
        if may:
            self.broken_by, self.n_broken = by, self.n_broken + 1
        self.n_refused += not may

    def review(self) -> None:
        """Review the broken glass: anybody."""
        by = self.rng.choice(PEOPLE)
        known = self.world.state.endpoint("churn", "production").glass
        body: dict[str, Json] = {"glass": known.n if known else 0, "reason": "looked at it"}
        may = bool(self.broken_by) and by in REVIEWERS and by != self.broken_by
        done = self.write(by, "deployment.review", body)
        assert done.is_void is not may, (by, done.reason)
        if may:
            self.broken_by = ""


def history(policy: Policy, rng: random.Random) -> Account:
    """Live through one history; every step is checked against the account."""
    production = replace(
        policy.environments["production"], break_glass=BreakGlass(("oncall",), 3600)
    )
    world = World()
    world.found(Policy({**policy.environments, "production": production}, policy.gates))
    for name, role in (("bob", ""), ("carol", "risk"), ("dave", "oncall"), ("rita", "oncall")):
        world.member(name, (role,) if role else ())
    world.member("server", kind="server")
    account = Account(world, rng)
    for _ in range(3):
        account.ship()
    steps = (account.ship, account.revoke, account.smash, account.review)
    for step in rng.choices(steps, weights=(4, 1, 12, 5), k=N_STEPS):
        step()
    return account


@pytest.mark.parametrize("n_times", [20, pytest.param(1_000, marks=pytest.mark.slow)])
def test_glass_selects_only_what_was_live_and_not_twice_without_a_review(
    policy: Policy, rng: random.Random, seed: int, n_times: int
) -> None:
    """Whoever breaks it, whatever for, and whatever happened before: as the account says."""
    found = [history(policy, rng) for _ in range(n_times)]
    assert sum(one.n_broken for one in found) >= n_times, f"seed {seed}"
    assert sum(one.n_refused for one in found) >= n_times, f"seed {seed}"
