"""Who may be believed: memberships, keys, levels, times, and owners that must not be locked out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modeldeck.domain import quorum
from modeldeck.domain.entry import Intent, Json
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.policy import Environment, Policy
from modeldeck.domain.state import Activity
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError
from tests.domain.chain import World

ANN, BEN, EVE = (f"ssh-ed25519 {name}" for name in ("ANN", "BEN", "EVE"))
KEY = Evidence(key="some key")
ENDPOINT = "endpoint:churn@production"


def _adopt(world: World, **changes: object) -> None:
    """Adopt the policy with another production."""
    known = world.state.policy
    production = replace(known.environments["production"], **changes)  # type: ignore[arg-type]
    policy = Policy({**known.environments, "production": production}, known.gates)
    world.act("ann", "policy.adopt", "policy", {"policy": policy.to_json()})


def _waiting(world: World) -> str:
    version = world.register()
    world.gate(version, "production")
    return world.request(version)


def _adding(name: str, *keys: str) -> dict[str, Json]:
    return {
        "name": name,
        "kind": "person",
        "uid": -1,
        "roles": [],
        "environments": [],
        "keys": [*keys],
    }


def _add(world: World, name: str, *keys: str) -> None:
    world.act("ann", "member.add", f"member:{name}", _adding(name, *keys))


def _revoke(world: World, name: str) -> None:
    world.act("ann", "member.revoke", f"member:{name}", {"reason": "left"})


def test_vote_from_before_a_revocation_counts_no_more_when_its_author_comes_back(
    world: World,
) -> None:
    """Whoever was added again approves what is asked for from then on; only that counts."""
    release = _waiting(world)
    world.vote(release, "carol")
    _revoke(world, "carol")
    world.member("carol", ("risk",))
    world.vote(release, "dave")
    assert world.status(release) == "waiting"
    assert "carol" not in quorum.eligible(world.state, world.state.releases[release])
    with pytest.raises(NotPermittedError, match=r"became a member by entry 11, after"):
        world.vote(release, "carol")
    again = _waiting(world)
    world.vote(again, "dave")
    world.vote(again, "carol")
    assert world.status(again) == "deploying"


def test_key_stays_its_members_after_revocation_and_under_another_key(world: World) -> None:
    """A key that anybody ever had does not come back under a second name."""
    _add(world, "eve", EVE)
    _revoke(world, "eve")
    with pytest.raises(ConflictError, match="belonged to eve"):
        _add(world, "eve2", EVE)
    _add(world, "eve", BEN)
    with pytest.raises(ConflictError, match="belongs to eve"):
        _add(world, "eve2", EVE)
    _revoke(world, "eve")
    _add(world, "eve", EVE)
    assert world.state.members["eve"].keys == (EVE,)


@pytest.mark.parametrize("keys", [(ANN, ANN), (f"{ANN} laptop", f"{ANN} desk")])
def test_owners_that_share_a_key_found_nothing(policy: Policy, keys: tuple[str, ...]) -> None:
    """Two names with one key are one person, whatever the key's comment says."""
    with pytest.raises(AssertionError, match="same key"):
        World().found(policy, ("ann", "ben"), threshold=2, keys=keys)


@pytest.mark.parametrize(("keys", "threshold"), [((), 1), ((ANN,), 2)])
def test_founding_that_locks_its_owners_out_is_none(keys: tuple[str, ...], threshold: int) -> None:
    """Where signatures are asked for, as many owners as the threshold have a key."""
    signed = Policy({"production": Environment("production", trust="signed")}, {})
    with pytest.raises(AssertionError, match="level signed"):
        World().found(signed, ("ann", "ben"), threshold=threshold, keys=keys)


def test_policy_that_locks_the_owners_out_is_void(world: World) -> None:
    """Owners without keys cannot ask for signatures: nobody could take that back."""
    with pytest.raises(NotPermittedError, match="level signed"):
        _adopt(world, trust="signed")
    body: dict[str, Json] = {
        "policy": Policy({"p": Environment("p", trust="signed")}, {}).to_json()
    }
    assert world.fold(world.intent("ann", "policy.adopt", "policy", body)).is_void
    _adopt(world, trust="owner")


def test_owner_that_the_level_needs_cannot_be_revoked() -> None:
    """Also a revocation leaves enough owners who can sign."""
    world = World()
    signed = Policy({"production": Environment("production", trust="signed")}, {})
    world.found(signed, ("ann", "ben", "cleo"), keys=(ANN,))
    intent = world.intent("ann", "member.revoke", "member:ann", {"reason": "left"})
    assert world.fold(intent, KEY).is_void


