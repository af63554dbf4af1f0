"""Founding, members, and the owners' threshold."""

from __future__ import annotations

import pytest

from modeldeck.domain.entry import Json
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.policy import Policy
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from tests.domain.chain import World


def _adding(name: str, key: str = "", kind: str = "person") -> dict[str, Json]:
    keys: list[Json] = [key] if key else []
    return {
        "name": name,
        "kind": kind,
        "uid": -1,
        "roles": [],
        "environments": [],
        "keys": keys,
    }


def test_only_owners_add_members(world: World) -> None:
    """Everybody else is refused, and a forged entry is void."""
    with pytest.raises(NotPermittedError, match="for owners"):
        world.act("bob", "member.add", "member:eve", _adding("eve"))
    assert world.fold(world.intent("bob", "member.add", "member:eve", _adding("eve"))).is_void
    assert world.state.member("eve") is None


@pytest.mark.parametrize("name", ["", "Eve", "../x", "eve\n", "сarol", "a" * 65, "-rf"])
def test_odd_names_cannot_become_members(world: World, name: str) -> None:
    """A member's name is an ASCII slug, so that no two look alike."""
    with pytest.raises(InvalidInputError):
        world.act("ann", "member.add", f"member:{name}", _adding(name))


def test_a_key_belongs_to_one_member(world: World) -> None:
    """A second member cannot bring a key that somebody has."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGT"
    world.act("ann", "member.add", "member:eve", _adding("eve", key))
    with pytest.raises(ConflictError, match="eve"):
        world.act("ann", "member.add", "member:mal", _adding("mal", key))


def test_revoked_member_is_out_from_there_on(world: World) -> None:
    """Earlier votes of a revoked member hold no more, later entries are void."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "carol")
    world.act("ann", "member.revoke", "member:carol", {"reason": "left"})
    world.vote(release, "dave")
    assert world.status(release) == "waiting"
    with pytest.raises(NotPermittedError, match="carol"):
        world.vote(release, "carol")


def test_last_owner_cannot_be_revoked(world: World) -> None:
    """There stay at least as many owners as the threshold."""
    with pytest.raises(NotPermittedError, match="threshold"):
        world.act("ann", "member.revoke", "member:ann", {"reason": "x"})


def test_threshold_of_two_needs_another_owner(policy: Policy) -> None:
    """An owners' entry waits until a second owner supports just that entry."""
    world = World()
    world.found(policy, owners=("ann", "ben", "cleo"), threshold=2)
    done = world.act("ann", "member.add", "member:eve", _adding("eve"))
    assert world.state.member("eve") is None
    proposal = f"proposal:{next(iter(world.state.pending))}"
    with pytest.raises(ConflictError, match="another one"):
        world.act("ben", "proposal.support", proposal, {"digest": "0" * 64})
    with pytest.raises(ConflictError, match="already"):
        world.act("ann", "proposal.support", proposal, {"digest": done.digest})
    world.act("ben", "proposal.support", proposal, {"digest": done.digest})
    assert world.state.member("eve") is not None
    with pytest.raises(NotFoundError):
        world.act("cleo", "proposal.support", proposal, {"digest": done.digest})


def test_proposal_is_withdrawn_by_who_made_it_or_an_owner_for_good(policy: Policy) -> None:
    """Nobody else can; nobody supports it afterwards, and it can be proposed again."""
    world = World()
    world.found(policy, owners=("ann", "ben", "cleo"), threshold=2)
    world.act("ann", "member.add", "member:dave", _adding("dave"))
    (dave,) = world.state.pending.values()
    world.act("ben", "proposal.support", f"proposal:{dave.act.id}", {"digest": dave.act.digest})
    done = world.act("ann", "member.add", "member:eve", _adding("eve"))
    proposal = f"proposal:{next(iter(world.state.pending))}"
    body: dict[str, Json] = {"digest": done.digest, "reason": "not yet"}
    with pytest.raises(NotPermittedError, match="Only ann or an owner"):
        world.act("dave", "proposal.withdraw", proposal, body)
    with pytest.raises(ConflictError, match="another one"):
        world.act("cleo", "proposal.withdraw", proposal, {**body, "digest": "0" * 64})
    line = world.act("cleo", "proposal.withdraw", proposal, body)
    assert (dict(world.state.pending), world.state.withdrawn[done.n]) == ({}, line.n)
    for action, said in (("support", {"digest": done.digest}), ("withdraw", body)):
        with pytest.raises(NotFoundError):
            world.act("ben", f"proposal.{action}", proposal, said)
    again = world.act("ann", "member.add", "member:eve", _adding("eve"))
    proposal = f"proposal:{next(iter(world.state.pending))}"
    world.act("ben", "proposal.support", proposal, {"digest": again.digest})
    assert world.state.member("eve") is not None


def test_former_owner_withdraws_only_what_they_proposed_since_they_came_back(
    policy: Policy,
) -> None:
    """A name that was revoked and added again is another membership."""
    world = World()
    world.found(policy, owners=("ann", "ben", "cleo", "dora"), threshold=2)
    kept = world.act("ann", "member.add", "member:eve", _adding("eve"))
    first = next(iter(world.state.pending))
    for action, body in (("revoke", {"reason": "left"}), ("add", _adding("ann"))):
        done = world.act("ben", f"member.{action}", "member:ann", body)
        waiting = next(key for key, one in world.state.pending.items() if one.act.n == done.n)
        world.act("cleo", "proposal.support", f"proposal:{waiting}", {"digest": done.digest})
    with pytest.raises(NotPermittedError, match="an owner"):
        world.act(
            "ann", "proposal.withdraw", f"proposal:{first}", {"digest": kept.digest, "reason": ""}
        )


def test_threshold_beyond_the_owners_founds_nothing(policy: Policy) -> None:
    """Entry 1 with a threshold that nobody can meet stops the fold."""
    world = World()
    with pytest.raises(AssertionError, match="Entry 1 does not found"):
        world.found(policy, owners=("ann",), threshold=2)


def test_levels_follow_the_evidence(world: World) -> None:
    """Signed beats owner beats claimed; a forged signature makes the entry void."""
    body: dict[str, Json] = {"object": "0" * 64}
    uid = world.state.members["bob"].uid

    def level(evidence: Evidence) -> Level:
        intent = world.intent("bob", "annotation.add", "model:churn", body)
        return world.fold(intent, evidence).level

    assert level(Evidence()) == Level.CLAIMED
    assert level(Evidence(owner=uid)) == Level.OWNER
    assert level(Evidence(owner=uid + 1)) == Level.CLAIMED
    assert level(Evidence(owner=uid, key="ssh-ed25519 x")) == Level.SIGNED
    forged = world.intent("bob", "annotation.add", "model:churn", body)
    assert world.fold(forged, Evidence(is_forged=True)).is_void


def test_id_is_used_up_by_its_first_valid_entry(world: World) -> None:
    """The same id again is void, with the number of the entry that has it."""
    intent = world.intent("bob", "annotation.add", "model:churn", {"object": "0" * 64})
    first = world.fold(intent)
    again = world.fold(intent)
    assert again.is_void
    assert str(first.n) in again.reason
