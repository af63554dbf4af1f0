"""Roles, keys and the policy: written by everybody, believed of as many owners as decide alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modeldeck.domain.entry import Intent, Json
from modeldeck.domain.members import key_of
from modeldeck.domain.state import Activity, State
from modeldeck.store import places
from tests.approvals.keys import make
from tests.approvals.signed import Signed, policy_of

Body = dict[str, Json]
OTHERS = ("bob", "carol", "dave", "ci", "server")


def rules_of(state: State) -> tuple[object, ...]:
    """Return all that decides who may do what."""
    return state.policy_digest, state.threshold, dict(state.members), dict(state.keys)


class Hand:
    """Somebody who writes entries and files of their own, to be more than they are."""

    def __init__(self, world: Signed, rng: random.Random) -> None:
        self.world, self.rng = world, rng

    def wish(self) -> tuple[str, str, Body]:
        """Return what they would like to be decided: its action, subject and body."""
        world, rng = self.world, self.rng
        who = rng.choice(OTHERS)
        change: Body = {
            **{one: [] for one in ("add_roles", "remove_roles", "add_keys", "revoke_keys")},
            "owner": "",
            "reason": "",
        }
        role = rng.choice(("risk", "boss", "release-manager"))
        adding = world.joining(f"eve{world._ids()}", ("risk",))
        weak = policy_of(approvals=rng.randint(0, 1), trust=rng.choice(("claimed", "owner")))
        own = policy_of(self_approval=True, roles={})
        wishes: list[tuple[str, str, Body]] = [
            ("policy.adopt", "policy:test", {"policy": weak.to_json()}),
            ("policy.adopt", "policy:test", {"policy": own.to_json()}),
            ("member.add", f"member:{adding['name']}", adding),
            ("member.change", f"member:{who}", {**change, "owner": "yes"}),
            ("member.change", f"member:{who}", {**change, "add_roles": [f"{role}-x"]}),
            ("member.change", f"member:{who}", {**change, "add_keys": [make("ed25519").public]}),
            (
                "member.change",
                "member:carol",
                {**change, "revoke_keys": [key_of(world.key("carol").public)]},
            ),
            ("member.revoke", f"member:{rng.choice(('ann', 'ben', who))}", {"reason": "bye"}),
        ]
        return rng.choice(wishes)

    def intent(self, by: str) -> Intent:
        """Return a wish as somebody's entry."""
        return self.world.intent(by, *self.wish())

    def alone(self) -> Activity:
        """Be no owner, and decide."""
        return self.world.fold(self.intent(self.rng.choice(OTHERS)))

    def in_another_name(self) -> Activity:
        """Be no owner, and sign in an owner's name."""
        intent = self.intent(self.rng.choice(("ann", "ben")))
        return self.world.write(self.world.signed(intent, self.world.key("bob")))

    def unsigned(self) -> Activity:
        """Sign nothing, in an owner's name."""
        return self.world.write(self.intent(self.rng.choice(("ann", "ben"))))

    def with_own_support(self) -> Activity:
        """Be one owner of two, and support oneself; then as a member, then in the other's name."""
        world = self.world
        made = world.fold(self.intent("ann"))
        if made.is_void:
            return made
        (pending,) = [one for one in world.state.pending.values() if one.act.n == made.n]
        subject, body = f"proposal:{pending.act.id}", {"digest": made.digest}
        for by, key in (("ann", "ann"), ("carol", "carol"), ("ben", "carol")):
            intent = world.intent(by, "proposal.support", subject, body)
            assert world.write(world.signed(intent, world.key(key))).is_void
        return made

    def support_of_another(self) -> Activity:
        """Use the other owner's support of one proposal for another one."""
        world = self.world
        harmless = world.fold(
            world.intent("ann", "member.add", "member:x", world.joining(f"x{world._ids()}"))
        )
        body: Body = {"digest": harmless.digest}
        known = next((one for one in world.state.pending.values() if one.act.n == harmless.n), None)
        wanted = world.fold(self.intent("ann"))
        other = next((one for one in world.state.pending.values() if one.act.n == wanted.n), None)
        if other is None:
            return wanted
        subject = f"proposal:{other.act.id}"
        if known is not None:
            done = world.fold(world.intent("ben", "proposal.support", subject, body))
        else:
            signed = world.signed(
                world.intent("ben", "proposal.support", "proposal:x", {"digest": wanted.digest})
            )
            done = world.write(replace(signed, subject=subject))
        assert done.is_void
        return done

    def edited_files(self) -> None:
        """Write files as if they were the rules."""
        root, rng = self.world.root, self.rng
        (root / places.CONFIG).write_text(
            f'name = "test"\n[environments.production]\napprovals = {rng.randint(0, 1)}\n'
            "self_approval = true\nroles = {}\n"
        )
        (root / "members.toml").write_text(
            f'[[members]]\nname = "eve{rng.randrange(99)}"\nroles = ["risk"]\n'
        )
        (root / ".modeldeck" / "policy.json").write_text('{"threshold": 1}')


@pytest.fixture
def shared(memory: Path, fast: None) -> Signed:
    """Return a workspace of two owners who decide together, with its people."""
    world = Signed(memory / "ws")
    world.start(owners=("ann", "ben"), threshold=2)
    people = (("bob", "", "person"), ("carol", "risk", "person"), ("dave", "oncall", "person"))
    for name, role, kind in (*people, ("ci", "gatekeeper", "ci"), ("server", "", "server")):
        body = world.joining(name, (role,) if role else (), kind=kind)
        done = world.act("ann", "member.add", f"member:{name}", body)
        (pending,) = [one for one in world.state.pending.values() if one.act.n == done.n]
        subject = f"proposal:{pending.act.id}"
        world.act("ben", "proposal.support", subject, {"digest": done.digest})
    return world


def test_rules_that_fewer_than_the_owners_threshold_wrote_are_not_in_force(
    shared: Signed, rng: random.Random, seed: int
) -> None:
    """Fifty times somebody else's roles, keys and policies: nothing that decides has changed."""
    hand, before = Hand(shared, rng), rules_of(shared.state)
    ways: tuple[Callable[[], Activity | None], ...] = (
        hand.alone,
        hand.in_another_name,
        hand.unsigned,
        hand.with_own_support,
        hand.support_of_another,
        hand.edited_files,
    )
    for count in range(50):
        done = ways[count % len(ways)]()
        about = f"seed {seed}, time {count}: {ways[count % len(ways)].__name__} {done}"
        assert rules_of(shared.state) == before, about
    release = shared.waiting()
    assert not shared.fold(shared.ballot(release, "dave")).is_void
    assert shared.status(release) == "waiting"
    assert not shared.fold(shared.ballot(release, "carol")).is_void
    assert shared.status(release) == "deploying"
