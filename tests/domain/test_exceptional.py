"""Overrides, broken glass, revoked versions: each rule with the history that it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from modeldeck.domain.entry import Json
from modeldeck.domain.exceptional import glass
from modeldeck.domain.levels import Level
from modeldeck.domain.policy import BreakGlass, Policy
from modeldeck.domain.state import Activity
from modeldeck.errors import ConflictError, InvalidInputError, ModelDeckError, NotPermittedError
from tests.domain.chain import World

LIVE = "churn@production"


@pytest.fixture
def policy(policy: Policy) -> Policy:
    """Return the policy with everything that goes past a rule: quinn overrides, dave breaks."""
    production = replace(
        policy.environments["production"],
        override_roles=("quality",),
        break_glass=BreakGlass(("oncall",), 3600),
    )
    return Policy({**policy.environments, "production": production}, policy.gates)


@pytest.fixture
def world(world: World) -> World:
    """Return the workspace with quinn, who may override, and rita, of the role risk too."""
    world.member("quinn", ("quality",))
    world.member("rita", ("risk",))
    return world


def blocked(world: World, *checks: str) -> str:
    """Return a release that its gate blocks."""
    version = world.register()
    world.gate(version, "production", failed=checks or ("accuracy",))
    release = world.request(version)
    assert world.status(release) == "blocked"
    return release


def said(world: World, release: str, *checks: str, **other: Json) -> dict[str, Json]:
    """Return the body of an override, as somebody means it who looks at the release now."""
    statement = world.statement(release, "approve")
    bound = {
        key: value for key, value in statement.items() if key not in {"verdict", "nonce", "expires"}
    }
    return {**bound, "checks": [*checks], "reason": "a known bad slice", **other}


def override(
    world: World, release: str, *checks: str, by: str = "quinn", **other: Json
) -> Activity:
    """Override checks of a release."""
    body = said(world, release, *checks, **other)
    return world.act(by, "release.override", f"release:{release}", body)


def refused(
    world: World, by: str, action: str, *, subject: str, body: Mapping[str, Json]
) -> ModelDeckError:
    """Return why an act is refused; written all the same, it is void and changes nothing."""
    with pytest.raises(ModelDeckError) as caught:
        world.act(by, action, subject, body)
    before = (dict(world.state.releases), dict(world.state.endpoints), dict(world.state.revoked))
    assert world.fold(world.intent(by, action, subject, body)).is_void
    assert before == (world.state.releases, world.state.endpoints, world.state.revoked)
    return caught.value


def test_release_waits_once_every_failed_check_is_overridden(world: World) -> None:
    """Each override counts; only the last one lets the release wait, and then votes decide it."""
    release = blocked(world, "accuracy", "latency")
    override(world, release, "latency")
    assert world.status(release) == "blocked"
    override(world, release, "accuracy")
    assert world.status(release) == "waiting"
    world.vote(release, "dave")
    world.vote(release, "carol")
    assert world.status(release) == "deploying"


@pytest.mark.parametrize(
    ("by", "error", "match"),
    [
        ("carol", NotPermittedError, "role quality"),
        ("bob", NotPermittedError, "made the version"),
        ("server", NotPermittedError, "not a person"),
        ("mallory", NotPermittedError, "not a member"),
        ("ann", NotPermittedError, "role quality"),
    ],
)
def test_override_by_the_wrong_person_is_void(
    world: World, by: str, error: type[Exception], match: str
) -> None:
    """It takes the role, an owner is no exception, and excluded are those who may not vote."""
    release = blocked(world)
    body = said(world, release, "accuracy")
    found = refused(world, by, "release.override", subject=f"release:{release}", body=body)
    assert isinstance(found, error)
    assert match in found.message


def test_maker_with_the_role_overrides_nothing(world: World) -> None:
    """The role does not help whoever made or asked for the version."""
    version = world.register(by="quinn")
    world.gate(version, "production", failed=("accuracy",))
    release = world.request(version)
    body = said(world, release, "accuracy")
    found = refused(world, "quinn", "release.override", subject=f"release:{release}", body=body)
    assert "quinn made the version" in found.message


def test_nobody_overrides_where_the_policy_names_no_role(world: World, policy: Policy) -> None:
    """Without override_roles it is nobody, not anybody."""
    production = replace(policy.environments["production"], override_roles=())
    world.adopt(Policy({**policy.environments, "production": production}, policy.gates))
    release = blocked(world)
    body = said(world, release, "accuracy")
    found = refused(world, "quinn", "release.override", subject=f"release:{release}", body=body)
    assert "lets nobody override" in found.message


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"checks": []}, "names each check"),
        ({"checks": ["accuracy", "accuracy"]}, "names each check"),
        ({"checks": ["schema"]}, "no failed check"),
        ({"checks": [7]}, "no failed check"),
        ({"report": "f" * 64}, "another report"),
        ({"policy": "f" * 64}, "another policy"),
        ({"replaces": "f" * 64}, "another replaces"),
        ({"generation": 5}, "another generation"),
        ({"request": "f" * 64}, "another request"),
        ({"manifest": "f" * 64}, "another manifest"),
        ({"overrides": ["f" * 64]}, "other overrides"),
        ({"issued": "2026-11-23T06:00:00.000000Z"}, "before an earlier"),
        ({"issued": "2027-01-23T06:00:00.000000Z"}, "expired"),
        ({"issued": "soon"}, "no time"),
    ],
)
def test_override_of_something_else_is_void(
    world: World, change: dict[str, Any], match: str
) -> None:
    """It is bound to what the release rests on, as a vote is, and names failed checks."""
    release = blocked(world)
    body = {**said(world, release, "accuracy"), **change}
    found = refused(world, "quinn", "release.override", subject=f"release:{release}", body=body)
    assert match in found.message


def test_override_after_the_gate_passed_is_void(world: World) -> None:
    """What waits for votes has nothing to override: an override precedes the votes."""
    release = blocked(world)
    override(world, release, "accuracy")
    body = said(world, release, "accuracy")
    found = refused(world, "quinn", "release.override", subject=f"release:{release}", body=body)
    assert "is waiting" in found.message


def test_vote_that_does_not_name_the_override_is_void(world: World) -> None:
    """Who approves says that they knew; a statement from before the override counts for nothing."""
    release = blocked(world)
    before = world.statement(release, "approve")
    override(world, release, "accuracy")
    subject = f"release:{release}"
    other: dict[str, Json] = {**world.statement(release, "approve"), "overrides": ["f" * 64]}
    for body in (before, other):
        late: dict[str, Json] = {**body, **world.span()}
        assert (
            "other overrides"
            in refused(world, "carol", "release.vote", subject=subject, body=late).message
        )
    assert not world.state.releases[release].votes


def test_vote_that_names_an_override_that_is_not_there_is_void(world: World) -> None:
    """The field is there exactly where there is something to name."""
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    empty: dict[str, Json] = {**world.statement(release, "approve"), "overrides": []}
    found = refused(world, "carol", "release.vote", subject=f"release:{release}", body=empty)
    assert "other overrides" in found.message


@pytest.mark.parametrize("meanwhile", ["policy", "live version", "revoked", "another request"])
def test_override_of_what_no_longer_stands_is_void(
    world: World, policy: Policy, meanwhile: str
) -> None:
    """A blocked release whose base changed is not brought back: that needs a new request."""
    release = blocked(world)
    if meanwhile == "policy":
        production = replace(policy.environments["production"], approvals=1)
        world.adopt(Policy({**policy.environments, "production": production}, policy.gates))
    elif meanwhile == "live version":
        world.ship(world.register())
    elif meanwhile == "revoked":
        world.act("ann", "version.revoke", "version:churn@1", {"reason": "poisoned"})
    else:
        world.gate("churn@1", "production")
        world.request("churn@1")
    body = said(world, release, "accuracy")
    refused(world, "quinn", "release.override", subject=f"release:{release}", body=body)
    assert world.status(release) == "blocked"


def test_override_falls_with_its_author(world: World) -> None:
    """Who was revoked overrides nothing any more: the release lacks it, whoever votes."""
    release = blocked(world)
    override(world, release, "accuracy")
    world.vote(release, "dave")
    world.act("ann", "member.revoke", "member:quinn", {"reason": "left"})
    world.vote(release, "carol")
    assert world.status(release) == "waiting"


def test_later_report_outdates_what_was_overridden(world: World) -> None:
    """An override is of one report; another one that fails ends the release."""
    release = blocked(world)
    override(world, release, "accuracy")
    world.gate("churn@1", "production", failed=("accuracy",))
    assert world.status(release) == "outdated"


def test_report_from_before_failed_checks_were_kept_is_not_overridden(world: World) -> None:
    """Where the ledger does not say what failed, nobody can say that all of it is overridden."""
    version = world.register()
    world.gate(version, "production", passed=False)
    release = world.request(version)
    body = said(world, release, "accuracy")
    found = refused(world, "quinn", "release.override", subject=f"release:{release}", body=body)
    assert "does not say which" in found.message


@pytest.mark.parametrize("wrong", [["a", "a"], ["a"]])
def test_report_that_contradicts_itself_is_void(world: World, wrong: list[Json]) -> None:
    """A report that passes names no failed check, and none twice."""
    version = world.register()
    body: dict[str, Json] = {**world.base(version, "production"), "report": "f" * 64}
    body |= {"passed": len(wrong) == 1, "failed": wrong}
    refused(world, "bob", "gate.report", subject=f"version:{version}", body=body)


def broken(world: World, to: str, **other: Json) -> dict[str, Json]:
    """Return the body of breaking the glass."""
    endpoint, known = world.state.endpoints[LIVE], world.state.versions.get(to)
    return {
        "generation": endpoint.generation,
        "to": to,
        "manifest": known.manifest if known else "none",
        "reason": "it answers nonsense",
        "issued": world.at(),
        **other,
    }


def break_glass(world: World, to: str, by: str = "dave") -> Activity:
    """Break the glass."""
    return world.act(by, "deployment.break-glass", f"endpoint:{LIVE}", broken(world, to))


def review(world: World, by: str, **other: Json) -> Activity:
    """Review the broken glass."""
    known = world.state.endpoints[LIVE].glass
    body: dict[str, Json] = {"glass": known.n if known else 0, "reason": "it was right", **other}
    return world.act(by, "deployment.review", f"endpoint:{LIVE}", body)


def test_glass_goes_back_further_than_a_rollback(world: World) -> None:
    """Any version that was live may be selected, without votes; open releases are outdated."""
    for _ in range(3):
        world.ship(world.register())
    fourth = world.register()
    world.gate(fourth, "production")
    waiting = world.request(fourth)
    break_glass(world, "churn@1")
    endpoint = world.state.endpoints[LIVE]
    assert (endpoint.pointer.version, endpoint.generation) == ("churn@1", 4)
    assert (world.status("churn-3"), world.status(waiting)) == ("rolled-back", "outdated")
    world.report(LIVE, "ready")
    assert world.status("churn-1") == "live"
    assert [one.version for one in endpoint.lived] == ["churn@1", "churn@2"]


def test_glass_is_broken_again_only_after_a_review_by_another_person(world: World) -> None:
    """The mark stays until somebody else, with a role that votes need, has looked at it."""
    for _ in range(3):
        world.ship(world.register())
    break_glass(world, "churn@1")
    again = broken(world, "churn@2")
    subject = f"endpoint:{LIVE}"
    assert (
        "not reviewed"
        in refused(world, "dave", "deployment.break-glass", subject=subject, body=again).message
    )
    for person, why in (("dave", "broke the glass"), ("quinn", "may not review")):
        with pytest.raises(NotPermittedError, match=why):
            review(world, person)
    with pytest.raises(NotPermittedError, match="not a person"):
        review(world, "server")
    with pytest.raises(InvalidInputError, match="reason"):
        review(world, "carol", reason="")
    with pytest.raises(ConflictError, match="another entry"):
        review(world, "carol", glass=1)
    review(world, "carol")
    known = world.state.endpoints[LIVE].glass
    assert known is not None
    assert known.reviewed_by == "carol"
    with pytest.raises(ConflictError, match="carol reviewed that already"):
        review(world, "ann")
    break_glass(world, "churn@2")
    assert glass.is_unreviewed(world.state.endpoints[LIVE])


@pytest.mark.parametrize(
    ("by", "to", "change", "match"),
    [
        ("carol", "churn@1", {}, "role oncall"),
        ("ann", "churn@1", {}, "role oncall"),
        ("server", "churn@1", {}, "not a person"),
        ("dave", "churn@2", {}, "serves already"),
        ("dave", "churn@3", {}, "never reported live"),
        ("dave", "churn@9", {}, "never reported live"),
        ("dave", "churn@1", {"manifest": "f" * 64}, "never reported live"),
        ("dave", "churn@3", {"manifest": "of churn@1"}, "never reported live"),
        ("dave", "churn@1", {"reason": ""}, "needs a reason"),
        ("dave", "churn@1", {"generation": 1}, "changed since"),
        ("dave", "churn@1", {"issued": "now"}, "no time"),
    ],
)
def test_glass_that_may_not_be_broken_is_void(
    world: World, by: str, to: str, change: dict[str, Json], match: str
) -> None:
    """Only who the policy names, only to what was live there by just that digest."""
    world.ship(world.register())
    world.ship(world.register())
    world.register()
    body = broken(world, to, **change)
    if body["manifest"] == "of churn@1":
        body["manifest"] = world.state.versions["churn@1"].manifest
    subject = f"endpoint:{LIVE}"
    found = refused(world, by, "deployment.break-glass", subject=subject, body=body)
    assert match in found.message


def test_glass_selects_no_version_that_was_only_approved(world: World) -> None:
    """A version that no server ever reported ready was not live, whoever approved it."""
    world.ship(world.register())
    version = world.register()
    world.gate(version, "production")
    release = world.request(version)
    world.vote(release, "dave")
    world.vote(release, "carol")
    world.report(LIVE, "failed", reason="does not load")
    assert world.status(release) == "failed"
    found = refused(
        world,
        "dave",
        "deployment.break-glass",
        subject=f"endpoint:{LIVE}",
        body=broken(world, version),
    )
    assert "never reported live" in found.message


def test_glass_selects_nothing_that_rests_on_a_lower_level(world: World) -> None:
    """What was live while less was asked for is no way around what is asked for now."""
    world.ship(world.register())
    world.ship(world.register())
    endpoint = world.state.endpoints[LIVE]
    usual = world.state.policy.environments["production"]
    signed = Policy({"production": replace(usual, trust="signed")}, {})
    world.state.policy = signed
    assert glass.targets(world.state, endpoint) == []
    low = replace(endpoint.ever[world.state.versions["churn@1"].manifest], level=Level.SIGNED)
    sure = replace(endpoint, ever={**endpoint.ever, low.manifest: low})
    assert [one.version for one in glass.targets(world.state, sure)] == ["churn@1"]


def test_nobody_breaks_glass_where_the_policy_names_no_role(world: World, policy: Policy) -> None:
    """Without break_glass it is nobody, not anybody."""
    world.ship(world.register())
    world.ship(world.register())
    production = replace(policy.environments["production"], break_glass=BreakGlass())
    world.adopt(Policy({**policy.environments, "production": production}, policy.gates))
    found = refused(
        world,
        "dave",
        "deployment.break-glass",
        subject=f"endpoint:{LIVE}",
        body=broken(world, "churn@1"),
    )
    assert "lets nobody break" in found.message


def revoke(world: World, version: str, by: str = "ann", reason: str = "poisoned") -> Activity:
    """Revoke a version."""
    return world.act(by, "version.revoke", f"version:{version}", {"reason": reason})


def test_revoked_version_is_asked_for_and_gone_back_to_no_more(world: World) -> None:
    """No request, no vote, no rollback, no broken glass brings it live again; others stay."""
    for _ in range(3):
        world.ship(world.register())
    world.ship(world.register(), "staging")
    revoke(world, "churn@2", by="dave")
    state, endpoint = world.state, world.state.endpoints[LIVE]
    with pytest.raises(NotPermittedError, match="revoked by dave: poisoned"):
        world.request("churn@2")
    back: dict[str, Json] = {
        "generation": endpoint.generation,
        "reason": "x",
        "to": "churn@2",
        "manifest": state.versions["churn@2"].manifest,
    }
    refused(world, "dave", "deployment.rollback", subject=f"endpoint:{LIVE}", body=back)
    body = broken(world, "churn@2")
    found = refused(world, "dave", "deployment.break-glass", subject=f"endpoint:{LIVE}", body=body)
    assert "was revoked" in found.message
    first: dict[str, Json] = {
        **back,
        "to": "churn@1",
        "manifest": state.versions["churn@1"].manifest,
    }
    world.act("dave", "deployment.rollback", f"endpoint:{LIVE}", first)


def test_revoking_outdates_every_open_release(world: World, policy: Policy) -> None:
    """Also what is approved already and waits to be started never goes live."""
    manual = replace(policy.environments["production"], deploy="manual")
    world.adopt(Policy({**policy.environments, "production": manual}, policy.gates))
    version = world.register()
    world.gate(version, "production")
    approved, waiting = world.request(version), world.request(version, "staging")
    world.vote(approved, "dave")
    world.vote(approved, "carol")
    assert world.status(approved) == "approved"
    revoke(world, version)
    assert {world.status(approved), world.status(waiting)} == {"outdated"}
    assert "churn@1 was revoked by ann: poisoned" in world.state.releases[approved].because
    body: dict[str, Json] = {"generation": 0, "issued": world.at()}
    refused(world, "dave", "deployment.start", subject=f"release:{approved}", body=body)


def test_what_is_served_goes_on_when_it_is_revoked(world: World) -> None:
    """Taking a model away can do more harm than the model: people roll it back."""
    version = world.register()
    world.ship(version)
    revoke(world, version)
    assert world.state.endpoints[LIVE].pointer.version == version


@pytest.mark.parametrize(
    ("by", "reason", "match"),
    [
        ("bob", "x", "may not revoke"),
        ("server", "x", "may not revoke"),
        ("mallory", "x", "not a member"),
        ("ann", " ", "needs a reason"),
    ],
)
def test_revoking_by_the_wrong_person_is_void(
    world: World, by: str, reason: str, match: str
) -> None:
    """Owners may, and who has a rollback role; both have to say why."""
    version = world.register()
    found = refused(
        world, by, "version.revoke", subject=f"version:{version}", body={"reason": reason}
    )
    assert match in found.message


def test_contents_are_revoked_once_and_for_good(world: World) -> None:
    """The digest is revoked: registering it anew, also for another model, brings nothing back."""
    version = world.register(content="poison")
    revoke(world, version)
    with pytest.raises(ConflictError, match="already"):
        revoke(world, version)
    for model in ("churn", "other"):
        with pytest.raises(NotPermittedError, match="revoked by ann"):
            world.register(model, content="poison")
