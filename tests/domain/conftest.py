"""A founded workspace in memory, for every test of the rules."""

from __future__ import annotations

import pytest

from modeldeck.domain.policy import Check, Environment, Policy
from tests.domain.chain import World


@pytest.fixture
def policy() -> Policy:
    """Return a policy: staging with one approval, production with two and a role."""
    return Policy(
        {
            "staging": Environment("staging", trust="claimed", gate="plain"),
            "production": Environment(
                "production",
                approvals=2,
                roles={"risk": 1},
                trust="claimed",
                gate="plain",
                rollback_roles=("oncall",),
            ),
        },
        {"plain": (Check("loads", "loads"),)},
    )


@pytest.fixture
def world(policy: Policy) -> World:
    """Return a founded workspace with people: bob makes, carol has risk, dave oncall."""
    made = World()
    made.found(policy)
    made.member("bob")
    made.member("carol", ("risk",))
    made.member("dave", ("oncall",))
    made.member("server", kind="server")
    return made
