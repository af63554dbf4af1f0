"""Freezes, overrides, broken glass, revoked versions and reminders through the services."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modeldeck import clock
from modeldeck.domain.documents import ReleaseDocument
from modeldeck.domain.entry import Json, digest_of
from modeldeck.errors import ConflictError, NotFoundError, NotPermittedError
from modeldeck.services.founding import init
from modeldeck.services.upkeep.doctor import examine
from modeldeck.workspace import Workspace

POLICY = """
name = "shop"
[environments.production]
approvals = 1
trust = "claimed"
rollback_roles = ["oncall"]
override_roles = ["quality"]
break_glass = { roles = ["oncall"], review_within = "24h" }
freeze = ["Fri 16:00 - Mon 08:00"]
freeze_zone = "Europe/Berlin"
[environments.staging]
approvals = 0
trust = "claimed"
freeze = ["Fri 16:00 - Mon 08:00"]
[environments.manual]
approvals = 1
deploy = "manual"
approval_ttl = "10h"
trust = "claimed"
freeze = ["Fri 16:00 - Mon 08:00"]
"""
MEMBERS = """
[[members]]
name = "bob"
[[members]]
name = "carol"
roles = ["quality"]
[[members]]
name = "dave"
roles = ["oncall"]
[[members]]
name = "server"
kind = "server"
environments = ["staging", "production", "manual"]
"""
THURSDAY = datetime(2026, 11, 26, 12, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 7, 30, tzinfo=UTC)
Opened = Callable[..., Workspace]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Return what opens a small workspace as somebody, at a time."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "modeldeck.toml").write_text(POLICY)
    (root / "members.toml").write_text(MEMBERS)
    init(root, owner="ann", now=lambda: THURSDAY)
    return lambda user, at=THURSDAY: Workspace.open(root, user=user, now=lambda: at)


def register(opened: Opened, content: str) -> str:
    """Register a version whose files nobody looks at."""
    body: dict[str, Json] = {"manifest": digest_of(content.encode()), "run": "", "authors": ["bob"]}
    done = opened("bob").deck.commit("version.register", "model:churn", body=body)
    return done.entity.partition(":")[2]


def asked(
    opened: Opened,
    version: str,
    environment: str = "production",
    *,
    at: datetime = THURSDAY,
    failed: tuple[str, ...] = (),
) -> str:
    """Record a gate report and ask for a release."""
    deck = opened("bob", at).deck
    with deck.reading() as state:
        endpoint = state.endpoint("churn", environment)
        base: dict[str, Json] = {
            "environment": environment,
            "manifest": state.versions[version].manifest,
            "replaces": endpoint.base,
            "generation": endpoint.generation,
            "policy": state.policy_digest,
        }
    report: dict[str, Json] = {**base, "report": digest_of(version.encode()), "passed": not failed}
    report |= {"failed": [*failed]} if failed else {}
    deck.commit("gate.report", f"version:{version}", body=report)
    issued, expires = (clock.to_text(one) for one in (at, at + timedelta(hours=72)))
    body = {**base, "issued": issued, "expires": expires, "reason": ""}
    done = deck.commit("release.request", f"version:{version}", body=body)
    return done.entity.partition(":")[2]


def ship(opened: Opened, content: str) -> str:
    """Bring a version live in production."""
    version = register(opened, content)
    opened("carol").releases.approve(asked(opened, version))
    ready(opened)
    return version


def ready(opened: Opened, endpoint: str = "churn@production") -> None:
    """Report what an endpoint shall serve as ready."""
    known = opened("ann").deployments.show(endpoint)
    opened("server").deployments.report(
        endpoint, generation=known["generation"], manifest=known["manifest"], outcome="ready"
    )


def kinds(workspace: Workspace) -> list[str]:
    """Return what the inbox holds."""
    return [one["kind"] for one in workspace.overview.inbox()]


def test_vote_that_would_deploy_during_a_freeze_is_not_signed(opened: Opened) -> None:
    """Until Monday it is refused, shown with its end, and out of the inbox; then it decides."""
    release = asked(opened, register(opened, "one"))
    carol = opened("carol", FRIDAY)
    seen = carol.releases.show(release)
    assert not seen["can_approve"]
    assert "frozen until Mon 2026-11-30 07:00 UTC" in seen["why_not"]
    assert seen["frozen_until"] == "2026-11-30T07:00:00.000000Z"
    assert seen["can_reject"]
    assert kinds(carol) == []
    n = carol.deck.state.n
    with pytest.raises(NotPermittedError, match="frozen until Mon 2026-11-30 07:00 UTC"):
        carol.releases.approve(release)
    assert carol.deck.state.n == n
    assert "frozen" not in opened("carol", MONDAY).releases.show(release)
    with pytest.raises(ConflictError, match="expired"):
        opened("carol", MONDAY).releases.approve(release)
    again = asked(opened, register(opened, "two"), at=FRIDAY)
    assert opened("carol", MONDAY).releases.approve(again)["status"] == "deploying"


def test_vote_that_decides_nothing_is_cast_during_a_freeze(opened: Opened) -> None:
    """Where somebody starts it by hand, votes wait for nobody; the start does."""
    release = asked(opened, register(opened, "one"), "manual")
    assert opened("carol", FRIDAY).releases.approve(release)["status"] == "approved"
    with pytest.raises(NotPermittedError, match="manual is frozen until"):
        opened("carol", FRIDAY).deployments.start(release)
    assert "frozen" in opened("carol", FRIDAY).overview.inbox()[0]["detail"]


def test_approved_release_that_nobody_started_expires(opened: Opened) -> None:
    """People are reminded, then it is expired, and a start says so."""
    release = asked(opened, register(opened, "one"), "manual")
    opened("carol").releases.approve(release)

    def later(hours: float) -> ReleaseDocument:
        return opened("dave", THURSDAY + timedelta(hours=hours)).releases.show(release)

    assert [later(hours)["status"] for hours in (1, 9, 11)] == ["approved", "approved", "expired"]
    assert [later(hours).get("is_ending") for hours in (1, 9, 11)] == [False, True, False]
    late = opened("dave", THURSDAY + timedelta(hours=9))
    assert "ends 2026-11-26 22:00 UTC" in late.overview.inbox()[0]["detail"]
    with pytest.raises(ConflictError, match="it expired"):
        opened("dave", THURSDAY + timedelta(hours=11)).deployments.start(release)


def test_requester_is_reminded_before_a_request_ends(opened: Opened) -> None:
    """Its end, and what it lacks, stand in the inbox of whoever asked."""
    asked(opened, register(opened, "one"))
    assert kinds(opened("bob")) == []
    late = opened("bob", THURSDAY + timedelta(hours=50)).overview.inbox()
    assert [(one["kind"], one["detail"]) for one in late] == [
        ("ending", "ends 2026-11-29 12:00 UTC · lacks 1 more approval")
    ]


def test_request_that_would_deploy_by_its_gate_alone_waits_for_the_freeze(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody is asked, asking is what decides."""
    version = register(opened, "one")
    bob = opened("bob", FRIDAY)
    monkeypatch.setattr(bob.models, "verify", lambda _: 0)  # it has no files here
    with pytest.raises(NotPermittedError, match="staging is frozen until"):
        bob.releases.request(version, "staging")


