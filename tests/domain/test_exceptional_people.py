"""Who goes past a rule: nobody let in for one release, and nobody under a second name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from modeldeck.domain import fold, quorum
from modeldeck.domain.entry import Json
from modeldeck.domain.exceptional import glass
from modeldeck.domain.levels import Evidence, Level
from modeldeck.domain.policy import BreakGlass, Policy
from modeldeck.domain.state import Activity
from modeldeck.domain.talking import threads
from modeldeck.errors import NotPermittedError
from tests.domain.chain import World, digest
from tests.domain.test_membership import SIGNED, change, key, said, vote

LIVE = "churn@production"


def world_of(trust: str, people: Mapping[str, tuple[int, Sequence[str]]]) -> World:
    """Return a workspace of ann and ben with people of accounts and roles, of one approval."""
    production = replace(
        SIGNED.environments["production"],
        trust=trust,
        approvals=1,
        roles={},
        override_roles=("quality",),
        break_glass=BreakGlass(("oncall",), 3600),
    )
    keyed = trust == "signed"
    world = World()
    keys = (key("ann"), key("ben")) if keyed else ()
    world.found(Policy({"production": production}, SIGNED.gates), ("ann", "ben"), keys=keys)
    for name, (uid, roles) in people.items():
        body: dict[str, Json] = {
            "name": name,
            "kind": "server" if name == "server" else "person",
            "uid": uid,
            "roles": [*roles],
            "environments": ["production"] if name == "server" else [],
            "keys": [key(name)] if keyed else [],
        }
        said(world, "ann", "member.add", f"member:{name}", body)
    return world


def asked(world: World, *failed: str) -> str:
    """Have bob register a version, and ask for its release after its gate; return its id."""
    content: dict[str, Json] = {
        "manifest": digest(f"content {world.state.n}"),
        "run": "",
        "authors": [],
    }
    version = said(world, "bob", "version.register", "model:churn", content).entity[8:]
    report = {**world.base(version, "production"), "report": digest("r"), "passed": not failed}
    report |= {"failed": [*failed]} if failed else {}
    said(world, "bob", "gate.report", f"version:{version}", report)
    body = {**world.base(version, "production"), **world.span(), "reason": ""}
    return said(world, "bob", "release.request", f"version:{version}", body).entity[8:]


def statement(world: World, release: str) -> dict[str, Json]:
    """Return the body of an override of the check that failed."""
    whole = world.statement(release, "approve")
    bound = {name: whole[name] for name in whole if name not in {"verdict", "nonce", "expires"}}
    return {**bound, "checks": ["accuracy"], "reason": "a known bad slice"}


def override(world: World, release: str, by: str) -> Activity:
    """Override the check that failed."""
    body = statement(world, release)
    return said(world, by, "release.override", f"release:{release}", body)


def refused(world: World, by: str, action: str, subject: str, body: dict[str, Json]) -> str:
    """Return why an act is refused; written all the same, it is void for the same reason."""
    with pytest.raises(NotPermittedError) as caught:
        said(world, by, action, subject, body)
    member = world.state.members[by]
    signer = member.keys[0] if member.keys else ""
    done = world.fold(world.intent(by, action, subject, body), Evidence(member.uid, signer))
    assert done.reason == caught.value.message
    return caught.value.message


def test_role_gained_after_the_request_overrides_nothing_of_it() -> None:
    """Who got the role meanwhile overrides checks of the next release only."""
    world = world_of("signed", {"bob": (1, []), "quinn": (2, []), "carol": (3, [])})
    release = asked(world, "accuracy")
    change(world, "quinn", add_roles=["quality"])
    body = statement(world, release)
    found = refused(world, "quinn", "release.override", f"release:{release}", body)
    assert "the role quality" in found
    assert f"after {release} was asked for" in found
    said(world, "bob", "release.withdraw", f"release:{release}", {"reason": ""})
    later = asked(world, "accuracy")
    override(world, later, "quinn")
    assert world.status(later) == "waiting"


def test_key_gained_after_the_request_signs_no_override_of_it() -> None:
    """As it signs no vote; the key that was there before does."""
    world = world_of("signed", {"bob": (1, []), "quinn": (2, ["quality"])})
    release = asked(world, "accuracy")
    change(world, "quinn", add_keys=[key("another")])
    body = statement(world, release)
    intent = world.intent("quinn", "release.override", f"release:{release}", body)
    with pytest.raises(NotPermittedError, match="was recorded by entry"):
        fold.decide(world.state, intent, level=Level.SIGNED, at=world.at(), key=key("another"))
    assert world.fold(intent, Evidence(key=key("another"))).is_void
    override(world, release, "quinn")
    assert world.status(release) == "waiting"


def test_override_by_a_key_that_was_revoked_since_holds_no_more() -> None:
    """What a stolen key let through is not approved by anybody afterwards."""
    world = world_of("signed", {"bob": (1, []), "quinn": (2, ["quality"]), "carol": (3, [])})
    release = asked(world, "accuracy")
    override(world, release, "quinn")
    change(world, "quinn", revoke_keys=[key("quinn")], add_keys=[key("another")])
    vote(world, release, "carol")
    assert world.status(release) == "waiting"
    known = world.state.releases[release]
    assert quorum.fallen(world.state, known) == ["an override of accuracy"]


def test_second_name_of_the_requesters_account_overrides_nothing_under_owner() -> None:
    """Twin has bob's account: bob could write what twin says; another account may."""
    people = {"bob": (7, []), "twin": (7, ["quality"]), "quinn": (8, ["quality"])}
    world = world_of("owner", people)
    release = asked(world, "accuracy")
    body = statement(world, release)
    found = refused(world, "twin", "release.override", f"release:{release}", body)
    assert "same Unix account" in found
    override(world, release, "quinn")
    assert world.status(release) == "waiting"


