"""Per-model exceptions, what was added to policies later, and what makes trouble in a policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modeldeck.domain.entry import canonical, digest_of
from modeldeck.domain.levels import Level
from modeldeck.domain.membership.member import Member
from modeldeck.domain.policies.trouble import warnings
from modeldeck.domain.policy import Environment, Policy, policy_from_json, policy_from_table
from modeldeck.domain.schema import parse_toml
from modeldeck.errors import InvalidInputError, NotPermittedError
from tests.domain.chain import World

WHOLE = """\
[environments.staging]
trust = "claimed"

[environments.production]
promotes_from = "staging"
approvals = 2
roles = { risk = 1 }
override_roles = ["risk"]
break_glass = { roles = ["oncall"], review_within = "12h" }
freeze = ["Fri 16:00 - Mon 08:00"]
freeze_zone = "Europe/Berlin"
remind_before = "6h"
resolve_threads = true
trust = "claimed"
gate = "plain"

[environments.production.models."fraud-*"]
approvals = 3
roles = { risk = 1, legal = 1 }
trust = "signed"
gate = "strict"
freeze = []
break_glass = { review_within = "1h" }

[environments.production.models."*-eu"]
approvals = 4

[[gates.plain.checks]]
name = "loads"
kind = "loads"

[[gates.strict.checks]]
name = "small"
kind = "size"
max = 10
"""
OLD = (
    '{"environments":[{"approval_ttl_s":604800,"approvals":2,"deploy":"manual","deploy_roles":'
    '["ops"],"gate":"","gate_roles":[],"name":"production","promotes_from":"","reject_blocks":true,'
    '"request_ttl_s":259200,"roles":{"risk":1},"rollback_depth":1,"rollback_roles":[],'
    '"self_approval":false,"trust":"owner"}],"gates":{}}'
)
"""A policy as an entry held it before anything was added."""


def read(text: str) -> Policy:
    """Read a policy from TOML."""
    return policy_from_table(parse_toml(text, "modeldeck.toml"))


def test_first_exception_that_matches_counts_alone() -> None:
    """What an exception does not say is as in its environment, not as in another exception."""
    production = read(WHOLE).environments["production"]
    fraud = production.of("fraud-eu")
    assert (fraud.approvals, fraud.trust, fraud.gate, fraud.freeze) == (3, "signed", "strict", ())
    assert fraud.override_roles == ("risk",)
    assert (fraud.break_glass.roles, fraud.break_glass.review_within_s) == (("oncall",), 3600)
    churn = production.of("churn-eu")
    assert (churn.approvals, churn.trust, dict(churn.roles)) == (4, "claimed", {"risk": 1})
    assert production.of("churn") is production
    assert read(WHOLE).strictest is Level.SIGNED


def test_policy_with_everything_survives_the_way_through_an_entry() -> None:
    """Exceptions keep their order, and what they say; the digest is the same."""
    policy = read(WHOLE)
    again = policy_from_json(policy.to_json())
    assert again == policy
    assert again.digest == policy.digest
    assert list(again.environments["production"].models) == ["fraud-*", "*-eu"]


def test_order_of_exceptions_is_part_of_the_digest() -> None:
    """The first one counts, so their order is content."""
    production = read(WHOLE).environments["production"]
    turned = replace(production, models=dict(reversed(list(production.models.items()))))
    digests = {Policy({"production": one}, {}).digest for one in (production, turned)}
    assert len(digests) == 2


def test_policy_adopted_before_keeps_its_digest_and_meaning() -> None:
    """What was added later is not in an entry that does not use it."""
    from json import loads

    policy = policy_from_json(loads(OLD))
    assert canonical(policy.to_json()) == OLD.encode()
    assert policy.digest == digest_of(OLD.encode())
    one = policy.environments["production"]
    assert (one.override_roles, one.break_glass.roles, one.freeze) == ((), (), ())
    assert (one.models, one.resolve_threads) == ({}, False)


def test_exception_may_take_back_what_its_environment_added() -> None:
    """An exception at a default is not lost on the way through an entry."""
    policy = read(WHOLE + '[environments.staging.models.x]\noverride_roles = ["a"]\n')
    assert policy_from_json(policy.to_json()).environments["staging"].of("x").override_roles
    again = policy_from_json(policy.to_json()).environments["production"].of("fraud-x")
    assert again.freeze == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("Fri 16:00 - Mon 08:00", "Friday - Monday"), "line 10: .*no window"),
        (("Europe/Berlin", "Europe/Atlantis"), "line 11: .*does not know the time zone"),
        (('"12h"', '"soon"'), "line 9: .*time span"),
        (('roles = ["oncall"], ', ""), "break_glass: without roles nobody may"),
        (("review_within", "reviewed_within"), "line 9: .*no such setting.*review_within"),
        (
            ('gate = "strict"', 'gate = "none"'),
            "line 21: .*fraud-\\*.gate: there is no gate 'none'",
        ),
        (("approvals = 3", "aprovals = 3"), "line 18: .*aprovals: no such setting"),
        (("approvals = 4", "approvals = -1"), "line 26: .*-eu.approvals: expected a whole"),
        (('"*-eu"', '" "'), "needs a pattern"),
        (("resolve_threads = true", 'resolve_threads = "yes"'), "line 13: .*true or false"),
    ],
)
def test_mistake_in_a_policy_is_told_with_its_line(change: tuple[str, str], complaint: str) -> None:
    """Each mistake is named with its line and what was expected."""
    assert change[0] in WHOLE
    with pytest.raises(InvalidInputError, match=f"(?s){complaint}"):
        read(WHOLE.replace(*change, 1))


def test_entry_with_a_policy_that_is_none_is_void(world: World, policy: Policy) -> None:
    """Whatever an owner adopts by hand, a freeze, zone or exception that is none adopts nothing."""
    before = world.state.policy_digest
    wrong: list[tuple[str, Any]] = [
        ("freeze", ["whenever"]),
        ("freeze", "Fri 16:00 - Mon 08:00"),
        ("freeze_zone", "../x"),
        ("override_roles", [1]),
        ("break_glass", {"roles": ["a"]}),
        ("break_glass", {"roles": ["a"], "review_within_s": -1}),
        ("models", [{"approvals": 0}]),
        ("models", [{"models": "*", "name": "staging"}]),
        ("models", [{"models": "*"}, {"models": "*"}]),
        ("models", [{"models": "*", "models2": []}]),
        ("remind_before_s", True),
        ("unknown", 1),
    ]
    for key, value in wrong:
        body = policy.to_json()
        body["environments"][1][key] = value  # type: ignore[index,call-overload]  # a list of tables
        done = world.fold(world.intent("ann", "policy.adopt", "policy:test", {"policy": body}))
        assert done.is_void, (key, value)
    assert world.state.policy_digest == before


def test_zone_that_no_computer_knows_is_no_matter_of_the_rules(
    world: World, policy: Policy
) -> None:
    """Which zones there are differs between computers; what an entry adopts does not."""
    body = policy.to_json()
    body["environments"][1]["freeze_zone"] = "Europe/Atlantis"  # type: ignore[index,call-overload]  # as above
    assert not world.act("ann", "policy.adopt", "policy:test", {"policy": body}).is_void


def test_exception_asks_for_more_votes_of_its_models_alone(world: World, policy: Policy) -> None:
    """A release of a model with an exception waits for what the exception asks."""
    usual = replace(policy.environments["production"], approvals=1, roles={})
    strict = replace(usual, approvals=2, roles={"risk": 1})
    production = replace(usual, models={"fraud-*": strict})
    world.adopt(Policy({**policy.environments, "production": production}, policy.gates))
    for model, decided in (("fraud-eu", False), ("churn", True)):
        version = world.register(model)
        world.gate(version, "production")
        release = world.request(version)
        world.vote(release, "dave")
        assert (world.status(release) == "deploying") == decided
    world.vote("fraud-eu-1", "carol")
    assert world.status("fraud-eu-1") == "deploying"


def test_exception_asks_for_signatures_of_its_models_alone(world: World, policy: Policy) -> None:
    """The level of an exception holds for every entry about its models."""
    usual = policy.environments["staging"]
    signed = replace(usual, trust="signed")
    owner = Member("ann", is_owner=True, keys=("k",))
    world.state.members["ann"] = owner
    staging = replace(usual, models={"fraud": signed})
    world.state.policy = Policy({**policy.environments, "staging": staging}, policy.gates)
    world.state.policy_digest = world.state.policy.digest
    world.request(world.register("churn"), "staging")
    version = world.register("fraud")
    with pytest.raises(NotPermittedError, match="signed"):
        world.request(version, "staging")
    body = {**world.base(version, "staging"), **world.span(), "reason": ""}
    assert world.fold(world.intent("bob", "release.request", f"version:{version}", body)).is_void


def trouble(text: str, *members: Member, models: tuple[str, ...] = ()) -> list[str]:
    """Return what makes trouble in a policy for some members."""
    server = Member("server", kind="server", environments=("staging", "production"))
    return list(warnings(read(text), [server, *members], models=models))


ANN = Member("ann", is_owner=True, uid=1, keys=("a",))
BOB = Member("bob", uid=2, roles=("risk", "oncall"))
CAROL = Member("carol", uid=3, roles=("legal",), keys=("c",))
DAVE = Member("dave", uid=4, roles=("risk",), keys=("d",))
ERIN = Member("erin", uid=5, keys=("e",))


def test_whole_policy_with_enough_people_makes_no_trouble() -> None:
    """Nothing is told where everything can be done."""
    people = (ANN, BOB, CAROL, DAVE, ERIN, Member("fay", uid=6, roles=("oncall",), keys=("f",)))
    assert [one for one in trouble(WHOLE, *people) if "promotes" not in one] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("approvals = 4", "approvals = 9"), 'to production.models."*-eu": it lacks'),
        (("legal = 1", "law = 1"), 'production.models."fraud-*".roles: no member has the role law'),
        (('["oncall"]', '["ann"]'), "has the role ann. ann is a member, not a role."),
        (('override_roles = ["risk"]', 'override_roles = ["robots"]'), "role robots"),
        (('"*-eu"', '"fraud-x"'), 'production.models."fraud-x" never counts: "fraud-*" stands'),
        (('"*-eu"', '"none-*"'), 'production.models."none-*" concerns none of the models'),
        (('["Fri 16:00 - Mon 08:00"]', '["Mon - Sun"]'), "production.freeze never ends"),
        (('remind_before = "6h"', 'request_ttl = "0s"'), "production.request_ttl is 0"),
        (('remind_before = "6h"', 'deploy_roles = ["risk"]'), "deploy_roles count only with"),
        (('gate = "strict"', 'gate = "plain"'), "gates.strict: no environment names this gate"),
        (('trust = "claimed"\n\n', 'trust = "claimed"\ngate = "strict"\n'), "asks for less"),
        (("approvals = 2", "approvals = 1"), 'models."fraud-*".break_glass.roles: nobody'),
    ],
)
def test_what_nobody_can_do_is_told(change: tuple[str, str], told: str) -> None:
    """Every setting that nobody can satisfy, and each that never counts, is named."""
    assert change[0] in WHOLE
    people = (ANN, BOB, CAROL, DAVE, ERIN)
    found = trouble(WHOLE.replace(*change, 1), *people, models=("fraud-eu", "churn-eu"))
    assert any(told in one for one in found), found


def test_trouble_of_an_environment_is_not_told_again_for_its_exceptions() -> None:
    """An exception is named only for what it says itself."""
    text = WHOLE.replace('override_roles = ["risk"]', 'override_roles = ["nobody"]')
    people = (ANN, BOB, CAROL, DAVE, ERIN)
    assert sum("role nobody" in one for one in trouble(text, *people)) == 1


def test_promotion_from_an_environment_that_asks_for_less_is_told() -> None:
    """Evidence of a lower level does not carry over; people are told before they find out."""
    text = WHOLE.replace('trust = "claimed"\ngate', 'trust = "owner"\ngate')
    assert any(
        "production promotes from staging, which asks for less" in one for one in trouble(text)
    )


def test_broken_glass_that_nobody_could_review_is_told() -> None:
    """Who may break the glass needs somebody else to review it."""
    found = trouble(WHOLE, BOB)
    assert "production.break_glass: nobody could review what bob did." in found


def test_environment_is_the_same_value_however_it_was_made() -> None:
    """Reading an environment that says only its name gives the defaults."""
    assert read("[environments.production]").environments["production"] == Environment("production")
