"""What depends on now: expiry of requests and approvals, reminders, freezes, overdue reviews."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from modeldeck import clock
from modeldeck.domain.entry import Json
from modeldeck.domain.policies import timing
from modeldeck.domain.policy import Policy
from modeldeck.errors import ConflictError, NotPermittedError
from tests.domain.chain import World

HOUR, DAY = 3600, 86400


def production(world: World, policy: Policy, **changes: object) -> None:
    """Adopt the policy with another production."""
    one = replace(policy.environments["production"], **changes)  # type: ignore[arg-type]  # as tests name them
    world.adopt(Policy({**policy.environments, "production": one}, policy.gates))


def later(world: World, seconds: float) -> str:
    """Return a time so many seconds from now."""
    return clock.to_text(world.now + timedelta(seconds=seconds))


def waiting(world: World) -> str:
    """Return a release that waits for votes."""
    version = world.register()
    world.gate(version, "production")
    return world.request(version)


def looked(world: World, release: str, seconds: float) -> timing.Timing:
    """Return what a later time makes of a release."""
    state = world.state
    return timing.status(state, state.releases[release], now=later(world, seconds))


def vote(world: World, release: str, by: str, *, hours: float) -> None:
    """Approve for some hours."""
    body = {**world.statement(release, "approve"), **world.span(hours)}
    world.act(by, "release.vote", f"release:{release}", body)


def test_request_expires_and_people_are_reminded_before(world: World, policy: Policy) -> None:
    """It waits, is about to end, and is expired; nothing of that is stored."""
    production(world, policy, request_ttl_s=72 * HOUR, remind_before_s=6 * HOUR)
    release = waiting(world)
    seen = [looked(world, release, hours * HOUR) for hours in (1, 65, 67, 73)]
    assert [one.status for one in seen] == ["waiting", "waiting", "waiting", "expired"]
    assert [one.is_ending for one in seen] == [False, False, True, False]
    assert {one.ends_at for one in seen} == {world.state.releases[release].expires}
    assert world.status(release) == "waiting"


def test_reminder_never_comes_before_half_of_the_time(world: World, policy: Policy) -> None:
    """Where a request holds for less than the reminder says, it comes at half of its time."""
    production(world, policy, request_ttl_s=10 * HOUR)
    version = world.register()
    world.gate(version, "production")
    body = {**world.base(version, "production"), **world.span(10), "reason": ""}
    world.act("bob", "release.request", f"version:{version}", body)
    assert not looked(world, "churn-1", 4.9 * HOUR).is_ending
    assert looked(world, "churn-1", 5.1 * HOUR).is_ending


def test_approved_release_ends_with_the_first_vote_that_it_needs(
    world: World, policy: Policy
) -> None:
    """Not with its request, and not with a vote that it could do without."""
    production(world, policy, deploy="manual")
    world.member("erin")
    release = waiting(world)
    vote(world, release, "erin", hours=2)
    vote(world, release, "carol", hours=100)
    assert world.status(release) == "approved"
    assert looked(world, release, 1 * HOUR).status == "approved"
    assert looked(world, release, 3 * HOUR).status == "expired"
    other = waiting(world)
    vote(world, other, "erin", hours=100)
    vote(world, other, "carol", hours=150)
    assert looked(world, other, 90 * HOUR).status == "approved"
    assert looked(world, other, 101 * HOUR).status == "expired"


def test_start_after_the_approvals_ended_is_void(world: World, policy: Policy) -> None:
    """Approved and not deployed: later nothing starts it any more."""
    production(world, policy, deploy="manual")
    release = waiting(world)
    vote(world, release, "dave", hours=2)
    vote(world, release, "carol", hours=2)
    body: dict[str, Json] = {"generation": 0, "issued": later(world, 3 * HOUR)}
    with pytest.raises(NotPermittedError, match="2 more approvals"):
        world.act("dave", "deployment.start", f"release:{release}", body)
    assert world.fold(world.intent("dave", "deployment.start", f"release:{release}", body)).is_void
    assert world.status(release) == "approved"


def test_start_after_an_approver_left_is_void(world: World, policy: Policy) -> None:
    """A start looks at votes, roles and members again."""
    production(world, policy, deploy="manual")
    release = waiting(world)
    for person in ("dave", "carol"):
        world.vote(release, person)
    world.act("ann", "member.revoke", "member:carol", {"reason": "left"})
    assert looked(world, release, 1).status == "approved"
    body: dict[str, Json] = {"generation": 0, "issued": world.at()}
    with pytest.raises(NotPermittedError, match="role risk"):
        world.act("dave", "deployment.start", f"release:{release}", body)


def test_environment_that_asks_nobody_ends_with_its_request(world: World, policy: Policy) -> None:
    """Without votes it is the request that says how long it holds."""
    production(world, policy, approvals=0, roles={}, deploy="manual")
    release = waiting(world)
    assert world.status(release) == "approved"
    assert looked(world, release, 71 * HOUR).status == "approved"
    assert looked(world, release, 73 * HOUR).status == "expired"


def test_freeze_is_told_with_its_end(world: World, policy: Policy) -> None:
    """An open release knows until when it cannot go live; a decided one does not care."""
    production(world, policy, freeze=("Mon - Tue",))
    release = waiting(world)
    found = looked(world, release, 1).frozen
    assert found is not None
    assert found.until == "2026-11-25T00:00:00.000000Z"
    assert found.text == "production is frozen until Wed 2026-11-25 00:00 UTC."
    assert looked(world, release, 2 * DAY).frozen is None
    world.vote(release, "dave", verdict="reject", reason="no")
    assert looked(world, release, 1) == timing.Timing("rejected", "", is_ending=False, frozen=None)


def test_zone_that_is_not_known_counts_as_frozen(world: World, policy: Policy) -> None:
    """Whoever cannot tell whether it is frozen does not go on as if it were not."""
    production(world, policy, freeze=("Sat - Sun",), freeze_zone="Europe/Atlantis")
    found = looked(world, waiting(world), 1).frozen
    assert found is not None
    assert found.until == ""
    assert "does not know the time zone" in found.text


def test_fold_does_not_look_at_freezes(world: World, policy: Policy) -> None:
    """Votes of a freeze decide in the ledger; it is the server that does not swap."""
    production(world, policy, freeze=("Mon - Tue",))
    release = waiting(world)
    world.vote(release, "dave")
    world.vote(release, "carol")
    assert world.status(release) == "deploying"
    told = timing.too_late(world.state, world.state.releases[release], now=world.at())
    assert "frozen until Wed 2026-11-25 00:00 UTC" in told


def reasons(world: World, release: str) -> Iterator[str]:
    """Yield why a server may not begin, one hour and five days from now."""
    for seconds in (HOUR, 5 * DAY):
        yield timing.too_late(world.state, world.state.releases[release], now=later(world, seconds))


def test_server_begins_nothing_whose_approvals_are_over(world: World) -> None:
    """By its own clock, whatever the voters' clocks said."""
    release = waiting(world)
    world.vote(release, "dave")
    world.vote(release, "carol")
    soon, late = reasons(world, release)
    assert not soon
    assert "approvals expired" in late


