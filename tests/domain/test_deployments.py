"""Endpoints: rollback, stop, failure of all servers, and who may do what."""

from __future__ import annotations

import pytest

from modeldeck.domain import deployments
from modeldeck.domain.entry import Json
from modeldeck.domain.policy import Policy
from modeldeck.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
)
from modeldeck.services.base import builders
from tests.domain.chain import World


def _rollback(world: World, by: str, to: str, reason: str = "errors") -> None:
    endpoint = world.state.endpoints["churn@production"]
    manifest = world.state.versions[to].manifest
    body: dict[str, Json] = {
        "generation": endpoint.generation,
        "reason": reason,
        "to": to,
        "manifest": manifest,
    }
    world.act(by, "deployment.rollback", f"endpoint:{endpoint.id}", body)


def test_rollback_goes_to_the_version_before(world: World) -> None:
    """The pointer names the earlier version; what was rolled away from is no target any more."""
    first, second = world.register(), world.register()
    one, two = world.ship(first), world.ship(second)
    assert (world.status(one), world.status(two)) == ("replaced", "live")
    _rollback(world, "dave", first)
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.generation) == (first, 3)
    assert world.status(two) == "rolled-back"
    world.report("churn@production", "ready")
    assert world.status(one) == "live"
    with pytest.raises(ConflictError, match="cannot be rolled back"):
        _rollback(world, "dave", second)


def test_rollback_needs_role_reason_and_a_version_that_was_live(world: World) -> None:
    """Each of the three is refused by itself."""
    first, second, third = world.register(), world.register(), world.register()
    world.ship(first)
    world.ship(second)
    with pytest.raises(NotPermittedError, match="oncall"):
        _rollback(world, "carol", first)
    with pytest.raises(InvalidInputError, match="reason"):
        _rollback(world, "dave", first, reason=" ")
    with pytest.raises(ConflictError, match="cannot be rolled back"):
        _rollback(world, "dave", third)


def test_failed_server_brings_the_old_version_back(world: World) -> None:
    """When every server that was ready before has failed, the pointer goes back by itself."""
    first, second = world.register(), world.register()
    world.ship(first)
    world.gate(second, "production")
    release = world.request(second)
    world.vote(release, "carol")
    world.vote(release, "dave")
    world.report("churn@production", "failed", reason="example rows differ")
    endpoint = world.state.endpoints["churn@production"]
    assert world.status(release) == "failed"
    assert (endpoint.pointer.version, endpoint.base_version) == (first, first)
    assert endpoint.generation == 3


def test_one_failing_server_of_two_moves_nothing(world: World) -> None:
    """A single server that fails does not take a version down that others serve."""
    world.member("server-2", kind="server")
    first, second = world.register(), world.register()
    world.ship(first)
    world.report("churn@production", "ready", by="server-2")
    world.gate(second, "production")
    release = world.request(second)
    world.vote(release, "carol")
    world.vote(release, "dave")
    world.report("churn@production", "failed", by="server-2")
    assert world.status(release) == "deploying"
    world.report("churn@production", "ready")
    assert world.status(release) == "live"


