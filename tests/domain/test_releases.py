"""Releases: every legal way from a request to a live version, and each way that is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modeldeck.domain.entry import Json
from modeldeck.domain.policy import Environment, Policy
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError
from tests.domain.chain import World


def test_release_with_all_approvals_goes_live(world: World) -> None:
    """Two people, one of them with the role, move the pointer; a ready server makes it live."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    assert world.status(release) == "waiting"
    world.vote(release, "dave")
    assert world.status(release) == "waiting"
    world.vote(release, "carol")
    assert world.status(release) == "deploying"
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.generation) == (version, 1)
    world.report("churn@production", "ready")
    assert world.status(release) == "live"


def test_request_without_report_checks_until_the_report_comes(world: World) -> None:
    """A release waits in checking, and the gate report settles it."""
    good, bad = world.register(), world.register()
    first, second = world.request(good), world.request(bad)
    assert world.status(first) == "checking"
    world.gate(good, "production")
    world.gate(bad, "production", passed=False)
    assert (world.status(first), world.status(second)) == ("waiting", "blocked")


@pytest.mark.parametrize("person", ["bob", "ann"])
def test_vote_by_requester_or_maker_is_refused(world: World, person: str) -> None:
    """Who made, registered or asked for a version does not vote on it; owners are no exception."""
    version = world.register(by="bob")
    world.gate(version, "production")
    release = world.request(version, by="ann")
    with pytest.raises(NotPermittedError, match=person):
        world.vote(release, person)
    forged = world.intent(
        person, "release.vote", f"release:{release}", world.statement(release, "approve")
    )
    assert world.fold(forged).is_void
    assert world.status(release) == "waiting"


def test_vote_by_a_stranger_or_server_is_refused(world: World) -> None:
    """Only people who are members vote."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    for name in ("mallory", "server"):
        with pytest.raises(NotPermittedError, match=name):
            world.vote(release, name)


def test_role_is_not_replaced_by_numbers(world: World) -> None:
    """Two approvals without the named role do not decide."""
    world.member("eve")
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "dave")
    world.vote(release, "eve")
    assert world.status(release) == "waiting"
    world.vote(release, "carol")
    assert world.status(release) == "deploying"


def test_reject_decides_and_needs_a_reason(world: World) -> None:
    """One rejection ends the release; without a reason it is refused."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    with pytest.raises(InvalidInputError, match="why"):
        world.vote(release, "dave", verdict="reject")
    world.vote(release, "dave", verdict="reject", reason="wrong data")
    assert world.status(release) == "rejected"
    with pytest.raises(ConflictError, match="rejected"):
        world.vote(release, "carol")


def test_vote_twice_is_refused_and_changed_counts(world: World) -> None:
    """A repeated vote is a conflict; a changed one replaces the first."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "dave")
    with pytest.raises(ConflictError, match="already"):
        world.vote(release, "dave")
    world.vote(release, "dave", verdict="request-changes", reason="say what changed")
    assert world.status(release) == "changes-requested"
    world.vote(release, "carol")
    world.vote(release, "dave")
    assert world.status(release) == "deploying"


@pytest.mark.parametrize(
    "field", ["request", "manifest", "report", "policy", "environment", "replaces", "generation"]
)
def test_vote_about_something_else_is_void(world: World, field: str) -> None:
    """A statement that differs in any field from what the release rests on counts for nothing."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    body = world.statement(release, "approve")
    body[field] = 7 if field == "generation" else "f" * 64
    done = world.fold(world.intent("carol", "release.vote", f"release:{release}", body))
    assert done.is_void
    assert not world.state.releases[release].votes


def test_statement_used_again_is_refused(world: World) -> None:
    """A vote's nonce counts once."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    body = world.statement(release, "approve")
    world.act("carol", "release.vote", f"release:{release}", body)
    world.vote(release, "carol", verdict="request-changes", reason="wait")
    again = {**body, **world.span()}
    assert world.fold(world.intent("carol", "release.vote", f"release:{release}", again)).is_void


def test_live_version_moved_makes_others_outdated(world: World) -> None:
    """What is approved is a transition: when its base moves, votes count no more."""
    first, second = world.register(), world.register()
    world.gate(second, "production")
    waiting = world.request(second)
    world.vote(waiting, "carol")
    world.ship(first)
    assert world.status(waiting) == "outdated"
    with pytest.raises(ConflictError, match="outdated"):
        world.vote(waiting, "dave")


def test_adopted_policy_makes_open_releases_outdated(world: World, policy: Policy) -> None:
    """Votes were given under the old policy; another one needs a new request."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.act("ann", "policy.adopt", "policy:test", {"policy": policy.to_json()})
    assert world.status(release) == "outdated"