def test_server_begins_nothing_that_nobody_was_asked_about_too_late(
    world: World, policy: Policy
) -> None:
    """A gate report that comes after the request's end deploys nothing for long."""
    production(world, policy, approvals=0, roles={})
    release = waiting(world)
    soon, late = reasons(world, release)
    assert not soon
    assert "expired at" in late


def test_server_begins_nothing_that_was_revoked(world: World) -> None:
    """A version that was revoked while it was deploying does not go live."""
    release = waiting(world)
    world.vote(release, "dave")
    world.vote(release, "carol")
    world.act("ann", "version.revoke", "version:churn@1", {"reason": "poisoned"})
    assert next(reasons(world, release)) == "churn@1 was revoked by ann: poisoned"


def test_freeze_that_just_began_lets_pass_what_was_decided_before(policy: Policy) -> None:
    """Between a vote and the swap there may be minutes; a server gives five of them."""
    one = replace(policy.environments["production"], freeze=("Mon 08:00 - Tue 08:00",))
    begun = [
        timing.begun_freeze(one, now=f"2026-11-23T{time}.000000Z") is not None
        for time in ("07:59:59", "08:00:00", "08:04:59", "08:05:00", "23:00:00")
    ]
    assert begun == [False, False, False, True, True]


def test_approver_deployer_and_the_one_who_rolls_back_can_be_three(
    world: World, policy: Policy
) -> None:
    """Each act needs its own role, and nobody's role stands for another one."""
    production(
        world,
        policy,
        approvals=1,
        deploy="manual",
        deploy_roles=("release-manager",),
        rollback_roles=("oncall",),
    )
    world.member("rex", ("release-manager",))
    for _ in range(2):
        release = waiting(world)
        world.vote(release, "carol")
        for person in ("carol", "dave", "ann", "rex"):
            generation = world.state.endpoint("churn", "production").generation
            body: dict[str, Json] = {"generation": generation, "issued": world.at()}
            if person == "rex":
                world.act(person, "deployment.start", f"release:{release}", body)
                continue
            with pytest.raises(NotPermittedError, match="release-manager"):
                world.act(person, "deployment.start", f"release:{release}", body)
        world.report("churn@production", "ready")
    first = world.state.versions["churn@1"]
    back: dict[str, Json] = {
        "generation": 2,
        "reason": "x",
        "to": first.id,
        "manifest": first.manifest,
    }
    for person in ("carol", "rex", "ann"):
        with pytest.raises(NotPermittedError, match="oncall"):
            world.act(person, "deployment.rollback", "endpoint:churn@production", back)
    world.act("dave", "deployment.rollback", "endpoint:churn@production", back)