def _proposal(world: World, intent: Intent, evidence: Evidence = Evidence()) -> dict[str, Json]:  # noqa: B008 -- frozen
    done = world.fold(intent, evidence)
    assert not done.is_void, done.reason
    return {"digest": done.digest}


def _support(world: World, by: str, proposal: Intent, digest: dict[str, Json]) -> Activity:
    return world.fold(world.intent(by, "proposal.support", f"proposal:{proposal.id}", digest), KEY)


def test_proposal_from_before_a_stricter_policy_is_not_completed() -> None:
    """What was only claimed does not act once signatures are asked for; it is proposed again."""
    world = World()
    claimed = Policy({"production": Environment("production", trust="claimed")}, {})
    signed = Policy({"production": Environment("production", trust="signed")}, {})
    world.found(claimed, ("ann", "ben", "cleo"), threshold=2, keys=(ANN, BEN))
    mallory = world.intent("cleo", "member.add", "member:mallory", _adding("mallory"))
    digest = _proposal(world, mallory)
    adopt = world.intent("ann", "policy.adopt", "policy", {"policy": signed.to_json()})
    assert not _support(world, "ben", adopt, _proposal(world, adopt)).is_void
    assert world.state.policy.strictest == Level.SIGNED
    refused = _support(world, "ann", mallory, digest)
    assert "level claimed" in refused.reason
    assert world.state.member("mallory") is None


def test_supporter_below_the_level_of_now_is_not_counted() -> None:
    """A support that was claimed does not complete a signed proposal later; a signed one does."""
    world = World()
    claimed = Policy({"production": Environment("production", trust="claimed")}, {})
    signed = Policy({"production": Environment("production", trust="signed")}, {})
    world.found(claimed, ("ann", "ben", "cleo"), threshold=3, keys=(ANN, BEN, EVE))
    eve = world.intent("ann", "member.add", "member:eve", _adding("eve"))
    digest = _proposal(world, eve, KEY)
    support = world.intent("ben", "proposal.support", f"proposal:{eve.id}", digest)
    assert not world.fold(support).is_void
    adopt = world.intent("ann", "policy.adopt", "policy", {"policy": signed.to_json()})
    adopting = _proposal(world, adopt)
    assert not _support(world, "ben", adopt, adopting).is_void
    assert not _support(world, "cleo", adopt, adopting).is_void
    assert not _support(world, "cleo", eve, digest).is_void
    assert world.state.member("eve") is None
    assert not _support(world, "ben", eve, digest).is_void
    assert world.state.member("eve") is not None


@pytest.mark.parametrize(
    "change",
    [
        {"issued": "yesterday"},
        {"expires": "~never"},
        {"issued": "2026-02-30T00:00:00.000000Z"},
        {"expires": "9999-01-01T00:00:00.000000Z"},
        {"expires": "2026-11-23T00:00:00.000000Z"},
        {"issued": "٢٠٢٦-11-23T07:10:11.123456Z"},
    ],
)
def test_statement_with_a_time_that_is_none_or_too_late_is_void(
    world: World, change: dict[str, Json]
) -> None:
    """Requests and votes name real times, and hold no longer than the policy allows."""
    version = world.register()
    world.gate(version, "production")
    body = {**world.base(version, "production"), **world.span(), "reason": "", **change}
    assert world.fold(world.intent("bob", "release.request", f"version:{version}", body)).is_void
    release = world.request(version)
    body = {**world.statement(release, "approve"), **change}
    assert world.fold(world.intent("carol", "release.vote", f"release:{release}", body)).is_void
    assert not world.state.releases[release].votes


@pytest.mark.parametrize(("hours", "is_void"), [(72.05, False), (72.2, True)])
def test_request_ends_when_the_policy_says_give_or_take_five_minutes(
    world: World, hours: float, is_void: bool
) -> None:
    """Clocks may differ a little."""
    version = world.register()
    body = {**world.base(version, "production"), **world.span(hours), "reason": ""}
    done = world.fold(world.intent("bob", "release.request", f"version:{version}", body))
    assert done.is_void == is_void


def test_vote_holds_as_long_as_the_environment_allows(world: World) -> None:
    """The bound of a vote is another one than that of a request."""
    _adopt(world, approval_ttl_s=3600)
    release = _waiting(world)
    body = world.statement(release, "approve")
    assert world.fold(world.intent("carol", "release.vote", f"release:{release}", body)).is_void
    body |= world.span(1)
    world.act("carol", "release.vote", f"release:{release}", body)


