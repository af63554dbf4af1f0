"""Broken places: what counts, what waits, and what owners' acknowledgement changes."""

from __future__ import annotations

import pytest

from modeldeck.domain import fold
from modeldeck.domain.entry import Intent, Json, entry_bytes, read_entry
from modeldeck.domain.history.breaks import open_breaks
from modeldeck.domain.levels import Evidence
from modeldeck.domain.policy import Check, Environment, Policy
from modeldeck.domain.state import Activity
from modeldeck.errors import ConflictError, InvalidInputError, NotFoundError, NotPermittedError
from tests.domain.chain import World, digest

SIGNED = Evidence(key="ssh-ed25519 X")
PLAIN = Evidence()


def _policy() -> Policy:
    one = Environment("production", approvals=2, trust="claimed", gate="plain")
    return Policy({"production": one}, {"plain": (Check("loads", "loads"),)})


@pytest.fixture
def world() -> World:
    """Return a workspace of ann's with people who vote."""
    made = World()
    made.found(_policy())
    for name in ("bob", "carol", "dave"):
        made.member(name)
    made.member("server", kind="server")
    return made


def broken(world: World, intent: Intent, *, evidence: Evidence = PLAIN) -> Activity:
    """Fold an entry that continues other bytes than those that stand before it."""
    state = world.state
    lost = digest(f"lost {state.n}")
    data = entry_bytes(intent, n=state.n + 1, prev=lost, at=world.at(), host="test")
    fold.apply(state, read_entry(data), evidence=evidence)
    assert not state.stopped
    return state.activity[-1]


def tag(world: World, name: str, by: str = "bob") -> Intent:
    """Return an intent that tags a run."""
    return world.intent(by, "tag.add", "run:x", {"tag": name, "value": ""})


def acknowledge(world: World, n: int, *, by: str = "ann", reason: str = "the disk") -> Activity:
    """Acknowledge a place by what stands there."""
    known = world.state.breaks.get(n)
    body: dict[str, Json] = {"n": n, "digest": known.digest if known else "", "reason": reason}
    return world.act(by, "ledger.acknowledge", f"entry:{n}", body)


def test_both_sides_of_a_break_are_marked_and_wait(world: World) -> None:
    """The effect of the entry before is taken back, that of the one behind does not come."""
    world.fold(tag(world, "before"))
    n = world.state.n
    line = broken(world, tag(world, "behind"))
    state = world.state
    assert state.tags.get("run:x") is None
    assert [one.is_broken for one in state.activity[-3:]] == [False, True, True]
    assert "acknowledge" in line.reason
    assert line.is_void
    assert [one.n for one in open_breaks(state)] == [n]


def test_acknowledged_entries_count_from_there_on(world: World) -> None:
    """What waited is done in its order at the owners' entry, and the place is closed for good."""
    world.fold(tag(world, "before"))
    n = world.state.n
    broken(world, tag(world, "behind"))
    world.fold(tag(world, "later"))
    done = acknowledge(world, n)
    assert list(world.state.tags["run:x"]) == ["later", "before", "behind"]
    assert f"counts from entry {done.n}" in world.state.settled[n]
    assert open_breaks(world.state) == []
    with pytest.raises(ConflictError, match="already"):
        acknowledge(world, n)


def test_policy_taken_back_is_that_before(world: World) -> None:
    """Also what is no table, such as the policy, is as it was before the entry."""
    before = world.state.policy_digest
    other = Policy({"other": Environment("other", trust="claimed")}, {}).to_json()
    world.act("ann", "policy.adopt", "policy", {"policy": other})
    assert world.state.policy_digest != before
    broken(world, tag(world, "behind"))
    assert world.state.policy_digest == before


@pytest.mark.parametrize("side", ["before", "behind"])
def test_signed_rejection_counts_at_a_break_and_an_unsigned_one_waits(
    world: World, side: str
) -> None:
    """Believing a signed rejection opens nothing; an unsigned one anybody could have written."""
    for evidence, status in ((SIGNED, "rejected"), (PLAIN, "waiting")):
        version = world.register()
        world.gate(version, "production")
        release = world.request(version)
        body = world.statement(release, "reject", reason="no")
        vote = world.intent("carol", "release.vote", f"release:{release}", body)
        if side == "behind":
            world.fold(tag(world, f"{status}"))
            broken(world, vote, evidence=evidence)
        else:
            world.fold(vote, evidence)
            broken(world, tag(world, "behind"))
        assert world.status(release) == status


@pytest.mark.parametrize(
    ("action", "subject", "body"),
    [
        ("member.revoke", "member:bob", {"reason": "left"}),
        ("run.stop", "run:20261123-071011-aaaaaa", {"reason": "wrong"}),
    ],
)
def test_signed_revocation_counts_at_a_break(
    world: World, action: str, subject: str, body: dict[str, Json]
) -> None:
    """What only takes something away counts."""
    world.fold(tag(world, "before"))
    line = broken(world, world.intent("ann", action, subject, body), evidence=SIGNED)
    if action == "member.revoke":
        assert not line.is_void
        assert world.state.member("bob") is None
    assert line.is_broken


@pytest.mark.parametrize("takes", [False, True])
def test_signed_withdrawal_counts_at_a_break_unless_it_keeps_somebody_in(takes: bool) -> None:
    """One of a proposal that gives waits for nobody; one of a revocation waits for owners."""
    world = World()
    world.found(_policy(), ("ann", "bea", "cat"), threshold=2)
    action, body = ("member.revoke", {"reason": "left"}) if takes else ("member.add", joining())
    subject = f"member:{'cat' if takes else 'eve'}"
    done = world.act("ann", action, subject, body)
    (proposal,) = world.state.pending
    world.fold(tag(world, "between", by="ann"))
    away: dict[str, Json] = {"digest": done.digest, "reason": "a slip"}
    intent = world.intent("bea", "proposal.withdraw", f"proposal:{proposal}", away)
    line = broken(world, intent, evidence=SIGNED)
    assert (line.is_void, proposal in world.state.pending) == (takes, takes)


