"""The policy: what is in force, what the file proposes, what makes trouble in it, adopting it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.domain.policies.trouble import strange_roles
from modeldeck.domain.policy import Environment, Policy
from modeldeck.errors import ConflictError, InvalidInputError, NotPermittedError
from modeldeck.services.base.config import NewMember
from modeldeck.services.founding import init
from modeldeck.workspace import Workspace

POLICY = """
name = "shop"
[environments.staging]
approvals = 1
trust = "claimed"
[environments.production]
approvals = 2
roles = { risk = 1 }
rollback_roles = ["oncall"]
trust = "claimed"
promotes_from = "staging"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a workspace of ann's, with bob, and carol of the role risk."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "modeldeck.toml").write_text(POLICY)
    init(root, owner="ann")
    with Workspace.open(root, user="ann") as ann:
        ann.members.add(NewMember("bob"))
        ann.members.add(NewMember("carol", roles=("risk",)))
    return root


def test_policy_in_force_says_since_when_and_what_makes_trouble(shop: Path) -> None:
    """A role that nobody has and an environment without a server are told; the rest is not."""
    with Workspace.open(shop, user="ann") as ann:
        ann.members.revoke("server", "too early")
    with Workspace.open(shop, user="bob") as bob:
        found = bob.policies.show()
        assert (found["since_n"], found["by"]) == (1, "ann")
        assert found["warnings"] == [
            "staging has no server: `modeldeck member add NAME --server staging`.",
            "production.rollback_roles: no member has the role oncall.",
            "production has no server: `modeldeck member add NAME --server production`.",
        ]
        assert bob.policies.changes() == []


def test_policy_that_nobody_can_satisfy_is_told(shop: Path) -> None:
    """Whoever asks, the others have to be enough: people, roles, and keys where it says signed."""
    told = {
        "approvals = 2\n": ("approvals = 3\n", "production: it lacks 1 more approval."),
        "roles = { risk = 1 }": ("roles = { legal = 1 }", "production: it lacks role legal."),
        'trust = "claimed"\npromotes': (
            'trust = "signed"\npromotes',
            "production: it lacks role risk, 2 more approvals.",
        ),
    }
    for before, (after, problem) in told.items():
        (shop / "modeldeck.toml").write_text(POLICY.replace(before, after))
        with Workspace.open(shop, user="ann") as ann:
            assert (
                f"Nobody can approve a release to {problem}" in ann.policies.proposed()["warnings"]
            )


def test_adopted_policy_is_in_force_and_not_adopted_twice(shop: Path) -> None:
    """What the file says counts from the owner's entry on; others may not adopt it."""
    (shop / "modeldeck.toml").write_text(POLICY.replace("approvals = 2\n", "approvals = 1\n"))
    with Workspace.open(shop, user="bob") as bob, pytest.raises(NotPermittedError):
        bob.policies.adopt()
    with Workspace.open(shop, user="ann") as ann:
        assert ann.policies.changes() == [
            {"key": "environments.production.approvals", "before": "2", "after": "1"}
        ]
        assert ann.policies.adopt()
        found = ann.policies.show()
        assert (found["since_n"], found["by"]) == (ann.deck.state.n, "ann")
        assert ann.policies.changes() == []
        with pytest.raises(ConflictError, match="in force already"):
            ann.policies.adopt()


def test_file_that_is_no_policy_is_told_with_its_line(shop: Path) -> None:
    """A file with an unknown key proposes nothing."""
    (shop / "modeldeck.toml").write_text(POLICY + "aprovals = 1\n")
    with Workspace.open(shop, user="ann") as ann:
        with pytest.raises(InvalidInputError, match=r"modeldeck\.toml"):
            ann.policies.adopt()
        assert ann.policies.show()["since_n"] == 1


def test_role_that_the_policy_does_not_name_is_told_with_the_nearest() -> None:
    """A slip when a member is added gives nothing to anybody: that is said."""
    one = Environment("production", roles={"risk": 1}, rollback_roles=("oncall",))
    policy = Policy({"production": one}, {})
    assert strange_roles(policy, ["risk", "rsik", "painter"]) == [
        "The policy names no role rsik: did you mean risk?",
        "The policy names no role painter: it names oncall, risk.",
    ]


def test_member_is_shown_with_what_goes_past_rules_too(shop: Path) -> None:
    """Overriding checks and breaking the glass are among what somebody may do."""
    path = shop / "modeldeck.toml"
    more = 'override_roles = ["risk"]\nbreak_glass = { roles = ["risk"] }\npromotes_from'
    path.write_text(path.read_text().replace("promotes_from", more))
    with Workspace.open(shop, user="ann") as ann:
        ann.policies.adopt()
        may = {name: set(ann.members.show(name)["may"]) for name in ("bob", "carol")}
    past = {"override failed checks of production", "break the glass of production"}
    assert past <= may["carol"]
    assert not past & may["bob"]