def test_blocked_release_is_overridden_and_every_vote_names_that(opened: Opened) -> None:
    """The override is shown, told in the activity, and part of the statement that is signed."""
    release = asked(opened, register(opened, "one"), failed=("accuracy",))
    with pytest.raises(NotPermittedError, match="quality"):
        opened("dave").releases.override(release, ["accuracy"], reason="x")
    before = opened("carol").releases.show(release)["basis"]
    done = opened("carol").releases.override(release, ["accuracy"], reason="known", expect=before)
    assert (done["status"], done["outdated_because"]) == ("waiting", "")
    assert [(one["by"], one["checks"], one["holds"]) for one in done["overrides"]] == [
        ("carol", ["accuracy"], True)
    ]
    assert done["basis"] != before
    with pytest.raises(ConflictError, match="changed since you looked"):
        opened("dave").releases.approve(release, expect=before)
    statement = opened("dave").releases.statement(release, "approve")
    assert statement["overrides"] == [done["overrides"][0]["digest"]]
    assert opened("ann").activity.list(1)[0]["text"] == f"overrode accuracy of {release}"
    assert "checks overridden" in opened("dave").overview.inbox()[0]["detail"]
    assert opened("dave").releases.approve(release)["status"] == "deploying"


def test_broken_glass_is_marked_until_somebody_else_has_reviewed_it(opened: Opened) -> None:
    """In the inbox of those who may review it, in the doctor, red when it is late; then gone."""
    for content in ("one", "two", "three"):
        ship(opened, content)
    done = opened("dave", FRIDAY).deployments.break_glass(
        "churn@production", to="churn@1", reason="nonsense"
    )
    assert (done["version"], done["glass"]["before"]) == ("churn@1", "churn@3")
    assert done["glass"]["review_by"] == "2026-11-28T16:30:00.000000Z"
    assert "glass" in kinds(opened("bob", FRIDAY))
    assert "glass" not in kinds(opened("dave", FRIDAY))
    late = opened("dave", MONDAY)
    assert late.deployments.show("churn@production")["glass"]["is_overdue"]
    (item,) = [one for one in late.overview.inbox() if one["kind"] == "glass"]
    assert "review overdue since 2026-11-28 16:30 UTC" in item["detail"]
    lines = [one["text"] for one in examine(late.deck)["checks"] if one["name"] == "emergencies"]
    told = "dave broke the glass of churn@production; its review is overdue since"
    assert lines == [f"{told} 2026-11-28T16:30:00.000000Z."]
    with pytest.raises(NotPermittedError, match="another person"):
        late.deployments.review("churn@production", "fine")
    reviewed = opened("bob", MONDAY).deployments.review("churn@production", "it was right")
    assert reviewed["glass"]["reviewed_by"] == "bob"
    assert "glass" not in kinds(opened("ann", MONDAY))
    with pytest.raises(NotFoundError):
        opened("bob").deployments.review("churn@staging", "x")


