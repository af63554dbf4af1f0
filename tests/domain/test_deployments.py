"""Endpoints: rollback, stop, failure of all servers, and who may do what."""

from __future__ import annotations

import pytest

from modeldeck.domain.entry import Json
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError
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