def joining() -> dict[str, Json]:
    """Return what an entry says about a new member."""
    nothing: dict[str, Json] = {one: [] for one in ("roles", "environments", "keys")}
    return {"name": "eve", "kind": "person", "uid": -1, **nothing}


def test_signed_approval_at_a_break_waits_and_is_never_counted(world: World) -> None:
    """After a break votes are cast again, also when the place is acknowledged."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "dave")
    world.fold(tag(world, "before"))
    n = world.state.n
    body = world.statement(release, "approve")
    broken(
        world, world.intent("carol", "release.vote", f"release:{release}", body), evidence=SIGNED
    )
    assert world.status(release) == "waiting"
    acknowledge(world, n)
    assert world.status(release) == "waiting"
    assert "cast again" in world.state.settled[n + 1]
    world.vote(release, "carol")
    assert world.status(release) == "deploying"


def test_what_may_not_be_any_more_does_not_count_after_all(world: World) -> None:
    """An entry that waited is checked as of the owners' entry."""
    world.fold(tag(world, "before"))
    n = world.state.n
    broken(world, tag(world, "behind"))
    world.act("ann", "member.revoke", "member:bob", {"reason": "left"})
    acknowledge(world, n)
    assert "run:x" not in world.state.tags
    assert "not a member" in world.state.settled[n]


def test_entry_between_two_breaks_waits_for_both(world: World) -> None:
    """Who acknowledges one side does not vouch for the other."""
    world.fold(tag(world, "one"))
    n = world.state.n
    broken(world, tag(world, "two"))
    broken(world, tag(world, "three"))
    acknowledge(world, n)
    assert list(world.state.tags["run:x"]) == ["one"]
    acknowledge(world, n + 1)
    assert list(world.state.tags["run:x"]) == ["one", "two", "three"]


def test_acknowledgement_is_for_owners_with_a_reason_and_the_right_digest(world: World) -> None:
    """Others, other bytes, no reason and whole places are refused."""
    world.fold(tag(world, "before"))
    n = world.state.n
    broken(world, tag(world, "behind"))
    with pytest.raises(NotPermittedError, match="owners"):
        acknowledge(world, n, by="bob")
    with pytest.raises(InvalidInputError, match="why"):
        acknowledge(world, n, reason=" ")
    with pytest.raises(NotFoundError, match="not broken"):
        acknowledge(world, n - 1)
    body: dict[str, Json] = {"n": n, "digest": digest("other"), "reason": "x"}
    with pytest.raises(ConflictError, match="another one"):
        world.act("ann", "ledger.acknowledge", f"entry:{n}", body)


def test_two_owners_acknowledge_where_the_threshold_is_two() -> None:
    """The first one's entry waits for the second's support."""
    world = World()
    world.found(_policy(), ("ann", "bea"), threshold=2)
    world.fold(tag(world, "before", by="ann"))
    broken(world, tag(world, "behind", by="ann"))
    acknowledge(world, 2)
    assert open_breaks(world.state)
    (proposal,) = world.state.pending.values()
    body: dict[str, Json] = {"digest": proposal.act.digest}
    world.act("bea", "proposal.support", f"proposal:{proposal.act.id}", body)
    assert not open_breaks(world.state)
    assert list(world.state.tags["run:x"]) == ["before", "behind"]


def test_head_that_was_lost_may_have_been_seen(world: World) -> None:
    """An author who saw the entry that was replaced named a head that was of this chain once."""
    world.fold(tag(world, "before"))
    lost = digest(f"lost {world.state.n}")
    broken(world, tag(world, "behind"))
    known = world.intent("bob", "tag.add", "run:y", {"tag": "a", "value": ""})
    seen = Intent(
        known.id, known.by, known.action, known.subject, known.body, known.workspace, lost
    )
    assert not world.fold(seen).is_void


def test_broken_first_entry_is_another_workspace(world: World) -> None:
    """The first entry cannot wait: everything rests on it."""
    made = World()
    made.found(_policy())
    intent = tag(made, "x", by="ann")
    data = entry_bytes(intent, n=2, prev=digest("other"), at=made.at(), host="h")
    fold.apply(made.state, read_entry(data), evidence=PLAIN)
    assert "another workspace" in made.state.stopped


def test_file_that_holds_another_number_stops_the_fold(world: World) -> None:
    """Swapped files are no broken place: they cannot be read as what they are named."""
    data = entry_bytes(tag(world, "x"), n=99, prev=world.state.head, at=world.at(), host="h")
    fold.apply(world.state, read_entry(data), evidence=PLAIN)
    assert f"The file of entry {world.state.n + 1} holds entry 99" in world.state.stopped


def test_restored_history_outdates_open_releases_and_nothing_else(world: World) -> None:
    """Votes on what was open may be among what was lost; what is decided stays as it is."""
    first, second = world.register(), world.register()
    shipped = world.ship(first)
    world.gate(second, "production")
    release = world.request(second)
    state = world.state
    body: dict[str, Json] = {"n": state.n, "head": state.head, "lost_n": state.n + 3, "reason": "x"}
    with pytest.raises(NotPermittedError, match="owners"):
        world.act("bob", "ledger.restore", f"entry:{state.n}", body)
    world.act("ann", "ledger.restore", f"entry:{state.n}", body)
    assert (world.status(shipped), world.status(release)) == ("live", "outdated")
    assert "restored" in state.releases[release].because