def test_glass_is_broken_for_nothing_that_was_never_live(opened: Opened) -> None:
    """The refusal names what was."""
    ship(opened, "one")
    ship(opened, "two")
    register(opened, "three")
    with pytest.raises(NotPermittedError, match="never reported live") as caught:
        opened("dave").deployments.break_glass("churn@production", to="churn@3", reason="x")
    assert caught.value.hint == "What was live there: churn@1."


def test_revoked_version_that_is_served_is_seen_by_those_who_can_roll_it_back(
    opened: Opened,
) -> None:
    """It is in their inbox and in the doctor, and no target of a rollback once it was left."""
    ship(opened, "one")
    second = ship(opened, "two")
    assert opened("dave").models.revoke(second, "poisoned")["revoked"]["by"] == "dave"
    assert kinds(opened("dave")) == ["revoked"]
    assert kinds(opened("bob")) == []
    shown = opened("ann").deployments.show("churn@production")
    assert shown["revoked"]["reason"] == "poisoned"
    texts = [one["text"] for one in examine(opened("ann").deck)["checks"]]
    assert "churn@production serves churn@2, which dave revoked." in texts
    opened("dave").deployments.rollback("churn@production", "poisoned")
    assert opened("ann").deployments.show("churn@production")["rollback_to"] == []
    assert opened("ann").activity.list(2)[1]["text"] == f"revoked {second}"


def test_server_swaps_nothing_during_a_freeze(opened: Opened) -> None:
    """What was voted all the same goes back at the server's report: the release has failed."""
    first = ship(opened, "one")
    second = register(opened, "two")
    release = asked(opened, second)
    carol = opened("carol", FRIDAY)
    body = carol.releases.statement(release, "approve")
    carol.deck.commit("release.vote", f"release:{release}", body=body)  # as another program would
    assert carol.releases.show(release)["status"] == "deploying"
    from modeldeck.domain.policies.timing import too_late

    state = carol.deck.state
    problem = too_late(state, state.releases[release], now=clock.to_text(FRIDAY))
    known = carol.deployments.show("churn@production")
    opened("server", FRIDAY).deployments.report(
        "churn@production",
        generation=known["generation"],
        manifest=known["manifest"],
        outcome="failed",
        reason=problem,
    )
    shown = opened("carol", FRIDAY).releases.show(release)
    assert (shown["status"], shown["outdated_because"]) == ("failed", problem)
    assert "frozen until Mon" in problem
    assert opened("carol").deployments.show("churn@production")["version"] == first