def test_later_failing_report_makes_a_release_outdated(world: World) -> None:
    """A report that passes again changes nothing, one that does not ends the release."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.gate(version, "production")
    assert world.status(release) == "waiting"
    world.gate(version, "production", passed=False)
    assert world.status(release) == "outdated"


def test_expired_request_takes_no_votes(world: World) -> None:
    """A vote issued after the request's end is refused, whatever the clock of the reader."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    body = world.statement(release, "approve")
    body |= {"issued": "2027-01-01T00:00:00.000000Z", "expires": "2027-01-02T00:00:00.000000Z"}
    done = world.fold(world.intent("carol", "release.vote", f"release:{release}", body))
    assert done.is_void
    assert "expired" in done.reason


def test_backdated_vote_is_void(world: World) -> None:
    """Statements about one release do not run backwards."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    body = world.statement(release, "approve")
    body["issued"] = "2026-11-23T06:00:00.000000Z"
    assert world.fold(world.intent("carol", "release.vote", f"release:{release}", body)).is_void


def test_withdraw_is_for_requester_and_owner(world: World) -> None:
    """Nobody else can take a request back, and nobody can after the decision."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    with pytest.raises(NotPermittedError):
        world.act("dave", "release.withdraw", f"release:{release}", {"reason": ""})
    world.act("ann", "release.withdraw", f"release:{release}", {"reason": "not needed"})
    assert world.status(release) == "withdrawn"
    with pytest.raises(ConflictError):
        world.act("bob", "release.withdraw", f"release:{release}", {"reason": ""})


def test_same_request_twice_is_refused(world: World) -> None:
    """One open release for a version and environment is enough."""
    version = world.register()
    world.request(version)
    with pytest.raises(ConflictError, match="churn-1"):
        world.request(version)


def test_manual_deployment_needs_a_start(world: World, policy: Policy) -> None:
    """With deploy = manual approval and start are two acts by whoever has the role."""
    production = replace(
        policy.environments["production"], deploy="manual", deploy_roles=("oncall",)
    )
    manual = Policy({**policy.environments, "production": production}, policy.gates)
    world.act("ann", "policy.adopt", "policy:test", {"policy": manual.to_json()})
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "carol")
    world.vote(release, "dave")
    assert world.status(release) == "approved"
    body: dict[str, Json] = {"generation": 0, "issued": world.at()}
    with pytest.raises(NotPermittedError, match="oncall"):
        world.act("carol", "deployment.start", f"release:{release}", body)
    world.act("dave", "deployment.start", f"release:{release}", {**body, "issued": world.at()})
    assert world.status(release) == "deploying"


def test_promotion_needs_the_earlier_environment(world: World, policy: Policy) -> None:
    """Where production promotes from staging, a version has to be live there first."""
    production = replace(policy.environments["production"], promotes_from="staging")
    stepped = Policy({**policy.environments, "production": production}, policy.gates)
    world.act("ann", "policy.adopt", "policy:test", {"policy": stepped.to_json()})
    version = world.register()
    with pytest.raises(NotPermittedError, match="staging"):
        world.request(version)
    world.ship(version, "staging")
    world.request(version)


def test_gate_role_keeps_home_made_reports_out(world: World, policy: Policy) -> None:
    """Where the policy names gate roles, only they make reports that count."""
    production = replace(policy.environments["production"], gate_roles=("qa",))
    strict = Policy({**policy.environments, "production": production}, policy.gates)
    world.act("ann", "policy.adopt", "policy:test", {"policy": strict.to_json()})
    world.member("ci", ("qa",), kind="ci")
    version = world.register()
    with pytest.raises(NotPermittedError, match="qa"):
        world.gate(version, "production")
    release = world.request(version)
    world.gate(version, "production", by="ci")
    assert world.status(release) == "waiting"


def test_zero_approvals_deploy_when_the_gate_passes(world: World, policy: Policy) -> None:
    """An environment may ask for nobody; then the gate alone decides."""
    free = replace(policy.environments["staging"], approvals=0)
    relaxed = Policy({**policy.environments, "staging": free}, policy.gates)
    world.act("ann", "policy.adopt", "policy:test", {"policy": relaxed.to_json()})
    version = world.register()
    release = world.request(version, "staging")
    world.gate(version, "staging")
    assert world.status(release) == "deploying"


def test_environment_needs_its_level(world: World) -> None:
    """An entry below the level of the environment that it affects is refused and void."""
    signed = Policy({"production": Environment("production", trust="signed")}, {})
    made = type(world)()
    made.found(signed, keys=("ssh-ed25519 ANN",))
    with pytest.raises(NotPermittedError, match="signed"):
        made.member("bob")