def test_first_deployment_that_fails_leaves_no_pointer(world: World) -> None:
    """Without a version before, nothing is served, and the endpoint counts as never used."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "carol")
    world.vote(release, "dave")
    world.report("churn@production", "failed", reason="does not load")
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.base) == ("", "none")
    assert world.status(release) == "failed"


def test_report_by_another_than_an_enrolled_server_is_refused(world: World) -> None:
    """People, and servers of other environments, report nothing."""
    version = world.register()
    world.ship(version)
    with pytest.raises(NotPermittedError, match="not a server"):
        world.report("churn@production", "failed", by="bob")


def test_report_about_an_older_generation_is_refused(world: World) -> None:
    """A late report of a server says nothing about what is served now."""
    version = world.register()
    world.ship(version)
    body: dict[str, Json] = {
        "generation": 0,
        "manifest": world.state.versions[version].manifest,
        "outcome": "failed",
        "reason": "",
        "head": world.state.head,
    }
    with pytest.raises(ConflictError, match="changed"):
        world.act("server", "deployment.report", "endpoint:churn@production", body)


def test_stop_outdates_what_waits_and_can_be_rolled_back(world: World) -> None:
    """After a stop nothing is served; a rollback brings the last live version back."""
    first, second = world.register(), world.register()
    world.ship(first)
    world.gate(second, "production")
    waiting = world.request(second)
    body: dict[str, Json] = {"generation": 1, "reason": "incident"}
    world.act("dave", "deployment.stop", "endpoint:churn@production", body)
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.base_version) == ("", first)
    assert world.status(waiting) == "outdated"
    with pytest.raises(ConflictError, match="stopped already"):
        world.act("dave", "deployment.stop", "endpoint:churn@production", {**body, "generation": 2})
    _rollback(world, "dave", first)
    assert world.state.endpoints["churn@production"].pointer.version == first


def _second(world: World) -> str:
    """Bring two versions so far that the second one deploys; return its release."""
    world.ship(world.register())
    second = world.register()
    world.gate(second, "production")
    release = world.request(second)
    world.vote(release, "carol")
    world.vote(release, "dave")
    return release


def _targets(world: World) -> list[str]:
    endpoint = world.state.endpoints["churn@production"]
    return [one.version for one in deployments.targets(world.state, endpoint)]


def _shown(world: World) -> str:
    endpoint = world.state.endpoints["churn@production"]
    return builders.endpoint_document(world.state, endpoint)["status"]


@pytest.mark.parametrize("outcome", ["ready", "failed"])
def test_report_about_a_stopped_endpoint_starts_nothing(world: World, outcome: str) -> None:
    """What was stopped stays stopped, whatever a server says about the new generation."""
    version = world.register()
    world.ship(version)
    body: dict[str, Json] = {"generation": 1, "reason": "harmful"}
    world.act("dave", "deployment.stop", "endpoint:churn@production", body)
    lived = world.state.endpoints["churn@production"].lived
    with pytest.raises(ConflictError, match="is stopped"):
        world.report("churn@production", outcome)
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.generation, endpoint.lived) == ("", 2, lived)


def test_server_that_fails_after_it_was_ready_leaves_the_pointer(world: World) -> None:
    """What was live stays named, is shown as failed, and is nothing to go back to."""
    release = _second(world)
    world.report("churn@production", "ready")
    assert (world.status(release), _shown(world)) == ("live", "live")
    world.report("churn@production", "failed", reason="no memory")
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.generation) == ("churn@2", 2)
    assert (world.status(release), _shown(world)) == ("failed", "failed")
    assert [one.version for one in endpoint.lived] == ["churn@1"]
    world.ship(world.register())
    assert _targets(world) == ["churn@1"]


def test_server_that_recovers_makes_the_release_live_again(world: World) -> None:
    """A failure of what was live ends with the next report that is ready."""
    release = _second(world)
    for outcome in ("ready", "failed", "ready"):
        world.report("churn@production", outcome)
    assert (world.status(release), _shown(world)) == ("live", "live")
    assert world.state.endpoints["churn@production"].lived[-1].version == "churn@2"


def test_failure_of_one_server_leaves_what_another_serves(world: World) -> None:
    """As long as one server is ready the version is live."""
    world.member("server-2", kind="server")
    release = _second(world)
    world.report("churn@production", "ready")
    world.report("churn@production", "ready", by="server-2")
    world.report("churn@production", "failed")
    assert (world.status(release), _shown(world)) == ("live", "live")
    world.report("churn@production", "failed", by="server-2")
    assert (world.status(release), _shown(world)) == ("failed", "failed")


def test_failure_after_a_rollback_does_not_bring_back_what_was_left(world: World) -> None:
    """The pointer stays where people put it."""
    release = _second(world)
    world.report("churn@production", "ready")
    _rollback(world, "dave", "churn@1")
    world.report("churn@production", "failed")
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.generation) == ("churn@1", 3)
    assert world.status(release) == "rolled-back"
    assert _shown(world) == "failed"


def test_failure_of_the_old_version_does_not_swing_back(world: World) -> None:
    """After the pointer went back by itself, a further failure moves nothing."""
    release = _second(world)
    world.report("churn@production", "failed")
    world.report("churn@production", "failed")
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, endpoint.generation) == ("churn@1", 3)
    assert world.status(release) == "failed"


@pytest.mark.parametrize("is_revoked_first", [True, False])
def test_revoked_server_is_not_waited_for(world: World, is_revoked_first: bool) -> None:
    """A host that is gone for good does not keep a failed version in place."""
    world.member("server-2", kind="server")
    world.ship(world.register())
    world.report("churn@production", "ready", by="server-2")
    second = world.register()
    world.gate(second, "production")
    release = world.request(second)
    world.vote(release, "carol")
    world.vote(release, "dave")

    def revoke() -> None:
        world.act("ann", "member.revoke", "member:server-2", {"reason": "host gone"})

    def fail() -> None:
        world.report("churn@production", "failed", reason="no memory")

    for step in (revoke, fail) if is_revoked_first else (fail, revoke):
        assert world.status(release) == "deploying"
        step()
    endpoint = world.state.endpoints["churn@production"]
    assert (endpoint.pointer.version, world.status(release)) == ("churn@1", "failed")
    assert world.state.releases[release].because == "no memory"


def test_endpoint_of_a_dropped_environment_is_shown_and_refused(
    world: World, policy: Policy
) -> None:
    """Where the policy has the environment no more, nothing can be done, and nobody breaks."""
    release = _second(world)
    world.report("churn@production", "ready")
    world.state.touched.clear()
    staging = Policy({"staging": policy.environments["staging"]}, policy.gates)
    world.act("ann", "policy.adopt", "policy", {"policy": staging.to_json()})
    assert ("deployments", "churn@production") in world.state.touched
    assert (_shown(world), _targets(world)) == ("live", [])
    body: dict[str, Json] = {"generation": 2, "reason": "x"}
    with pytest.raises(NotFoundError, match="production"):
        world.act("dave", "deployment.stop", "endpoint:churn@production", body)
    with pytest.raises(NotFoundError, match="production"):
        _rollback(world, "dave", "churn@1")
    with pytest.raises(NotFoundError, match="production"):
        world.report("churn@production", "failed")
    with pytest.raises(NotFoundError, match="production"):
        world.state.policy.checks("production", "churn")
    assert world.status(release) == "live"