def test_second_name_of_the_breakers_account_reviews_nothing_under_owner() -> None:
    """Who broke the glass does not review that under another name."""
    people = {"bob": (7, []), "dave": (8, ["oncall"]), "twin": (8, []), "server": (9, [])}
    world = world_of("owner", {**people, "carol": (10, [])})
    for _ in range(2):
        release = asked(world)
        vote(world, release, "carol")
        report = {**serving(world), "outcome": "ready", "reason": "", "head": world.state.head}
        said(world, "server", "deployment.report", f"endpoint:{LIVE}", report)
    first = world.state.versions["churn@1"].manifest
    back: dict[str, Json] = {"to": "churn@1", "manifest": first, "reason": "wrong answers"}
    back |= {"generation": serving(world)["generation"], "issued": world.at()}
    done = said(world, "dave", "deployment.break-glass", f"endpoint:{LIVE}", back)
    review: dict[str, Json] = {"glass": done.n, "reason": "it was right"}
    found = refused(world, "twin", "deployment.review", f"endpoint:{LIVE}", review)
    assert "same Unix account" in found
    assert "twin" not in glass.reviewers(world.state, world.state.endpoints[LIVE])
    said(world, "carol", "deployment.review", f"endpoint:{LIVE}", review)


def test_gate_report_under_a_second_name_of_the_makers_account_does_not_count_under_owner() -> None:
    """Where reports are the duty of a role, bob writes none for himself as robot."""
    people = {"bob": (7, []), "robot": (7, ["quality"]), "ci": (8, ["quality"]), "carol": (9, [])}
    world = world_of("owner", people)
    known = world.state.policy
    production = replace(known.environments["production"], gate_roles=("quality",))
    policy = Policy({"production": production}, known.gates)
    said(world, "ann", "policy.adopt", "policy:test", {"policy": policy.to_json()})
    content: dict[str, Json] = {"manifest": digest("x"), "run": "", "authors": []}
    version = said(world, "bob", "version.register", "model:churn", content).entity[8:]
    body = {**world.base(version, "production"), **world.span(), "reason": ""}
    release = said(world, "bob", "release.request", f"version:{version}", body).entity[8:]
    excluded = world.state.releases[release].excluded
    assert quorum.reporters(world.state, production, excluded=excluded) == ["ci"]
    for name, status in (("robot", "checking"), ("ci", "waiting")):
        report = {**world.base(version, "production"), "report": digest(name), "passed": True}
        said(world, name, "gate.report", f"version:{version}", report)
        assert world.status(release) == status


def test_owner_on_the_makers_account_does_not_resolve_a_thread_about_it_under_owner() -> None:
    """Ben has bob's account: whoever asked, or an owner of another one, says that it is settled."""
    world = world_of("owner", {"bob": (1, []), "carol": (9, [])})
    content: dict[str, Json] = {"manifest": digest("x"), "run": "", "authors": []}
    version = said(world, "bob", "version.register", "model:churn", content).entity[8:]
    said(world, "carol", "thread.start", f"version:{version}", {"object": digest("why?")})
    (thread,) = threads.of(world.state, f"version:{version}")
    body: dict[str, Json] = {"reason": "settled", "issued": world.at()}
    found = refused(world, "ben", "thread.resolve", f"thread:{thread.id}", body)
    assert "does not resolve it" in found
    said(world, "ann", "thread.resolve", f"thread:{thread.id}", body)


def serving(world: World) -> dict[str, Json]:
    """Return what a server says about what it serves."""
    endpoint = world.state.endpoints[LIVE]
    return {"generation": endpoint.generation, "manifest": endpoint.pointer.manifest}
