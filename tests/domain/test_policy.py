"""The policy: reading it from TOML with exact complaints, and through an entry and back."""

from __future__ import annotations

import pytest

from modeldeck.domain.policy import Policy, policy_from_json, policy_from_table
from modeldeck.domain.schema import parse_toml
from modeldeck.errors import InvalidInputError, NotFoundError
from modeldeck.services.base import config

GOOD = """\
[environments.staging]
trust = "claimed"

[environments.production]
promotes_from = "staging"
approvals = 2
roles = { risk = 1 }
request_ttl = "36h"
gate = "strict"

[[gates.strict.checks]]
name = "accuracy"
kind = "threshold"
metric = "accuracy"
min = 0.9
models = ["tumour", "digits*"]
"""


def _read(text: str) -> Policy:
    return policy_from_table(parse_toml(text, "modeldeck.toml"))


def test_policy_survives_the_way_through_an_entry() -> None:
    """From TOML to an entry's body and back it is the same, order and digest included."""
    policy = _read(GOOD)
    again = policy_from_json(policy.to_json())
    assert again == policy
    assert again.digest == policy.digest
    assert list(again.environments) == ["staging", "production"]
    assert again.environments["production"].request_ttl_s == 36 * 3600
    assert again.last == "production"


def test_checks_concern_the_models_they_name() -> None:
    """A pattern chooses the models of a check."""
    policy = _read(GOOD)
    assert [one.name for one in policy.checks("production", "digits-small")] == ["accuracy"]
    assert not policy.checks("production", "wine")


def test_unknown_environment_names_those_there_are() -> None:
    """The error says which environments the policy has."""
    with pytest.raises(NotFoundError, match="staging, production"):
        _read(GOOD).environment("prod")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("approvals = 2", 'approvals = "2"'), "line 6: .*expected a whole number"),
        (("approvals = 2", "aprovals = 2"), "line 6: .*aprovals: no such setting.*'approvals'"),
        (
            ('gate = "strict"', 'gate = "none"'),
            r"line \d+: .*production\.gate: there is no gate 'none'",
        ),
        (('"staging"\napp', '"dev"\napp'), r"production\.promotes_from: 'dev' is not an earlier"),
        (('"36h"', '"soon"'), "line 8: .*time span"),
        (("min = 0.9", ""), "min, max or both"),
        (('kind = "threshold"', 'kind = "magic"'), "line 13: .*one of threshold"),
        (('trust = "claimed"', 'trust = "me"'), "line 2: .*claimed, owner, signed"),
        (("min = 0.9", "min = high"), "line 15 is not TOML"),
        (("[environments.staging]", "[environments.42]"), "cannot name an environment"),
        (
            ("roles = { risk = 1 }", "roles = { risk = 0 }"),
            r"line 7: .*roles\.risk: expected a whole number from 1",
        ),
        (("approvals = 2", "approvals = -2"), "line 6: .*whole number from 0, found -2"),
    ],
)
def test_wrong_policy_names_line_and_expectation(change: tuple[str, str], complaint: str) -> None:
    """Each mistake is named with its line and what was expected."""
    assert change[0] in GOOD
    with pytest.raises(InvalidInputError, match=f"(?s){complaint}"):
        _read(GOOD.replace(*change, 1))


def test_policy_without_environments_is_refused() -> None:
    """A workspace needs at least one environment."""
    with pytest.raises(InvalidInputError, match="at least one"):
        _read("")


def test_every_problem_of_a_configuration_is_told_at_once() -> None:
    """A mistyped key beside a missing one, and wrong values further down, need one look each."""
    text = """nmae = "team"
[environments.staging]
approvls = 1
[environments.production]
approvals = "two"
request_ttl = "soon"
[[gates.production.checks]]
name = "fast"
kind = "latency"
[datasets]
snapshot = "zip"
[notifications]
sendr = "ops"
"""
    with pytest.raises(InvalidInputError) as caught:
        config.parse(text)
    told = caught.value.message
    assert told.startswith("modeldeck.toml has 8 problems: (1) line 1: name is missing")
    for part in (
        "line 1: nmae: no such setting. Did you mean 'name'?",
        "line 3: environments.staging.approvls: no such setting. Did you mean 'approvals'?",
        "line 5: environments.production.approvals: expected a whole number, found 'two'",
        "line 6: environments.production.request_ttl: expected a time span",
        "gates.production.checks.max: a check of kind latency needs max",
        "line 11: datasets.snapshot: expected one of",
        "line 13: notifications.sendr: no such setting",
    ):
        assert part in told