@pytest.mark.parametrize(("depth", "reached"), [(0, 0), (1, 1), (2, 2), (9, 3)])
def test_rollback_reaches_as_far_as_the_policy_says(
    world: World, policy: Policy, depth: int, reached: int
) -> None:
    """The last versions that were live, newest first, and no further."""
    production(world, policy, rollback_depth=depth)
    for _ in range(4):
        world.ship(world.register())
    allowed = ["churn@3", "churn@2", "churn@1"][:reached]

    def going(to: str) -> dict[str, Json]:
        manifest = world.state.versions[to].manifest
        return {"generation": 4, "reason": "x", "to": to, "manifest": manifest}

    subject = "endpoint:churn@production"
    for version in {"churn@1", "churn@2", "churn@3"} - {*allowed}:
        intent = world.intent("dave", "deployment.rollback", subject, going(version))
        assert world.fold(intent).is_void
    if allowed:
        world.act("dave", "deployment.rollback", subject, going(allowed[-1]))


def test_gate_report_of_an_excluded_person_does_not_count(world: World, policy: Policy) -> None:
    """Where gate_roles are named, who made the version makes no report that lets it through."""
    production(world, policy, gate_roles=("qa",))
    world.member("quinn", ("qa",))
    version = world.register(by="quinn")
    world.gate(version, "production", by="quinn")
    release = world.request(version)
    assert world.status(release) == "checking"
    world.member("ci", ("qa",), kind="ci")
    world.gate(version, "production", by="ci")
    assert world.status(release) == "waiting"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ("report", "a later gate report does not pass"),
        ("policy", "another policy was adopted"),
        ("live version", "churn-2 was deployed meanwhile"),
        ("rolled back", "churn@production was rolled back meanwhile"),
        ("stopped", "churn@production was stopped meanwhile"),
        ("glass", "the glass of churn@production was broken meanwhile"),
        ("revoked", "churn@3 was revoked by ann: x"),
    ],
)
def test_outdated_release_says_what_changed(
    world: World, policy: Policy, change: str, because: str
) -> None:
    """Manifest, report, policy and the live version: each is named as what made votes worthless."""
    from modeldeck.domain.policy import BreakGlass

    production(world, policy, break_glass=BreakGlass(("oncall",)))
    first = world.register()
    world.ship(first)
    second = world.register()
    if change != "live version":
        world.ship(second)
    third = world.register()
    world.gate(third, "production")
    release = world.request(third)
    world.vote(release, "carol")
    endpoint, manifest = (
        world.state.endpoints["churn@production"],
        world.state.versions[first].manifest,
    )
    back: dict[str, Json] = {"generation": endpoint.generation, "reason": "x"}
    subject = f"endpoint:{endpoint.id}"
    if change == "report":
        world.gate(third, "production", passed=False)
    elif change == "policy":
        production(world, policy, approvals=3)
    elif change == "live version":
        world.gate(second, "production")
        other = world.request(second)
        because = f"{other} was deployed meanwhile"
        world.vote(other, "carol")
        world.vote(other, "dave")
    elif change == "rolled back":
        body = {**back, "to": first, "manifest": manifest}
        world.act("dave", "deployment.rollback", subject, body)
    elif change == "stopped":
        world.act("dave", "deployment.stop", subject, back)
    elif change == "glass":
        body = {**back, "to": first, "manifest": manifest, "issued": world.at()}
        world.act("dave", "deployment.break-glass", subject, body)
    else:
        world.act("ann", "version.revoke", f"version:{third}", {"reason": "x"})
    assert world.state.releases[release].because == because
    with pytest.raises(ConflictError, match="outdated"):
        world.vote(release, "dave")