@pytest.mark.parametrize("issued", ["", "0001-01-01T00:00:00.000000Z", "~"])
def test_start_with_a_time_before_the_votes_is_void(world: World, issued: str) -> None:
    """Votes that expired do not hold again for whoever dates a start back."""
    _adopt(world, deploy="manual")
    release = _waiting(world)
    world.vote(release, "carol")
    world.vote(release, "dave")
    body: dict[str, Json] = {"generation": 0, "issued": issued}
    assert world.fold(world.intent("dave", "deployment.start", f"release:{release}", body)).is_void
    assert world.status(release) == "approved"
    late: dict[str, Json] = {"generation": 0, "issued": "2027-06-01T00:00:00.000000Z"}
    with pytest.raises(NotPermittedError, match="expired"):
        world.act("dave", "deployment.start", f"release:{release}", late)


class Promotion:
    """Takes a version over a claimed staging, with chosen evidence for each step."""

    steps = ("request", "vote", "report")

    def __init__(self) -> None:
        self.world = World()
        environments = (
            Environment("staging", trust="claimed"),
            Environment("production", trust="signed", promotes_from="staging"),
        )
        policy = Policy({one.name: one for one in environments}, {})
        self.world.found(policy, keys=(ANN,))
        for name, kind in (("bob", "person"), ("carol", "person"), ("server", "server")):
            body = {**_adding(name), "kind": kind}
            body["environments"] = ["staging"] if kind == "server" else []
            self.do("ann", "member.add", f"member:{name}", body)
        body = {"manifest": "a" * 64, "run": "", "authors": ["bob"]}
        self.do("bob", "version.register", "model:churn", body)

    def do(
        self,
        by: str,
        action: str,
        subject: str,
        body: dict[str, Json],
        evidence: Evidence = KEY,
    ) -> Activity:
        """Record an entry with evidence."""
        done = self.world.fold(self.world.intent(by, action, subject, body), evidence)
        assert not done.is_void, done.reason
        return done

    def stage(self, *, claimed: str = "") -> None:
        """Bring the version live on staging; one step is only claimed."""
        world, version = self.world, "version:churn@1"
        sure = {step: Evidence() if step == claimed else KEY for step in ("gate", *self.steps)}
        base = world.base("churn@1", "staging")
        gate: dict[str, Json] = {**base, "report": "b" * 64, "passed": True}
        self.do("bob", "gate.report", version, gate, sure["gate"])
        request = {**world.base("churn@1", "staging"), **world.span(), "reason": ""}
        self.do("bob", "release.request", version, request, sure["request"])
        vote = world.statement("churn-1", "approve")
        self.do("carol", "release.vote", "release:churn-1", vote, sure["vote"])
        report: dict[str, Json] = {
            "generation": 1,
            "manifest": "a" * 64,
            "outcome": "ready",
            "reason": "",
            "head": world.state.head,
        }
        subject = "endpoint:churn@staging"
        self.do("server", "deployment.report", subject, report, sure["report"])

    def request(self) -> Activity:
        """Ask for the release to production."""
        world = self.world
        body = {**world.base("churn@1", "production"), **world.span(), "reason": ""}
        return world.fold(world.intent("bob", "release.request", "version:churn@1", body), KEY)


def test_promotion_rests_on_signed_evidence() -> None:
    """A version that lived on staging by signed entries alone may go on."""
    promotion = Promotion()
    promotion.stage()
    done = promotion.request()
    assert not done.is_void, done.reason


@pytest.mark.parametrize("claimed", ["gate", "request", "vote", "report"])
def test_promotion_on_evidence_below_the_level_of_its_target_is_void(claimed: str) -> None:
    """One entry that is only claimed leaves a staging below what production asks for."""
    promotion = Promotion()
    promotion.stage(claimed=claimed)
    done = promotion.request()
    assert done.is_void
    assert "rests on the level claimed" in done.reason


def test_gate_report_that_names_no_object_is_refused(world: World) -> None:
    """A report is an object, named by its digest."""
    version = world.register()
    body: dict[str, Json] = {**world.base(version, "production"), "report": "r", "passed": True}
    with pytest.raises(InvalidInputError, match="digest"):
        world.act("bob", "gate.report", f"version:{version}", body)
